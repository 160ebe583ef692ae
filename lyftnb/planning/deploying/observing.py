"""What planning a deployment is told of the world, and the two sides that it compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lyftnb.model import Job, Plan, PlannedChannel, Schema, Stage


@dataclass(frozen=True, slots=True)
class ObservedSpool:
    """A spool as it stands."""

    rows: int = 0
    bytes: int = 0
    next_seq: int = 0
    schema: Schema | None = None
    state: str | None = None
    """Of one that holds what an action keeps: the digest of what that depends on."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The facts about one deployment."""

    positions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`STEP/INPUT` → the items of its position; those without items are left out."""
    spools: Mapping[str, ObservedSpool] = field(default_factory=dict)
    """By full name, those of other deployments too."""
    marks: frozenset[str] = frozenset()
    """`STEP/ACTION` of actions that have marked what they saw."""
    open_stages: frozenset[str] = frozenset()
    """Stages with a batch that was begun, has effects outside, and is not over."""
    owner: str | None = None
    """The workflow that the deployment's name belongs to; None: nobody's."""
    groups: Mapping[str, int] | None = None
    """Worker group → workers; None: not known, all are taken to be there."""


@dataclass(frozen=True)
class Sides:
    """What is deployed and what is asked for, side by side."""

    deployment: str
    before: Plan | None
    after: Plan
    renames: Mapping[str, str]
    """Step → what it was called; only those that were there."""
    observed: Observed
    from_now: frozenset[str] = frozenset()
    """Steps that are to start behind the rows that are there."""

    @cached_property
    def jobs_before(self) -> dict[str, Job]:
        """By step."""
        return jobs_of(self.before)

    @cached_property
    def jobs_after(self) -> dict[str, Job]:
        """By step."""
        return jobs_of(self.after)

    def old_name(self, step: str) -> str:
        """What a step was called before."""
        return self.renames.get(step, step)

    def new_name(self, step: str) -> str | None:
        """What a step of before is called now; None if it is gone."""
        for new, old in self.renames.items():
            if old == step:
                return new
        return step if step in self.jobs_after else None

    def spool(self, channel: str) -> ObservedSpool:
        """A spool of the deployment; one without rows where there is none yet."""
        return self.observed.spools.get(f"{self.deployment}.{channel}", ObservedSpool())


def jobs_of(plan: Plan | None) -> dict[str, Job]:
    """The jobs of a plan by step."""
    return {job.step: job for stage in stages_of(plan) for job in stage.jobs}


def stages_of(plan: Plan | None) -> tuple[Stage, ...]:
    """The stages of a plan, none where there is none."""
    return plan.stages if plan is not None else ()


def channels_of(plan: Plan | None) -> dict[str, PlannedChannel]:
    """The channels of a plan by name; without those of rejects, which every step has."""
    return {c.name: c for c in plan.channels if not c.rejects} if plan is not None else {}
