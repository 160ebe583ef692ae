"""Waiting for something to happen in the ledger, without a thread for each who waits.

Every topic (`messages`, `queue:NAME`) has a count that grows with its news. Whoever waits says
which count it has seen, so nothing is missed between looking and waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

_LONGEST_S = 300.0


class News:
    """Counts of topics, and who waits for them. All of it runs on the server's event loop."""

    def __init__(self) -> None:
        # Not from 0: who has seen the counts of an earlier owner must find all of ours new.
        self._start = time.time_ns() // 1000
        self._counts: dict[str, int] = {}
        self._changed = asyncio.Event()

    def tell(self, topics: Iterable[str]) -> None:
        """Something happened to these topics."""
        for topic in topics:
            self._counts[topic] = self._counts.get(topic, self._start) + 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def news(self, since: Mapping[str, int], timeout_s: float = 30.0) -> dict[str, int]:
        """Wait until a topic has another count than in `since`; gives the counts now.

        Begin with counts of 0, which gives the counts at once; then look at what matters, and wait
        with the counts from before the look. After `timeout_s` (at most 300) the counts are as they
        were.
        """
        try:
            async with asyncio.timeout(min(timeout_s, _LONGEST_S)):
                while (counts := self._now(since)) == since:
                    await self._changed.wait()
        except TimeoutError:
            return dict(since)
        return counts

    def _now(self, topics: Iterable[str]) -> dict[str, int]:
        return {topic: self._counts.get(topic, self._start) for topic in topics}
