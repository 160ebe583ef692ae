"""A plan as text."""

from __future__ import annotations

from collections.abc import Iterator

from lyftnb.model import Job, Plan, PlannedChannel, Stage, Task
from lyftnb.planning.due import describe_trigger


def describe(plan: Plan) -> str:
    """The plan for a terminal: stages with their tasks and jobs, channels, problems."""
    version = "draft" if plan.version is None else f"@{plan.version}"
    title = plan.workflow + ("" if plan.version is None else version)
    lines = [f"plan of {title} as deployment '{plan.deployment}'"]
    for stage in plan.stages:
        lines += ["", *_stage(stage)]
    lines += ["", "channels", *_channels(plan)]
    if plan.context:
        lines += ["", "context", *_context(plan)]
    if plan.problems:
        lines += ["", "problems", *(f"  {problem}" for problem in plan.problems)]
    return "\n".join(lines) + "\n"


def _context(plan: Plan) -> Iterator[str]:
    """Each variable once; with its groups where they differ."""
    groups: dict[str, list[str]] = {}
    for used in plan.context:
        line = f"  {used.name} = {used.value!r}, from {used.layer}"
        groups.setdefault(line, []).append(used.group)
    names = [used.name for used in plan.context]
    for line, ours in groups.items():
        name = line.strip().partition(" ")[0]
        everywhere = names.count(name) == len(ours)
        yield line if everywhere else f"{line} (group {', '.join(ours)})"


def traits(stage: Stage) -> tuple[str, ...]:
    """What is to be known of a stage, in words."""
    found = [f"frame {stage.frame}"]
    if stage.stateful:
        found.append("one batch at a time")
    if stage.upstream:
        found.append("after " + ", ".join(stage.upstream))
    if stage.external:
        found.append("has effects outside")
    if stage.on_fail == "skip":
        found.append("skips what fails")
    if stage.paused:
        found.append("paused")
    return tuple(found)


def _stage(stage: Stage) -> Iterator[str]:
    yield f"stage {stage.id}: {'; '.join(traits(stage))}"
    for trigger in stage.root.triggers:
        yield f"  fires {describe_trigger(trigger)}"
    for task in stage.tasks:
        yield from _task(task)


def _task(task: Task) -> Iterator[str]:
    replicas = "" if task.replicas is None else f", at most {task.replicas} at a time"
    arrives = f", receives {', '.join(task.receives)}" if task.receives else ""
    yield f"  task {task.id} on group '{task.group}'{replicas}{arrives}"
    for job in task.jobs:
        relay = " (relay)" if job.relay else ""
        yield f"    {job.step}{relay}: {_job(job)}"


def _job(job: Job) -> str:
    reads = [f"input {job.input.kind}"] if job.input else []
    for ref in job.inputs:
        channel = f"{ref.deployment}.{ref.channel}" if ref.deployment else ref.channel
        reads.append(f"{channel} (table)" if ref.table else channel)
    does = [action.kind for action in job.actions]
    if job.dispatch is not None:
        does.append(f"dispatch {job.dispatch.mode}")
    writes = [f"output {job.output.kind}"] if job.output else []
    writes += [channel for _, channel in job.ports]
    writes += [f"message '{emit.tag}' per {emit.per}" for emit in job.emits]
    parts = [" + ".join(reads), " | ".join(does), " + ".join(writes)]
    return " -> ".join(part for part in parts if part)


def _channels(plan: Plan) -> Iterator[str]:
    shown = [c for c in plan.channels if not c.rejects or c.consumers]
    wide = max((len(c.name) for c in shown), default=0)
    for channel in shown:
        yield f"  {channel.name:<{wide}}  {channel.transport:<6}  {_ends(channel)}"
        yield f"  {'':<{wide}}          {channel.reason}"
    yield "  rejects of a step go to the spool STEP_rejects"


def _ends(channel: PlannedChannel) -> str:
    source = channel.producer if channel.port == "out" else f"{channel.producer}.{channel.port}"
    table = " (a table: its content is replaced)" if channel.replaced else ""
    return f"{source} -> {', '.join(channel.consumers) or 'queries'}{table}"
