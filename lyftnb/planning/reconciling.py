"""Reconcile: what is to run against what is there. Facts in; what to do, what to tell, and how each
deployment stands out.

Pure and without memory: the same facts give the same answer, so it may be asked as often as one
likes, and after whatever was done by hand. What can be healed is a change; the rest are issues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lyftnb.model import Deployment, Issue, IssueDraft, Plan, command_words, secrets_of_plan

CONTEXT_DRIFTED = "context_drifted"
SECRET_MISSING = "secret_missing"
SEGMENTS_DAMAGED = "segments_damaged"
GROUP_SHORT = "group_short"
CODES = (CONTEXT_DRIFTED, SECRET_MISSING, SEGMENTS_DAMAGED, GROUP_SHORT)
"""Codes of the issues that are raised, and closed, by what is found here."""

Sync = Literal["synced", "drifted"]
Health = Literal["healthy", "progressing", "degraded", "paused"]


@dataclass(frozen=True, slots=True)
class Desired:
    """A deployment that is applied."""

    deployment: Deployment
    plan: Plan
    """What is to run, paused where it is held."""


@dataclass(frozen=True, slots=True)
class Actual:
    """What there is."""

    running: Mapping[str, Plan] = field(default_factory=dict)
    """Deployment → what runs of it."""
    managed: frozenset[str] = frozenset()
    """Those among them that were started because they were applied."""
    set_aside: Mapping[str, str] = field(default_factory=dict)
    """Deployment → why the manager does not look at it any more."""
    slots: Mapping[str, int] | None = None
    """Group → slots, as far as a cluster is up."""
    drifts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Deployment → what planning it again, in its context as it is now, would change."""
    secrets: frozenset[str] = frozenset()
    """Names of those that there are."""
    damaged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Spool → what is wrong with its segments, in words."""
    issues: tuple[Issue, ...] = ()
    """Those that are open."""
    lags: Mapping[str, int] = field(default_factory=dict)
    """Deployment → rows that wait in spools for a stage of it."""
    busy: frozenset[str] = frozenset()
    """Deployments with batches in flight."""

    def with_facts(
        self,
        drifts: Mapping[str, tuple[str, ...]],
        damaged: Mapping[str, tuple[str, ...]],
        issues: tuple[Issue, ...],
        lags: Mapping[str, int],
    ) -> Actual:
        """What the ledger knows beside it."""
        return replace(self, drifts=drifts, damaged=damaged, issues=issues, lags=lags)


@dataclass(frozen=True, slots=True)
class StartDeployment:
    """It is applied, and does not run."""

    deployment: str
    why: str


@dataclass(frozen=True, slots=True)
class SwitchDeployment:
    """Something else of it runs than what is applied."""

    deployment: str
    why: str


@dataclass(frozen=True, slots=True)
class StopDeployment:
    """It runs because it was applied, and is not applied any more."""

    deployment: str
    why: str


Remedy = StartDeployment | SwitchDeployment | StopDeployment


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """How a deployment stands: whether what there is is what is desired, and whether it works."""

    name: str
    ref: str
    """`WORKFLOW@VERSION`."""
    context: str | None
    revision: int
    sync: Sync
    sync_reason: str
    health: Health
    health_reason: str
    lag_rows: int
    """Rows that wait in spools for a stage of it."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The answer."""

    remedies: tuple[Remedy, ...]
    issues: tuple[IssueDraft, ...]
    """All that stand now: others of `CODES` that are open are over."""
    statuses: tuple[DeploymentStatus, ...]


def reconcile(desired: tuple[Desired, ...], actual: Actual) -> Findings:
    """Hold what is there against what is to run."""
    remedies = tuple(_remedies(desired, actual))
    issues = tuple(_issues(desired, actual))
    broken = {remedy.deployment: remedy.why for remedy in remedies}
    statuses = tuple(_status(one, actual, broken.get(one.deployment.name)) for one in desired)
    return Findings(remedies, issues, statuses)


# -- what to do


def _remedies(desired: tuple[Desired, ...], actual: Actual) -> Iterator[Remedy]:
    names = {one.deployment.name for one in desired}
    for name in sorted(actual.managed & actual.running.keys() - names):
        yield StopDeployment(name, "it is not applied any more")
    for one in desired:
        name = one.deployment.name
        if name in actual.set_aside:
            yield StartDeployment(name, f"its turn failed: {actual.set_aside[name]}")
        elif name not in actual.running:
            yield StartDeployment(name, "it does not run")
        elif (why := _difference(one.plan, actual.running[name])) is not None:
            yield SwitchDeployment(name, why)


