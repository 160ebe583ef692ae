"""Time as a value: code asks a `Clock`, tests hand in a `ManualClock`.

All instants are aware UTC datetimes; durations are seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

_PIECE_S = 0.5


def awaited(wait: Callable[[float], object], seconds: float | None = None) -> bool:
    """Wait in short pieces, for so long at most, so that Ctrl-C is noticed between them.

    Polars handles signals in a way that has the kernel go on with a wait that one falls into, so
    that Python would not notice it before what is waited for.

    Args:
        wait: waits so many seconds, and says whether it has happened: `event.wait`.
        seconds: None is for ever.

    Returns:
        Whether it has happened.
    """
    until = math.inf if seconds is None else time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        if wait(max(0.0, min(_PIECE_S, left))):
            return True
        if left <= _PIECE_S:
            return False


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """The instant the clock was last moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock (backwards too: wall clocks do jump)."""
        self._now += timedelta(seconds=seconds)
