"""Verbs of the ledger: work queues. Every verb takes a set and is one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lyftnb.errors import BadData
from lyftnb.model import Item, Lease, MessageDraft, NewItem, QueueDepth, QueuedItem
from lyftnb.store.engines import pl
from lyftnb.store.families import Setting
from lyftnb.store.mirror import QueueSettings
from lyftnb.store.numbers import reserve
from lyftnb.store.payloads import check_seconds, check_text, to_text
from lyftnb.store.posting import post
from lyftnb.store.queue_items import among, lease_frame, make_queues, new_item, put
from lyftnb.store.session import Session

DEAD_LETTERS = "dead-letters"
"""Type of the system message that tells of items that have become dead letters."""
_LEAST_TTL_S = 0.001
_INT32 = 2**31
_NEVER = datetime.max.replace(tzinfo=UTC)


class Queues(Session):
    """Queues with leases. A queue is there as soon as something was put into it.

    An item is *ready*, *delayed*, *leased* or *dead*. A lease hides it for a while. When that is
    over the item is ready again, but whoever holds the lease may still renew or ack it until the
    next `lease` of the queue takes it back. Each lease has a token that no other has, so an item is
    acked once.

    An item *fails* when its holder says so, or when a lease of it alone runs out. If a lease of
    several runs out, or they are returned as having failed `together`, nobody knows which of them
    is to blame: they come back in leases of at most half as many, down to one. An item that has
    failed `max_attempts` times becomes a dead letter, and a system message tells.
    """

    def enqueue(self, queue: str, items: Sequence[NewItem]) -> list[int | None]:
        """Put items into a queue; their numbers, None for an id that the queue has had before.

        Raises:
            BadData: a payload is not JSON or too large, or a name, delay or priority is wrong;
                nothing was enqueued.
        """
        check_text(queue, "queue's name", "enqueue")
        with self.changing() as setting:
            return put(setting, _new_items(queue, items, setting.now))

    def lease(self, queue: str, n: int, ttl_s: float, holder: str = "") -> list[Item]:
        """Lease up to `n` items: of the highest priority first, then those ready for longest.

        There may be fewer than are ready: an item that failed in company stays in small leases.

        Args:
            queue: its name; one that does not exist has no items.
            n: how many at most.
            ttl_s: when it is over, others may lease the items.
            holder: who leases, for people to read.

        Raises:
            BadData: `n` is negative, or `ttl_s` is no duration.
        """
        where = f"queue {queue}"
        check_seconds(ttl_s, "lease's time", where, _LEAST_TTL_S)
        if n < 0:
            raise BadData(f"the number of items to lease must not be negative: {n}", where=where)
        with self.opened():
            settings = self.mirror.queues.get(queue)
        if settings is None or n == 0:
            return []
        with self.changing() as setting:
            database, now = setting.database, setting.now
            _take_back(setting, queue, settings.max_attempts)
            ready = database.frame("ready_items", queue=queue, now=now, limit=n)
            taken = list(_companions(ready.iter_rows(named=True), n))
            if not taken:
                return []
            (token,) = reserve(setting, 1)
            until = now + timedelta(seconds=ttl_s)
            database.frame(
                "lease_items",
                pl.DataFrame({"item": [row["item"] for row in taken]}),
                token=token,
                holder=holder or None,
                company=len(taken),
                now=now,
                until=until,
            )
            _runs_out(setting, queue, until)
        return [_item(row | {"queue": queue, "token": token}) for row in taken]

    def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[bool]:
        """Let leases last for `ttl_s` from now; which of them are still current."""
        check_seconds(ttl_s, "lease's time", "renew", _LEAST_TTL_S)
        if not leases:
            return []
        with self.changing() as setting:
            until = setting.now + timedelta(seconds=ttl_s)
            found = setting.database.frame(
                "renew_leases", lease_frame(leases), now=setting.now, until=until
            )
            for queue in _by_queue(leases):
                _runs_out(setting, queue, until)
        return among(leases, found)

    def ack(self, leases: Sequence[Lease]) -> list[bool]:
        """Take items off their queues for good; False where the lease was no longer current."""
        if not leases:
            return []
        with self.changing() as setting:
            found = setting.database.frame("ack_items", lease_frame(leases))
        return among(leases, found)

    def nack(
        self,
        leases: Sequence[Lease],
        delay_s: float = 0.0,
        failed: bool = True,
        reason: str | None = None,
        together: bool = False,
    ) -> list[bool]:
        """Give items back; False where the lease was no longer current.

        Args:
            leases: of any queues.
            delay_s: they are not leased again before.
            failed: whether that counts against the items.
            reason: why they failed, for people to read.
            together: they failed as one; see the class.
        """
        check_seconds(delay_s, "delay", "nack")
        if not leases:
            return []
        is_known = failed and not (together and len(leases) > 1)
        parameters = {
            "reason": reason,
            "failures": int(is_known),
            "at_most": max(len(leases) // 2, 1) if failed and together else None,
        }
        found: list[pl.DataFrame] = []
        with self.changing() as setting:
            until = setting.now + timedelta(seconds=delay_s)
            for queue, own in _by_queue(leases).items():
                settings = setting.state.queues.get(queue) or QueueSettings()
                rows = setting.database.frame(
                    "nack_items",
                    lease_frame(own),
                    now=setting.now,
                    until=until,
                    max_attempts=settings.max_attempts,
                    **parameters,
                )
                _tell_of_dead(setting, queue, int(rows["is_dead"].sum()))
                setting.news.add(f"queue:{queue}")
                found.append(rows)
        return among(leases, pl.concat(found))

    def give_back(self, queue: str, holder: str) -> int:
        """Give back, without blame, all that a holder leases; how many items."""
        with self.opened() as database:
            rows = database.rows("leases_of", queue=queue, holder=holder)
        leases = [Lease(queue, row["item"], row["token"]) for row in rows]
        return sum(self.nack(leases, failed=False))

    def items(self, leases: Sequence[Lease]) -> list[Item | None]:
        """Leased items; None where the lease is no longer current."""
        if not leases:
            return []
        with self.opened() as database:
            rows = database.frame("leased_items", lease_frame(leases)).to_dicts()
        found = {(row["item"], row["token"]): _item(row) for row in rows}
        return [found.get((lease.item, lease.token)) for lease in leases]

    def peek(self, queue: str, n: int = 100, dead: bool = False) -> list[QueuedItem]:
        """Look at a queue's items in the order in which they will be ready, or at its dead letters,
        the oldest first; takes nothing.
        """
        with self.opened() as database:
            rows = database.rows("peek_items", queue=queue, dead=dead, limit=max(n, 0))
        return [QueuedItem(**row | {"payload": json.loads(row["payload"])}) for row in rows]

    def queues(self) -> list[QueueDepth]:
        """All queues with what they hold, by name."""
        return self._depths(None)

    def queue_depth(self, queue: str) -> QueueDepth:
        """What a queue holds; zeros if there is no such queue yet."""
        found = self._depths(queue)
        return found[0] if found else QueueDepth(queue, max_attempts=QueueSettings().max_attempts)

    def set_queue(
        self, queue: str, max_attempts: int | None = None, id_retention_s: float | None = None
    ) -> None:
        """Change how a queue treats its items; it is made if need be.

        Args:
            queue: its name.
            max_attempts: failures that make an item a dead letter (first 5).
            id_retention_s: for how long the queue remembers the ids it has had (first 7 days).

        Raises:
            BadData: a value is out of range.
        """
        check_text(queue, "queue's name", "set_queue")
        where = f"queue {queue}"
        if max_attempts is not None and not 1 <= max_attempts < _INT32:
            raise BadData(f"max_attempts must be at least 1, not {max_attempts}", where=where)
        if id_retention_s is not None:
            check_seconds(id_retention_s, "retention of ids", where)
        with self.changing() as setting:
            make_queues(setting, [queue])
            settings = setting.state.queues[queue]
            if max_attempts is not None:
                settings = replace(settings, max_attempts=max_attempts)
            if id_retention_s is not None:
                settings = replace(settings, id_retention_s=id_retention_s)
            setting.state.queues[queue] = settings
            setting.database.run(
                "set_queue",
                queue=queue,
                max_attempts=settings.max_attempts,
                id_retention_s=settings.id_retention_s,
            )

    def redrive(self, queue: str, items: Sequence[int] | None = None) -> int:
        """Make dead letters ready again, as if they had never failed; how many.

        Args:
            queue: its name.
            items: only these; None for all.
        """
        with self.changing() as setting:
            chosen = None if items is None else list(items)
            found = setting.database.rows(
                "redrive_items", queue=queue, items=chosen, now=setting.now
            )
            setting.news.add(f"queue:{queue}")
        return len(found)

    def purge(self, queue: str, dead: bool = False) -> int:
        """Remove all items that are not dead, leased ones too, or all dead letters; how many."""
        with self.changing() as setting:
            return len(setting.database.rows("purge_items", queue=queue, dead=dead))

    def forget_ids(self) -> int:
        """Forget ids that are past their queue's retention; how many."""
        with self.changing() as setting:
            return len(setting.database.rows("forget_ids", now=setting.now))

    def _depths(self, queue: str | None) -> list[QueueDepth]:
        with self.opened() as database:
            rows = database.rows("state_queues", queue=queue, now=self.clock.now())
        return [QueueDepth(**row) for row in rows]


