"""Clusters that a class of the Dask world starts: of dask-kubernetes, dask-jobqueue and others."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from lyftnb.errors import ConfigError

_WHERE = "lyftnb.toml: cluster"


def start(path: str, options: Mapping[str, Any], least: int, most: int) -> Any:
    """A cluster of the class at `path` (`package.module.Class`), made with `options`.

    Args:
        path: where the class is imported from.
        options: the arguments of its constructor.
        least: how many workers it is to have at least; 0 and 0 leave that to its options.
        most: and at most, as it finds fit.

    Raises:
        ConfigError: there is no such class, or it could not be started.
    """
    make = _class(path)
    try:
        cluster = make(**options)
        if most:
            _size(cluster, least, most)
    except Exception as error:
        raise ConfigError(
            f"{path} did not start: {_root_of(error)}",
            where=_WHERE,
            hint="check cluster.options against the class's documentation",
        ) from error
    return cluster


def _root_of(error: BaseException) -> str:
    """What lies behind it: Dask wraps what went wrong in several errors that do not say."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def _class(path: str) -> Any:
    module, _dot, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"there is no cluster class {path}: {error}",
            where=_WHERE,
            hint="write it as it is imported, such as dask_kubernetes.operator.KubeCluster, and "
            "install its package where lyftnb runs",
        ) from error


def _size(cluster: Any, least: int, most: int) -> None:
    if least == most:
        cluster.scale(most)
    else:
        cluster.adapt(minimum=least, maximum=most)
