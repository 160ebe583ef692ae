"""One facade, two ways in: the same script, with the owner in process and through the manager."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.errors import (
    BadData,
    ExpressionError,
    InvalidParameters,
    InvalidRunbook,
    InvalidWorkflow,
    NotFound,
    PlanRefused,
    SetupError,
)
from lyftnb.manager import Progress
from lyftnb.model import Problem
from lyftnb.workspace.local import Workspace
from lyftnb.workspace.remote import RemoteWorkspace
from lyftnb.workspace.remote_runbooks import RemoteRunbooks
from lyftnb.workspace.runbooks import Runbooks
from tests.manager_kit import managed

pytestmark = pytest.mark.cluster

SPOOL = {"transport": "spool"}
FAILING = {
    "source": "from lyftnb.errors import Permanent\n"
    "def work(lf):\n    raise Permanent('on purpose')\n",
    "rowwise": False,
}
LONG_S = 60.0
INSIDE = {"background", "asked_at", "plan_to_trace"}
INSIDE |= {"serve_deployments", "reconcile"}
"""What the manager's process alone needs of the facade."""
Ws = Workspace | RemoteWorkspace


@pytest.fixture(scope="module", params=["in process", "through the manager"])
def ws(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ws]:
    """A workspace; each test has workflows of its own."""
    folder = tmp_path_factory.mktemp("facade")
    (folder / "lyftnb.toml").write_text('[groups.default]\n[secrets]\nkey_folder = "keys"\n')
    if request.param == "in process":
        with ln.open(folder) as workspace:
            yield workspace
        return
    with managed(folder) as remote:
        yield remote


def doubling(name: str, **actions: Any) -> ln.Workflow:
    """Three rows through a spool, doubled and printed."""
    steps = {
        "rows": {"input": {"inline": {"rows": [{"x": n} for n in range(3)]}}, "out": "numbers"},
        "double": {"in": "numbers", "actions": [{"derive": {"y": "x * 2"}}], "out": "doubled"},
        "show": {"in": "doubled", "output": {"print": {}}},
    }
    steps["double"]["actions"] += [{kind: value} for kind, value in actions.items()]
    channels = {"numbers": SPOOL, "doubled": SPOOL}
    return ln.Workflow.from_dict({"workflow": name, "channels": channels, "steps": steps})


def until(condition: Callable[[], bool], told: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("here", "there", "inside"),
    [(Workspace, RemoteWorkspace, INSIDE), (Runbooks, RemoteRunbooks, {"at_work"})],
)
def test_both_ways_have_the_same_interface(here: type, there: type, inside: set[str]) -> None:
    names = {name for name in dir(here) if not name.startswith("_")} - inside
    assert names <= {name for name in dir(there) if not name.startswith("_")}
    for name in sorted(names):
        ours, theirs = inspect.getattr_static(here, name), inspect.getattr_static(there, name)
        assert type(ours) is type(theirs), name
        if inspect.isfunction(ours):
            assert inspect.signature(ours) == inspect.signature(theirs), name


def test_what_is_no_workflow_and_no_plan_is_refused(ws: Ws) -> None:
    for verb in (ws.validate, ws.publish, ws.plan, ws.run):
        for thing in (5, None, {"workflow": "x"}):
            with pytest.raises(SetupError, match="a workflow is expected, found"):
                verb(thing)  # type: ignore[operator]
    for thing in (5, None, doubling("undone")):
        with pytest.raises(SetupError, match="a plan is expected, found") as refused:
            ws.apply(thing)  # type: ignore[arg-type]
        assert "ws.publish" in str(refused.value)


