"""Runbooks and requests on a real cluster: run now, beside one another, and ask whoever is busy."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.errors import InvalidParameters, InvalidRunbook, NotFound, SetupError, TimedOut

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]
SPOOL = {"transport": "spool"}
ORDERS = [{"customer": c, "n": n} for n, c in enumerate("xyxzxy")]
CUSTOMER = {"type": "string", "pattern": "^[a-z]$"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ln.Workspace]:
    """A workspace apart from the other flows: its workers are killed, frozen and interrupted."""
    folder = tmp_path_factory.mktemp("runbooks")
    (folder / "lyftnb.toml").write_text("[groups.default]\nworkers = 2\n[groups.edge]\n")
    with ln.open(folder) as workspace:
        yield workspace


def orders(name: str, action: dict[str, Any] | None = None) -> ln.Workflow:
    """A workflow that picks the orders of a customer."""
    steps = {
        "make": {"input": {"inline": {"rows": ORDERS}}, "out": "raw"},
        "pick": {
            "in": "raw",
            "actions": [{"filter": "customer = '{{customer}}' AND n >= {{least}}"}],
            "out": "picked",
        },
        "keep": {"in": "picked", "actions": [action] if action else [], "out": "kept"},
    }
    return ln.Workflow.from_dict(
        {
            "workflow": name,
            "context": {"customer": "none", "least": 0, "trap": "none"},
            "channels": {"picked": SPOOL, "kept": SPOOL},
            "steps": {k: {n: v for n, v in s.items() if v} for k, s in steps.items()},
        }
    )


def runbook(name: str, workflow: str, **rest: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"customer": CUSTOMER, "least": {"type": "integer", "default": 1}},
        "required": ["customer"],
    }
    return {"runbook": name, "workflow": workflow, "parameters": schema, **rest}


def waiting_for(trap: Path) -> dict[str, Any]:
    """A step that is busy as long as a file is there."""
    body = f"while __import__('os').path.exists({str(trap)!r}): __import__('time').sleep(0.01)"
    return {"python": {"source": f"def work(lf):\n    {body}\n    return lf\n", "rowwise": False}}


@contextmanager
def busy(trap: Path) -> Iterator[None]:
    """Within the block, the trap is set; and sprung at its end."""
    trap.touch()
    try:
        yield
    finally:
        trap.unlink()


def until(ws: ln.Workspace, come: Callable[[], bool]) -> None:
    """Look again after each change in the ledger, and a few times a second."""
    news = threading.Event()
    end = ws._ledger.listen(lambda _topics: news.set())
    for _ in range(300):
        if come():
            return end()
        news.wait(0.1)
        news.clear()
    raise AssertionError("it did not come about")


def test_a_runbook_runs_the_version_it_was_published_with(ws: ln.Workspace, rows: Rows) -> None:
    ws.publish(orders("pinned"))
    first = ws.runbooks.publish(runbook("pin", "pinned"))
    assert first.document["workflow"] == "pinned@1"
    assert ws.runbooks.publish(runbook("pin", "pinned@1")) == first
    invocation = ws.runbooks.invoke("pin", customer="x").wait(60)
    assert (invocation.status, invocation.deployment) == ("done", "pin_1")
    assert invocation.run == "pin_1-1"
    assert rows("pin_1.kept")["n"].to_list() == [2, 4]
    result = invocation.result
    assert {c.step: c.rows_out for c in result.counts}["keep"] == 2
    assert (result.rejects, result.error) == (0, None)
    assert "done in" in repr(invocation) and "<table>" in invocation._repr_html_()
    (row,) = ws.sql("SELECT * FROM lyftnb.invocations WHERE runbook = 'pin'").to_dicts()
    assert (row["status"], row["run"]) == ("done", "pin_1-1")
    ws.publish(orders("pinned", {"derive": {"m": "n * 10"}}))
    assert ws.runbooks.publish(runbook("pin", "pinned")).ref == "pin@2"
    again = ws.runbooks.invoke("pin@1", customer="x").wait(60)
    assert rows(f"{again.deployment}.kept").columns == ["customer", "n"]


def test_invocations_do_not_meet_unless_they_are_told_to(ws: ln.Workspace, rows: Rows) -> None:
    ws.publish(orders("apart"))
    ws.runbooks.publish(runbook("alone", "apart"))
    ws.runbooks.publish(runbook("shared", "apart", deployment="apart_{{customer}}"))
    alone = [ws.runbooks.invoke("alone", customer=c, least=0) for c in "xy"]
    shared = [ws.runbooks.invoke("shared", customer="x", least=0) for _ in range(2)]
    assert {i.wait(60).status for i in (*alone, *shared)} == {"done"}
    assert [rows(f"{i.deployment}.kept").height for i in alone] == [3, 2]
    # The second of them goes on from the first one's checkpoint: there is nothing new.
    assert {i.deployment for i in shared} == {"apart_x"}
    assert [sum(c.rows_in or 0 for c in i.result.counts) > 0 for i in shared] == [True, False]
    assert rows("apart_x.kept").height == 3
    assert ws.runbooks.deployments == ()


def test_a_wrong_runbook_or_invocation_leaves_nothing(ws: ln.Workspace) -> None:
    ws.publish(orders("strict"))
    with pytest.raises(InvalidRunbook, match="did you mean 'strict'"):
        ws.runbooks.publish(runbook("wrong", "strikt"))
    ws.runbooks.publish(runbook("wrong", "strict"))
    with pytest.raises(InvalidParameters, match="expected text that matches"):
        ws.runbooks.invoke("wrong", customer="xx")
    with pytest.raises(NotFound, match="did you mean 'wrong'"):
        ws.runbooks.invoke("wrng", customer="x")
    assert ws.runbooks.invocations("wrong") == []
    plan = ws.runbooks.plan("wrong", customer="x", least=3)
    assert {v.name: (v.value, v.layer) for v in plan.context} == {
        "customer": ("x", "runbook:wrong"),
        "least": (3, "runbook:wrong"),
    }
    assert ws.runbooks.invocations("wrong") == []


def test_an_invocation_is_cancelled_and_taken_up_again(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    trap = folder / "trap_cancel"
    ws.publish(orders("halted", waiting_for(trap)))
    ws.runbooks.publish(runbook("halt", "halted", deployment="halted"))
    with busy(trap):
        invocation = ws.runbooks.invoke("halt", customer="x", least=0)
        until(ws, lambda: any(c.step == "pick" for c in invocation.result.counts))
        with pytest.raises(TimedOut, match=r"still running after 0\.1 s"):
            invocation.wait(0.1)
        for begin in (ws.run, ws.start):
            with pytest.raises(SetupError, match="deployment 'halted' is running already"):
                begin("halted")
        assert invocation.cancel()
        assert invocation.wait(60).status == "cancelled"
        assert not invocation.cancel()
    assert invocation.resume().wait(60).status == "done"
    assert invocation.record.attempts == 2
    assert rows("halted.kept")["n"].to_list() == [0, 2, 4]
    assert {c.step: c.rows_in for c in invocation.result.counts}["keep"] == 3


def test_a_failure_is_recorded_with_its_cause_and_resumed_when_it_is_mended(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    missing = folder / "needed"
    body = f"open({str(missing)!r}).close()"
    source = f"def work(lf):\n    {body}\n    return lf\n"
    workflow = orders("needy", {"python": {"source": source, "rowwise": False}}).to_dict()
    workflow["steps"]["keep"]["retry"] = {"attempts": 2, "delay": "10ms"}
    ws.publish(ln.Workflow.from_dict(workflow))
    ws.runbooks.publish(runbook("need", "needy"))
    invocation = ws.runbooks.invoke("need", customer="x", idempotency_key="once").wait(60)
    assert invocation.status == "blocked"
    error = invocation.result.error
    assert error is not None and "FileNotFoundError" in error["message"]
    assert {c.step: c.rows_out for c in invocation.result.counts}["pick"] == 2
    same = ws.runbooks.invoke("need", customer="x", idempotency_key="once")
    assert (same.id, same.status) == (invocation.id, "blocked")
    missing.touch()
    assert invocation.resume().wait(60).status == "done"
    assert rows(f"{invocation.deployment}.kept")["n"].to_list() == [2, 4]


def test_a_busy_worker_answers_and_so_does_its_job(ws: ln.Workspace, folder: Path) -> None:
    trap = folder / "trap_busy"
    (folder / "seen.csv").write_text("a\n1\n")
    (folder / "away.csv").symlink_to("/etc/hostname")
    ws.publish(orders("asked", waiting_for(trap)))
    ws.runbooks.publish(runbook("ask", "asked"))
    with busy(trap):
        invocation = ws.runbooks.invoke("ask", customer="x")
        until(ws, lambda: any(c.step == "pick" for c in invocation.result.counts))
        until(ws, lambda: any(running(ws, name) for name in ("default-0", "default-1")))
        busy_one = next(n for n in ("default-0", "default-1") if running(ws, n))
        assert running(ws, busy_one) == ["ask_1/keep/1"]
        assert ws.bus.request(f"worker:{busy_one}", "health")["health"] == "healthy"
        files = ws.bus.request(f"worker:{busy_one}", {"ask": "files", "glob": "*.csv"})
        assert [f["path"] for f in files["files"]] == ["seen.csv"]
        assert files["outside"] == 1
        for pattern in ("/etc/*", "../*", "a/../../*"):
            with pytest.raises(SetupError, match="leads out of the workspace"):
                ws.bus.request(f"worker:{busy_one}", {"ask": "files", "glob": pattern})
        assert ws.bus.request("job:ask_1/keep", "state")["state"] == "running"
        assert ws.bus.request("manager", "state")["deployments"]["ask_1"]["keep"] == "running"
    assert invocation.wait(60).status == "done"
    assert ws.bus.request("worker:edge", "versions") == ws.bus.request("manager", "versions")
    names = {w["name"] for w in ws.bus.request("manager", "workers")}
    assert names == {"default-0", "default-1", "edge-0"}
    with pytest.raises(NotFound, match="did you mean 'edge'"):
        ws.bus.request("worker:egde", "state")


def running(ws: ln.Workspace, worker: str) -> list[str]:
    return list(ws.bus.request(f"worker:{worker}", "state", 60)["running"])


def test_a_frozen_worker_is_a_timeout_and_its_late_reply_is_recorded(ws: ln.Workspace) -> None:
    pid = ws.bus.request("worker:edge-0", "state", 60)["pid"]
    before = ws.bus.messages()[-1].id
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimedOut, match="worker:edge-0 gave no reply within 1 s"):
            ws.bus.request("worker:edge-0", "state", timeout=1)
        assert [m.type for m in ws.bus.messages(after=before)] == ["request"]
    finally:
        os.kill(pid, signal.SIGCONT)
    (reply,) = [next(ws.bus.subscribe(after=before, timeout=60, type="reply"))]
    assert (reply.payload["late"], reply.payload["answer"]["pid"]) == (True, pid)


def test_a_worker_that_was_killed_is_asked_again_once_it_is_back(ws: ln.Workspace) -> None:
    pid = ws.bus.request("worker:edge", "state", 60)["pid"]
    os.kill(pid, signal.SIGKILL)

    def back() -> bool:
        try:
            return bool(ws.bus.request("worker:edge", "state", 60)["pid"] != pid)
        except ln.LyftError as error:
            assert error.code == "worker_died"
            return False

    until(ws, back)
