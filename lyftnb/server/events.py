"""Streams of server-sent events: what happens in the workspace, and what becomes of one run.

Events are read from the ledger by the position that the last one's id names, not pushed: so a slow
reader holds nobody up, and one that comes back misses nothing. Progress is of the moment; who comes
back gets the newest.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from lyftnb.errors import LyftError, SetupError
from lyftnb.model import Issue, Run
from lyftnb.workspace.background import BackgroundRun
from lyftnb.workspace.local import Workspace
from lyftnb.workspace.wire import adapter, problem_of

Kind = Literal["message", "issue", "run", "progress"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500
_LOOK_S = 0.25
_TICK_S = 0.1
_ANYHOW_S = 10.0
"""So often a reader looks without news."""
_BEAT_S = 15.0
"""So often something is said to those who would think that the connection is dead."""
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


async def events(
    request: Request, ws: Workspace, last: Position | None, kinds: frozenset[Kind]
) -> AsyncIterator[str]:
    """What happens from now on, or from behind the event at `last`; all kinds if none are named."""
    reader = _Reader(ws, kinds)
    at = await run_in_threadpool(reader.now) if last is None else last
    yield ": welcome\n\n"
    with _News(ws) as news:
        spoken = looked = time.monotonic()
        found: list[Event] = []
        while not _over(request) and not await request.is_disconnected():
            now = time.monotonic()
            # Where something was found there may be more: a look takes a page.
            if news.taken() or found or now - looked >= _ANYHOW_S:
                looked = now
                found = await run_in_threadpool(reader.since, at)
            for at, kind, value in found:
                spoken = now
                yield _event(str(at), kind, value)
            for progress in await run_in_threadpool(reader.progress):
                spoken = now
                yield _event(str(at), "progress", progress)
            if now - spoken >= _BEAT_S:
                spoken = now
                yield ": still here\n\n"
            await asyncio.sleep(_LOOK_S)


class _News:
    """Whether the ledger has told of something, since the last time it was asked."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._news = threading.Event()
        self._news.set()

    def __enter__(self) -> _News:
        self._stop = self._ws.listen(lambda _topics: self._news.set())
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def taken(self) -> bool:
        """Take the news, if there are any. Before the look, so that nothing falls between."""
        there = self._news.is_set()
        self._news.clear()
        return there


class _Reader:
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


async def following(request: Request, run: BackgroundRun, last: str | None) -> AsyncIterator[str]:
    """The numbers of a run as they change, and how it ends. An id counts the texts that were
    told, so that none is told twice or never.
    """
    told = int(last) if last and last.isdecimal() and len(last) < 18 else 0
    shown: object = None
    quiet = 0.0
    while not await request.is_disconnected():
        over = run.over
        progress, count = run.since(told)
        if progress is not None and (run.progress is not shown or count != told):
            shown, told, quiet = run.progress, count, 0.0
            yield _event(str(told), "progress", progress)
        if over:
            yield _ending(run, told)
            return
        await asyncio.sleep(_TICK_S)
        quiet += _TICK_S
        if quiet >= _BEAT_S:
            quiet = 0.0
            yield ": still here\n\n"


def _ending(run: BackgroundRun, told: int) -> str:
    if run.error is not None:
        return _event(str(told), "failed", problem_of(run.error))
    return _event(str(told), "done", run.summary)


def _over(request: Request) -> bool:
    ending: asyncio.Event = request.app.state.hall.ending
    return ending.is_set()


def _event(id: str, kind: str, value: Any) -> str:
    kind_of_value: Any = type(value)
    data = adapter(kind_of_value).dump_json(value).decode()
    return f"id: {id}\nevent: {kind}\ndata: {data}\n\n"


def _micros(*moments: datetime | None) -> int:
    newest = max((moment for moment in moments if moment is not None), default=_EPOCH)
    return (newest - _EPOCH) // timedelta(microseconds=1)
