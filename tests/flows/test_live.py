"""Deployments that run until they are stopped: what fires them, and what people see of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from flow_kit import SPOOL, flow, until

import lyftnb as ln
from lyftnb.errors import NotFound, SetupError, StorageError
from lyftnb.model import Run

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]


def runs_of(ws: ln.Workspace, deployment: str, stage: str) -> list[Run]:
    found = ws._ledger.runs(deployment, stage=stage, limit=1000)
    return sorted(found, key=lambda run: run.number)


def append(file: Path, *rows: dict[str, Any]) -> None:
    with file.open("a") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def test_files_are_followed_and_data_flows_on(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    (folder / "live").mkdir()
    wf = flow(
        "live",
        {
            "read": {
                "input": {"files": {"path": "live/*.ndjson"}},
                "trigger": {"watch": "50ms"},
                "out": "raw",
                "emit": [{"tag": "live.landed", "fields": {"rows": "count(*)"}}],
            },
            "copy": {"in": "raw", "actions": [{"derive": {"m": "n * 2"}}], "out": "copied"},
        },
        channels={"raw": SPOOL, "copied": SPOOL},
    )
    deployment = ws.start(wf)
    for number in range(3):
        append(folder / "live/a.ndjson", {"n": number}, {"n": -number})
        until(
            lambda number=number: ws._ledger.next_seq("live_draft.copied") == 2 * (number + 1),
            lambda: ws.progress(deployment),
        )
    with pytest.raises(SetupError, match="is running already"):
        ws.run(wf)
    ws.stop(deployment)
    append(folder / "live/a.ndjson", {"n": 9})
    assert ws._ledger.next_seq("live_draft.raw") == 6 and deployment not in ws.running
    ws.start(wf)
    until(lambda: ws._ledger.next_seq("live_draft.copied") == 7, lambda: ws.progress(deployment))
    ws.stop(deployment)
    assert rows("copied")["m"].to_list() == [0, 0, 2, -2, 4, -4, 18]
    sent = [message.payload["rows"] for message in ws._ledger.messages(tag="live.landed")]
    assert sum(sent) == 7
    copied = runs_of(ws, deployment, "copy")
    assert {run.cause for run in copied} == {"data"}
    assert all(run.started_at and run.ended_at and run.started_at < run.ended_at for run in copied)


def test_rejected_rows_are_told_of_until_a_run_has_none(ws: ln.Workspace, folder: Path) -> None:
    (folder / "torn").mkdir()
    wf = flow(
        "torn",
        {
            "read": {
                "input": {"files": {"path": "torn/*.ndjson"}},
                "trigger": {"watch": "50ms"},
                "out": "raw",
            }
        },
        channels={"raw": SPOOL},
    )
    (folder / "torn/a.ndjson").write_text('{"n": 1}\n{"n": \n')
    deployment = ws.start(wf)

    def issues() -> list[str]:
        return [issue.code for issue in ws._ledger.issues(place_prefix=deployment)]

    until(lambda: issues() == ["rows_rejected"], lambda: ws.progress(deployment))
    ws.stop(deployment)
    ws.start(wf)
    # Whoever comes after another owner turns its loop before it answers.
    ws.progress(deployment)
    mended_at = ws._ledger.clock.now()
    append(folder / "torn/a.ndjson", {"n": 2})
    until(lambda: issues() == [], lambda: ws.progress(deployment))
    ws.stop(deployment)
    (told,) = ws._ledger.issues(place_prefix=deployment, open=False)
    assert told.closed_at is not None and told.closed_at > mended_at


def test_messages_wake_steps_as_their_overlap_says(ws: ln.Workspace) -> None:
    def step(overlap: str) -> dict[str, Any]:
        return {
            "input": {"inline": {"rows": [{"x": 1}]}},
            "trigger": {
                "message": {"tag": "overlap.go", "when": "n < 10"},
                "overlap": overlap,
            },
            "emit": [{"tag": f"overlap.{overlap}", "empty": True, "fields": {"n": "${msg.n}"}}],
            "output": {"discard": {}},
        }

    deployment = ws.start(flow("overlap", {name: step(name) for name in ("queue", "coalesce")}))
    for n in (0, 1, 2, 99):
        ws.bus.publish("overlap.go", {"n": n})

    def heard(overlap: str) -> list[int]:
        return [m.payload["n"] for m in ws._ledger.messages(tag=f"overlap.{overlap}")]

    until(lambda: heard("queue") == [0, 1, 2], lambda: ws.progress(deployment))
    until(lambda: heard("coalesce")[-1:] == [2], lambda: ws.progress(deployment))
    ws.stop(deployment)
    assert heard("coalesce") == sorted(set(heard("coalesce")))
    assert sum(len(r.messages) for r in runs_of(ws, deployment, "coalesce")) == 3
    assert [len(r.messages) for r in runs_of(ws, deployment, "queue")] == [1, 1, 1]


def test_a_fire_that_the_ledger_cannot_write_is_not_lost(
    ws: ln.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = {
        "input": {"inline": {"rows": [{"x": 1}]}},
        "trigger": {"message": {"tag": "full.go"}},
        "output": {"discard": {}},
    }
    deployment = ws.start(flow("full", {"take": step}))
    fire, failures = ws._ledger.fire, []

    def full(*args: Any) -> list[Run]:
        if len(failures) < 2:
            failures.append(StorageError("no room"))
            raise failures[-1]
        return fire(*args)

    monkeypatch.setattr(ws._ledger, "fire", full)
    ws.bus.publish("full.go", {})
    until(
        lambda: [r.status for r in runs_of(ws, deployment, "take")] == ["done"],
        lambda: ws.progress(deployment),
    )
    assert len(failures) == 2
    until(lambda: not ws._ledger.issues(code="storage_failed"), ws._ledger.issues)
    ws.stop(deployment)


def test_fires_that_come_while_nothing_runs_are_caught_up(ws: ln.Workspace) -> None:
    wf = flow(
        "later",
        {
            "tick": {
                "input": {"inline": {"rows": [{"x": 1}]}},
                "trigger": {"interval": "200ms", "window": {}},
                "output": {"discard": {}},
            },
            "react": {
                "input": {"inline": {"rows": [{"x": 1}]}},
                "trigger": {"message": {"tag": "later.go"}, "overlap": "queue"},
                "output": {"discard": {}},
            },
        },
    )
    deployment = ws.start(wf)
    until(
        lambda: any(r.status == "done" for r in runs_of(ws, deployment, "tick")),
        lambda: ws.progress(deployment),
    )
    ws.stop(deployment)
    before = len(runs_of(ws, deployment, "tick"))
    ws.bus.publish("later.go", {"n": 1})
    time.sleep(0.7)
    ws.start(wf)
    until(
        lambda: len(runs_of(ws, deployment, "tick")) >= before + 3,
        lambda: ws.progress(deployment),
    )
    until(
        lambda: [r.status for r in runs_of(ws, deployment, "react")] == ["done"],
        lambda: runs_of(ws, deployment, "react"),
    )
    ws.stop(deployment)
    windows = [(r.window_start, r.window_end) for r in runs_of(ws, deployment, "tick")]
    assert all(a[1] == b[0] for a, b in pairwise(windows))


def test_a_blocked_stage_is_an_issue_until_it_is_mended(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    (folder / "broken").mkdir()
    body = (
        "def work(lf):\n"
        "    import pathlib\n"
        f"    if not pathlib.Path({str(folder)!r}, 'broken/mended').exists():\n"
        "        raise RuntimeError('broken')\n"
        "    return lf"
    )
    wf = flow(
        "broken",
        {
            "read": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "raw"},
            "work": {
                "in": "raw",
                "actions": [{"python": {"source": body, "rowwise": False}}],
                "frame": "batch",
                "out": "done",
            },
            "copy": {"in": "raw", "out": "copied"},
        },
        channels={"raw": SPOOL, "done": SPOOL, "copied": SPOOL},
    )
    deployment = ws.start(wf)

    def issues() -> list[tuple[str, str]]:
        found = ws._ledger.issues(place_prefix=deployment)
        return [(issue.code, issue.place) for issue in found]

    blocked = [("stage_blocked", "broken_draft/work")]
    until(lambda: issues() == blocked, lambda: (issues(), ws.progress(deployment)))
    until(lambda: ws._ledger.next_seq("broken_draft.copied") == 1, lambda: ws.progress(deployment))
    with pytest.raises(SetupError, match="'broken_draft/copy' is not blocked"):
        ws.retry(deployment, "copy")
    (folder / "broken/mended").touch()
    ws.retry(deployment, "work")
    until(lambda: not issues(), lambda: (issues(), ws.progress(deployment)))
    until(lambda: ws._ledger.next_seq("broken_draft.done") == 1, lambda: ws.progress(deployment))
    ws.stop(deployment)
    types = [m.type for m in ws._ledger.messages() if m.payload and "code" in str(m.payload)]
    assert "issue-raised" in types and "issue-closed" in types


def test_a_batch_that_blocks_a_stage_is_passed_by_when_somebody_says_so(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    (folder / "passed").mkdir()
    body = (
        "def work(lf):\n"
        "    from lyftnb.errors import Permanent\n"
        "    if (lf.collect()['n'] == 2).any():\n"
        "        raise Permanent('two')\n"
        "    return lf"
    )
    wf = flow(
        "passed",
        {
            "read": {
                "input": {"files": {"path": "passed/*.ndjson"}},
                "trigger": {"watch": "50ms"},
                "out": "raw",
            },
            "work": {
                "in": "raw",
                "actions": [{"python": {"source": body, "rowwise": False}}],
                "frame": "batch",
                "output": {"csv": {"path": "passed_out"}},
                "out": "done",
            },
        },
        channels={"raw": SPOOL, "done": SPOOL},
    )
    deployment = ws.start(wf)

    def state() -> str:
        return ws.progress(deployment).stages[1].state

    for number in (1, 2, 3):
        with (folder / "passed/a.ndjson").open("a") as file:
            file.write(json.dumps({"n": number}) + "\n")
        until(lambda n=number: ws._ledger.next_seq("passed_draft.raw") == n, lambda: ws.issues)
        if number == 2:
            until(lambda: state() == "blocked", lambda: ws.issues)
    for _ in range(2):  # to try again brings the same again
        ws.retry(deployment, "work")
        until(lambda: state() == "blocked", lambda: ws.issues)
    ws.skip(deployment, "work")
    until(lambda: not ws.issues.list(place=deployment), lambda: ws.issues)
    with (folder / "passed/a.ndjson").open("a") as file:
        file.write('{"n": 4}\n')

    def done() -> list[int]:
        return rows("passed_draft.done")["n"].to_list()

    until(lambda: 4 in done(), lambda: ws.progress(deployment))
    assert not ws._ledger.open_claims(deployment)
    ws.stop(deployment)
    assert done()[0] == 1 and 2 not in done()


def test_an_output_that_never_fits_is_passed_by(ws: ln.Workspace, folder: Path) -> None:
    """What a table cannot take holds its stage back until somebody mends the table, or says that
    it is to be left out; the rest of the batch and all later ones are revealed.
    """
    (folder / "unfit").mkdir()
    with duckdb.connect(str(folder / "unfit.duckdb")) as con:
        con.sql("CREATE TABLE events (n BIGINT CHECK (n % 100 <> 7))")
    wf = flow(
        "unfit",
        {
            "read": {
                "input": {"files": {"path": "unfit/*.ndjson"}},
                "trigger": {"watch": "50ms"},
                "output": {"duckdb": {"path": "unfit.duckdb", "table": "events"}},
            },
        },
    )
    deployment = ws.start(wf)

    def blocked() -> bool:
        return ws.progress(deployment).stages[0].state == "blocked"

    def revealed() -> int:
        ids = "SELECT publication FROM lyftnb.publications"
        return ws.sql(
            f"{ids} WHERE starts_with(batch, 'unfit_') AND published_at IS NOT NULL"
        ).height

    append(folder / "unfit/a.ndjson", {"n": 1})
    until(lambda: revealed() == 1, lambda: ws.issues)
    append(folder / "unfit/a.ndjson", {"n": 7})
    until(lambda: bool(ws.issues.list(place=deployment)), lambda: ws.issues)
    (issue,) = ws.issues.list(place=deployment)
    assert "jobs retry unfit_draft/read" in (issue.hint or "")
    ws.retry(deployment, "read")
    until(blocked, lambda: ws.issues)
    ws.skip(deployment, "read")
    append(folder / "unfit/a.ndjson", {"n": 8})
    until(lambda: revealed() == 2, lambda: ws.progress(deployment))
    assert not ws._ledger.pending_publications(deployment)
    assert not ws.issues.list(place=deployment)
    append(folder / "unfit/a.ndjson", {"n": 107})
    until(blocked, lambda: ws.issues)  # only that one batch was passed by
    ws.stop(deployment)
    with duckdb.connect(str(folder / "unfit.duckdb")) as con:
        assert con.sql("SELECT n FROM events ORDER BY n").fetchall() == [(1,), (8,)]
    told = ws.sql("SELECT skipped FROM lyftnb.publications WHERE contains(skipped, 'CHECK')")
    assert told.height == 1 and "do not fit the table" in told["skipped"][0]


def test_a_manager_with_nothing_to_do_waits_to_be_woken(ws: ln.Workspace) -> None:
    tick = {
        "input": {"inline": {"rows": [{"x": 1}]}},
        "trigger": {"interval": "1h"},
        "output": {"discard": {}},
    }
    deployment = ws.start(flow("still", {"tick": tick}))
    ws.stop(deployment)
    assert ws._manager is not None and ws._manager._pause() is None


def test_variables_and_payloads_reach_expressions(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "values",
        {
            "ask": {
                "input": {"messages": {"tag": "values.ask"}},
                "trigger": {"message": {"tag": "values.ask"}},
                "actions": [
                    {"derive": {"deep": "${msg.a.b}", "limit": "${var.limit || 5}"}},
                    {"select": ["deep", "limit"]},
                ],
                "out": "answers",
            }
        },
        channels={"answers": SPOOL},
    )
    deployment = ws.start(wf)
    ws.bus.publish("values.ask", {"a": {"b": 1}})
    until(lambda: ws._ledger.next_seq("values_draft.answers") == 1, lambda: ws.progress(deployment))
    ws.bus.publish("values.set", {"limit": 7}, type="set-variable")
    ws.bus.publish("values.ask", {"a": {"b": 2}})
    until(lambda: ws._ledger.next_seq("values_draft.answers") == 2, lambda: ws.progress(deployment))
    ws.stop(deployment)
    assert rows("answers").rows() == [(1, 5), (2, 7)]


def test_a_step_is_fired_by_hand(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "byhand",
        {
            "make": {"input": {"inline": {"rows": [{"n": 1}, {"n": 2}]}}, "out": "raw"},
            "take": {
                "in": "raw",
                "trigger": "manual",
                "actions": [{"derive": {"who": "${msg.who}"}}],
                "out": "taken",
            },
        },
        channels={"raw": SPOOL, "taken": SPOOL},
    )
    deployment = ws.start(wf)
    until(lambda: ws._ledger.next_seq("byhand_draft.raw") == 2, lambda: ws.progress(deployment))
    with pytest.raises(NotFound, match="did you mean 'take'"):
        ws.fire(deployment, "takee")
    ws.fire(deployment, "take", {"who": "me"})
    until(lambda: ws._ledger.next_seq("byhand_draft.taken") == 2, lambda: ws.progress(deployment))
    ws.stop(deployment)
    assert rows("taken")["who"].to_list() == ["me", "me"]
    assert [r.cause for r in runs_of(ws, deployment, "take")] == ["manual"]


def test_what_a_live_deployment_passes_by_goes_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lyftnb.manager.upkeep.EVERY", timedelta(0))
    make = {
        "input": {"inline": {"rows": [{"n": 1}]}},
        "output": {"duckdb": {"path": "held.duckdb", "table": "events", "wait": 0}},
        "retry": {"attempts": 1},
    }
    (tmp_path / "lyftnb.toml").write_text("[retention]\nskipped = 0\n")
    with ln.open(tmp_path) as ws, duckdb.connect(str(tmp_path / "held.duckdb")):
        deployment = ws.start(flow("held", {"make": make}))

        def state() -> str:
            (stage,) = ws.progress(deployment).stages
            return stage.state

        until(lambda: state() == "blocked", state)
        (staged,) = tmp_path.glob(".lyftnb-*.parquet")
        ws.skip(deployment, "make")
        until(lambda: not staged.exists(), state)
