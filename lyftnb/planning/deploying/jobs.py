"""What happens to jobs, channels and schedules."""

from __future__ import annotations

from collections.abc import Iterator

from lyftnb.model import ChannelChange, Job, JobChange, ScheduleChange, Verb
from lyftnb.planning.deploying.fields import OF_STAGES, channel_document, differences, job_document
from lyftnb.planning.deploying.observing import Sides, channels_of
from lyftnb.planning.due import describe_trigger


def job_changes(sides: Sides) -> Iterator[JobChange]:
    """One change for each job, those that stay among them."""
    for step, job in sides.jobs_after.items():
        old = sides.jobs_before.get(sides.old_name(step))
        if old is None or sides.before is None:
            yield JobChange("create", step)
            continue
        before, after = job_document(old, sides.before), job_document(job, sides.after)
        if not before.keys() >= set(OF_STAGES) <= after.keys():
            # It leads a stage on one side only; on the other these are another step's.
            before, after = (
                {k: v for k, v in d.items() if k not in OF_STAGES} for d in (before, after)
            )
        found = tuple(differences(before, after))
        renamed = sides.renames.get(step)
        if not found:
            yield JobChange("keep", step, renamed_from=renamed)
        elif _reads_otherwise(old, job):
            yield JobChange("replace", step, found, renamed)
        else:
            yield JobChange("update", step, found, renamed)
    for step in sides.jobs_before:
        if sides.new_name(step) is None:
            yield JobChange("remove", step)


def _reads_otherwise(old: Job, job: Job) -> bool:
    """Whether it reads from somewhere else: another kind of input, or other channels."""
    kinds = [side.input and side.input.kind for side in (old, job)]
    channels = [{(r.deployment, r.channel) for r in side.inputs} for side in (old, job)]
    return kinds[0] != kinds[1] or channels[0] != channels[1]


def channel_changes(sides: Sides) -> Iterator[ChannelChange]:
    """One change for each channel, those that stay among them."""
    before, after = channels_of(sides.before), channels_of(sides.after)
    for name, channel in after.items():
        rows = sides.spool(name).rows
        if name not in before:
            yield ChannelChange("create", name, channel.transport, rows=rows)
            continue
        old = before[name]
        found = tuple(differences(channel_document(old), channel_document(channel)))
        verb: Verb = "update" if found else "keep"
        if old.transport != channel.transport:
            verb = "replace"
        yield ChannelChange(verb, name, channel.transport, found, rows)
    for name, old in before.items():
        if name not in after:
            yield ChannelChange("remove", name, old.transport, rows=sides.spool(name).rows)


def schedule_changes(sides: Sides) -> Iterator[ScheduleChange]:
    """One change for each step that has triggers, or had some."""
    for step, job in sides.jobs_after.items():
        old = sides.jobs_before.get(sides.old_name(step))
        before, after = _told(old), _told(job)
        same = old is not None and old.triggers == job.triggers
        if before and after:
            yield ScheduleChange("keep" if same else "update", step, before, after)
        elif before or after:
            yield ScheduleChange("create" if after else "remove", step, before, after)
    for step, old in sides.jobs_before.items():
        if sides.new_name(step) is None and old.triggers:
            yield ScheduleChange("remove", step, _told(old))


def _told(job: Job | None) -> str:
    return "; ".join(describe_trigger(trigger) for trigger in job.triggers) if job else ""
