"""What has to be done now and then so that the ledger does not grow for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lyftnb.clock import Clock
from lyftnb.store import Ledger

EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the ledger keeps what nobody needs to go on."""

    messages_s: float = 7 * 86400.0
    issues_s: float = 90 * 86400.0
    """Counted from when they were closed."""
    plans_s: float = 7 * 86400.0
    skipped_s: float = 7 * 86400.0
    """Of what was staged for outputs that were passed by."""


@dataclass(slots=True)
class Upkeep:
    """Lets go what has expired, old messages, plans and closed issues, and files nobody names."""

    ledger: Ledger
    clock: Clock
    retention: Retention
    _due_at: datetime | None = None

    def run_if_due(self) -> bool:
        """Do it, unless it was done lately; whether it was due."""
        now = self.clock.now()
        if self._due_at is not None and now < self._due_at:
            return False
        self._due_at = now + EVERY
        self.ledger.tidy()
        self.ledger.forget_ids()
        self.ledger.expire_messages(now - timedelta(seconds=self.retention.messages_s))
        self.ledger.expire_issues(now - timedelta(seconds=self.retention.issues_s))
        self.ledger.expire_plans(now - timedelta(seconds=self.retention.plans_s))
        self.ledger.sweep()
        return True
