"""The workspace that a canvas belongs to, and the release that answers."""

from __future__ import annotations

from typing import Literal

from lyftnb.workspace.studio.protocol.wire import Wire


class Workspace(Wire):
    """The workspace that a canvas belongs to."""

    root: str
    """Its folder's name, for people."""
    state: Literal["up", "down", "gone"]
    """Whether its manager is up; `gone`: there is no such folder any more."""
    contexts: tuple[str, ...]
    version: str


class GetWorkspace(Wire):
    """Which workspace this is; with `start`, its manager is found or started."""

    start: bool = False


class Release(Wire):
    """What answers: of which version of lyftnb it is, and what it understands."""

    version: str
    protocol: str
    """Alike wherever questions, answers and news have the same parts."""


class GetRelease(Wire):
    """Which release answers: a page may have been loaded from another one."""
