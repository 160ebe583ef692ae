"""Work items in the one transaction: what a batch enqueues, and the leases that its commit acks.

The clock decides when an item may be leased again; whether a lease may still ack is decided by its
token alone. So a clock that jumps may hand an item out early or late, but never loses one and never
lets two holders ack it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from lyftnb.model import Commit, Lease, Refused, StagedState
from lyftnb.store.engines import pl
from lyftnb.store.families import Setting
from lyftnb.store.mirror import QueueSettings
from lyftnb.store.numbers import reserve
from lyftnb.store.staged_state import read_state

_SHOWN = 5
"""So many lost items are named in a refusal; `Refused.lost` has all of them."""


@cache
def new_item() -> Mapping[str, Any]:
    """The columns of an item that has no number yet."""
    return {
        "queue": pl.String,
        "id": pl.String,
        "payload": pl.String,
        "priority": pl.Int32,
        "available_at": pl.Datetime("us", "UTC"),
    }


def put(setting: Setting, items: pl.DataFrame) -> list[int | None]:
    """Put items into their queues; their numbers, None for an id that the queue has had.

    Args:
        setting: the transaction.
        items: in the columns of `new_item()`; nulls stand for no id, no payload, priority 0, now.
    """
    now, time = setting.now, new_item()["available_at"]
    make_queues(setting, items["queue"].unique().to_list())
    placed = items.select(
        pl.int_range(pl.len()).alias("place"),
        "queue",
        "id",
        pl.col("payload").fill_null("null"),
        pl.col("priority").fill_null(0),
        enqueued_at=pl.lit(now).cast(time),
        hidden_at=pl.lit(now).cast(time),
        hidden_until=pl.max_horizontal("available_at", pl.lit(now)).cast(time),
        attempts=pl.lit(0, pl.Int32),
    )
    fresh = _without_known_ids(setting, placed)
    numbers = reserve(setting, fresh.height)
    numbered = fresh.with_columns(item=pl.Series(numbers, dtype=pl.Int64))
    setting.database.insert("queue_items", numbered.drop("place"))
    named = numbered.filter(pl.col("id").is_not_null())
    setting.database.insert("queue_ids", named.select("queue", "id", "enqueued_at"))
    setting.news.update(f"queue:{name}" for name in fresh["queue"].unique())
    given: dict[int, int] = dict(numbered.select("place", "item").iter_rows())
    return [given.get(place) for place in range(items.height)]


def _without_known_ids(setting: Setting, placed: pl.DataFrame) -> pl.DataFrame:
    named = placed.filter(pl.col("id").is_not_null())
    if named.is_empty():
        return placed
    first = named.unique(["queue", "id"], keep="first", maintain_order=True)
    known = setting.database.frame(
        "known_ids", first.select("place", "queue", "id"), now=setting.now
    )
    fresh = first.join(known, on="place", how="anti")
    kept = pl.col("id").is_null() | pl.col("place").is_in(fresh["place"].implode())
    return placed.filter(kept)


def make_queues(setting: Setting, names: Sequence[str]) -> None:
    """Make queues that do not exist yet."""
    new = sorted(name for name in names if name not in setting.state.queues)
    rows = [{"queue": name, "created_at": setting.now, **asdict(QueueSettings())} for name in new]
    setting.database.append("queues", rows)
    setting.state.queues.update((name, QueueSettings()) for name in new)


def lease_frame(leases: Sequence[Lease]) -> pl.DataFrame:
    """Leases as the named statements take them."""
    newest = _newest(leases)
    return pl.DataFrame(
        {"item": newest.keys(), "token": newest.values()},
        schema={"item": pl.Int64, "token": pl.Int64},
    )


def among(leases: Sequence[Lease], found: pl.DataFrame) -> list[bool]:
    """Which leases a statement has found, given the items that it found."""
    newest, items = _newest(leases), set(found["item"])
    return [lease.item in items and lease.token == newest[lease.item] for lease in leases]


def _newest(leases: Sequence[Lease]) -> dict[int, int]:
    """Item → token. Of several leases of one item only the newest can be current."""
    return {lease.item: lease.token for lease in sorted(leases, key=lambda lease: lease.token)}


class StagedItems:
    """The family: items that batches enqueue, leases that their commits ack."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._staged: list[StagedState] = []
        self._acked: dict[int, Lease] = {}
        self._given_up: dict[str, list[Lease]] = {}
        """Reason → leases of batches that were given up."""

    def refused(self, commit: Commit) -> Refused | None:
        """A lease is no longer current, or an earlier commit of the group has acked its item."""
        leases = commit.claim.leases
        if not leases:
            return None
        current = self._setting.database.frame("current_leases", lease_frame(leases))
        lost = tuple(
            lease
            for lease, is_current in zip(leases, among(leases, current), strict=True)
            if not is_current or lease.item in self._acked
        )
        if not lost:
            return None
        shown = ", ".join(f"{lease.queue} {lease.item}" for lease in lost[:_SHOWN])
        rest = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        return Refused(
            commit.claim.batch,
            "lease",
            f"{len(leases)} current leases",
            f"{len(lost)} lost: {shown}{rest}",
            lost=lost,
        )

    def take(self, commit: Commit, _snapshot: int) -> None:
        """Remember what is staged and leased; a batch that is given up enqueues nothing, and its
        items become dead letters.
        """
        self._acked.update((lease.item, lease) for lease in commit.claim.leases)
        if commit.skipped is not None:
            self._given_up.setdefault(commit.skipped, []).extend(commit.claim.leases)
            return
        staged = [state for state in commit.state if state.family == "items"]
        self._staged += sorted(staged, key=lambda state: state.order)

    def write(self) -> None:
        """Ack, bury and enqueue, each as one set."""
        setting = self._setting
        for reason, leases in self._given_up.items():
            setting.database.frame(
                "bury_items", lease_frame(leases), now=setting.now, reason=reason
            )
        if self._acked:
            # Those that were buried have lost their token.
            setting.database.frame("ack_items", lease_frame(list(self._acked.values())))
        if self._staged:
            put(setting, pl.concat(read_state(s, setting.root) for s in self._staged))
