"""The facade: everything that faces, scripts and notebooks do goes through a `Workspace`.

It joins the floors below (catalog, planning, store, engine, manager) and holds no logic of theirs.
Importing it loads no engine; they come with the first use.
"""

from lyftnb.workspace import reprs
from lyftnb.workspace.entering import connect, enter
from lyftnb.workspace.local import Workspace, open
from lyftnb.workspace.state_access import Connection, state
from lyftnb.workspace.workflow import Workflow

__all__ = [
    "Connection",
    "Workflow",
    "Workspace",
    "connect",
    "enter",
    "open",
    "state",
]

reprs.install()  # a notebook that runs this process learns to show plans, runs and versions
