"""What happens to the positions of inputs: they follow steps, and the names of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lyftnb.model import CheckpointChange, Plan
from lyftnb.planning.deploying.observing import Sides, stages_of

QUEUE = "queue"
"""The input that has leases in place of a position."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """An input with a position, and what it reads."""

    step: str
    input: str
    spool: str | None
    """None: something outside."""
    channel: str | None = None
    """Where it is one of the deployment's own."""

    @property
    def key(self) -> str:
        return f"{self.step}/{self.input}"


def checkpoint_changes(sides: Sides) -> Iterator[CheckpointChange]:
    """One change for each position that there is or will be."""
    old = {reading.key: reading for reading in _readings(sides.before, sides.deployment)}
    taken: set[str] = set()
    for reading in _readings(sides.after, sides.deployment):
        source = f"{sides.old_name(reading.step)}/{reading.input}"
        taken.add(source)
        yield _kept(sides, reading, source, old.get(source))
    # Where nothing was read yet there is no position, but there may be rows that wait.
    waiting = [key for key, reading in old.items() if _unread(sides, key, reading.spool)]
    for key in dict.fromkeys((*sides.observed.positions, *waiting)):
        if key not in taken:
            yield _lost(sides, key, old.get(key))


def _kept(
    sides: Sides, reading: _Reading, source: str, before: _Reading | None
) -> CheckpointChange:
    """The fate of the position behind an input of the new plan."""
    there = source in sides.observed.positions
    unread = _unread(sides, source, reading.spool)
    if not there and before is None:
        now = reading.step in sides.from_now and reading.spool is not None
        why = "with what comes from now on" if now else "from its beginning"
        return CheckpointChange(
            "start", reading.step, reading.input, why, unread=unread if now else None, now=now
        )
    if before is not None and before.spool != reading.spool and there:
        why = f"it read {before.spool}, and reads {reading.spool} from its beginning"
        return CheckpointChange("reset", reading.step, reading.input, why)
    moved = sides.renames.get(reading.step) if there else None
    return CheckpointChange(
        "keep", reading.step, reading.input, moved_from=moved, unread=unread if there else None
    )


def _lost(sides: Sides, key: str, before: _Reading | None) -> CheckpointChange:
    """The fate of a position that no input of the new plan takes over."""
    step, _slash, name = key.partition("/")
    unread = _unread(sides, key, before.spool if before else None)
    if before is not None and before.channel is not None and _flows_on(sides, before):
        why = f"'{before.channel}' stays in memory from now on, so what it holds is read first"
        return CheckpointChange("drain", step, name, why, unread=unread)
    gone = sides.new_name(step) is None
    why = "the step is gone" if gone else f"the step does not read '{name}' any more"
    return CheckpointChange("drop", step, name, why, unread=unread)


def _flows_on(sides: Sides, before: _Reading) -> bool:
    """Whether the step goes on reading the channel, in memory."""
    job = sides.jobs_after.get(sides.new_name(before.step) or "")
    return job is not None and any(
        ref.channel == before.channel
        and ref.deployment is None
        and not ref.table
        and sides.after.channel(ref.channel).transport == "worker"
        for ref in job.inputs
    )


def _unread(sides: Sides, key: str, spool: str | None) -> int | None:
    found = sides.observed.spools.get(spool) if spool is not None else None
    if found is None:
        return None
    return max(0, found.next_seq - int(sides.observed.positions.get(key, {}).get("seq", 0)))


def _readings(plan: Plan | None, deployment: str) -> Iterator[_Reading]:
    for stage in stages_of(plan):
        if stage.source is not None and stage.source.kind != QUEUE:
            yield _Reading(stage.root.step, stage.source.kind, None)
        for stream in stage.streams:
            own = stream.channel if stream.deployment is None else None
            yield _Reading(stage.root.step, stream.name, stream.spool(deployment), own)
