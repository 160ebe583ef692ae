"""A work queue, as people use it: put items in, lease them, ack them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from lyftnb.model import (
    Item,
    Json,
    Lease,
    NewItem,
    QueueDepth,
    QueuedItem,
    canonical_json,
)
from lyftnb.workspace.nouns import ITEMS, QUEUES
from lyftnb.workspace.tabular import Table, View, listed
from lyftnb.workspace.waiting import Waiting

if TYPE_CHECKING:
    from lyftnb.workspace.waiting import Verbs

COLUMNS = ("item", "payload", "state", "attempts", "priority", "enqueued", "id", "reason")
DEPTH_COLUMNS = ("queue", "ready", "delayed", "leased", "dead", "oldest")
_SHOWN_ROWS = 10
_SHOWN_CHARACTERS = 100

Leased = Item | Lease
"""What shows that somebody holds an item."""


class Queue:
    """A work queue: each item goes to one holder at a time, and is acked once.

    A queue is there as soon as something was put into it. A deployment's own (`./NAME` in its
    steps) is `DEPLOYMENT/NAME`.

    >>> work = ws.queue("work")  # doctest: +SKIP
    >>> work.enqueue([{"page": 1}, {"page": 2}])  # doctest: +SKIP
    >>> for item in work.lease(10, ttl=60):  # doctest: +SKIP
    ...     fetch(item.payload)
    ...     work.ack(item)
    """

    def __init__(self, state: Verbs, name: str) -> None:
        self.name = name
        self._state = state

    def enqueue(
        self, items: Iterable[Json | NewItem], *, priority: int = 0, delay: float = 0.0
    ) -> list[int | None]:
        """Put items into the queue, all or none.

        Args:
            items: payloads (JSON, 256 KiB at most), or `NewItem`s, which have an id, a priority or
                a delay of their own. An id is queued once.
            priority: higher ones are leased first.
            delay: seconds for which they are not leased.

        Returns:
            The numbers of the items; None for an id that the queue has had before.

        Raises:
            BadData: a payload is not JSON or too large; nothing was enqueued.
        """
        new = [
            item if isinstance(item, NewItem) else NewItem(item, None, priority, delay)
            for item in items
        ]
        return self._state.enqueue(self.name, new)

    def lease(
        self, n: int = 1, ttl: float = 60.0, *, wait: float = 0.0, holder: str | None = None
    ) -> Table[Item]:
        """Lease up to `n` items, those of the highest priority first.

        Args:
            n: how many at most.
            ttl: seconds after which others may lease them, unless they are renewed or acked.
            wait: seconds to wait for a first item, should there be none.
            holder: who leases, for people to read; default: this process.
        """
        who = holder or f"{socket.gethostname()}:{os.getpid()}"

        def look() -> list[Item] | None:
            return self._state.lease(self.name, n, ttl, who) or None

        found = Waiting(self._state, f"queue:{self.name}").until(look, wait)
        return Table(found or (), ITEMS)

    def ack(self, items: Leased | Iterable[Leased]) -> list[bool]:
        """Take items off the queue for good; False where somebody else has the item by now."""
        return self._state.ack(_leases(items))

    def nack(
        self,
        items: Leased | Iterable[Leased],
        *,
        delay: float = 0.0,
        reason: str | None = None,
        failed: bool = True,
    ) -> list[bool]:
        """Give items back; False where somebody else has the item by now.

        Args:
            items: leased ones.
            delay: seconds for which they are not leased again.
            reason: why, for people to read.
            failed: whether it counts as a failure of each of them; after as many as the queue's
                `max_attempts` an item is a dead letter.
        """
        return self._state.nack(_leases(items), delay, failed, reason)

    def renew(self, items: Leased | Iterable[Leased], ttl: float = 60.0) -> list[bool]:
        """Hold items for `ttl` seconds from now; False where somebody else has the item by now."""
        return self._state.renew(_leases(items), ttl)

    def depth(self) -> QueueDepth:
        """How many items are ready, delayed, leased and dead, and since when the oldest waits."""
        return self._state.queue_depth(self.name)

    def peek(self, n: int = 100, *, dead: bool = False) -> QueueView:
        """Look at the next items, or at dead letters; takes nothing."""
        return QueueView(self._state.peek(self.name, n, dead))

    def redrive(self, items: Sequence[int] | None = None) -> int:
        """Make dead letters ready again, as if they had never failed (these, or all); how many."""
        return self._state.redrive(self.name, items)

    def purge(self, *, dead: bool = False) -> int:
        """Remove all items that are not dead, leased ones too, or all dead letters; how many."""
        return self._state.purge(self.name, dead)

    def settings(
        self, *, max_attempts: int | None = None, id_retention: float | None = None
    ) -> None:
        """Change how the queue treats its items.

        Args:
            max_attempts: failures that make an item a dead letter (first 5).
            id_retention: seconds for which it remembers the ids it has had (first 7 days).
        """
        self._state.set_queue(self.name, max_attempts, id_retention)

    def __repr__(self) -> str:
        return f"Queue({told(self.depth())})"

    def _repr_html_(self) -> str:
        return listed(QUEUED, self.peek(_SHOWN_ROWS), told(self.depth()))


def told(depth: QueueDepth) -> str:
    """What a queue holds, in a line."""
    counts = {name: getattr(depth, name) for name in ("ready", "delayed", "leased", "dead")}
    held = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "empty"
    since = "" if depth.oldest_at is None else f", the oldest since {depth.oldest_at:%F %T} UTC"
    return f"{depth.queue}: {held}{since}"


def cells(item: QueuedItem) -> tuple[str | int, ...]:
    """An item under `COLUMNS`, its payload cut short."""
    payload = canonical_json(item.payload)
    if len(payload) > _SHOWN_CHARACTERS:
        payload = f"{payload[: _SHOWN_CHARACTERS - 1]}…"
    if item.dead_at is not None:
        state = f"dead since {item.dead_at:%F %T}"
    elif item.holder is not None:
        state = f"leased by {item.holder} until {item.available_at:%F %T}"
    else:
        state = f"from {item.available_at:%F %T}"
    return (
        item.item,
        payload,
        state,
        item.attempts,
        item.priority,
        f"{item.enqueued_at:%F %T}",
        item.id or "",
        item.reason or "",
    )


QUEUED: Final[View[QueuedItem]] = View("no items", COLUMNS, cells)


class QueueView(Table[QueuedItem]):
    """Items as they stand in their queue; shown as a table."""

    view = QUEUED


class Queues(Table[Queue]):
    """The queues of a workspace, by name; shown as a table of what they hold."""

    view = View(QUEUES.none, QUEUES.columns, lambda queue: QUEUES.cells(queue.depth()))


def _leases(items: Leased | Iterable[Leased]) -> list[Lease]:
    several = [items] if isinstance(items, Item | Lease) else items
    return [item.lease if isinstance(item, Item) else item for item in several]
