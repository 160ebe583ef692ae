"""Fixing a batch: from a piece of input to the claim that every attempt at it runs."""

from __future__ import annotations

from datetime import datetime

from lyftnb.manager.feeds import Piece
from lyftnb.model import Claim, Plan, Schema, Stage, TableRef, digest
from lyftnb.store import Ledger


def make_claim(
    plan: Plan,
    stage: Stage,
    piece: Piece,
    ledger: Ledger,
    *,
    number: int,
    run: str,
    floor: Schema | None,
    now: datetime,
) -> Claim:
    """The first attempt at batch `number` of a stage, its tables fixed at the present snapshot."""
    batch = f"{plan.deployment}/{stage.id}/{number}"
    spools = dict.fromkeys(table.spool(plan.deployment) for table in stage.tables)
    replaced = [channel for channel in stage.spools if plan.channel(channel).replaced]
    return Claim(
        batch=batch,
        attempt=1,
        run=run,
        deployment=plan.deployment,
        stage=stage.id,
        splits=piece.splits,
        advances=piece.advances,
        tables=tuple(TableRef(spool, ledger.segments(spool)) for spool in spools),
        snapshot=ledger.snapshot(),
        now=now,
        seed=int(digest("seed", batch), 16) % 2**31,
        floor=floor,
        replaces=tuple((channel, piece.partitions) for channel in replaced),
    )
