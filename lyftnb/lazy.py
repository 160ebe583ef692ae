"""Packages and modules that come with the first use of their names, so that a short command loads
only what it asks for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: imports the module that a name lives in, and keeps the name.

    Args:
        package: its name.
        homes: each name of the package with the module that it lives in.
    """

    def lookup(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return lookup


def late(module: str) -> Any:
    """Stands for a module, and imports it when one of its names is first used."""
    return _Late(module)


class _Late:
    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._module), name)
        # From now on it is found without asking here.
        setattr(self, name, value)
        return value
