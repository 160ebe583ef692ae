"""How far the consumers of a deployment are behind on the spools that they read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lyftnb.model import JobInput, Plan, Stage
    from lyftnb.store import Ledger


@dataclass(frozen=True, slots=True)
class Lag:
    """What a step has yet to read of a channel."""

    step: str
    channel: str
    rows: int
    bytes: int


def lags_of(ledger: Ledger, plan: Plan) -> tuple[Lag, ...]:
    """The lag of each stage on each spool that makes it due; from memory where it is none."""
    found: list[Lag] = []
    for stage, stream, since, rows in _behind(ledger, plan):
        spool = stream.spool(plan.deployment)
        size = sum(part.bytes for part in ledger.segments(spool, since=since)) if rows else 0
        found.append(Lag(stage.id, stream.channel, rows, size))
    return tuple(found)


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
