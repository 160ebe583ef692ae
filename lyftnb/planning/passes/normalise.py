"""Steps become jobs: surface forms resolved, defaults filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lyftnb.model import (
    DEFAULT_GROUP,
    Frame,
    InputSpec,
    Job,
    JobInput,
    JobState,
    Path,
    StepSpec,
    StreamIn,
    is_name,
)
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import state_channel
from lyftnb.planning.report import Report, choose

SPOOL_INPUT = "spool"
"""The input kind that reads a channel of another deployment; planning's own."""
_SPOOL_KEYS = ("deployment", "channel")


def normalise(draft: Draft, setting: Setting) -> Draft:
    """Make a job of every step that can run; steps with a notebook or a block have none yet."""
    report = Report()
    kinds = frozenset(setting.checker.action_kinds())
    jobs: dict[str, Job] = {}
    for name in draft.graph.order:
        step = draft.spec.steps[name]
        if step.notebook is not None or step.uses is not None:
            continue
        actions = [a for a in step.actions if a.kind in kinds]
        rowwise = all(setting.checker.rowwise(a) for a in actions)
        foreign = _foreign(name, step.input, setting.deployment, report)
        own = tuple(_job_input(k, ref) for k, ref in draft.graph.inputs[name].items())
        outside = step.input is not None and step.input.kind != SPOOL_INPUT
        jobs[name] = Job(
            step=name,
            input=step.input if outside else None,
            inputs=(*own, *foreign),
            named_inputs=step.named_inputs,
            actions=step.actions,
            output=step.output,
            ports=tuple(draft.graph.ports[name].items()),
            dispatch=step.dispatch,
            frame=_frame(step, rowwise),
            rowwise=rowwise,
            stateful=any(setting.checker.stateful(a) for a in actions),
            states=_states(name, step, kinds, setting),
            group=step.group or DEFAULT_GROUP,
            replicas=step.replicas,
            on_error=step.on_error,
            emits=step.emit,
            triggers=step.triggers,
            relay=name in draft.relays,
        )
    return replace(draft, jobs=jobs).with_problems(report.problems)


def _states(
    name: str, step: StepSpec, kinds: frozenset[str], setting: Setting
) -> tuple[JobState, ...]:
    """The frames that actions keep, each under the action's id, else under its kind."""
    found: list[JobState] = []
    for index, action in enumerate(step.actions):
        spec = setting.checker.state(action) if action.kind in kinds else None
        if spec is not None:
            found.append(JobState(index, state_channel(name, action.id or action.kind), spec))
    return tuple(found)


def _frame(step: StepSpec, rowwise: bool) -> Frame:
    return step.frame or ("batch" if rowwise else "run")


def _job_input(name: str, ref: StreamIn) -> JobInput:
    key = (ref.key,) if isinstance(ref.key, str) else (ref.key or ())
    return JobInput(name, ref.channel, table=ref.as_ == "table", key=key)


def _foreign(
    step: str, spec: InputSpec | None, deployment: str | None, report: Report
) -> tuple[JobInput, ...]:
    """The channel of another deployment that `input: {spool: …}` names."""
    if spec is None or spec.kind != SPOOL_INPUT:
        return ()
    path = ("steps", step, "input", SPOOL_INPUT)
    names = _spool_names(spec.params, path, report)
    if names is None:
        return ()
    owner, channel = names
    if owner == deployment:
        report.error(
            (*path, "deployment"),
            "own_channel",
            f"'{owner}' is this deployment itself",
            f"write `in: {channel}`",
        )
        return ()
    return (JobInput(channel, channel, deployment=owner),)


def _spool_names(params: Any, path: Path, report: Report) -> tuple[str, str] | None:
    form = "write `spool: {deployment: NAME, channel: NAME}`"
    if not isinstance(params, dict):
        report.error(path, "bad_spool", "expected a deployment and a channel", form)
        return None
    before = len(report.problems)
    for key in params:
        if key not in _SPOOL_KEYS:
            hint = choose(str(key), _SPOOL_KEYS)
            report.error((*path, key), "unknown_key", f"unknown key '{key}'", hint)
    for key in _SPOOL_KEYS:
        value = params.get(key)
        if not isinstance(value, str) or not is_name(value):
            problem = "is missing" if value is None else f"must be a name, found {value!r}"
            report.error((*path, key), "bad_spool", f"'{key}' {problem}", form)
    if len(report.problems) > before:
        return None
    return params["deployment"], params["channel"]
