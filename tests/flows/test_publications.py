"""What outputs have staged is revealed, kept, passed by or removed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from flow_kit import flow

import lyftnb as ln
from lyftnb.manager import Progress
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster


def test_a_publication_is_tried_again(ws: ln.Workspace, folder: Path) -> None:
    output = {"duckdb": {"path": "held.duckdb", "table": "events", "wait": 0}}
    wf = flow(
        "held",
        {
            "make": {
                "input": {"inline": {"rows": [{"n": 1}]}},
                "output": output,
                "retry": {"attempts": 100, "delay": "50ms", "max_delay": "50ms"},
            }
        },
    )
    holder = duckdb.connect(str(folder / "held.duckdb"))

    def let_go(progress: Progress) -> None:
        if any("publication: attempt" in stage.note for stage in progress.stages):
            holder.close()

    assert ws.run(wf, on_progress=let_go).status == "done"
    with duckdb.connect(str(folder / "held.duckdb")) as con:
        assert con.sql("SELECT n FROM events").fetchall() == [(1,)]
    assert ws._ledger.pending_publications("held_draft") == ()


def test_a_publication_that_fails_for_good_is_kept_and_keeps_no_other_back(
    ws: ln.Workspace, folder: Path
) -> None:
    wf = flow(
        "kept_back",
        {
            "make": {
                "input": {"inline": {"rows": [{"n": 1}]}},
                "out": "made",
                "retry": {"attempts": 2, "delay": "10ms"},
            },
            "held": {
                "in": "made",
                "output": {"duckdb": {"path": "kept.duckdb", "table": "events", "wait": 0}},
            },
            "beside": {"in": "made", "output": {"csv": {"path": "beside"}}},
        },
    )
    with (
        duckdb.connect(str(folder / "kept.duckdb")),
        pytest.raises(ln.LyftError, match=r"kept\.duckdb"),
    ):
        ws.run(wf)
    (left,) = ws._ledger.pending_publications("kept_back_draft")
    assert left.step == "held"
    assert len(list((folder / "beside").glob("*.csv"))) == 1
    assert ws.run(wf).batches == 0
    with duckdb.connect(str(folder / "kept.duckdb")) as con:
        assert con.sql("SELECT n FROM events").fetchall() == [(1,)]


def test_a_run_that_starts_over_gives_up_what_could_never_be_revealed(
    ws: ln.Workspace, folder: Path
) -> None:
    def wf(value: str, kind: str) -> WorkflowSpec:
        make = {
            "input": {"inline": {"rows": [{"day": value}]}},
            "actions": [{"cast": {"day": kind}}],
            "output": {"duckdb": {"path": "clash.duckdb", "table": "events"}},
        }
        return flow("clash", {"make": make})

    ws.run(wf("2026-05-01", "DATE"))
    with pytest.raises(ln.LyftError, match="--fresh"):
        ws.run(wf("2026-05-01T12:00:00", "TIMESTAMP"), fresh=True)
    with pytest.raises(ln.LyftError, match="do not fit the table"):
        ws.run(wf("2026-05-02", "DATE"))
    with pytest.raises(ln.errors.SetupError, match="does not run on") as refused:
        ws.skip("clash_draft", "make")
    assert "--fresh" in str(refused.value)
    summary = ws.run(wf("2026-05-02", "DATE"), fresh=True)
    assert summary.status == "done" and "make/0/0 and 1 more" in summary.problems[0]
    with duckdb.connect(str(folder / "clash.duckdb")) as con:
        found = con.sql("SELECT day::VARCHAR FROM events ORDER BY day").fetchall()
    assert found == [("2026-05-01",), ("2026-05-02",)]
    told = ws.sql("SELECT skipped FROM lyftnb.publications WHERE starts_with(batch, 'clash_')")
    assert told["skipped"].drop_nulls().to_list() == ["the deployment was started over"] * 2


def test_what_is_staged_for_nothing_goes_after_its_retention(
    ws: ln.Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = {
        "input": {"inline": {"rows": [{"day": "x"}]}},
        "output": {"duckdb": {"path": "swept/held.duckdb", "table": "events", "wait": 0}},
        "retry": {"attempts": 1},
    }
    wf = flow("swept", {"make": make})
    (folder / "swept").mkdir()

    def swept() -> list[bool]:
        query = "SELECT swept_at IS NOT NULL FROM lyftnb.publications"
        return [done for (done,) in ws.sql(f"{query} WHERE starts_with(batch, 'swept_')").rows()]

    with duckdb.connect(str(folder / "swept/held.duckdb")), pytest.raises(ln.LyftError):
        ws.run(wf)
    (staged,) = (folder / "swept").glob(".lyftnb-*.parquet")
    ws.run(wf, fresh=True)
    assert staged.exists() and swept() == [False, False], "its rows may still be rescued"
    at_once = ws.config.retention.model_copy(update={"skipped": 0})
    monkeypatch.setattr(ws, "config", ws.config.model_copy(update={"retention": at_once}))
    ws.run(wf)
    assert not staged.exists() and swept() == [True, False]


def test_a_sweep_takes_what_is_staged_for_nothing_where_nothing_runs(
    ws: ln.Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "gone").mkdir()

    def staged(name: str, group: str) -> Path:
        """What is staged for an output that was given up."""
        path = f"gone/{name}.duckdb"
        make = {
            "input": {"inline": {"rows": [{"day": "x"}]}},
            "output": {"duckdb": {"path": path, "table": "events", "wait": 0}},
            "retry": {"attempts": 1},
            "group": group,
        }
        before = set((folder / "gone").glob(".lyftnb-*.parquet"))
        with duckdb.connect(str(folder / path)), pytest.raises(ln.LyftError):
            ws.run(flow(name, {"make": make}))
        ws._ledger.forget(f"{name}_draft")
        (made,) = set((folder / "gone").glob(".lyftnb-*.parquet")) - before
        return made

    here, elsewhere = staged("gone_here", "default"), staged("gone_edge", "edge")
    assert ws.sweep().outputs == 0 and here.exists(), "its rows may still be rescued"
    at_once = ws.config.retention.model_copy(update={"skipped": 0})
    monkeypatch.setattr(ws, "config", ws.config.model_copy(update={"retention": at_once}))
    with monkeypatch.context() as patch:
        patch.setattr(type(ws._compute), "group_sizes", property(lambda _: {"default": 2}))
        found = ws.sweep()
    assert (found.outputs, found.unreached) == (1, ("edge",))
    assert not here.exists() and elsewhere.exists()
    found = ws.sweep()
    assert (found.outputs, found.unreached) == (1, ()) and not elsewhere.exists()
    assert ws.sweep().outputs == 0
