"""What happens in a workspace, read from the ledger by position.

Nothing is pushed: a slow reader holds nobody up, and one that comes back misses nothing. Progress
is of the moment; who comes back gets the newest.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lyftnb.errors import LyftError, SetupError
from lyftnb.model import Issue, Run

if TYPE_CHECKING:
    from lyftnb.workspace.local import Workspace

Kind = Literal["message", "issue", "run", "progress"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500
_LOOK_S = 0.25
_ID = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has come. Its text is the id of an event."""

    message: int
    issue: int
    """Microseconds of the newest change of an issue."""
    run: int
    """Microseconds of the newest change of a run."""

    def __str__(self) -> str:
        return f"{self.message}-{self.issue}-{self.run}"

    @classmethod
    def of(cls, text: str) -> Position:
        """The position that an id names.

        Raises:
            SetupError: it is none.
        """
        found = _ID.fullmatch(text)
        if found is None:
            raise SetupError(
                "Last-Event-ID is not the id of an event", hint="leave it out to begin with now"
            )
        return cls(*map(int, found.groups()))


Event = tuple[Position, Kind, Any]


class Reader:
    """Reads what is behind a position."""

    def __init__(self, ws: Workspace, kinds: frozenset[Kind]) -> None:
        self._ws = ws
        self._kinds = kinds
        self._shown: dict[str, Any] = {}
        """Deployment → the progress that was shown last, but for its seconds."""

    def now(self) -> Position:
        """The position behind all that has happened."""
        start = Position(self._ws.bus.newest, 0, 0)
        runs, issues = self._runs(start), self._issues(start)
        run = max((at for at, _run in runs), default=0)
        return Position(start.message, max((at for at, _issue in issues), default=0), run)

    def since(self, at: Position) -> list[Event]:
        """What has happened behind a position, each with the position behind it."""
        found: list[Event] = []
        if self._wants("message"):
            for message in self._ws.bus.messages(_PAGE, after=at.message):
                at = replace(at, message=message.id)
                found.append((at, "message", message))
        if self._wants("issue"):
            for moment, issue in self._issues(at):
                at = replace(at, issue=moment)
                found.append((at, "issue", issue))
        if self._wants("run"):
            for moment, run in self._runs(at):
                at = replace(at, run=moment)
                found.append((at, "run", run))
        return found

    def _wants(self, kind: Kind) -> bool:
        return not self._kinds or kind in self._kinds

    def _issues(self, at: Position) -> list[tuple[int, Issue]]:
        issues = self._ws.issues.list(closed=True, limit=_PAGE)
        changed = ((_micros(issue.last_at, issue.closed_at), issue) for issue in issues)
        return sorted((pair for pair in changed if pair[0] > at.issue), key=lambda pair: pair[0])

    def _runs(self, at: Position) -> list[tuple[int, Run]]:
        runs = self._ws.runs(limit=_PAGE)
        changed = ((_micros(run.started_at, run.ended_at), run) for run in runs)
        return sorted((pair for pair in changed if pair[0] > at.run), key=lambda pair: pair[0])

    def progress(self) -> list[Any]:
        """The numbers of what runs, where they have changed."""
        found: list[Any] = []
        if not self._wants("progress"):
            return found
        for deployment in self._ws.running:
            try:
                progress = self._ws.numbers(deployment)
            except LyftError:
                continue  # it has ended meanwhile
            if self._shown.get(deployment) != progress.stages:
                self._shown[deployment] = progress.stages
                found.append(progress)
        return found


def happenings(
    ws: Workspace, over: threading.Event, last: str | None = None
) -> Iterator[tuple[str, Kind, Any]]:
    """What happens from now on, or from behind the event of that id, until `over` is set."""
    reader = Reader(ws, frozenset())
    at = reader.now() if last is None else Position.of(last)
    while not over.is_set():
        found = reader.since(at)
        for at, kind, value in found:
            yield str(at), kind, value
        for progress in reader.progress():
            yield str(at), "progress", progress
        if not found:
            over.wait(_LOOK_S)


def _micros(*moments: datetime | None) -> int:
    newest = max((moment for moment in moments if moment is not None), default=_EPOCH)
    return (newest - _EPOCH) // timedelta(microseconds=1)