def _new_items(queue: str, items: Sequence[NewItem], now: datetime) -> pl.DataFrame:
    where = f"queue {queue}"
    for item in items:
        check_seconds(item.delay_s, "delay", where)
        if item.id is not None:
            check_text(item.id, "id", where)
        if not -_INT32 <= item.priority < _INT32:
            raise BadData(f"the priority is out of range: {item.priority}", where=where)
    return pl.DataFrame(
        {
            "queue": [queue] * len(items),
            "id": [item.id for item in items],
            "payload": [to_text(item.payload, where) for item in items],
            "priority": [item.priority for item in items],
            "available_at": [now + timedelta(seconds=item.delay_s) for item in items],
        },
        schema=new_item(),
    )


def _take_back(setting: Setting, queue: str, max_attempts: int) -> None:
    """Take back leases that have run out, if any can have."""
    database, state, now = setting.database, setting.state, setting.now
    since, until = state.quiet.get(queue, (now, now))
    if since <= now < until:
        # From here on: a clock that is set back ends the span.
        state.quiet[queue] = now, until
        return
    expired = database.rows("expired_leases", queue=queue, now=now, max_attempts=max_attempts)
    _tell_of_dead(setting, queue, sum(row["is_dead"] for row in expired))
    (held,) = database.rows("first_expiry", queue=queue)
    state.quiet[queue] = now, held["instant"] or _NEVER


