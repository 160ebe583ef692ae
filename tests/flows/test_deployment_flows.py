"""Deployments at work: what is applied runs, and takes over at a batch boundary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from flow_kit import SPOOL, flow, until

import lyftnb as ln
from lyftnb.errors import InternalError, LyftError, SetupError
from lyftnb.manager.flow import Flow

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]


@pytest.fixture
def serving(ws: ln.Workspace) -> Iterator[ln.Workspace]:
    """The workspace as an owner that runs all that is applied; nothing is when it begins."""
    ws.serve_deployments()
    yield ws
    for deployment in ws.deployments:
        ws.destroy(deployment.name)
    ws._serve_no_more()


def append(file: Path, *numbers: int) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as out:
        out.writelines(json.dumps({"n": number}) + "\n" for number in numbers)


def made(ws: ln.Workspace, name: str, rows: int) -> None:
    until(lambda: ws._ledger.next_seq(name) == rows, lambda: (name, ws.running, ws.issues()))


def follower(name: str, factor: int | str = 2, step: str = "copy", **rest: Any) -> Any:
    """Reads what comes into a folder, and copies it with a factor."""
    steps = {
        "read": {
            "input": {"files": {"path": f"{name}_in/*.ndjson"}},
            "trigger": {"watch": "50ms"},
            "out": "arrived",
        },
        step: {
            "in": "arrived",
            "actions": [{"derive": {"m": f"n * {factor}"}}],
            "out": "multiplied",
        },
    }
    steps[step] |= rest
    return flow(name, steps, channels={"arrived": SPOOL, "multiplied": SPOOL})


def test_a_new_revision_takes_over_where_the_old_one_stood(
    serving: ln.Workspace, rows: Rows, folder: Path
) -> None:
    ws = serving
    append(folder / "dep_in/a.ndjson", 1, 2)
    ws.publish(follower("dep"))
    ws.apply("dep")
    made(ws, "dep.multiplied", 2)
    ws.publish(follower("dep", 10))
    assert ws.plan("dep").based_on == 1
    ws.apply("dep")
    append(folder / "dep_in/a.ndjson", 3)
    made(ws, "dep.multiplied", 3)
    ws.publish(follower("dep", 10, "times", renamed_from="copy"))
    plan = ws.plan("dep")
    assert plan.to_accept == ()
    ws.apply(plan)
    append(folder / "dep_in/a.ndjson", 4)
    made(ws, "dep.multiplied", 4)
    ws.rollback("dep", 1)
    append(folder / "dep_in/a.ndjson", 5)
    made(ws, "dep.multiplied", 5)
    assert rows("dep.multiplied")["m"].to_list() == [2, 4, 30, 40, 10]
    assert ws.plan("dep@1").empty


def test_what_is_paused_waits_and_goes_on(serving: ln.Workspace, rows: Rows, folder: Path) -> None:
    ws = serving
    append(folder / "held_in/a.ndjson", 1)
    ws.publish(follower("held"))
    ws.apply("held")
    made(ws, "held.multiplied", 1)
    ws.pause("held", "copy")
    append(folder / "held_in/a.ndjson", 2, 3)
    made(ws, "held.arrived", 3)
    assert ws._ledger.next_seq("held.multiplied") == 1
    ws.resume("held", "copy")
    made(ws, "held.multiplied", 3)
    ws.destroy("held")
    assert "held" not in ws.running and ws.spool("held.multiplied").info.rows == 3


def test_a_revision_that_does_not_start_leaves_the_old_one_running(
    serving: ln.Workspace, rows: Rows, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = serving
    append(folder / "bad_in/a.ndjson", 1)
    ws.publish(follower("bad"))
    ws.apply("bad")
    made(ws, "bad.multiplied", 1)
    ws.publish(follower("bad", 10, "times", renamed_from="copy"))
    begin = Flow.begin

    def fail(self: Flow) -> None:
        if self.plan.version == 2:
            raise InternalError("no")
        begin(self)

    monkeypatch.setattr(Flow, "begin", fail)
    with pytest.raises(InternalError):
        ws.apply("bad")
    assert ws.deployment("bad").ref == "bad@1" and ws.plan("bad@1").empty
    assert [r.cause for r in ws.history("bad")] == ["failure", "apply", "apply"]
    monkeypatch.setattr("lyftnb.workspace.applying.user", _fails)
    with pytest.raises(LyftError, match="nobody"):
        ws.apply("bad")
    assert [r.number for r in ws.history("bad")] == [3, 2, 1]
    monkeypatch.undo()
    append(folder / "bad_in/a.ndjson", 2)
    made(ws, "bad.multiplied", 2)
    assert rows("bad.multiplied")["m"].to_list() == [2, 4]


def test_a_revision_that_does_worse_goes_back_by_itself(
    serving: ln.Workspace, folder: Path
) -> None:
    ws = serving
    append(folder / "gate_in/a.ndjson", 1, 2)
    ws.publish(follower("gate"))
    ws.apply("gate")
    with pytest.raises(SetupError, match="a gate of 0 batches"):
        ws.apply("gate@1", replicas={"copy": 1}, gate=0)
    made(ws, "gate.multiplied", 2)
    ws.publish(follower("gate", 3))
    assert ws.apply("gate", gate=2).gate is not None
    append(folder / "gate_in/a.ndjson", 3)
    made(ws, "gate.multiplied", 3)
    until(lambda: ws.deployment("gate").gate is None, lambda: ws.audit("gate"))
    assert ws.deployment("gate").ref == "gate@2"
    ws.publish(follower("gate", "CAST('x' || n AS BIGINT)"))
    ws.apply("gate", gate=2)
    append(folder / "gate_in/a.ndjson", 4)
    until(lambda: ws.deployment("gate").revision == 4, lambda: ws.audit("gate"))
    newest = ws.history("gate")[0]
    assert (newest.ref, newest.cause) == ("gate@2", "gate")
    until(lambda: _issues(ws, "gate") != [], lambda: ws.issues())
    assert "revision 3 (gate@3) was rolled back: it rejects" in _issues(ws, "gate")[0]
    append(folder / "gate_in/a.ndjson", 5)
    made(ws, "gate.multiplied", 4)
    ws.apply("gate@1")
    assert _issues(ws, "gate") == []


def test_a_stage_that_is_blocked_goes_back_too(serving: ln.Workspace, folder: Path) -> None:
    ws = serving
    append(folder / "stuck_in/a.ndjson", 1)
    ws.publish(follower("stuck"))
    ws.apply("stuck")
    made(ws, "stuck.multiplied", 1)
    source = "def run(frame):\n    raise ValueError('no')\n"
    broken = follower("stuck", retry={"attempts": 1}, actions=[{"python": {"source": source}}])
    ws.publish(broken)
    ws.apply("stuck", gate=50)
    append(folder / "stuck_in/a.ndjson", 2)
    until(lambda: ws.deployment("stuck").revision == 3, lambda: ws.issues())
    made(ws, "stuck.multiplied", 2)


def _issues(ws: ln.Workspace, deployment: str) -> list[str]:
    found = ws._ledger.issues(place_prefix=deployment)
    return [issue.cause for issue in found if issue.code == "rolled_back"]


def test_what_never_started_is_not_applied(
    serving: ln.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.publish(follower("first"))

    def fail(self: Flow) -> None:
        raise InternalError("no")

    monkeypatch.setattr(Flow, "begin", fail)
    with pytest.raises(InternalError):
        serving.apply("first")
    assert "first" not in {d.name for d in serving.deployments} | set(serving.running)


def _fails() -> str:
    raise LyftError("nobody")


def test_a_spool_that_becomes_memory_is_drained_first(
    serving: ln.Workspace, rows: Rows, folder: Path
) -> None:
    ws = serving
    append(folder / "drain_in/a.ndjson", 1, 2)
    ws.publish(follower("drain"))
    ws.apply("drain")
    ws.pause("drain", "copy")
    assert ws.deployment("drain").paused == "copy"
    append(folder / "drain_in/a.ndjson", 3, 4)
    made(ws, "drain.arrived", 4)
    document = follower("drain").to_document()
    document["channels"]["arrived"] = {"transport": "worker"}
    ws.publish(type(follower("drain")).model_validate(document))
    plan = ws.plan("drain")
    assert plan.to_accept == ("drain:copy/arrived",)
    ws.apply(plan, accept=plan.to_accept)
    append(folder / "drain_in/a.ndjson", 5)
    made(ws, "drain.multiplied", 5)
    assert rows("drain.multiplied")["n"].to_list() == [1, 2, 3, 4, 5]
    assert ws.plan("drain").empty


def test_what_is_applied_starts_with_its_owner(ws: ln.Workspace, folder: Path) -> None:
    append(folder / "boot_in/a.ndjson", 1)
    ws.publish(follower("boot"))
    ws.apply("boot")
    assert "boot" not in ws.running
    assert "boot" in ws.serve_deployments()
    made(ws, "boot.multiplied", 1)
    ws.destroy("boot", data=True)
    assert ws.spool("boot.multiplied").info.rows == 0
    ws._serve_no_more()
