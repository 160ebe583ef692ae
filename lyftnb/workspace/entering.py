"""The ways in: through the manager, or with the owner in this process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lyftnb.errors import WorkspaceBusy
from lyftnb.workspace.folders import root_of
from lyftnb.workspace.held import held

if TYPE_CHECKING:
    from lyftnb.workspace.local import Workspace
    from lyftnb.workspace.remote import RemoteWorkspace

    AnyWorkspace: TypeAlias = Workspace | RemoteWorkspace
    """The facade, whichever way in."""

_OPEN_S = 20.0
_LOOK_S = 0.05


def connect(path: str | Path = ".") -> AnyWorkspace:
    """The workspace that `path` lies in, to work with: the one that this process has open already,
    or else through its manager, which is started if it is not up. A notebook's cell may so be run
    again, and several notebooks and terminals work side by side.

    Raises:
        WorkspaceBusy: another process has it open itself, and no manager can.
        ConfigError: `lyftnb.toml` has errors.
    """
    from lyftnb.workspace.finding import find_or_start
    from lyftnb.workspace.remote import RemoteWorkspace

    root = root_of(path)
    ours = held(root)
    if ours is not None:
        return ours
    find_or_start(root)
    return RemoteWorkspace(root)


def enter(path: str | Path = ".", *, serve: bool = False) -> AnyWorkspace:
    """The workspace that `path` lies in, for a command or a script: through the manager if one is
    up, else opened in this process.

    Args:
        path: a folder in the workspace.
        serve: let others reach its state through us, should we be the owner.

    Raises:
        WorkspaceBusy: another process has it open, and did not end.
    """
    from lyftnb.workspace.finding import find
    from lyftnb.workspace.remote import RemoteWorkspace

    root = root_of(path)
    deadline = time.monotonic() + _OPEN_S
    while True:
        if find(root) is not None:
            return RemoteWorkspace(root)
        from lyftnb.workspace.local import open

        try:
            return open(root, serve=serve)
        except WorkspaceBusy:
            # It may be a manager on its way up or down, or a command that soon ends.
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_S)
