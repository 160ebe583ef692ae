"""Watching a deployment that runs until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lyftnb.workspace.bus import line

if TYPE_CHECKING:
    from lyftnb.manager import Watcher
    from lyftnb.workspace.bus import Bus
    from lyftnb.workspace.entering import AnyWorkspace

_LOOK_S = 0.25


def follow(
    workspace: AnyWorkspace,
    deployment: str,
    watcher: Watcher,
    over: threading.Event,
    seen: int,
) -> None:
    """Show the numbers of a deployment a few times a second, and messages as they come, until
    `over` is set.

    Args:
        workspace: where it runs.
        deployment: its name.
        watcher: what shows it.
        over: ends it.
        seen: show messages behind this one.

    Raises:
        InternalError: the deployment was set aside.
    """
    lines = _lines(workspace.bus, seen)
    while not over.wait(_LOOK_S):
        progress = workspace.progress(deployment)
        watcher(replace(progress, texts=(*progress.texts, *next(lines))))


def _lines(bus: Bus, seen: int) -> Iterator[list[str]]:
    """The messages that have come since the last time, a line each."""
    while True:
        found = bus.messages(1000, after=seen)
        if found:
            seen = found[-1].id
        yield ["  ".join(filter(None, line(message))) for message in found]
