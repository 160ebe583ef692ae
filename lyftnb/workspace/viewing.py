"""The way from a noun of the facade to its live view in a notebook.

Widgets are a face, and faces stand above: they are looked up by name, when somebody wants to see
something, and nothing here depends on them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def view(name: str, *subject: Any, **settings: Any) -> Any:
    """The widget of a view (`edit`, `show`, `trace`, `plan`, `monitor`, `spools`).

    Raises:
        SetupError: ipywidgets is not installed.
    """
    return getattr(import_module("lyftnb.widgets"), name)(*subject, **settings)


class LiveViews:
    """What a workspace shows of itself in a notebook, whoever has it open."""

    def monitor(self, deployment: str | None = None, height: int = 0) -> Any:
        """What runs, in a notebook, with its numbers as they change; of one deployment or of all.

        Raises:
            SetupError: ipywidgets is not installed.
        """
        return view("monitor", self, deployment, height=height)

    def browse(self, height: int = 0) -> Any:
        """The spool browser, in a notebook.

        Raises:
            SetupError: ipywidgets is not installed.
        """
        return view("spools", self, height=height)


def live() -> bool:
    """Whether a notebook runs this process, which may show widgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") and find_spec("ipywidgets") is not None
