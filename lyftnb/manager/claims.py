"""Fixing a batch: from a piece of input to the claim that every attempt at it runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lyftnb.manager.feeds import Piece, Place
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
    fired_at: datetime,
) -> Claim:
    """The first attempt at batch `number` of a stage, its tables fixed at the present snapshot."""
    batch = f"{plan.deployment}/{stage.id}/{number}"
    return Claim(
        batch=batch,
        attempt=1,
        run=run,
        deployment=plan.deployment,
        stage=stage.id,
        splits=piece.splits,
        advances=piece.advances,
        tables=tuple(TableRef(spool, ledger.segments(spool)) for spool in _tables(plan, stage)),
        snapshot=ledger.snapshot(),
        now=now,
        seed=int(digest("seed", batch), 16) % 2**31,
        floor=floor,
        replaces=tuple((channel, piece.partitions) for channel in _replaced(plan, stage)),
        fired_at=fired_at,
        frame=stage.frame,
    )


def misfit(claim: Claim, plan: Plan, stage: Stage, places: Mapping[str, Place]) -> str | None:
    """Why an open claim cannot be carried out by the stage as it is now; None if it can.

    The workflow may have been edited since the claim was made. What a batch reads, and where that
    leaves its inputs, must still be what the stage reads; its actions and outputs may differ.
    """
    if unknown := {split.input for split in claim.splits} - places.keys():
        return f"it reads '{min(unknown)}', which the stage reads no more"
    by_key = {place.key: place for place in places.values()}
    for advance in claim.advances:
        place = by_key.get(advance.input)
        if place is None or place.version != advance.expected:
            return f"input {advance.input} stands elsewhere by now"
    if {table.spool for table in claim.tables} != set(_tables(plan, stage)):
        return "the stage reads other tables now"
    replaced = {channel for channel, _partitions in claim.replaces}
    if claim.frame != stage.frame or replaced != set(_replaced(plan, stage)):
        return f"it was cut for frame '{claim.frame}', or for other tables to replace"
    return None


def _tables(plan: Plan, stage: Stage) -> tuple[str, ...]:
    """The spools that a stage reads whole."""
    return tuple(dict.fromkeys(table.spool(plan.deployment) for table in stage.tables))


def _replaced(plan: Plan, stage: Stage) -> tuple[str, ...]:
    """The channels whose content each batch of a stage replaces."""
    return tuple(channel for channel in stage.spools if plan.channel(channel).replaced)
