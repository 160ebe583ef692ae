"""What an apply means for the data that is there already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lyftnb.model import JobChange, StaleHistory
from lyftnb.planning.deploying.fields import PLACING
from lyftnb.planning.deploying.observing import Sides


def stale_history(sides: Sides, jobs: Iterable[JobChange]) -> Iterator[StaleHistory]:
    """The spools with rows that a changed step, or one before it, would make otherwise now."""
    changed = {job.step for job in jobs if _makes_otherwise(job)}
    tainted: dict[str, tuple[str, ...]] = {}
    for stage in sides.after.stages:
        why = [job.step for job in stage.jobs if job.step in changed]
        for ref in (*stage.streams, *stage.tables):
            why += tainted.get(ref.channel, ()) if ref.deployment is None else ()
        if not why:
            continue
        because = tuple(dict.fromkeys(why))
        rows, size = _reads(sides, [ref.spool(sides.deployment) for ref in stage.streams])
        outside = stage.source is not None
        for channel in stage.spools:
            tainted[channel] = because
            held = sides.spool(channel)
            if held.rows:
                yield StaleHistory(
                    channel,
                    held.rows,
                    held.bytes,
                    because,
                    None if outside else rows,
                    None if outside else size,
                )


def _makes_otherwise(job: JobChange) -> bool:
    fields = {diff.path.partition(".")[0].partition("[")[0] for diff in job.fields}
    return job.verb in ("create", "replace") or bool(fields - PLACING - {"emits", "output"})


def _reads(sides: Sides, spools: list[str]) -> tuple[int, int]:
    found = [sides.observed.spools[name] for name in spools if name in sides.observed.spools]
    return sum(spool.rows for spool in found), sum(spool.bytes for spool in found)
