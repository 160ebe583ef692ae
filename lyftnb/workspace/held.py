"""The workspaces that this process holds, so that `connect` gives the same one again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lyftnb.workspace.local import Workspace

_held: dict[Path, Workspace] = {}


def held(root: Path) -> Workspace | None:
    """The workspace of this folder, if this process has it open."""
    return _held.get(root)


def hold(workspace: Workspace) -> None:
    """It is open from now on."""
    _held[workspace.path] = workspace


def let_go(workspace: Workspace) -> None:
    """It is closed."""
    if _held.get(workspace.path) is workspace:
        del _held[workspace.path]
