"""Time as a value: code asks a `Clock`, tests hand in a `ManualClock`.

All instants are aware UTC datetimes; durations are seconds.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_LOOKS_S = 0.5


def awaited(event: threading.Event, seconds: float | None = None) -> bool:
    """Wait for an event, or so long; Ctrl-C ends it within half a second.

    Polars handles signals in a way that has the kernel go on with a wait that one falls into, so
    that Python would not notice it before the event.

    Returns:
        Whether it has happened.
    """
    until = None if seconds is None else time.monotonic() + seconds
    while not event.wait(_LOOKS_S if until is None else min(_LOOKS_S, until - time.monotonic())):
        if until is not None and time.monotonic() >= until:
            return event.is_set()
    return True


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
