"""What is installed: lyftnb, Python and the engines, with their versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

ENGINES = ("polars", "duckdb", "dask", "distributed", "pyarrow", "pydantic", "sqlglot")


def versions() -> dict[str, str]:
    """lyftnb, Python and the engines, with their versions; `missing` for one that is not there."""
    found = {"lyftnb": _version("lyftnb"), "python": platform.python_version()}
    return found | {name: _version(name) for name in ENGINES}


def _version(package: str) -> str:
    try:
        return installed(package)
    except PackageNotFoundError:
        return "missing"
