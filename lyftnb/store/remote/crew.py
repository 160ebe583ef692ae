"""Threads that work for an event loop.

As an executor does, but what ends at about the same time wakes the loop once: with many callers
that wake-up, and the fight over the interpreter that it begins, would be most of what a small verb
costs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

Work = Callable[[], bytes]
"""Must not raise."""

_Future = asyncio.Future[bytes]


class Crew:
    """Up to `size` threads, hired as they are needed. All but `close` is for the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int, name: str) -> None:
        self._loop = loop
        self._size = size
        self._name = name
        self._threads: list[threading.Thread] = []
        self._under_way = 0
        self._queue: SimpleQueue[tuple[_Future, Work] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._ended: list[tuple[_Future, bytes]] = []

    def begin(self, work: Work) -> _Future:
        """Have it done."""
        self._under_way += 1
        if self._under_way > len(self._threads) < self._size:
            name = f"{self._name}_{len(self._threads)}"
            thread = threading.Thread(target=self._labour, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        future = self._loop.create_future()
        self._queue.put((future, work))
        return future

    def close(self) -> None:
        """Wait for what was begun; the threads end."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _labour(self) -> None:
        while (task := self._queue.get()) is not None:
            future, work = task
            outcome = work()
            with self._lock:
                self._ended.append((future, outcome))
                first = len(self._ended) == 1
            if first:
                # The loop may be gone already, and with it all who would want to know.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        for future, outcome in ended:
            if not future.done():
                future.set_result(outcome)
