"""Following a run that the manager carries out: its numbers as they come, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.errors import LyftError, NotFound, OutcomeUnknown, Temporary
from lyftnb.model import RunSummary
from lyftnb.workspace.book import part
from lyftnb.workspace.client import Client
from lyftnb.workspace.wire import Begun, adapter, error_of

if TYPE_CHECKING:
    from lyftnb.manager import Progress, Watcher


def follow_run(client: Client, begun: Begun, watcher: Watcher) -> RunSummary:
    """Hand the numbers of a run to a watcher, until it ends; Ctrl-C ends it.

    Raises:
        LyftError: as the run did.
        OutcomeUnknown: the manager was lost.
    """
    manager = client.address
    last: str | None = None
    try:
        while True:
            try:
                for id, kind, data in client.stream(f"/runs/{part(begun.run)}/follow", last):
                    last = id or last
                    if kind == "progress":
                        watcher(_progress(data))
                    elif kind == "done":
                        return _summary(data)
                    elif kind == "failed":
                        raise error_of(data)
            except Temporary:
                # A stream may break, and is taken up again, as long as it is the same manager.
                if manager is None or not manager.is_alive:
                    raise _lost(begun) from None
            except NotFound:
                raise _lost(begun) from None
    except KeyboardInterrupt:
        _cancel(client, begun)
        raise


def _cancel(client: Client, begun: Begun) -> None:
    try:
        client.post(f"/runs/{part(begun.run)}/cancel")
    except LyftError:
        return  # it has ended meanwhile


def _lost(begun: Begun) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the manager was lost while the run was under way; what was committed stays",
        where=f"run {begun.run}",
        hint="run it again: it goes on from there",
    )


def _progress(data: object) -> Progress:
    from lyftnb.manager import Progress

    found: Progress = adapter(Progress).validate_python(data)
    return found


def _summary(data: object) -> RunSummary:
    found: RunSummary = adapter(RunSummary).validate_python(data)
    return found
