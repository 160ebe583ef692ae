"""Contexts: named sets of variables in layers, and what a plan took from them.

A *layer* holds values: a context (`prod`), the override of a worker group (`group:etl`) or of a
deployment (`deployment:flights`). Values are JSON; a dotted path leads into objects (`db.host`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lyftnb.model.names import is_name

Json = Any
OWN_LAYER = "workflow"
"""The name of the weakest layer: the workflow's own `context`."""
NO_CONTEXT = "none"
"""What people ask for who want no context at all, neither the deployment's own nor the default."""
GROUP_LAYER, DEPLOYMENT_LAYER = "group:", "deployment:"

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")

Edit = Literal["create", "delete", "parent", "set", "unset"]


@dataclass(frozen=True, slots=True)
class Context:
    """One layer as it stands."""

    layer: str
    values: Mapping[str, Json]
    parent: str | None
    """The context that gives what this one does not."""
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class ContextChange:
    """One change of a layer: who made it, when, and what it was before and after."""

    change: int
    """Grows by one with each change of any layer."""
    layer: str
    edit: Edit
    path: str | None
    """Which variable; None where the layer itself changed."""
    before: Json
    after: Json
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class ContextValue:
    """A variable that a plan used: its value, which layer gave it, and what it was used for."""

    name: str
    """The dotted path, as in `{{db.host}}`."""
    value: Json
    """As used: references in it are filled in."""
    layer: str
    group: str
    """The worker group of the steps that used it."""
    places: tuple[str, ...] = ()
    """Where in the document: `steps.clean.actions[0].filter`."""


def is_variable(path: str) -> bool:
    """Whether a text can name a variable: names, with dots between them."""
    return _PATH.fullmatch(path) is not None


def is_layer(layer: str) -> bool:
    """Whether a text can name a layer: `prod`, `group:etl`, `deployment:flights`."""
    for prefix in (GROUP_LAYER, DEPLOYMENT_LAYER):
        if layer.startswith(prefix):
            return is_name(layer.removeprefix(prefix))
    return is_name(layer) and layer not in (OWN_LAYER, NO_CONTEXT)


def has_value(values: Mapping[str, Json], path: str) -> bool:
    """Whether there is a value at the path."""
    at: Json = values
    for part in path.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return False
        at = at[part]
    return True


def value_at(values: Mapping[str, Json], path: str) -> Json:
    """The value at a path; None where there is none (`has_value` tells it from a null)."""
    at: Json = values
    for part in path.split("."):
        if not isinstance(at, Mapping):
            return None
        at = at.get(part)
    return at


def with_value(values: Mapping[str, Json], path: str, value: Json) -> dict[str, Json]:
    """The values with one set; what stood below the path is replaced.

    Raises:
        ValueError: a part of the path holds a value that is no object; the text names it.

    >>> with_value({"db": {"host": "a"}}, "db.port", 1)
    {'db': {'host': 'a', 'port': 1}}
    """
    first, dot, rest = path.partition(".")
    if not dot:
        return {**values, first: value}
    inner = values.get(first, {})
    if not isinstance(inner, Mapping):
        raise ValueError(first)
    try:
        return {**values, first: with_value(inner, rest, value)}
    except ValueError as error:
        raise ValueError(f"{first}.{error}") from None


def without_value(values: Mapping[str, Json], path: str) -> dict[str, Json]:
    """The values with one taken out; objects that it leaves empty go too.

    >>> without_value({"db": {"host": "a"}, "n": 1}, "db.host")
    {'n': 1}
    """
    first, dot, rest = path.partition(".")
    others = {name: value for name, value in values.items() if name != first}
    inner = values.get(first)
    if not dot or not isinstance(inner, Mapping):
        return others
    left = without_value(inner, rest)
    if not left:
        return others
    return {name: left if name == first else value for name, value in values.items()}


def merged(strong: Mapping[str, Json], weak: Mapping[str, Json]) -> dict[str, Json]:
    """Both objects' values; where both have one, the stronger's, and objects are merged.

    >>> merged({"db": {"host": "b"}}, {"db": {"host": "a", "port": 1}})
    {'db': {'host': 'b', 'port': 1}}
    """
    both = dict(weak)
    for name, value in strong.items():
        other = weak.get(name)
        nested = isinstance(value, Mapping) and isinstance(other, Mapping)
        both[name] = merged(value, other) if nested and other is not None else value
    return both


def flattened(values: Mapping[str, Json], prefix: str = "") -> dict[str, Json]:
    """Every value by its dotted path; an object without entries is a value.

    >>> flattened({"db": {"host": "a"}, "n": 1})
    {'db.host': 'a', 'n': 1}
    """
    flat: dict[str, Json] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
