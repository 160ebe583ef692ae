"""Notebook-native dataflow: author workflows, trace, publish, run them exactly once on Dask.

>>> import lyftnb as ln
>>> wf = ln.Workflow("hello")

`import lyftnb` loads none of the engines; they come with the first use of a name that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.errors import LyftError, Permanent, Temporary
    from lyftnb.workspace import Picture, Workflow, Workspace, connect, open, state

__version__ = "0.1.0"

__all__ = [
    "LyftError",
    "Permanent",
    "Picture",
    "Temporary",
    "Workflow",
    "Workspace",
    "__version__",
    "connect",
    "open",
    "state",
]

_HOMES = {
    "LyftError": "lyftnb.errors",
    "Permanent": "lyftnb.errors",
    "Picture": "lyftnb.workspace",
    "Temporary": "lyftnb.errors",
    "Workflow": "lyftnb.workspace",
    "Workspace": "lyftnb.workspace",
    "connect": "lyftnb.workspace",
    "open": "lyftnb.workspace",
    "state": "lyftnb.workspace",
}


__getattr__ = lazy(__name__, _HOMES)


def load_ipython_extension(shell: Any) -> None:
    """Make `%load_ext lyftnb` give `%%workflow`, `%%step` and `%lyft`."""
    # By name: the floors below may import this package, and must not lead up to a face by it.
    import_module("lyftnb.widgets.magics").load(shell)


def __dir__() -> list[str]:
    return sorted(__all__)
