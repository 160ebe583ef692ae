"""What happens to what actions keep from batch to batch: it follows step and action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lyftnb.model import ActionSpec, Job, JobState, StateChange, canonical_json
from lyftnb.planning.deploying.observing import Sides
from lyftnb.planning.graph import state_channel

_NAME_HINT = "an `id` keeps what it has through changes of place"


def state_changes(sides: Sides) -> Iterator[StateChange]:
    """One change for each action that keeps something, or has kept something."""
    yield from _frames(sides)
    yield from _marks(sides)


# -- frames: spools of the deployment's


def _frames(sides: Sides) -> Iterator[StateChange]:
    taken: set[str] = set()
    for step, job in sides.jobs_after.items():
        old = sides.jobs_before.get(sides.old_name(step))
        before = {_name(old, state): state for state in old.states} if old else {}
        for state in job.states:
            name = _name(job, state)
            source = state_channel(sides.old_name(step), name)
            taken |= {source, state.channel}
            yield _frame(sides, step, name, state, source, before.get(name))
    for spool, found in sides.observed.spools.items():
        owner, _dot, channel = spool.partition(".")
        mine = owner == sides.deployment and found.state is not None and found.rows > 0
        if mine and channel not in taken:
            step, _gap, action = channel.removesuffix("_state").rpartition("__")
            yield StateChange("drop", step, action, "frames", _gone(sides, step))


def _frame(
    sides: Sides, step: str, name: str, state: JobState, source: str, before: JobState | None
) -> StateChange:
    held = sides.spool(source)
    if not held.rows:
        return StateChange("start" if before is None else "keep", step, name, "frames")
    moved = sides.renames.get(step)
    if held.state != state.spec.digest:
        why = "it is kept under other windows, keys or columns than it has now"
        return StateChange("reset", step, name, "frames", why, moved)
    if moved is not None and f"{sides.deployment}.{state.channel}" in sides.observed.spools:
        why = f"a step '{step}' has kept something of its own before"
        return StateChange("reset", step, name, "frames", why, moved)
    return StateChange("keep", step, name, "frames", moved_from=moved)


def _name(job: Job, state: JobState) -> str:
    action = job.actions[state.index]
    return action.id or action.kind


# -- marks


def _marks(sides: Sides) -> Iterator[StateChange]:
    taken: set[str] = set()
    for step, job in sides.jobs_after.items():
        source = sides.old_name(step)
        old = _named(sides.jobs_before.get(source))
        for name, action in _named(job).items():
            key = f"{source}/{name}"
            if key not in sides.observed.marks:
                continue
            taken.add(key)
            moved = sides.renames.get(step)
            if name in old and _marking(old[name]) != _marking(action):
                why = "it knows what it saw by another key"
                yield StateChange("reset", step, name, "marks", why, moved)
            else:
                yield StateChange("keep", step, name, "marks", moved_from=moved)
    for key in sorted(sides.observed.marks - taken):
        step, _slash, name = key.partition("/")
        yield StateChange("drop", step, name, "marks", _gone(sides, step))


def _named(job: Job | None) -> Mapping[str, ActionSpec]:
    if job is None:
        return {}
    return {job.action_name(index): action for index, action in enumerate(job.actions)}


def _marking(action: ActionSpec) -> str:
    """What its marks depend on: how long they last may change."""
    params: Any = action.params
    if isinstance(params, dict):
        params = {name: value for name, value in params.items() if name != "ttl"}
    return canonical_json([action.kind, params])


def _gone(sides: Sides, step: str) -> str:
    if sides.new_name(step) is None:
        return "the step is gone"
    return f"the step has no such action any more; {_NAME_HINT}"