def test_a_workflow_from_draft_to_rows(ws: Ws) -> None:
    draft = doubling("script")
    assert ws.validate(draft) == ()
    version = ws.publish(draft)
    assert ws.publish(draft) == version == ws.version("script") == ws.versions("script")[0]
    assert version.ref == "script@1" and version.published_at <= datetime.now(UTC)
    plan = ws.plan("script@1").compiled
    assert plan == replace(draft.plan(ws), deployment="script", version=1)
    seen: list[Progress] = []
    summary = ws.run("script", on_progress=seen.append)
    assert (summary.status, summary.deployment, summary.batches) == ("done", "script", 3)
    assert [c.rows_out for c in summary.counts] == [3, 3, 3]
    assert seen[-1].deployment == "script" and {s.state for s in seen[-1].stages} == {"done"}
    assert "│ 2" in "".join(text for progress in seen for text in progress.texts)
    spool = ws.spool("doubled")
    assert spool.name == "script.doubled" and spool.rows == 3
    assert spool.scan().collect()["y"].to_list() == [0, 2, 4]
    assert spool.scan(since=1, until=2).collect()["y"].to_list() == [2]
    assert spool.scan(at=0).collect().height == 0
    numbers = ws.spool("script.numbers")
    assert numbers.scan(at=1).collect().height == 3 == numbers.listing(at=1).segments[0].rows
    assert numbers.scan(at=datetime.now(UTC)).collect().height == 3
    assert numbers.scan(at=datetime(2026, 1, 1)).collect().height == 0
    assert numbers.scan(at="2026-01-01").collect().height == 0
    assert numbers.scan(at="1").collect().height == 3
    with pytest.raises(SetupError, match="'then' is neither a snapshot nor a time"):
        numbers.scan(at="then")
    with pytest.raises(SetupError, match="since: a sequence number was expected, found 'x'"):
        numbers.scan(since="x")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no snapshot 99"):
        numbers.scan(at=99)
    assert spool.history()["rows_added"].to_list() == [3]
    assert spool.schema == spool.info.schema and spool.verify() == ws.verify() == []
    assert ws.sql("SELECT sum(y) AS s FROM script.doubled").to_dict(as_series=False) == {"s": [6]}
    assert ws.sql("FROM script.doubled ORDER BY y", limit=2).height == 2
    assert [run.run for run in ws.runs("script")] == [summary.run]
    assert ws.run_of(summary.run).status == "done" and ws.running == ()
    assert ws.snapshot == 3 and ws.sweep().files == 0
    assert len(ws.trace("script").step("double")) == 2


def test_a_file_is_read_where_the_client_is(ws: Ws, tmp_path: Path) -> None:
    file = tmp_path / "far.workflow.yaml"
    file.write_text(doubling("far").to_yaml())
    assert ws.run(str(file)).deployment == "far_draft"
    file.write_text(file.read_text().replace("x * 2", "z * 2"))
    (problem,) = (p for p in ws.validate(file) if p.severity == "error")
    assert problem.file == str(file) and problem.line is not None
    with pytest.raises(NotFound, match=r"no file nowhere\.yaml"):
        ws.validate("nowhere.yaml")


def test_errors_are_the_same_ones(ws: Ws) -> None:
    wrong = doubling("wrong", filter="nothing > 1")
    with pytest.raises(InvalidWorkflow) as caught:
        ws.publish(wrong)
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem) and problem.path[:2] == ("steps", "double")
    with pytest.raises(NotFound, match="unknown workflow version 'nope'") as missing:
        ws.plan("nope")
    assert missing.value.hint
    with pytest.raises(ExpressionError) as bad:
        ws.sql("DROP TABLE x")
    assert bad.value.facts["text"] == "DROP TABLE x"
    with pytest.raises(NotFound, match="unknown spool"):
        ws.spool("nope")
    with pytest.raises(NotFound, match="there is no run"):
        ws.run_of("nope-1")
    with pytest.raises(BadData):
        ws.bus.publish("t", float("nan"))
    with pytest.raises(NotFound):
        ws.fire("nope", "rows")
    with pytest.raises(NotFound):
        ws.progress("nope")


def test_a_run_that_fails_says_why(ws: Ws) -> None:
    failing = doubling("failing", python=FAILING)
    with pytest.raises(ln.Permanent, match="on purpose"):
        ws.run(failing)
    assert ws.runs("failing_draft")[0].status in ("blocked", "failed")
    assert ws.issues.list(place="failing_draft")


