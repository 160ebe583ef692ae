"""What a claim fixes of a stage beside its splits, and whether an old claim still fits."""

from __future__ import annotations

from collections.abc import Mapping

from lyftnb.manager.feeds import Place
from lyftnb.model import Claim, Plan, Stage


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
    if {table.spool for table in claim.tables} != set(table_spools(plan, stage)):
        return "the stage reads other tables now"
    replaced = {channel for channel, _partitions in claim.replaces}
    if claim.frame != stage.frame or replaced != set(replaced_channels(plan, stage)):
        return f"it was cut for frame '{claim.frame}', or for other tables to replace"
    return None


def table_spools(plan: Plan, stage: Stage) -> tuple[str, ...]:
    """The spools that a stage reads whole: its tables, and what its actions keep."""
    tables = (table.spool(plan.deployment) for table in stage.tables)
    states = (f"{plan.deployment}.{state.channel}" for state in stage.states)
    return tuple(dict.fromkeys((*tables, *states)))


def replaced_channels(plan: Plan, stage: Stage) -> tuple[str, ...]:
    """The channels whose content each batch of a stage replaces."""
    return tuple(channel for channel in stage.spools if plan.channel(channel).replaced)