def _difference(desired: Plan, running: Plan) -> str | None:
    """What is different about what runs, if anything is."""
    if desired == running:
        return None
    if desired.version != running.version:
        return f"version {running.version} runs, and version {desired.version} is applied"
    held = {stage.id for stage in desired.stages if stage.paused}
    holds = {stage.id for stage in running.stages if stage.paused}
    if held != holds:
        words = [f"{stage} is to be paused" for stage in sorted(held - holds)]
        words += [f"{stage} is not to be paused" for stage in sorted(holds - held)]
        return ", ".join(words)
    return "another revision runs than the one that is applied"


# -- what to tell


def _issues(desired: tuple[Desired, ...], actual: Actual) -> Iterator[IssueDraft]:
    for one in desired:
        yield from _of_deployment(one, actual)
    for spool, damages in sorted(actual.damaged.items()):
        more = f" (and {len(damages) - 1} more)" if len(damages) > 1 else ""
        yield IssueDraft(
            SEGMENTS_DAMAGED,
            spool,
            f"{damages[0]}{more}",
            hint=f"see all of it, and what to do: lyftnb spool verify {spool}",
            facts={"segments": len(damages)},
        )
    yield from _short_groups(desired, actual)


def _of_deployment(one: Desired, actual: Actual) -> Iterator[IssueDraft]:
    name = one.deployment.name
    drifts = actual.drifts.get(name, ())
    if drifts:
        yield IssueDraft(
            CONTEXT_DRIFTED,
            name,
            f"its variables have changed since it was applied: {'; '.join(drifts)}",
            "warning",
            hint="look at it, and apply: lyftnb plan "
            + command_words(one.deployment.ref, one.deployment.context, name),
        )
    for secret in sorted(secrets_of_plan(one.plan) - actual.secrets):
        yield IssueDraft(
            SECRET_MISSING,
            name,
            f"the secret {secret}, which it needs, is not there any more",
            hint=f"set it: lyftnb secret set {secret}",
        )


def _short_groups(desired: tuple[Desired, ...], actual: Actual) -> Iterator[IssueDraft]:
    """Groups with some workers, but fewer than the replicas that a step asks for."""
    if actual.slots is None:
        return
    asked: Counter[str] = Counter()
    for one in desired:
        for stage in one.plan.stages:
            for job in stage.jobs:
                asked[job.group] = max(asked[job.group], job.replicas or 1)
    for group, replicas in sorted(asked.items()):
        slots = actual.slots.get(group, 0)
        if 0 < slots < replicas:
            yield IssueDraft(
                GROUP_SHORT,
                group,
                f"worker group '{group}' has {slots} workers, and a step asks for {replicas} "
                "replicas",
                "warning",
                hint=f"more workers in lyftnb.toml under [groups.{group}], or fewer replicas",
            )


# -- how it stands


def _status(one: Desired, actual: Actual, broken: str | None) -> DeploymentStatus:
    deployment = one.deployment
    drifts = actual.drifts.get(deployment.name, ())
    sync: Sync = "synced"
    reason = f"revision {deployment.revision} runs"
    if broken is not None:
        sync, reason = "drifted", broken
    elif drifts:
        sync, reason = "drifted", f"its variables have changed: {'; '.join(drifts)}"
    health, why = _health(one, actual, broken)
    return DeploymentStatus(
        deployment.name,
        deployment.ref,
        deployment.context,
        deployment.revision,
        sync,
        reason,
        health,
        why,
        actual.lags.get(deployment.name, 0),
    )


def _health(one: Desired, actual: Actual, broken: str | None) -> tuple[Health, str]:
    name = one.deployment.name
    troubles = [
        issue
        for issue in actual.issues
        if issue.severity == "error" and _is_within(issue.place, one)
    ]
    if troubles:
        more = f" (and {len(troubles) - 1} more issues)" if len(troubles) > 1 else ""
        return "degraded", f"{troubles[0].place}: {troubles[0].cause}{more}"
    if all(stage.paused for stage in one.plan.stages):
        return "paused", "all of it is paused"
    if broken is not None:
        return "progressing", "it is being brought to what is applied"
    if name in actual.busy:
        return "progressing", "batches are under way"
    return "healthy", "it has done what there was to do"


def _is_within(place: str, one: Desired) -> bool:
    """Whether an issue's place is a deployment, a part of it, one of its spools or its groups."""
    name = one.deployment.name
    return place == name or place.startswith((f"{name}/", f"{name}."))
