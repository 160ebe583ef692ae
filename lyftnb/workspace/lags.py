"""How far the consumers of a deployment are behind on the spools that they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lyftnb.model import Plan
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
    positions = ledger.positions(plan.deployment)
    for stage in plan.stages:
        for stream in stage.streams:
            spool = stream.spool(plan.deployment)
            seq = int(positions.get(f"{stage.id}/{stream.name}", {}).get("seq", 0))
            rows = max(ledger.next_seq(spool) - seq, 0)
            size = sum(part.bytes for part in ledger.segments(spool, since=seq)) if rows else 0
            found.append(Lag(stage.id, stream.channel, rows, size))
    return tuple(found)
