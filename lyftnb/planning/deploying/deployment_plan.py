"""The plan of a deployment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace

from lyftnb.errors import unknown
from lyftnb.model import (
    Change,
    ChannelChange,
    CheckpointChange,
    DeploymentPlan,
    Plan,
    Problem,
    Revision,
    Schema,
    SchemaChange,
    SettingChange,
    Settings,
    StaleHistory,
    StateChange,
    digest,
    worst_first,
)
from lyftnb.planning.deploying.action_states import state_changes
from lyftnb.planning.deploying.checkpoints import checkpoint_changes
from lyftnb.planning.deploying.effects import affected, schema_changes, stale_history
from lyftnb.planning.deploying.explaining import explain_plan
from lyftnb.planning.deploying.jobs import channel_changes, job_changes, schedule_changes
from lyftnb.planning.deploying.observing import Observed, Sides, jobs_of
from lyftnb.planning.deployment_names import NAME_TAKEN, taken
from lyftnb.planning.report import choose


def deploy(
    compiled: Plan,
    *,
    context: str | None = None,
    settings: Settings | None = None,
    renames: Mapping[str, str] | None = None,
    deployed: Revision | None = None,
    observed: Observed | None = None,
    written: Mapping[str, Schema] | None = None,
    from_now: Collection[str] = (),
) -> DeploymentPlan:
    """What it takes to get from what is deployed to this plan.

    Args:
        compiled: what the version compiles to, under the settings.
        context: the name of the context that it was filled from; None: the default one.
        settings: the deployment's.
        renames: step → what it was called before (`renamed_from`).
        deployed: the revision that is to run until now.
        observed: the facts.
        written: channel → the schema of the rows that are written to it, where that is known.
        from_now: steps whose spools are new to them, to be read from now on only.

    Raises:
        NotFound: there is no step to start from now.
    """
    facts, settings = observed or Observed(), settings or Settings()
    before = deployed.plan if deployed else None
    there = {*jobs_of(before), *(key.partition("/")[0] for key in facts.positions)}
    known = {new: old for new, old in (renames or {}).items() if old in there and new not in there}
    sides = Sides(compiled.deployment, before, compiled, known, facts, frozenset(from_now))
    for step in from_now:
        if step not in sides.jobs_after:
            raise unknown("step", step, sides.jobs_after, where=f"workflow {compiled.workflow}")
    changes = tuple(_changes(sides, context, deployed, written or {}))
    problems = worst_first((*compiled.problems, *_problems(sides, changes)))
    based_on = deployed.number if deployed else 0
    made = _digest(compiled, context, settings, based_on, facts, changes)
    plan = DeploymentPlan(
        id=f"{compiled.deployment}-{made[:8]}",
        deployment=compiled.deployment,
        workflow=compiled.workflow,
        version=compiled.version,
        context=context,
        settings=settings,
        based_on=based_on,
        compiled=compiled,
        changes=changes,
        problems=problems,
        digest=made,
        before=before,
    )
    return replace(plan, text=explain_plan(plan))


def _changes(
    sides: Sides,
    context: str | None,
    deployed: Revision | None,
    written: Mapping[str, Schema],
) -> Iterator[Change]:
    """In the order in which people read them."""
    if deployed is not None:
        before = (deployed.ref, deployed.context)
        after = (f"{sides.after.workflow}@{sides.after.version}", context)
        for name, old, new in zip(("version", "context"), before, after, strict=True):
            if old != new:
                yield SettingChange(name, old, new)
    jobs = tuple(job_changes(sides))
    yield from jobs
    yield from channel_changes(sides)
    yield from schedule_changes(sides)
    yield from checkpoint_changes(sides)
    yield from state_changes(sides)
    spools = affected(sides, jobs)
    yield from schema_changes(sides, spools, written)
    yield from stale_history(sides, spools)


def _problems(sides: Sides, changes: tuple[Change, ...]) -> Iterator[Problem]:
    starting = {c.step for c in changes if isinstance(c, CheckpointChange) and c.now}
    for step in sorted(sides.from_now - starting):
        message = f"'{step}' has no spool that is new to it, so it cannot start from now"
        hint = "it goes on from where it stands; an input from outside is read from its beginning"
        yield Problem("not_new", "error", ("steps", step), message, hint)
    owner = sides.observed.owner
    if owner not in (None, sides.after.workflow):
        message, hint = taken(sides.deployment, owner)
        hint = f"choose another name: --name NAME; or {hint}"
        yield Problem(NAME_TAKEN, "error", ("deployment",), message, hint)
    groups = sides.observed.groups
    for step, job in sides.jobs_after.items():
        if groups is not None and not groups.get(job.group):
            there = sorted(name for name, workers in groups.items() if workers)
            message = f"group '{job.group}' has no workers"
            hint = f"{choose(job.group, there)}; or [groups.{job.group}] in lyftnb.toml"
            yield Problem("group_unavailable", "error", ("steps", step, "group"), message, hint)
    kept = {stage.id for stage in sides.after.stages}
    for stage in sorted(sides.observed.open_stages):
        if stage in sides.renames.values():
            message = f"stage '{stage}' has begun a batch with effects outside and not ended it"
            hint = "let it end under its present name, then rename it"
            yield Problem("open_batch", "error", ("steps", stage), message, hint)
        elif stage not in kept:
            message = f"stage '{stage}' has begun a batch with effects outside, and is given up"
            hint = "it may have had these effects already"
            yield Problem("open_batch", "warning", ("steps", stage), message, hint)


def _digest(
    compiled: Plan,
    context: str | None,
    settings: Settings,
    based_on: int,
    facts: Observed,
    changes: tuple[Change, ...],
) -> str:
    """All that makes the plan stale when it changes: estimates of rows and bytes are left out."""
    groups = {job.group for job in jobs_of(compiled).values()}
    there = None if facts.groups is None else {g: bool(facts.groups.get(g)) for g in sorted(groups)}
    lasting = [_lasting(change) for change in changes]
    inputs = {
        "workflow": [compiled.workflow, compiled.version, compiled.digest],
        "deployment": [compiled.deployment, context, settings.groups, settings.replicas, based_on],
        "used": [[v.name, v.value, v.group] for v in compiled.context],
        "groups": there,
        "changes": [item for item in lasting if item is not None],
    }
    return digest("deployment plan", inputs)


def _lasting(change: Change) -> list[object] | None:
    """What of a change does not move while data flows."""
    match change:
        case StaleHistory() | SchemaChange():
            return None
        case CheckpointChange() | StateChange():
            # Whether a position has moved yet is nothing to plan anew for, what is lost of it is.
            moves = change.accept is not None or change.moved_from is not None
            return [change.noun, change.fate, change.key, change.moved_from] if moves else None
        case ChannelChange():
            return [change.noun, change.verb, change.channel]
    return [change.noun, asdict(change)]
