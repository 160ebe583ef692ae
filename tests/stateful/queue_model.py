"""Queues, messages and issues in plain Python: what the ledger must do, one thing after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lyftnb.model import Lease, NewItem

RETENTION = timedelta(days=7)
MAX_ATTEMPTS = 2


@dataclass
class ModelItem:
    """A work item; `number` is what the ledger calls it."""

    queue: str
    payload: object
    id: str | None
    priority: int
    since: datetime
    until: datetime
    number: int | None = None
    token: int | None = None
    company: int = 0
    at_most: int | None = None
    attempts: int = 0
    dead: bool = False

    def is_hidden(self, now: datetime) -> bool:
        length = self.until - self.since
        return self.until > now and self.since <= now + length

    def show(self, since: datetime, until: datetime) -> None:
        self.since, self.until, self.token = since, until, None

    def fail(self, now: datetime) -> None:
        self.attempts += 1
        self.dead = self.attempts >= MAX_ATTEMPTS


@dataclass
class ModelMessage:
    """A message, with what is compared."""

    id: int
    at: datetime
    type: str
    tag: str | None
    batch: str | None


@dataclass
class Model:
    """All of the state. Its verbs follow the words of the documentation, not the SQL."""

    items: list[ModelItem] = field(default_factory=list)
    ids: list[tuple[str, str, datetime]] = field(default_factory=list)
    messages: list[ModelMessage] = field(default_factory=list)
    newest: int = 0
    subscription: int | None = None
    issues: dict[tuple[str, str], int] = field(default_factory=dict)
    """Open issues and how often they were raised."""
    closed: int = 0

    # -- queues

    def of(self, queue: str) -> list[ModelItem]:
        return [item for item in self.items if item.queue == queue]

    def enqueue(self, queue: str, new: NewItem, now: datetime) -> ModelItem | None:
        if new.id is not None:
            held = any(item.id == new.id for item in self.of(queue))
            had = any((q, i) == (queue, new.id) and t > now - RETENTION for q, i, t in self.ids)
            if held or had:
                return None
            self.ids.append((queue, new.id, now))
        until = now + timedelta(seconds=new.delay_s)
        item = ModelItem(queue, new.payload, new.id, new.priority, now, until)
        self.items.append(item)
        return item

    def forget_ids(self, now: datetime) -> int:
        kept = [(q, i, t) for q, i, t in self.ids if t > now - RETENTION]
        forgotten, self.ids = len(self.ids) - len(kept), kept
        return forgotten

    def ready(self, queue: str, now: datetime) -> list[ModelItem]:
        """What a lease takes from, in its order."""
        found = [i for i in self.of(queue) if not i.dead and i.token is None]
        return sorted(
            (i for i in found if not i.is_hidden(now)),
            key=lambda i: (-i.priority, i.until, i.number),
        )

    def take_back(self, queue: str, now: datetime) -> None:
        died = 0
        for item in self.of(queue):
            if item.token is None or item.is_hidden(now):
                continue
            end = min(item.until, now)
            item.show(end, end)
            item.at_most = max(item.company // 2, 1)
            if item.company == 1:
                item.fail(now)
                died += item.dead
        self.tell_of_dead(died, now)

    def lease(self, queue: str, n: int, ttl_s: float, now: datetime) -> list[ModelItem]:
        self.take_back(queue, now)
        taken: list[ModelItem] = []
        for item in self.ready(queue, now)[:n]:
            limits = [i.at_most for i in (*taken, item) if i.at_most is not None]
            if limits and len(taken) + 1 > min(limits):
                break
            taken.append(item)
        for item in taken:
            item.since, item.until = now, now + timedelta(seconds=ttl_s)
            item.company = len(taken)
        return taken

    def current(self, lease: Lease) -> ModelItem | None:
        found = [i for i in self.items if i.number == lease.item and i.token == lease.token]
        return found[0] if found else None

    def nack(
        self, leases: Sequence[Lease], delay_s: float, failed: bool, together: bool, now: datetime
    ) -> None:
        until = now + timedelta(seconds=delay_s)
        for queue in dict.fromkeys(lease.queue for lease in leases):
            died = 0
            for lease in leases:
                item = self.current(lease)
                if lease.queue != queue or item is None:
                    continue
                item.show(now, until)
                if failed and together:
                    most = max(len(leases) // 2, 1)
                    item.at_most = most if item.at_most is None else min(item.at_most, most)
                if failed and not (together and len(leases) > 1):
                    item.fail(now)
                    died += item.dead
            self.tell_of_dead(died, now)

    def bury(self, lease: Lease, now: datetime) -> None:
        item = self.current(lease)
        assert item is not None
        item.show(now, now)
        item.attempts += 1
        item.dead = True

    def redrive(self, queue: str, now: datetime) -> int:
        dead = [item for item in self.of(queue) if item.dead]
        for item in dead:
            item.show(now, now)
            item.dead, item.attempts, item.at_most = False, 0, None
        return len(dead)

    def purge(self, queue: str, dead: bool) -> int:
        gone = [item for item in self.of(queue) if item.dead == dead]
        self.items = [item for item in self.items if item not in gone]
        return len(gone)

    # -- messages and issues

    def tell(
        self, now: datetime, kind: str, tag: str | None = None, batch: str | None = None
    ) -> None:
        self.newest += 1
        self.messages.append(ModelMessage(self.newest, now, kind, tag, batch))

    def tell_of_dead(self, died: int, now: datetime) -> None:
        if died:
            self.tell(now, "dead-letters")

    def expire(self, before: datetime, held: datetime) -> int:
        read = self.newest if self.subscription is None else self.subscription
        kept = [
            m
            for m in self.messages
            if m.at >= before or m.id == self.newest or (m.at >= held and m.id > read)
        ]
        expired, self.messages = len(self.messages) - len(kept), kept
        return expired

    def raise_issues(self, keys: Sequence[tuple[str, str]], now: datetime) -> None:
        opened = [key for key in dict.fromkeys(keys) if key not in self.issues]
        for key in keys:
            self.issues[key] = self.issues.get(key, 0) + 1
        for _ in opened:
            self.tell(now, "issue-raised")

    def close_issues(self, keys: Sequence[tuple[str, str]], now: datetime) -> None:
        for key in keys:
            del self.issues[key]
            self.closed += 1
            self.tell(now, "issue-closed")
