"""Deployments of a workspace, as they are asked for: nothing runs here."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.errors import NotFound, PlanRefused, SetupError
from lyftnb.model import WorkflowSpec
from lyftnb.planning.deploying import sentence_of
from lyftnb.planning.reconciling import SEGMENTS_DAMAGED

SETTINGS = """
[groups.default]
[groups.etl]
workers = 1
"""
ROWS = {"inline": {"rows": [{"n": 1}, {"n": 2}]}}
SPOOL = {"transport": "spool"}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[ln.Workspace]:
    (tmp_path / "lyftnb.toml").write_text(SETTINGS)
    with ln.open(tmp_path, serve=False) as workspace:
        yield workspace


def flow(least: str = "{{least}}", **steps: Any) -> WorkflowSpec:
    """`shop`: read, then pick what is large enough."""
    document = {
        "workflow": "shop",
        "context": {"least": 1},
        "channels": {"raw": SPOOL, "picked": SPOOL},
        "steps": {
            "read": {"input": ROWS, "out": "raw"},
            "pick": {"in": "raw", "actions": [{"filter": f"n > {least}"}], "out": "picked"},
            **steps,
        },
    }
    return WorkflowSpec.model_validate(document)


def test_plan_apply_and_plan_again(ws: ln.Workspace) -> None:
    ws.publish(flow())
    plan = ws.plan("shop")
    assert not plan.empty and plan.version == 1 and plan.based_on == 0
    made = ws.apply(plan)
    assert (made.name, made.ref, made.revision) == ("shop", "shop@1", 1)
    assert ws.deployments == [made] and ws.plan("shop").empty
    assert ws.apply("shop") == made and len(ws.history("shop")) == 1
    ws.publish(flow("5"))
    assert ws.apply(ws.plan("shop@2").id).ref == "shop@2"
    newest, oldest = ws.history("shop")
    assert newest.changes == ("version shop@1 -> shop@2", "update job pick")
    assert oldest.changes[0] == "create job read"


def test_a_stale_plan_is_refused(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.contexts.create("prod")
    plan = ws.plan("shop", context="prod")
    ws.contexts.set("prod", "other", 1)
    assert ws.plan("shop", context="prod").id == plan.id
    ws.contexts.set("prod", "least", 7)
    with pytest.raises(PlanRefused, match="stale: what it depends on has changed"):
        ws.apply(plan)
    with pytest.raises(PlanRefused, match="stale") as refused:
        ws.apply(plan.id)
    assert refused.value.facts == {"stale": True}
    assert ws.deployments == []
    first = ws.plan("shop")
    ws.publish(flow("8"))
    ws.apply("shop@2")
    with pytest.raises(PlanRefused, match="revision 1"):
        ws.apply(first)
    assert ws.deployment("shop").ref == "shop@2"


def test_the_context_that_was_applied_stays_until_the_next_apply(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.contexts.create("prod")
    ws.contexts.set("prod", "least", 7)
    made = ws.apply("shop", context="prod")
    assert made.name == "shop_prod" and made.context == "prod"
    ws.contexts.set("prod", "least", 8)
    (revision,) = ws.history("shop_prod")
    assert revision.plan.context[0].value == 7
    (update,) = (c for c in ws.plan("shop", context="prod").changes if c.changes)
    assert update.fields[0].path == "actions[0].filter"  # type: ignore[union-attr]


@pytest.mark.cluster
def test_the_effects_on_data_are_told(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    ws.run("shop")
    document = flow().to_document()
    document["steps"]["read"]["actions"] = [{"derive": {"n": "n * 1.5", "m": "n"}}]
    ws.publish(WorkflowSpec.model_validate(document))
    told = [sentence_of(c) for c in ws.plan("shop").changes if c.noun in ("schema", "history")]
    assert told[:2] == [
        "column n of raw turns from BIGINT to DOUBLE",
        "column m of raw is new (DOUBLE)",
    ]
    (raw,) = (line for line in told if line.startswith("history of raw (2 rows"))
    assert raw.endswith("before the change of read; a backfill would read its outside input again")
    (picked,) = (line for line in told if line.startswith("history of picked"))
    assert "a backfill would read 2 rows" in picked


def test_status_does_not_wait_for_an_apply_under_way(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    with ThreadPoolExecutor(1) as pool, ws._deploys:
        (status,) = pool.submit(ws.status).result(timeout=60)
    assert (status.name, status.lag_rows) == ("shop", 0)


@pytest.mark.cluster
def test_status_tells_how_many_rows_wait(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    ws.run("shop")
    assert ws.status("shop")[0].lag_rows == 0
    document = flow(more={"in": "picked", "out": "kept"}).to_document()
    document["channels"]["kept"] = SPOOL
    ws.publish(WorkflowSpec.model_validate(document))
    ws.apply("shop")
    assert ws.status("shop")[0].lag_rows == 1


def test_settings_are_kept_over_revisions(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop", groups={"pick": "etl"}, replicas={"pick": 3})
    ws.publish(flow("5"))
    made = ws.apply("shop")
    assert made.settings.groups == {"pick": "etl"} and made.settings.replicas == {"pick": 3}
    task = ws.history("shop")[0].plan.stage_of("pick").tasks[0]
    assert (task.group, task.replicas) == ("etl", 3)
    renamed = flow("5", choose=flow("5").steps["pick"].to_document() | {"renamed_from": "pick"})
    steps = {name: step for name, step in renamed.steps.items() if name != "pick"}
    ws.publish(renamed.model_copy(update={"steps": steps}))
    assert ws.apply("shop").settings.groups == {"choose": "etl"}
    with pytest.raises(NotFound, match="unknown step 'pikc'"):
        ws.plan("shop", groups={"pikc": "etl"})


def test_a_group_without_workers_is_a_problem_of_the_plan(ws: ln.Workspace) -> None:
    ws.publish(flow())
    plan = ws.plan("shop", groups={"pick": "none"})
    assert plan.blocked
    with pytest.raises(PlanRefused, match="group 'none' has no workers"):
        ws.apply(plan)
    assert ws.deployments == []


def test_a_draft_is_planned_and_not_applied(ws: ln.Workspace) -> None:
    plan = ws.plan(flow())
    assert plan.deployment == "shop_draft" and plan.version is None
    with pytest.raises(PlanRefused, match="is a draft"):
        ws.apply(plan)
    with pytest.raises(NotFound, match="unknown plan"):
        ws.apply(plan.id)


def test_what_is_lost_must_be_accepted(ws: ln.Workspace) -> None:
    ws.publish(flow(load={"in": "picked", "trigger": {"manual": True}, "output": {"discard": {}}}))
    ws.apply("shop")
    _read(ws, "load/picked")
    ws.publish(flow())
    plan = ws.plan("shop")
    with pytest.raises(PlanRefused, match="must be accepted first: drop:load/picked") as refused:
        ws.apply(plan)
    assert refused.value.facts == {"accept": ["drop:load/picked"]}
    with pytest.raises(NotFound, match="unknown thing to accept 'dorp'"):
        ws.apply(plan, accept=["dorp"])
    assert ws.deployment("shop").revision == 1
    assert ws.apply(plan, accept=["drop:load/picked"]).revision == 2
    assert ws.plan("shop").empty


def test_rollback_goes_back_to_version_and_settings(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop", groups={"pick": "etl"})
    with pytest.raises(NotFound, match="no revision before its first"):
        ws.rollback("shop")
    ws.publish(flow("5"))
    ws.apply("shop", groups={"pick": "default"})
    made = ws.rollback("shop")
    assert (made.ref, made.revision) == ("shop@1", 3)
    assert made.settings.groups == {"pick": "etl"}
    assert ws.history("shop")[0].cause == "rollback"
    assert ws.rollback("shop", 2).ref == "shop@2"
    with pytest.raises(NotFound, match="no revision 9"):
        ws.rollback("shop", 9)


def test_rollback_gives_renamed_steps_their_names_back(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    _read(ws, "pick/raw")
    for name, before in (("choose", "pick"), ("take", "choose")):
        document = flow().to_document()
        step = document["steps"].pop("pick")
        document["steps"][name] = step | {"renamed_from": before}
        ws.publish(WorkflowSpec.model_validate(document))
        ws.apply("shop")
    assert ws._ledger.positions("shop") == {"take/raw": {"seq": 1}}
    plan = ws.plan_rollback("shop", 1)
    assert plan.to_accept == () and plan.renames == {"pick": "take"}
    ws.apply(plan)
    assert ws._ledger.positions("shop") == {"pick/raw": {"seq": 1}}
    ws.rollback("shop", 2)
    assert ws._ledger.positions("shop") == {"choose/raw": {"seq": 1}}


def test_pause_and_resume(ws: ln.Workspace) -> None:
    ws.publish(flow(then={"in": "picked", "actions": [{"derive": {"m": "n"}}], "out": "more"}))
    ws.apply("shop")
    assert ws.pause("shop").paused == "all of it"
    with pytest.raises(SetupError, match="all of deployment 'shop' is paused"):
        ws.resume("shop", "pick")
    assert ws.resume("shop").paused == ""
    assert ws.pause("shop", "pick").paused == "pick"
    assert ws.resume("shop", "pick").paused == ""
    with pytest.raises(NotFound, match="unknown step 'pikc'"):
        ws.pause("shop", "pikc")
    with pytest.raises(NotFound, match="unknown deployment 'shpo'"):
        ws.pause("shpo")
    assert ws.plan("shop").empty


def test_a_step_within_a_stage_cannot_be_paused_alone(ws: ln.Workspace) -> None:
    document = flow().to_document() | {"channels": {"picked": SPOOL}}
    ws.publish(WorkflowSpec.model_validate(document))
    ws.apply("shop")
    with pytest.raises(SetupError, match="runs within the stage of 'read'"):
        ws.pause("shop", "pick")


def test_destroy_keeps_the_data_unless_asked(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    _read(ws, "pick/raw")
    ws._ledger.raise_issue("stage_blocked", "shop/pick", "it is blocked")
    ws._ledger.raise_issue(SEGMENTS_DAMAGED, "shop.raw", "a segment is not there")
    ws.destroy("shop")
    assert ws.deployments == [] and ws._ledger.positions("shop")
    assert [issue.code for issue in ws.issues.list()] == [SEGMENTS_DAMAGED]
    with pytest.raises(NotFound, match="unknown deployment"):
        ws.destroy("shop")
    assert ws.apply("shop").revision == 2
    ws.destroy("shop", data=True)
    assert not ws._ledger.positions("shop")
    assert len(ws.history("shop")) == 2


def test_data_that_another_deployment_reads_is_not_destroyed(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    reader = {"input": {"spool": {"deployment": "shop", "channel": "picked"}}, "out": "seen"}
    ws.publish(WorkflowSpec.model_validate({"workflow": "other", "steps": {"r": reader}}))
    ws.apply("other")
    with pytest.raises(SetupError, match="the data of 'shop' is read by other"):
        ws.destroy("shop", data=True)
    assert ws.deployment("shop").revision == 1


def test_what_is_applied_runs_as_it_was_applied(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.apply("shop")
    with pytest.raises(SetupError, match="deployment 'shop' is applied"):
        ws.start("shop")
    ws.publish(flow("5"))
    with pytest.raises(SetupError, match="deployment 'shop' is applied as shop@1"):
        ws.run("shop")


def test_every_change_of_what_is_desired_is_a_row(ws: ln.Workspace) -> None:
    ws.publish(flow())
    ws.publish(flow())
    ws.contexts.create("prod")
    ws.contexts.set("prod", "least", 3)
    with pytest.raises(NotFound):
        ws.contexts.set("prdo", "least", 3)
    ws.apply("shop")
    ws.apply("shop")
    ws.pause("shop", "pick")
    ws.resume("shop")
    ws.publish(flow("5"))
    ws.apply("shop")
    ws.rollback("shop")
    ws.destroy("shop")
    told = [(entry.what, entry.ref) for entry in reversed(ws.audit())]
    assert told == [
        ("publish", "shop@1"),
        ("context create", "prod"),
        ("context set", "prod"),
        ("apply", "shop"),
        ("pause", "shop"),
        ("resume", "shop"),
        ("publish", "shop@2"),
        ("apply", "shop"),
        ("rollback", "shop"),
        ("destroy", "shop"),
    ]
    assert {entry.who for entry in ws.audit()} == {ws.audit()[0].who}
    assert [entry.entry for entry in ws.audit(limit=2)] == [10, 9]
    assert len(ws.audit("prod")) == 2 and ws.audit(who="nobody") == []
    assert ws.sql("SELECT count(*) AS n FROM lyftnb.audit")["n"].to_list() == [10]


def test_plans_show_themselves(ws: ln.Workspace) -> None:
    from lyftnb.workspace.plan_page import deployment_plan_html

    ws.publish(flow())
    plan = ws.plan("shop")
    assert str(plan).startswith(f"plan {plan.id}: shop@1 as deployment 'shop', new")
    assert repr(plan) == f"DeploymentPlan('{plan.id}', 6 changes)"
    assert "<svg" in deployment_plan_html(plan) and "create job pick" in deployment_plan_html(plan)
    ws.apply(plan)
    document = flow().to_document()
    document["steps"]["pick"]["actions"] = [{"derive": {"m": "'<b>'"}}]
    ws.publish(WorkflowSpec.model_validate(document))
    assert "&lt;b&gt;" in deployment_plan_html(ws.plan("shop"))
    document = plan.to_document()
    assert document["id"] == plan.id and document["changes"][0]["noun"] == "job"


def _read(ws: ln.Workspace, key: str) -> None:
    """Let an input of `shop` have been read."""
    from lyftnb.model import Advance, Claim, Commit

    step = key.partition("/")[0]
    advances = (Advance(f"shop/{key}", 0, {"seq": 1}),)
    now, snapshot = ws._clock.now(), ws._ledger.snapshot()
    claim = Claim(f"shop/{step}/1", 1, "shop-1", "shop", step, (), advances, (), snapshot, now, 0)
    ws._ledger.commit([Commit(claim)])
