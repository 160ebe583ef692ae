"""Deployments: what is to run, and what was applied when and by whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from lyftnb.model.context import NO_CONTEXT
from lyftnb.model.names import deployment_name
from lyftnb.model.plan import Plan

Cause = Literal["apply", "rollback", "gate", "failure"]
"""What a revision came of: an apply, a rollback, or the return from one that its health gate, or a
failure to start, did not let stand."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What belongs to a deployment rather than to the version; kept from revision to revision."""

    groups: Mapping[str, str] = field(default_factory=dict)
    """Step → worker group, in place of the document's."""
    replicas: Mapping[str, int] = field(default_factory=dict)
    """Step → replicas, in place of the document's."""

    def over(self, before: Settings) -> Settings:
        """Those before, with these set."""
        return Settings({**before.groups, **self.groups}, {**before.replicas, **self.replicas})

    def to_document(self) -> dict[str, Any]:
        """They as JSON."""
        return {"groups": dict(self.groups), "replicas": dict(self.replicas)}

    def of_steps(self, steps: Collection[str]) -> Settings:
        """Only those of such steps."""
        return Settings(
            {step: value for step, value in self.groups.items() if step in steps},
            {step: value for step, value in self.replicas.items() if step in steps},
        )


@dataclass(frozen=True, slots=True)
class Pauses:
    """What of a deployment is held back, by hand."""

    whole: bool = False
    stages: Mapping[str, bool] = field(default_factory=dict)
    """Stage → whether it is paused, in place of what the document says."""

    def on(self, plan: Plan) -> Plan:
        """The plan with its stages paused or not."""
        stages = tuple(
            replace(stage, paused=self.whole or self.stages.get(stage.id, stage.paused))
            for stage in plan.stages
        )
        return replace(plan, stages=stages)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a revision has to pass: over its first batches it may do no worse than the one before it
    did over its last ones.
    """

    batches: int
    before: int
    """The revision to go back to."""
    snapshot: int
    """The newest one when it was applied: later batches are its own."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """How a batch went, as far as the gate wants to know."""

    rows: int
    """What its steps took, all together."""
    rejects: int
    failures: int
    """Attempts that failed; one more if it was skipped."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version that was applied in a context, as it is to run now."""

    name: str
    workflow: str
    version: int
    context: str | None
    revision: int
    """Grows by one with each apply, for ever."""
    settings: Settings
    pauses: Pauses
    applied_at: datetime
    applied_by: str
    gate: Gate | None = None
    """What it has yet to pass."""

    @property
    def ref(self) -> str:
        """`WORKFLOW@VERSION`."""
        return f"{self.workflow}@{self.version}"

    @property
    def paused(self) -> str:
        """What was paused by hand, in words; empty if nothing was."""
        held = sorted(stage for stage, paused in self.pauses.stages.items() if paused)
        return "all of it" if self.pauses.whole else ", ".join(held)


@dataclass(frozen=True, slots=True)
class Revision:
    """One apply of a deployment: what was to run from then on."""

    deployment: str
    number: int
    workflow: str
    version: int
    context: str | None
    settings: Settings
    plan: Plan
    """What it was compiled to: this is what runs, however contexts and settings change since."""
    renames: Mapping[str, str]
    """Step → what it was called in the revision before."""
    cause: Cause
    plan_id: str
    changes: tuple[str, ...]
    """What it changed, in words."""
    applied_at: datetime
    applied_by: str

    @property
    def ref(self) -> str:
        """`WORKFLOW@VERSION`."""
        return f"{self.workflow}@{self.version}"


def names_since(revisions: Sequence[Revision], number: int) -> dict[str, str]:
    """Step of a revision → what it is called after the ones that came later, where that differs.

    Args:
        revisions: of one deployment, newest first.
        number: the revision.
    """
    names: dict[str, str] = {}
    for revision in reversed(revisions):
        if revision.number == number:
            names = {job.step: job.step for stage in revision.plan.stages for job in stage.jobs}
        elif revision.number > number:
            new = {before: after for after, before in revision.renames.items()}
            names = {step: new.get(now, now) for step, now in names.items()}
    return {step: now for step, now in names.items() if step != now}


def command_words(ref: str, context: str | None, name: str) -> str:
    """What `lyftnb plan` and `lyftnb apply` are told to mean a deployment: its name, too, unless it
    comes to it by itself whichever context is the default.

    >>> command_words("flights@3", "prod", "flights_prod"), command_words("flights@3", None, "east")
    ('flights@3 --context prod', 'flights@3 --name east')
    """
    words = [ref] if context is None else [ref, "--context", context]
    own = None if context == NO_CONTEXT else context
    if name != deployment_name(ref.partition("@")[0], own):
        words += ["--name", name]
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of desired state: who made it, when, and of what."""

    entry: int
    """Grows by one with each."""
    changed_at: datetime
    who: str
    what: str
    """`publish`, `apply`, `rollback`, `pause`, `resume`, `destroy`, `context set`, …"""
    ref: str
    """What it was done to: a version, a deployment, a context, a secret's name."""
    detail: Mapping[str, Any]


@cache
def _plan() -> TypeAdapter[Plan]:
    """Made when it is first needed: that takes longer than a short command has."""
    return TypeAdapter(Plan)


def plan_document(plan: Plan) -> Any:
    """A compiled plan as JSON, whole: `plan_from` gives it back."""
    return _plan().dump_python(plan, mode="json", by_alias=True)


def plan_from(text: str) -> Plan:
    """The plan of a document's JSON text.

    Raises:
        ValueError: it is none, or was written by a version of this program that is too different.
    """
    return _plan().validate_json(text)