def test_a_deployment_is_started_fired_and_stopped(ws: Ws) -> None:
    going = ln.Workflow.from_dict(
        {
            "workflow": "going",
            "channels": {"ticks": SPOOL},
            "steps": {
                "tick": {
                    "input": {"inline": {"rows": [{"x": 1}]}},
                    "trigger": "manual",
                    "out": "ticks",
                }
            },
        }
    )
    news = threading.Event()
    deployment = ws.start(going)
    try:
        assert deployment == "going_draft" and ws.running == (deployment,)
        stop = ws._state.listen(lambda _topics: news.set(), ("messages",))
        run = ws.fire(deployment, "tick")
        assert run.deployment == deployment and run.cause == "manual"
        while ws.run_of(run.run).status != "done":
            assert news.wait(LONG_S)
            news.clear()
        stop()
        assert ws.progress(deployment).stages[0].rows_out == 1
        assert ws.numbers(deployment).stages[0].batches == 1
        with pytest.raises(SetupError, match="is running already"):
            ws.run(going)
    finally:
        ws.stop(deployment)
    assert ws.running == ()


def test_contexts_and_secrets(ws: Ws) -> None:
    ws.contexts.create("base")
    ws.contexts.create("prod", parent="base")
    ws.contexts.set("base", "db.port", 5432)
    ws.contexts.set("prod", "db.host", "h")
    assert ws.contexts.get("prod") == {"db": {"port": 5432, "host": "h"}}
    assert [d.name for d in ws.contexts.diff("base", "prod")] == ["db.host"]
    assert ws.contexts.history("prod", limit=1)[0].after == "h"
    used = doubling("used", filter="x < {{db.port}}")
    (explained,) = ws.contexts.explain(used, "prod")
    assert (explained.name, explained.value, explained.layer) == ("db.port", 5432, "base")
    ws.contexts.unset("base", "db.port")
    with pytest.raises(InvalidWorkflow):
        ws.plan(used, context="prod")
    ws.contexts.set_parent("prod", None)
    ws.contexts.delete("base")
    with pytest.raises(NotFound, match="base"):
        ws.contexts.get("base")
    assert ws.secrets.set("db/password", "planted-1").version == 1
    assert ws.secrets.rotate("db/password", "planted-2").version == 2
    assert [s.name for s in ws.secrets.list()] == ["db/password"]
    old, new = ws.secrets.rotate_key()
    assert old != new
    ws.secrets.remove("db/password")
    with pytest.raises(NotFound):
        ws.secrets.remove("db/password")


def test_a_secret_shows_nowhere(ws: Ws) -> None:
    planted = "pl4nted-v@lue-22"
    ws.secrets.set("api/key", planted)
    source = "def work(lf, ctx):\n    raise ValueError(ctx.values['key'])\n"
    leaking = {"source": source, "rowwise": False, "values": {"key": "${secret.api/key}"}}
    draft = doubling("leaking", python=leaking)
    draft.step("double", retry={"attempts": 1})
    with pytest.raises(ln.LyftError) as caught:
        ws.run(draft)
    traced = ws.trace(draft)
    shown = [str(caught.value), repr(caught.value.facts), repr(traced), str(ws.plan(draft))]
    shown += [str(t.error) for t in traced.steps] + [repr(ws.issues.list(closed=True))]
    shown += [repr(ws.runs("leaking_draft")), repr(ws.bus.messages())]
    state = ws.path / ".lyftnb"
    shown += [f.read_text() for f in state.iterdir() if f.suffix in (".log", ".json")]
    assert any("secret.api/key" in text for text in shown)
    assert all(planted not in text for text in shown)
    ws.secrets.remove("api/key")


