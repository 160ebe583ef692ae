"""Pairs of workflows, and what an apply does to facts, for plans of deployments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from lyftnb.model import (
    CheckpointChange,
    DeploymentPlan,
    Plan,
    Revision,
    Settings,
    StateChange,
    WorkflowSpec,
)
from lyftnb.planning.deploying import Observed, ObservedSpool, deploy
from tests.unit.planning.planning_kit import planned, spec_of

STEPS = ("a", "b", "c", "d")


def revision_of(plan: Plan, number: int = 1) -> Revision:
    """A revision that this plan was applied as."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    return Revision(
        "w", number, "w", 1, None, Settings(), plan, {}, "apply", "w-00000000", (), now, ""
    )


def deployment_plan(
    after: WorkflowSpec, before: WorkflowSpec | None, observed: Observed, **more: Any
) -> DeploymentPlan:
    """The plan from one workflow to the other."""
    renames = {n: s.renamed_from for n, s in after.steps.items() if s.renamed_from is not None}
    deployed = revision_of(planned(before)) if before is not None else None
    return deploy(planned(after), renames=renames, deployed=deployed, observed=observed, **more)


def golden_plan(file: Path) -> DeploymentPlan:
    """The plan of a golden case: workflows before and after, and what is observed."""
    case = yaml.safe_load(file.read_text())
    before = spec_of(**case["before"]) if "before" in case else None
    found = case.get("observed", {})
    observed = Observed(
        positions=found.get("positions", {}),
        spools={name: ObservedSpool(**spool) for name, spool in found.get("spools", {}).items()},
        marks=frozenset(found.get("marks", ())),
        open_stages=frozenset(found.get("open_stages", ())),
        groups=case.get("groups"),
    )
    return deployment_plan(spec_of(**case["after"]), before, observed)


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    """A chain of steps: any of few names, cut by spools or not, with and without state."""
    names = draw(st.permutations(STEPS))[: draw(st.integers(2, 4))]
    steps: dict[str, Any] = {names[0]: {"input": {"files": draw(st.sampled_from("xy"))}}}
    for before, name in pairwise(names):
        channel = f"from_{draw(st.sampled_from(STEPS))}" if draw(st.booleans()) else f"c_{before}"
        if any(step.get("out") == channel for step in steps.values()):
            channel = f"c_{before}"
        steps[before]["out"] = channel
        steps[name] = {"in": channel}
        if draw(st.booleans()):
            key = draw(st.sampled_from(("k", "l")))
            steps[name]["actions"] = [{"dedupe": key, "id": "once"}]
        gone = [other for other in STEPS if other not in names]
        if gone and draw(st.booleans()):
            steps[name]["renamed_from"] = draw(st.sampled_from(gone))
    steps[names[-1]]["output"] = {"print": 1}
    renamed = [step.get("renamed_from") for step in steps.values() if "renamed_from" in step]
    if len(set(renamed)) < len(renamed):
        for step in steps.values():
            step.pop("renamed_from", None)
    kinds = st.sampled_from(("spool", "worker", None))
    channels = {step["out"]: {"transport": draw(kinds)} for step in steps.values() if "out" in step}
    return {"steps": steps, "channels": {c: s for c, s in channels.items() if s["transport"]}}


def positions_of(plan: Plan, there: Callable[[Any], Any]) -> dict[str, dict[str, Any]]:
    """Positions of the inputs of a plan, of those that `there` lets have one."""
    keys = [
        f"{stage.root.step}/{name}"
        for stage in plan.stages
        for name in (
            *([stage.source.kind] if stage.source else []),
            *(stream.name for stream in stage.streams),
        )
    ]
    return {key: {"seq": 1} for key in keys if there(st.booleans())}


def after_apply(plan: DeploymentPlan, before: Observed) -> Observed:
    """The facts once a plan is applied, as the plan says."""
    positions, marks = dict(before.positions), set(before.marks)
    for change in plan.changes:
        if isinstance(change, CheckpointChange):
            if change.accept:
                positions.pop(change.key, None)
            elif change.moved_from:
                positions[change.key] = positions.pop(f"{change.moved_from}/{change.input}")
        if isinstance(change, StateChange) and change.kept_as == "marks":
            if change.accept:
                marks.discard(change.key)
            elif change.moved_from:
                marks.discard(f"{change.moved_from}/{change.action}")
                marks.add(change.key)
    return replace(before, positions=positions, marks=frozenset(marks))
