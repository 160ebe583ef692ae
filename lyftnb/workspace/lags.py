"""How far the consumers of deployments are behind on the spools that they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lyftnb.store.records import NO_BACKLOG

if TYPE_CHECKING:
    from datetime import datetime

    from lyftnb.model import JobInput, Plan, Stage
    from lyftnb.store import Ledger


@dataclass(frozen=True, slots=True)
class Lag:
    """What a step has yet to read of a channel."""

    deployment: str
    step: str
    channel: str
    rows: int
    bytes: int
    age_s: float
    """For how long the first of these rows has been there; 0 where there is none."""


def lags_of(ledger: Ledger, plans: Iterable[Plan], now: datetime) -> tuple[Lag, ...]:
    """The lag of each stage on each spool that makes it due; from memory where there is none."""
    behind = [(plan, *found) for plan in plans for found in _behind(ledger, plan)]
    waiting = [(stream.spool(plan.deployment), since) for plan, _, stream, since, n in behind if n]
    backlogs = dict(zip(waiting, ledger.backlogs(waiting), strict=True))
    lags: list[Lag] = []
    for plan, stage, stream, since, rows in behind:
        backlog = backlogs.get((stream.spool(plan.deployment), since), NO_BACKLOG)
        age_s = 0.0 if backlog.since is None else max(0.0, (now - backlog.since).total_seconds())
        lags.append(Lag(plan.deployment, stage.id, stream.channel, rows, backlog.bytes, age_s))
    return tuple(lags)


def rows_behind(ledger: Ledger, plan: Plan) -> int:
    """The rows of all these lags together."""
    return sum(rows for _stage, _stream, _since, rows in _behind(ledger, plan))


def _behind(ledger: Ledger, plan: Plan) -> Iterator[tuple[Stage, JobInput, int, int]]:
    """Each stage and spool, with the position and the rows that wait behind it."""
    positions = ledger.positions(plan.deployment)
    for stage in plan.stages:
        for stream in stage.streams:
            since = int(positions.get(f"{stage.id}/{stream.name}", {}).get("seq", 0))
            rows = max(ledger.next_seq(stream.spool(plan.deployment)) - since, 0)
            yield stage, stream, since, rows
