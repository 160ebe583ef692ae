"""Run the passes: to validate a document, or to compile it to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lyftnb.errors import InvalidWorkflow
from lyftnb.model import (
    Job,
    JobInput,
    Plan,
    Problem,
    RetrySpec,
    Schema,
    Stage,
    WorkflowSpec,
    has_errors,
    workflow_digest,
    worst_first,
)
from lyftnb.planning.checker import Checker
from lyftnb.planning.contexts import ContextLayers
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import Graph
from lyftnb.planning.passes import BACK, FRONT, Pass
from lyftnb.planning.passes.expand import expand
from lyftnb.planning.passes.normalise import normalise
from lyftnb.planning.passes.relay import relay
from lyftnb.planning.rules.schemas import Flowing, flowing, written_schemas


def validate(
    spec: WorkflowSpec,
    checker: Checker,
    known: Mapping[str, Schema] | None = None,
    context: ContextLayers | None = None,
    secrets: frozenset[str] | None = None,
    deployment: str | None = None,
) -> tuple[Problem, ...]:
    """Everything that is wrong, doubtful or worth knowing, worst first.

    Args:
        spec: the document.
        checker: answers about kinds, parameters, expressions and types.
        known: `DEPLOYMENT.CHANNEL` → the schema that the spool has now.
        context: the layers that are stronger than the workflow's own values.
        secrets: the secrets that there are; None where they are not known.
        deployment: what it runs as: the one whose spools are its own.
    """
    layers = context or ContextLayers()
    setting = Setting(checker, deployment, context=layers, secrets=secrets, known=known or {})
    return worst_first(_run(FRONT, Draft(spec, Graph.of(spec)), setting).problems)


def plan(
    spec: WorkflowSpec,
    *,
    deployment: str,
    version: int | None,
    checker: Checker,
    context: ContextLayers | None = None,
    groups: Mapping[str, int] | None = None,
    known: Mapping[str, Schema] | None = None,
    secrets: frozenset[str] | None = None,
) -> Plan:
    """Compile a document to a plan. Warnings and notes come with it as `plan.problems`.

    Args:
        spec: the document.
        deployment: the name of the deployment that the plan is for.
        version: the published version; None for a draft.
        checker: as for `validate`.
        context: as for `validate`.
        groups: worker group → slots; None where the cluster is not known.
        known: as for `validate`.
        secrets: as for `validate`.

    Raises:
        InvalidWorkflow: the document has errors; all of them are listed.
        GroupUnavailable: a step asks for a group that has no workers.
    """
    layers = context or ContextLayers()
    setting = Setting(checker, deployment, True, layers, groups, secrets, known or {})
    draft = _run(FRONT, Draft(spec, Graph.of(spec)), setting)
    problems = worst_first(draft.problems)
    if has_errors(problems):
        raise invalid(spec.workflow, problems)
    draft = _run(BACK, draft, setting)
    return Plan(
        deployment=deployment,
        workflow=spec.workflow,
        version=version,
        digest=workflow_digest(spec),
        channels=tuple(draft.channels.values()),
        stages=tuple(_stage(root, draft, setting) for root in draft.stages),
        problems=problems,
        context=draft.context,
    )


def written(
    spec: WorkflowSpec,
    checker: Checker,
    context: ContextLayers | None = None,
    known: Mapping[str, Schema] | None = None,
) -> dict[str, Schema]:
    """Channel → the schema of the rows that are written to it, as far as that can be told without
    the data; arguments as for `validate`, `known` without the document's own channels.
    """
    setting = Setting(checker, context=context or ContextLayers(), known=known or {})
    return written_schemas(_run(FRONT, Draft(spec, Graph.of(spec)), setting), setting)


def filled(
    spec: WorkflowSpec, checker: Checker, context: ContextLayers | None = None
) -> WorkflowSpec:
    """The document, which may be wrong, with `{{name}}` filled in as far as there are values;
    arguments as for `validate`.
    """
    setting = Setting(checker, context=context or ContextLayers())
    return expand(Draft(spec, Graph.of(spec)), setting).spec


def columns(
    spec: WorkflowSpec,
    checker: Checker,
    deployment: str | None = None,
    context: ContextLayers | None = None,
    known: Mapping[str, Schema] | None = None,
    seen: Mapping[str, Schema] | None = None,
) -> Flowing:
    """Which columns are known where in a document, which may be wrong.

    Args:
        spec: the document.
        checker: as for `validate`.
        deployment: as for `validate`.
        context: as for `validate`.
        known: as for `validate`.
        seen: step → the columns that its outside input was seen to have.
    """
    layers = context or ContextLayers()
    setting = Setting(checker, deployment, context=layers, known=known or {})
    draft = Draft(spec, Graph.of(spec))
    for step in (expand, relay, normalise):
        draft = step(draft, setting)
    return flowing(draft, setting, seen)


def invalid(workflow: str, problems: Sequence[Problem]) -> InvalidWorkflow:
    """The error for a wrong document: its text lists the errors, `problems` holds all."""
    errors = [problem for problem in problems if problem.severity == "error"]
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    lines = "".join(f"\n  {problem}" for problem in errors)
    return InvalidWorkflow(f"workflow '{workflow}' has {count}:{lines}", problems=tuple(problems))


def _run(passes: Sequence[Pass], draft: Draft, setting: Setting) -> Draft:
    for step in passes:
        draft = step(draft, setting)
    return draft


def _stage(root: str, draft: Draft, setting: Setting) -> Stage:
    jobs = draft.stages[root]
    step = draft.spec.steps[root]
    return Stage(
        id=root,
        tasks=draft.tasks[root],
        frame=jobs[0].frame,
        source=jobs[0].input,
        streams=tuple(ref for ref in jobs[0].inputs if not ref.table),
        tables=_tables(jobs),
        spools=tuple(
            channel
            for job in jobs
            for _, channel in job.ports
            if draft.channels[channel].transport == "spool"
        ),
        upstream=draft.upstream[root],
        retry=step.retry or RetrySpec(),
        on_fail=step.on_fail,
        paused=step.paused,
        external=any(
            job.output is not None and setting.checker.external(job.output.kind) for job in jobs
        ),
    )


def _tables(jobs: Sequence[Job]) -> tuple[JobInput, ...]:
    return tuple(dict.fromkeys(ref for job in jobs for ref in job.inputs if ref.table))
