"""What is changed by hand or by accident behind a deployment's back is mended, or an issue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_kit import SPOOL, flow, until

import lyftnb as ln
from lyftnb.planning.reconciling import (
    CONTEXT_DRIFTED,
    SECRET_MISSING,
    SEGMENTS_DAMAGED,
    DeploymentStatus,
)
from lyftnb.workspace import reconciler

pytestmark = pytest.mark.cluster

NAME = "kept"


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ln.Workspace]:
    monkeypatch.setattr(reconciler, "LOOK_S", 0.1)
    monkeypatch.setattr(reconciler, "_FILES_S", 0.1)
    monkeypatch.setattr(reconciler, "_FILES_SHARE", 1.0)
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    (tmp_path / "in").mkdir()
    with ln.open(tmp_path) as workspace:
        steps = {
            "read": {
                "input": {"files": {"path": "in/*.ndjson"}},
                "trigger": {"watch": "50ms"},
                "out": "arrived",
            },
            "copy": {
                "in": "arrived",
                "actions": [
                    {"derive": {"m": "n * {{factor}}", "k": "length(${secret.api/key}) > 0"}}
                ],
                "out": "copied",
            },
        }
        channels = {"arrived": SPOOL, "copied": SPOOL}
        workspace.secrets.set("api/key", "wxyz")
        workspace.contexts.create("prod")
        workspace.contexts.set("prod", "factor", 2)
        workspace.publish(flow(NAME, steps, channels=channels), context="prod")
        workspace.apply(NAME, context="prod")
        workspace.serve_deployments()
        arrives(workspace)
        yield workspace


def arrives(ws: ln.Workspace) -> None:
    """One more row comes, and goes all the way."""
    before = ws._ledger.next_seq(f"{NAME}_prod.copied")
    with (ws.path / "in/a.ndjson").open("a") as file:
        file.write(json.dumps({"n": before}) + "\n")
    until(
        lambda: ws._ledger.next_seq(f"{NAME}_prod.copied") == before + 1,
        lambda: (ws.status(), ws.issues),
    )


def standing(ws: ln.Workspace) -> DeploymentStatus:
    (status,) = ws.status()
    return status


def settled(ws: ln.Workspace) -> None:
    """It is as it is to be, and nothing is left of what was wrong."""
    until(
        lambda: (
            (standing(ws).sync, standing(ws).health, len(ws.issues)) == ("synced", "healthy", 0)
        ),
        lambda: (ws.status(), ws.issues),
    )


def held(ws: ln.Workspace) -> list[str]:
    assert ws._manager is not None
    plans = [work.plan for work in ws._manager.at_work.values()]
    return [stage.id for plan in plans for stage in plan.stages if stage.paused]


def edit(ws: ln.Workspace, statement: str) -> None:
    """Change a row of the ledger by hand."""
    with ws._ledger.opened() as database:
        database.connection.execute(statement)


def test_what_was_stopped_runs_again(ws: ln.Workspace) -> None:
    settled(ws)
    assert ws._manager is not None
    ws._manager.stop(f"{NAME}_prod")
    assert standing(ws).sync_reason == "it does not run"
    until(lambda: f"{NAME}_prod" in ws.running, lambda: ws.status())
    arrives(ws)
    settled(ws)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_manager_whose_loop_has_ended_is_replaced(ws: ln.Workspace) -> None:
    manager = ws._manager
    assert manager is not None

    def end() -> None:
        raise SystemExit

    manager._events.put(end)
    until(lambda: ws._manager is not manager and ws.running != (), lambda: ws.status())
    arrives(ws)
    settled(ws)


def test_rows_of_the_ledger_that_were_edited_are_followed(ws: ln.Workspace) -> None:
    edit(ws, """UPDATE deployments SET pauses = '{"whole": false, "stages": {"copy": true}}'""")
    until(lambda: held(ws) == ["copy"], lambda: ws.status())
    edit(ws, """UPDATE deployments SET pauses = '{"whole": true, "stages": {}}'""")
    until(lambda: standing(ws).health == "paused", lambda: ws.status())
    edit(ws, """UPDATE deployments SET pauses = '{"whole": false, "stages": {}}'""")
    arrives(ws)
    settled(ws)
    edit(ws, "DELETE FROM deployments")
    until(lambda: ws.running == (), lambda: ws.status())


def test_a_context_that_changed_is_told_with_its_fields(ws: ln.Workspace) -> None:
    ws.contexts.set("prod", "factor", 3)
    until(lambda: standing(ws).sync == "drifted", lambda: ws.status())
    until(lambda: bool(ws.issues.list(code=CONTEXT_DRIFTED)), lambda: ws.issues)
    (issue,) = ws.issues.list()
    assert "n * 2" in issue.cause and "n * 3" in issue.cause
    assert issue.hint == f"look at it, and apply: lyftnb plan {NAME}@1 --context prod"
    arrives(ws)  # it goes on as it was applied
    ws.apply(NAME, context="prod")
    settled(ws)
    arrives(ws)
    assert ws.spool("copied").scan().collect()["m"].to_list() == [0, 2, 6]


def test_a_secret_that_is_gone_is_an_issue(ws: ln.Workspace) -> None:
    ws.secrets.remove("api/key")
    until(lambda: standing(ws).health == "degraded", lambda: ws.status())
    (issue,) = ws.issues.list(code=SECRET_MISSING)
    assert issue.hint == "set it: lyftnb secret set api/key"
    ws.secrets.set("api/key", "abcd")
    settled(ws)
    arrives(ws)


def test_a_segment_that_is_gone_is_an_issue_until_it_is_back(ws: ln.Workspace) -> None:
    (segment,) = ws._ledger.segments(f"{NAME}_prod.copied")
    file = ws._ledger.root / segment.path
    kept = file.read_bytes()
    file.unlink()
    until(lambda: standing(ws).health == "degraded", lambda: ws.status())
    (issue,) = ws.issues.list(code=SEGMENTS_DAMAGED)
    assert issue.place == f"{NAME}_prod.copied" and segment.path in issue.cause
    file.write_bytes(kept)
    settled(ws)