def _runs_out(setting: Setting, queue: str, instant: datetime) -> None:
    """Keep in mind when a lease that begins now, or is renewed, runs out."""
    quiet = setting.state.quiet
    if queue in quiet:
        since, until = quiet[queue]
        quiet[queue] = max(since, setting.now), min(until, instant)


def _companions(ready: Iterable[dict[str, Any]], n: int) -> Iterator[dict[str, Any]]:
    """Items from the first on, as long as none of them is in larger company than it may be."""
    most = n
    for count, row in enumerate(ready, start=1):
        most = min(most, row["at_most"] or most)
        if count > most:
            return
        yield row


def _by_queue(leases: Sequence[Lease]) -> dict[str, list[Lease]]:
    found: dict[str, list[Lease]] = {}
    for lease in leases:
        found.setdefault(lease.queue, []).append(lease)
    return found


def _tell_of_dead(setting: Setting, queue: str, count: int) -> None:
    if count:
        payload = {"queue": queue, "count": count}
        draft = MessageDraft(payload=payload, kind="system", source="manager", type=DEAD_LETTERS)
        post(setting, [draft])


def _item(row: Mapping[str, Any]) -> Item:
    lease = Lease(row["queue"], row["item"], row["token"])
    payload = json.loads(row["payload"])
    return Item(lease, payload, row["attempts"], row["enqueued_at"], row["id"])
