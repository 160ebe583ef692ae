"""When to try again: counting failures of one piece of work against its stage's `retry`."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lyftnb.errors import (
    BadData,
    LockHeld,
    Permanent,
    SetupError,
    StorageError,
    StorageFull,
    TaskLost,
    Temporary,
    WorkerDied,
    WorkflowError,
)
from lyftnb.model import RetrySpec, seconds

_JITTER = random.Random()
"""Of our own: programs that seed the common one must find it as they left it."""

_HOPELESS = (WorkflowError, SetupError, BadData, Permanent, WorkerDied)
"""Errors that another try brings again, or that have been tried often enough already."""


def is_lost(error: BaseException) -> bool:
    """Whether the work itself is not to blame."""
    return isinstance(error, TaskLost)


@dataclass(slots=True)
class Retries:
    """Failures so far of a batch, a discovery or a step's publications."""

    spec: RetrySpec
    failures: int = 0
    waits: int = 0
    """How often it has waited for room on a disk."""
    full: StorageFull | None = None
    """The disk that it waits for, until it has gone through or failed otherwise."""
    due_at: float | None = None
    """When the next try is due, by the monotonic clock; None while nothing failed."""

    def failed(self, error: BaseException, now: float) -> str | None:
        """Plan the next try, after a pause that doubles each time (`Temporary` names its own).

        Returns:
            What to tell people, or None if it has used up its attempts or trying again cannot help.
        """
        self.full = error if isinstance(error, StorageFull) else None
        if isinstance(error, _HOPELESS):
            return None
        if isinstance(error, StorageFull):
            return self.wait_for(error, now)
        if isinstance(error, LockHeld):
            self.due_at = now + error.delay * _JITTER.uniform(0.8, 1.2)
            return f"waits for a lock, looks again in {error.delay:.1f} s: {error}"
        # Of a lost task the work itself knows nothing: as long as there is a cluster, go on.
        if not is_lost(error):
            self.failures += 1
        if self.failures >= self.spec.attempts:
            return None
        pause = self._pause(self.failures)
        if isinstance(error, Temporary):
            pause = error.delay
        self.due_at = now + pause * _JITTER.uniform(0.8, 1.2)
        return f"attempt {self.failures + 1} of {self.spec.attempts} in {pause:.1f} s: {error}"

    def wait_for(self, error: StorageError, now: float) -> str:
        """A full disk, or a ledger that cannot write, is no failure of the work that meets it: it
        waits, however long that takes, and begins anew. Gives what to tell people.
        """
        self.full = error if isinstance(error, StorageFull) else None
        self.waits += 1
        pause = self._pause(self.waits)
        self.due_at = now + pause * _JITTER.uniform(0.8, 1.2)
        what = "room" if self.full else "the ledger"
        return f"waits for {what}, looks again in {pause:.1f} s: {error}"

    def _pause(self, times: int) -> float:
        """Seconds before the next try, after so many that went wrong."""
        # The exponent is bounded because waits are not.
        doubled = seconds(self.spec.delay) * 2.0 ** min(max(0, times - 1), 64)
        return min(doubled, seconds(self.spec.max_delay))

    def is_due(self, now: float) -> bool:
        """Whether the time of the next try has come."""
        return self.due_at is not None and self.due_at <= now

    def begin(self) -> None:
        """The next try is under way."""
        self.due_at = None

    def reset(self) -> None:
        """It went through: the next failure is the first again."""
        self.failures, self.waits, self.due_at, self.full = 0, 0, None, None
