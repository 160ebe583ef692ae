"""Plans of deployments: golden texts, and what must hold of any of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from deployment_kit import (
    after_apply,
    deployment_plan,
    flows,
    golden_plan,
    positions_of,
    revision_of,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from planning_kit import planned, spec_of
from pydantic import TypeAdapter

from lyftnb.errors import InvalidWorkflow, NotFound
from lyftnb.model import (
    BatchOutcome,
    DeploymentPlan,
    Settings,
    plan_document,
    plan_from,
)
from lyftnb.planning.deploying import (
    Observed,
    ObservedSpool,
    Verdict,
    explain_plan,
    judge,
    with_settings,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "deployments"


@pytest.mark.parametrize("name", sorted(p.stem for p in GOLDEN.glob("*.yaml")))
def test_golden(name: str) -> None:
    """Each `NAME.yaml` (before, after, what is observed) plans to the text in `NAME.txt`.

    `UPDATE_GOLDEN=1 pytest tests/unit/planning` writes the texts anew; look at the diff.
    """
    plan = golden_plan(GOLDEN / f"{name}.yaml")
    wire = TypeAdapter(DeploymentPlan)
    assert wire.validate_json(wire.dump_json(plan, by_alias=True)) == plan
    shown = plan.text
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown)
    assert shown == golden.read_text()


@given(flows(), flows(), st.data())
def test_applied_and_planned_again_it_is_empty(
    before: dict[str, Any], after: dict[str, Any], data: st.DataObject
) -> None:
    try:
        specs = [spec_of(**before), spec_of(**after)]
        old = planned(specs[0])
        observed = Observed(positions_of(old, data.draw))
        first = deployment_plan(specs[1], specs[0], observed)
    except InvalidWorkflow:
        assume(False)
    observed = after_apply(first, observed)
    again = deployment_plan(specs[1], specs[1], observed)
    assert again.empty, explain_plan(again)
    assert not again.to_accept


def test_rows_that_runs_have_made_are_not_laid_on_a_change() -> None:
    read = {"input": {"inline": {"n": "BIGINT"}}, "out": "kept"}
    spec = spec_of({"read": read}, {"kept": {"transport": "spool"}})
    there = Observed(spools={"w.kept": ObservedSpool(rows=2, bytes=10)})
    text = explain_plan(deployment_plan(spec, None, there))
    assert "history of kept (2 rows, 10 B) was made by runs before the first apply" in text


def test_what_is_lost_asks_to_be_accepted() -> None:
    before = spec_of(
        {
            "read": {"input": {"files": "a"}, "out": "raw"},
            "load": {"in": "raw", "output": {"print": 1}},
        },
        {"raw": {"transport": "spool"}},
    )
    after = spec_of({"read": {"input": {"files": "a"}, "out": "raw"}})
    observed = Observed({"read/files": {"f": 1}, "load/raw": {"seq": 3}})
    plan = deployment_plan(after, before, observed)
    assert plan.to_accept == ("drop:load/raw",)
    assert plan.unaccepted(["reset"]) == plan.to_accept
    for enough in ("drop", "drop:load/raw", "all"):
        assert plan.unaccepted([enough]) == ()


def test_the_digest_follows_what_counts_and_nothing_else() -> None:
    spec = spec_of({"read": {"input": {"files": "a"}, "group": "etl", "output": {"print": 1}}})
    other = spec_of({"read": {"input": {"files": "b"}, "group": "etl", "output": {"print": 1}}})
    observed = Observed(groups={"etl": 2})
    made = deployment_plan(spec, None, observed)
    assert made.digest == deployment_plan(spec, None, observed).digest
    more = Observed(groups={"etl": 3}, spools={"w.x": ObservedSpool(5, 5, 5)})
    assert made.digest == deployment_plan(spec, None, more).digest
    stale = [
        deployment_plan(other, None, observed),
        deployment_plan(spec, None, Observed(groups={"etl": 0})),
        deployment_plan(spec, spec, observed),
    ]
    assert made.digest not in {plan.digest for plan in stale}
    assert not made.blocked and stale[1].blocked


def test_settings_stand_in_place_of_the_documents() -> None:
    spec = spec_of({"read": {"input": {"files": "a"}, "output": {"print": 1}}})
    under = with_settings(spec, Settings({"read": "etl"}, {"read": 3}))
    (task,) = planned(under).stages[0].tasks
    assert (task.group, task.replicas) == ("etl", 3)
    with pytest.raises(NotFound, match="unknown step 'raed'"):
        with_settings(spec, Settings({"raed": "etl"}))
    kept = Settings({"read": "etl"}, {"read": 3}).over(Settings({"read": "a", "b": "c"}))
    assert kept == Settings({"read": "etl", "b": "c"}, {"read": 3})


@given(flows())
def test_a_plan_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    try:
        plan = planned(spec_of(**document))
    except InvalidWorkflow:
        assume(False)
    assert plan_from(json.dumps(plan_document(plan))) == plan
    assert revision_of(plan).plan is plan


GOOD, BAD, FAILED = BatchOutcome(100, 1, 0), BatchOutcome(100, 2, 0), BatchOutcome(100, 1, 1)


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ([GOOD] * 3, [GOOD] * 3, ""),
        ([GOOD] * 3, [GOOD, BAD, GOOD], "it rejects 1.3% of its rows, the one before 1.0%"),
        ([BAD] * 3, [GOOD] * 3, ""),
        ([GOOD] * 3, [GOOD, GOOD, FAILED], "failed 1 times, those of the one before 0"),
        ([], [BAD, FAILED, BAD], ""),
        ([GOOD], [BatchOutcome(0, 0, 0)] * 3, ""),
    ],
)
def test_a_gate_holds_a_revision_against_the_one_before(
    before: list[BatchOutcome], after: list[BatchOutcome], worse: str
) -> None:
    verdict = judge(before, after, 3)
    assert verdict.settled and worse in verdict.worse and bool(worse) == bool(verdict.worse)
    assert judge(before, after[:2], 3) == Verdict(False)
    assert judge(before, [], 3, ["copy"]) == Verdict(True, "stage copy is blocked")
