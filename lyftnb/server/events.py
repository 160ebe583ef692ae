"""Streams of server-sent events: what happens in the workspace (`workspace.happenings`), and what
becomes of one run.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from lyftnb.workspace.background import BackgroundRun
from lyftnb.workspace.happenings import Event, Kind, Position, Reader
from lyftnb.workspace.local import Workspace
from lyftnb.workspace.wire import adapter, problem_of

_LOOK_S = 0.25
_TICK_S = 0.1
_ANYHOW_S = 10.0
"""So often a reader looks without news."""
_BEAT_S = 15.0
"""So often something is said to those who would think that the connection is dead."""


async def events(
    request: Request, ws: Workspace, last: Position | None, kinds: frozenset[Kind]
) -> AsyncIterator[str]:
    """What happens from now on, or from behind the event at `last`; all kinds if none are named."""
    reader = Reader(ws, kinds)
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
