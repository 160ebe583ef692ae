"""One workflow under several names, each a deployment of its own: nothing runs here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import lyftnb as ln
from lyftnb.errors import NotFound, PlanRefused, SetupError
from lyftnb.model import Advance, Claim, Commit, DeploymentPlan, WorkflowSpec
from lyftnb.planning.deploying import sentence_of

SPOOL = {"transport": "spool"}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[ln.Workspace]:
    """A workspace with `shop@1`, `other@1` and the context `prod`."""
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    with ln.open(tmp_path, serve=False) as workspace:
        workspace.contexts.create("prod")
        workspace.contexts.set("prod", "least", 7)
        workspace.publish(flow("shop"))
        workspace.publish(flow("other"))
        yield workspace


def flow(name: str, least: str = "{{least}}") -> WorkflowSpec:
    document = {
        "workflow": name,
        "context": {"least": 1},
        "channels": {"raw": SPOOL, "picked": SPOOL},
        "steps": {
            "read": {"input": {"inline": {"rows": [{"n": 1}, {"n": 2}]}}, "out": "raw"},
            "pick": {"in": "raw", "actions": [{"filter": f"n > {least}"}], "out": "picked"},
        },
    }
    return WorkflowSpec.model_validate(document)


def read(ws: ln.Workspace, deployment: str) -> None:
    """Let the first step of a deployment have read something."""
    key, now = f"{deployment}/read/inline", ws._clock.now()
    advances = (Advance(key, 0, {"row": 1}),)
    batch, snapshot = f"{deployment}/read/1", ws._ledger.snapshot()
    claim = Claim(
        batch, 1, f"{deployment}-1", deployment, "read", (), advances, (), snapshot, now, 0
    )
    ws._ledger.commit([Commit(claim)])


def errors(plan: DeploymentPlan) -> list[str]:
    return [problem.code for problem in plan.problems if problem.severity == "error"]


def test_a_workflow_is_deployed_side_by_side(ws: ln.Workspace) -> None:
    east = ws.apply("shop", name="east", replicas={"pick": 2})
    west = ws.apply(ws.plan("shop", name="west", context="prod"))
    own = ws.apply("shop")
    assert [d.name for d in ws.deployments] == ["east", "shop", "west"]
    assert {d.ref for d in (east, west, own)} == {"shop@1"}
    assert (east.context, west.context) == (None, "prod")
    read(ws, "east")
    ws.pause("east", "pick")
    assert ws._ledger.positions("east") and not ws._ledger.positions("west")
    assert not ws.deployment("west").paused and not ws.deployment("shop").paused
    assert [s.name for s in ws.status()] == ["east", "shop", "west"]
    ws.destroy("west", data=True)
    assert ws._ledger.positions("east") and ws.deployment("east") and ws.deployment("shop")


def test_the_same_name_and_workflow_is_the_next_revision(ws: ln.Workspace) -> None:
    ws.apply("shop", name="east", replicas={"pick": 2})
    ws.publish(flow("shop", "5"))
    assert ws.apply("shop@2", name="east").revision == 2
    assert ws.deployment("east").settings.replicas == {"pick": 2}
    assert ws.plan("shop@2", name="east").empty
    back = ws.plan_rollback("east")
    assert (back.deployment, back.ref) == ("east", "shop@1")
    assert ws.rollback("east").revision == 3
    assert [d.name for d in ws.deployments] == ["east"]


def test_another_context_under_a_name_is_a_change_like_any_other(ws: ln.Workspace) -> None:
    ws.apply("shop", name="east")
    older = ws.plan("shop", name="east", context="prod")
    told = [sentence_of(change) for change in older.changes if change.changes]
    assert told == ["context none -> prod", "update job pick"]
    assert ws.apply(older.id).context == "prod"
    assert ws.plan("shop", name="east", context="prod").empty
    ws.contexts.set("deployment:east", "least", 9)
    [used] = ws.plan("shop", name="east", context="prod").compiled.context
    assert (used.value, used.layer) == (9, "deployment:east")
    [explained] = ws.contexts.explain("shop", "prod", "east")
    assert (explained.value, explained.layer) == (9, "deployment:east")
    [drift] = ws._drifts(ws.deployment("east"))
    assert "n > 7 -> n > 9" in drift
    with pytest.raises(PlanRefused, match="stale") as caught:
        ws.apply(older.id)
    assert str(caught.value).endswith("lyftnb plan shop@1 --context prod --name east")


def test_a_deployment_stays_in_its_context_until_somebody_says_otherwise(ws: ln.Workspace) -> None:
    ws.apply("shop", name="east", context="prod")
    ws.publish(flow("shop", "{{least}} + 1"))
    assert ws.apply("shop", name="east").context == "prod"
    [explained] = ws.contexts.explain("shop", name="east")
    assert explained.layer == "prod"
    back = ws.plan("shop", name="east", context="none")
    assert "context prod -> none" in [sentence_of(change) for change in back.changes]
    assert ws.apply(back.id).context is None
    assert ws.rollback("east").context == "prod"
    assert ws.rollback("east").context is None
    ws.contexts.default = "prod"
    assert ws.plan("shop", name="east").empty and ws.apply("shop").context == "prod"
    assert ws.plan("shop", context="none").deployment == "shop"
    ws.contexts.default = None
    ws.contexts.delete("prod")
    with pytest.raises(NotFound, match="unknown context 'prod'") as caught:
        ws.plan("shop")
    assert caught.value.where == "deployment shop" and "--context none" in str(caught.value.hint)
    assert ws.apply("shop", context="none").context is None


def test_a_name_is_not_taken_over(ws: ln.Workspace) -> None:
    ws.apply("shop", name="east")
    plan = ws.plan("other", name="east")
    assert errors(plan) == ["name_taken"]
    with pytest.raises(PlanRefused, match="belong to workflow 'shop'"):
        ws.apply(plan)
    with pytest.raises(PlanRefused, match="belong to workflow 'shop'"):
        ws.apply("other", name="east")
    assert ws.deployment("east").ref == "shop@1"


def test_data_that_was_left_keeps_its_name_until_it_goes(ws: ln.Workspace) -> None:
    ws.apply("shop", name="east")
    free = ws.plan("other", name="west")
    read(ws, "east")
    ws.destroy("east")
    assert errors(ws.plan("other", name="east")) == ["name_taken"]
    assert not errors(ws.plan("shop", name="east"))
    with pytest.raises(NotFound):
        ws.destroy("east")
    ws.destroy("east", data=True)
    assert ws.audit("east")[0].detail == {"data": True}
    with pytest.raises(NotFound):
        ws.destroy("east", data=True)
    assert ws.apply("other", name="east").ref == "other@1"
    with pytest.raises(PlanRefused, match="belong to workflow 'other'"):
        ws.rollback("east", 1)
    assert ws.apply(free).name == "west"


def test_a_name_that_is_free_only_by_chance_is_refused(ws: ln.Workspace) -> None:
    for name, whose in (("other", "'other'"), ("other_prod", "'other' in context 'prod'")):
        with pytest.raises(SetupError, match=f"also the name of workflow {whose}"):
            ws.plan("shop", name=name)
    read(ws, "fix_1")  # as a runbook, say
    with pytest.raises(SetupError, match="runs or data of 'fix_1' already"):
        ws.plan("shop", name="fix_1")
    with pytest.raises(SetupError, match="drafts run as WORKFLOW_draft"):
        ws.plan("shop", name="other_draft")
    with pytest.raises(SetupError, match="drafts run as 'shop_draft'"):
        ws.plan(flow("shop"), name="east")
    with pytest.raises(SetupError, match="a plan has its context, name and settings already"):
        ws.apply(ws.plan("shop"), name="east")


def test_a_workflow_that_comes_later_to_a_name_finds_it_taken(ws: ln.Workspace) -> None:
    ws.apply("shop", name="east")
    ws.publish(flow("east"))
    assert errors(ws.plan("east")) == ["name_taken"]
    for run in (ws.run, ws.start):
        with pytest.raises(SetupError, match="belong to workflow 'shop'"):
            run("east")
    ws.runbooks.publish({"runbook": "fix", "workflow": "other", "deployment": "east"})
    with pytest.raises(SetupError, match="belong to workflow 'shop'"):
        ws.runbooks.invoke("fix")
    assert ws.apply("east", name="easter").ref == "east@1"
    assert ws.plan("shop", name="east").empty
    assert not ws._drifts(ws.deployment("east"))