def test_runbooks(ws: Ws, tmp_path: Path) -> None:
    flow = doubling("booked", filter="x >= {{least}}").to_dict() | {"context": {"least": 0}}
    ws.publish(ln.Workflow.from_dict(flow))
    schema = {"type": "object", "properties": {"least": {"type": "integer"}}, "required": ["least"]}
    document = {"runbook": "book", "workflow": "booked", "parameters": schema}
    assert ws.runbooks.validate(document) == ()
    version = ws.runbooks.publish(document)
    assert ws.runbooks.get("book") == version == ws.runbooks.newest()[0]
    with pytest.raises(InvalidRunbook):
        ws.runbooks.publish({"runbook": "book", "workflow": "nothing"})
    with pytest.raises(InvalidParameters) as caught:
        ws.runbooks.invoke("book", least="many")
    assert isinstance(caught.value.problems[0], Problem)
    assert ws.runbooks.plan("book", least=1).workflow == "booked"
    found = ws.runbooks.invoke("book", least=2, idempotency_key="once")
    assert ws.runbooks.invoke("book", least=2, idempotency_key="once").id == found.id
    assert found.wait(LONG_S, on_progress=lambda _: None).status == "done"
    assert found.parameters == {"least": 2}
    assert found.result.counts[-1].rows_out == 1 and found.cancel() is False
    assert [each.id for each in ws.runbooks.invocations("book")] == [found.id]
    assert ws.spool(f"{found.deployment}.doubled").scan().collect()["y"].to_list() == [4]
    with pytest.raises(SetupError):
        found.resume()
    with pytest.raises(NotFound):
        ws.runbooks.invocation("book-99").record  # noqa: B018
    with pytest.raises(NotFound, match=r"no file none\.yaml"):
        ws.runbooks.validate("none.yaml")
    file = tmp_path / "book.runbook.yaml"
    file.write_text("runbook: book\nworkflow: nothing\n")
    assert ws.runbooks.validate(file)[0].line == 2


def test_state_and_fires(ws: Ws) -> None:
    ws.kv("facade").put("k", [1])
    ws.queue("facade").enqueue([1])
    assert ws.kv("facade").get("k") == [1] and ws.queue("facade").lease(1)[0].payload == 1
    with ws.lock("facade") as lock:
        assert [held.name for held in ws.locks()] == ["facade"] and lock.token
    assert ws.bus.request("manager", "health", timeout=LONG_S)
    timed = doubling("timed").to_dict()
    timed["steps"]["rows"]["trigger"] = {"cron": "0 6 * * *", "zone": "Europe/Berlin"}
    (fire, *_more) = ws.next_fires(ln.Workflow.from_dict(timed), 2)
    assert fire.step == "rows" and fire.at.hour == 6 and len(_more) == 1
    assert str(ws.path) in repr(ws)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "kept/history", "a b", "a?b#c", "%2e", "é\0", "\ud800", "x" * 100_000]
)
def test_an_odd_name_is_nobodys(ws: Ws, name: str) -> None:
    asked: tuple[Callable[[str], object], ...] = (
        ws.deployment,
        ws.history,
        ws.version,
        ws.spool,
        ws.progress,
        ws.destroy,
        ws.contexts.delete,
        ws.secrets.remove,
        lambda name: ws.runbooks.invocation(name).record,
    )
    for ask in asked:
        with pytest.raises(SetupError):
            ask(name)
    with pytest.raises(SetupError):
        ws.contexts.create(name)


def test_frames_keep_their_types(ws: Ws) -> None:
    text = """SELECT 1::HUGEINT AS h, 1.50::DECIMAL(5,2) AS d, NULL AS n,
        TIMESTAMPTZ '2026-05-01 00:00:00+00' AS t, [1, NULL] AS l, {'a': 'b'} AS s,
        'x'::BLOB AS b, 'nan'::DOUBLE AS f, INTERVAL '1 day 2 seconds' AS i"""
    for unframed in ("INTERVAL 1 MONTH", "[INTERVAL 1 DAY]"):
        with pytest.raises(ExpressionError, match="no frame has"):
            ws.sql(f"SELECT {unframed} AS i")
    frame = ws.sql(text)
    assert frame.schema["t"] == pl.Datetime("us", "UTC") and frame.schema["d"].is_decimal()
    assert frame["i"].to_list() == [timedelta(days=1, seconds=2)]
    assert frame["b"].to_list() == [b"x"] and frame["s"].to_list() == [{"a": "b"}]


