"""The facade: everything that faces, scripts and notebooks do goes through a `Workspace`.

It joins the floors below (catalog, planning, store, engine, manager) and holds no logic of theirs.
Importing it loads nothing: each name comes with its first use, so that a command which talks to the
manager loads neither the engines nor the owner.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.workspace.entering import connect, enter
    from lyftnb.workspace.local import Workspace, open
    from lyftnb.workspace.state_access import Connection, state
    from lyftnb.workspace.svg import Picture
    from lyftnb.workspace.workflow import Workflow

__all__ = [
    "Connection",
    "Picture",
    "Workflow",
    "Workspace",
    "connect",
    "enter",
    "open",
    "state",
]

_HOMES = {
    "Connection": "lyftnb.workspace.state_access",
    "Picture": "lyftnb.workspace.svg",
    "Workflow": "lyftnb.workspace.workflow",
    "Workspace": "lyftnb.workspace.local",
    "connect": "lyftnb.workspace.entering",
    "enter": "lyftnb.workspace.entering",
    "open": "lyftnb.workspace.local",
    "state": "lyftnb.workspace.state_access",
}

__getattr__ = lazy(__name__, _HOMES)

if "IPython" in sys.modules:
    # A notebook that runs this process learns to show plans, runs and versions.
    from lyftnb.workspace import reprs

    reprs.install()
