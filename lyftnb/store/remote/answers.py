"""What writes were answered: a caller whose connection broke asks again, and must not be served
twice.

Kept in the owner's memory, on its event loop: a new owner knows none of it, and says so
(`known`). A caller tells with each request which answers it has (all below its `floor`); those are
forgotten, and so are callers that stay away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_FORGET_S = 600.0
"""A caller that stays away for longer is unknown when it comes back."""


@dataclass(slots=True)
class _Caller:
    connections: int = 0
    left_at: float = 0.0
    asked: dict[int, asyncio.Future[bytes]] = field(default_factory=dict)


class Answers:
    """Answers to writes, by caller and request, until the caller has them."""

    def __init__(self) -> None:
        self._callers: dict[str, _Caller] = {}

    def known(self, caller: str) -> bool:
        """Whether what this caller asked before would be known again."""
        return caller in self._callers

    @contextmanager
    def present(self, caller: str) -> Iterator[None]:
        """For as long as a connection of the caller is open."""
        self._forget_absent()
        there = self._callers.setdefault(caller, _Caller())
        there.connections += 1
        try:
            yield
        finally:
            there.connections -= 1
            there.left_at = time.monotonic()

    def once(
        self, caller: str, request: int, floor: int, work: Callable[[], asyncio.Future[bytes]]
    ) -> asyncio.Future[bytes]:
        """The answer to a request: of the work, which is begun unless it was before. It goes on
        when the connection that asked for it is gone.
        """
        asked = self._callers[caller].asked
        for done in [number for number in asked if number < floor]:
            del asked[done]
        if request not in asked:
            asked[request] = work()
        return asked[request]

    def _forget_absent(self) -> None:
        now = time.monotonic()
        for name, caller in list(self._callers.items()):
            if not caller.connections and now - caller.left_at > _FORGET_S:
                del self._callers[name]