def test_a_deployment_from_its_plan_to_its_end(ws: Ws) -> None:
    if isinstance(ws, Workspace):
        ws.serve_deployments()
    ws.publish(doubling("kept"))
    plan = ws.plan("kept", replicas={"double": 2})
    assert "create job double" in str(plan) and not plan.empty and plan.compiled.version == 1
    with pytest.raises(NotFound):
        ws.deployment("kept")
    with pytest.raises(PlanRefused, match="is a draft"):
        ws.apply(ws.plan(doubling("kept")))
    made = ws.apply(plan)
    assert (made.name, made.ref, made.revision) == ("kept", "kept@1", 1)
    assert ws.deployments == [made] == [ws.deployment("kept")]
    assert ws.plan("kept").empty and ws.apply("kept") == made
    until(lambda: ("kept.doubled", 3) in [(s.spool, s.rows) for s in ws.spools()], ws.status)
    until(lambda: standing(ws) == ("synced", "healthy"), ws.status)

    ws.publish(doubling("kept", limit=2))
    stale = ws.plan("kept")
    assert ws.apply("kept@2").revision == 2
    with pytest.raises(PlanRefused, match="stale"):
        ws.apply(stale)
    assert ws.pause("kept").paused == "all of it"
    assert ws.status("kept")[0].health == "paused"
    assert ws.resume("kept").paused == ""
    assert not ws.plan_rollback("kept").empty
    assert ws.rollback("kept").ref == "kept@1"
    assert [(r.number, r.cause) for r in ws.history("kept")] == [
        (3, "rollback"), (2, "apply"), (1, "apply"),
    ]  # fmt: skip
    done = [entry.what for entry in ws.audit("kept", limit=4)]
    assert done == ["rollback", "resume", "pause", "apply"]

    with pytest.raises(NotFound, match="kep"):
        ws.destroy("kep")
    ws.destroy("kept")
    assert ws.deployments == [] and "kept" not in ws.running
    assert ws.spool("kept.doubled").info.rows >= 3


def test_a_workflow_is_deployed_under_several_names(ws: Ws) -> None:
    if isinstance(ws, Workspace):
        ws.serve_deployments()
    ws.publish(doubling("twice"))
    ws.publish(doubling("another"))
    ws.apply(ws.plan("twice", name="first"))
    ws.apply("twice", name="second")
    until(lambda: set(ws.running) >= {"first", "second"}, ws.status)
    rows = {"first.doubled": 3, "second.doubled": 3}
    until(lambda: rows.items() <= {s.spool: s.rows for s in ws.spools()}.items(), ws.status)
    with pytest.raises(PlanRefused, match="belong to workflow 'twice'"):
        ws.apply("another", name="first")
    with pytest.raises(SetupError, match="cannot be the name of a deployment"):
        ws.plan("twice", name="First")
    ws.destroy("first")
    with pytest.raises(PlanRefused, match="belong to workflow 'twice'"):
        ws.apply("another", name="first")
    ws.destroy("first", data=True)
    ws.destroy("second")
    assert ws.deployments == []


def standing(ws: Ws) -> tuple[str, str]:
    (status,) = ws.status()
    return status.sync, status.health


def test_what_publish_gives_can_be_validated_planned_run_and_applied(ws: Ws) -> None:
    version = ws.publish(doubling("chained"))
    assert ws.validate(version) == ()
    assert ws.plan(version).compiled == ws.plan("chained@1").compiled
    assert ws.run(version).deployment == "chained"
    assert ws.apply(version).version == 1
    ws.destroy("chained")
