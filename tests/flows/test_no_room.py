"""A full disk is waited for: under the segments of a stage, and under the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from flow_kit import QUICK, SPOOL, Rows, flow

import lyftnb as ln
from lyftnb.errors import StorageFull, TryAgain
from lyftnb.manager import Progress
from lyftnb.model import IssueDraft

pytestmark = pytest.mark.cluster


def test_a_full_disk_is_waited_for_and_leaves_no_files(
    ws: ln.Workspace, rows: Rows, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body stands for a disk that is full for longer than the step has attempts."""
    tries = folder / "tries"
    body = "\n".join(
        (
            "import os",
            "from lyftnb.errors import StorageFull",
            "def work(lf):",
            f"    with open({str(tries)!r}, 'a') as file: file.write('x')",
            f"    if os.path.getsize({str(tries)!r}) < 6: raise StorageFull('no space left')",
            "    return lf",
        )
    )
    failing = {"python": {"source": body, "rowwise": False}}
    retry = QUICK | {"delay": "200ms", "max_delay": "200ms"}  # long enough to be seen
    keep = {"in": "raw", "out": {"a": "kept", "b": "next"}, "dispatch": "clone", "retry": retry}
    steps = {
        "read": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "raw"},
        "keep": keep,
        "work": {"in": "next", "actions": [failing], "out": "done", "retry": retry},
    }
    wf = flow("full", steps, channels={"raw": SPOOL, "kept": SPOOL, "done": SPOOL})
    seen: list[Progress] = []
    told: list[str] = []
    monkeypatch.setattr("lyftnb.manager.bounded_run._LOOK_S", 0.02)

    def look(progress: Progress) -> None:
        seen.append(progress)
        found = ws._ledger.issues(place_prefix="full_draft")
        told.extend(issue.cause for issue in found if issue.code == "storage_full")

    ws.run(wf, on_progress=look)
    assert tries.read_text() == "x" * 6 and QUICK["attempts"] < 6
    assert "it waits for room" in told[0] and "no space left" in told[0]
    assert not ws._ledger.issues(place_prefix="full_draft")
    assert any("waits for room" in stage.note for progress in seen for stage in progress.stages)
    assert rows("full_draft.done")["n"].to_list() == rows("full_draft.kept")["n"].to_list() == [1]
    for name in ("kept", "done"):
        assert len(list(folder.glob(f".lyftnb/spools/full_draft.{name}/*/*.parquet"))) == 1


@pytest.mark.parametrize(
    "verb", ["commit", "claim", "published", "end_runs", "locks_release_of", "close_issue"]
)
def test_a_full_disk_under_the_ledger_is_waited_for(
    ws: ln.Workspace, rows: Rows, folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Whatever cannot be written when it is due is written later, and once."""
    monkeypatch.setattr("lyftnb.manager.bounded_run._ROOM_S", 0.2)
    monkeypatch.setattr("lyftnb.manager.bounded_run._LOOK_S", 60.0)
    failing = {"python": {"source": once_failing(folder / f"failed_{verb}"), "rowwise": False}}
    steps = {
        "read": {"input": {"inline": {"rows": [{"n": 1}, {"n": 2}]}}, "out": "raw"},
        "work": {"in": "raw", "actions": [failing], "out": "done", "retry": QUICK},
        "write": {"in": "done", "output": {"ndjson": {"path": f"full_{verb}"}}, "retry": QUICK},
        "wake": {
            "input": {"inline": {"rows": [{"n": 3}]}},
            "out": "woken",
            "trigger": {"message": {"tag": "nobody_sends_it"}},
        },
    }
    wf = flow(f"full_{verb}", steps, channels={"raw": SPOOL, "done": SPOOL, "woken": SPOOL})
    ws._ledger.raise_issues([IssueDraft("input_problem", f"full_{verb}_draft/read", "of before")])
    real = getattr(ws._ledger, verb)
    seen: list[Progress] = []

    def told() -> bool:
        notes = {stage.note for progress in seen for stage in progress.stages}
        return any("waits for room" in note and "ledger.duckdb" in note for note in notes)

    def full(*args: Any, **kw: Any) -> Any:
        """There is room once somebody has been told that there is none."""
        if not told():
            raise StorageFull("no space left", where="ledger.duckdb")
        return real(*args, **kw)

    with monkeypatch.context() as patch:
        patch.setattr(ws._ledger, verb, full)
        summary = ws.run(wf, on_progress=seen.append)
    assert told() and summary.status == "done"
    assert [run.status for run in ws._ledger.runs(f"full_{verb}_draft")] == ["done"]
    assert rows(f"full_{verb}_draft.done")["n"].to_list() == [1, 2]
    files = (folder / f"full_{verb}").glob("*.ndjson")
    assert pl.concat([pl.read_ndjson(file) for file in files])["n"].to_list() == [1, 2]
    assert not ws._ledger.issues(place_prefix=f"full_{verb}_draft")


def once_failing(file: Path) -> str:
    """The source of a body that fails the first time."""
    return "\n".join(
        (
            "import os",
            "from lyftnb.errors import Temporary",
            "def work(lf):",
            f"    if not os.path.exists({str(file)!r}):",
            f"        open({str(file)!r}, 'x').close()",
            "        raise Temporary('the first time', delay=0.01)",
            "    return lf",
        )
    )


def test_a_run_that_waits_for_room_under_the_ledger_can_be_stopped(
    ws: ln.Workspace, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {"read": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "raw"}}
    wf = flow("stopped_full", steps, channels={"raw": SPOOL})

    def full(*_args: Any, **_kw: Any) -> Any:
        raise StorageFull("no space left", where="ledger.duckdb")

    with monkeypatch.context() as patch:
        patch.setattr(ws._ledger, "commit", full)
        patch.setattr(ws._ledger, "end_runs", full)
        begun = ws.begin(wf)

        def look(progress: Progress) -> None:
            if any("waits for room" in stage.note for stage in progress.stages):
                ws.cancel(begun.run)

        with pytest.raises(TryAgain, match="what it had committed stays"):
            ws.follow(begun, look)
    assert ws.run(wf).status == "done"
    assert rows("stopped_full_draft.raw")["n"].to_list() == [1]
