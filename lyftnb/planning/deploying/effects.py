"""What an apply means for the data that is there already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lyftnb.model import NULL, JobChange, Schema, SchemaChange, Stage, StaleHistory
from lyftnb.planning.deploying.fields import PLACING
from lyftnb.planning.deploying.observing import Sides


@dataclass(frozen=True, slots=True)
class Affected:
    """A spool whose rows a changed step, or one before it, makes otherwise from now on."""

    channel: str
    stage: Stage
    because: tuple[str, ...]
    """The steps that have changed."""


def affected(sides: Sides, jobs: Iterable[JobChange]) -> tuple[Affected, ...]:
    """All of them, in the order of the stages."""
    changed = {job.step for job in jobs if _makes_otherwise(job)}
    found: dict[str, Affected] = {}
    for stage in sides.after.stages:
        why = [job.step for job in stage.jobs if job.step in changed]
        for ref in (*stage.streams, *stage.tables):
            if ref.deployment is None and ref.channel in found:
                why += found[ref.channel].because
        if why:
            because = tuple(dict.fromkeys(why))
            found |= {channel: Affected(channel, stage, because) for channel in stage.spools}
    return tuple(found.values())


def schema_changes(
    sides: Sides, spools: Iterable[Affected], written: Mapping[str, Schema]
) -> Iterator[SchemaChange]:
    """The columns that new rows have otherwise than those that are there."""
    for spool in spools:
        present, new = sides.spool(spool.channel).schema, written.get(spool.channel)
        if not present or not new:
            continue
        was, will = present.to_mapping(), new.to_mapping()
        for column in dict.fromkeys((*was, *will)):
            before, after = was.get(column), will.get(column)
            if before != after and NULL not in (before, after):
                yield SchemaChange(spool.channel, column, before, after)


def stale_history(sides: Sides, spools: Iterable[Affected]) -> Iterator[StaleHistory]:
    """The rows that are there and would be made otherwise now."""
    for spool in spools:
        held = sides.spool(spool.channel)
        if not held.rows:
            continue
        stage = spool.stage
        outside = stage.source is not None
        rows, size = _reads(sides, [ref.spool(sides.deployment) for ref in stage.streams])
        yield StaleHistory(
            spool.channel,
            held.rows,
            held.bytes,
            spool.because if sides.before is not None else (),
            None if outside else rows,
            None if outside else size,
        )


def _makes_otherwise(job: JobChange) -> bool:
    fields = {diff.path.partition(".")[0].partition("[")[0] for diff in job.fields}
    return job.verb in ("create", "replace") or bool(fields - PLACING - {"emits", "output"})


def _reads(sides: Sides, spools: list[str]) -> tuple[int, int]:
    found = [sides.observed.spools[name] for name in spools if name in sides.observed.spools]
    return sum(spool.rows for spool in found), sum(spool.bytes for spool in found)
