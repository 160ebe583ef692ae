"""Steps that fail, wait, are held back, paused or skipped, on a real cluster."""

from __future__ import annotations

import gzip
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import lyftnb as ln
from lyftnb.errors import StepFailed, StorageFull, TryAgain
from lyftnb.manager import Progress
from lyftnb.model import IssueDraft, WorkflowSpec

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]
SPOOL = {"transport": "spool"}
QUICK = {"attempts": 3, "delay": "10ms", "max_delay": "20ms"}


def flow(name: str, steps: dict[str, Any], **rest: Any) -> WorkflowSpec:
    return WorkflowSpec.model_validate({"workflow": name, "steps": steps, **rest})


def files(folder: Path, name: str, count: int) -> dict[str, Any]:
    """An input of so many files with one row each: each is a split, and under the settings of the
    shared workspace a few of them are a batch.
    """
    (folder / name).mkdir()
    for n in range(count):
        (folder / name / f"{n:03}.ndjson").write_text(f'{{"n": {n}, "pad": "{"x" * 3500}"}}\n')
    return {"files": {"path": f"{name}/*.ndjson"}}


def python(body: str) -> dict[str, Any]:
    return {"python": {"source": f"def work(lf):\n    {body}\n    return lf\n", "rowwise": False}}


def test_a_failing_batch_is_skipped_and_the_next_go_on(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    body = "assert 7 not in lf.collect()['n'].to_list(), 'seven'"
    wf = flow(
        "skips",
        {
            "read": {"input": files(folder, "skips", 20), "out": "raw"},
            "work": {
                "in": "raw",
                "frame": "batch",
                "actions": [python(body)],
                "out": "kept",
                "on_fail": "skip",
                "retry": QUICK,
            },
        },
        channels={"kept": SPOOL},
    )
    seen: list[Progress] = []
    summary = ws.run(wf, on_progress=seen.append)
    (skipped,) = ws.sql(
        "SELECT batch, skipped, claim FROM lyftnb.batches"
        " WHERE deployment = 'skips_draft' AND skipped IS NOT NULL"
    ).to_dicts()
    assert "seven" in skipped["skipped"] and '"splits"' in skipped["claim"]
    assert summary.skipped == 1 and skipped["batch"] in summary.problems[0]
    assert [s.skipped for s in seen[-1].stages if s.stage == "work"] == [1]
    kept = rows("skips_draft.kept")["n"].to_list()
    assert 7 not in kept and {0, 19} < set(kept) and len(kept) == len(set(kept)) >= 12
    assert ws.run(wf).batches == 0, "the position has moved past what was skipped"


def test_a_batch_says_which_state_of_a_lookup_file_it_read(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    source = {"files": {"path": "looked/*.ndjson"}}
    look = {"lookup": {"file": "names.csv", "on": "n", "add": ["name"]}}
    steps = {"look": {"input": source, "actions": [look], "out": "named"}}
    wf = flow("looks", steps, channels={"named": SPOOL})
    (folder / "looked").mkdir()
    for n, name in enumerate(("one", "another")):
        (folder / "looked" / f"{n}.ndjson").write_text('{"n": 1}\n')
        (folder / "names.csv").write_text(f"n,name\n1,{name}\n")
        ws.run(wf)
    query = "SELECT files FROM lyftnb.batches WHERE deployment = 'looks_draft' ORDER BY snapshot"
    (first,), (second,) = ws.sql(query)["files"].to_list()
    assert (first["step"], first["path"]) == ("look", "names.csv")
    digests = [hashlib.sha256(f"n,name\n1,{n}\n".encode()).hexdigest() for n in ("one", "another")]
    assert [first["fingerprint"], second["fingerprint"]] == [f"sha256:{d}" for d in digests]
    assert rows("looks_draft.named")["name"].to_list() == ["one", "another"]


def test_a_damaged_file_stands_in_the_rejects_and_the_others_are_read(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    (folder / "damaged").mkdir()
    whole = gzip.compress(b'{"n": 1}\n' * 100)
    (folder / "damaged" / "a.ndjson.gz").write_bytes(whole[:-5])
    (folder / "damaged" / "b.ndjson.gz").write_bytes(whole)
    steps = {"read": {"input": {"files": {"path": "damaged/*.gz"}}, "out": "kept"}}
    summary = ws.run(flow("damaged", steps, channels={"kept": SPOOL}))
    assert rows("damaged_draft.kept").height == 100 and summary.rejects == 1
    (reject,) = rows("damaged_draft.read_rejects").to_dicts()
    assert reject["code"] == "damaged_file" and reject["_row"].endswith("a.ndjson.gz")


def test_a_parquet_file_with_a_broken_page_is_a_reject(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    """Its footer is whole, so that it shows only when the rows are wanted."""
    (folder / "pages").mkdir()
    for name in "abc":
        pl.DataFrame({"n": range(1_000)}).write_parquet(folder / f"pages/{name}.parquet")
    content = (folder / "pages/b.parquet").read_bytes()
    (folder / "pages/b.parquet").write_bytes(content[:20] + b"x" * 200 + content[220:])
    read = {"input": {"files": {"path": "pages/*.parquet"}}, "out": "kept"}
    wf = flow("pages", {"read": read}, channels={"kept": SPOOL})
    assert ws.run(wf).rejects == 1
    assert rows("pages_draft.kept").height == 2_000
    (reject,) = rows("pages_draft.read_rejects").to_dicts()
    assert reject["code"] == "damaged_file" and reject["_row"].endswith("b.parquet")


def test_files_that_cannot_be_read_block_no_stage(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    """Neither a text file without readable records nor Parquet files whose types clash."""
    (folder / "mixed").mkdir()
    (folder / "mixed" / "a.csv").write_text("n,n\n1,2\n")
    (folder / "mixed" / "b.csv").write_text("n\n1\n")
    for number, value in enumerate([1, "x", 2.5]):
        pl.DataFrame({"n": [value]}).write_parquet(folder / f"mixed/{number}.parquet")
    steps = {
        "texts": {"input": {"files": {"path": "mixed/*.csv"}}, "actions": [{"filter": "n > 0"}],
                  "out": "texts_kept"},
        "tables": {"input": {"files": {"path": "mixed/*.parquet"}}, "out": "tables_kept"},
    }  # fmt: skip
    wf = flow("mixed", steps, channels={"texts_kept": SPOOL, "tables_kept": SPOOL})
    assert ws.run(wf).rejects == 2
    assert rows("mixed_draft.texts_kept")["n"].to_list() == [1]
    assert rows("mixed_draft.tables_kept")["n"].to_list() == [1.0, 2.5]
    codes = [rows(f"mixed_draft.{step}_rejects")["code"].item() for step in steps]
    assert codes == ["unreadable_file", "bad_value"]
    assert ws.run(wf).batches == 0


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


def test_a_paused_step_does_nothing_and_blocks_nobody(ws: ln.Workspace, rows: Rows) -> None:
    def wf(paused: bool) -> WorkflowSpec:
        make = {"inline": {"rows": [{"n": i} for i in range(5)]}}
        steps = {
            "make": {"input": make, "out": "raw"},
            "rest": {
                "in": "raw",
                "actions": [{"derive": {"m": "n"}}],
                "out": "some",
                "paused": paused,
            },
            "count": {
                "in": "some",
                "actions": [{"aggregate": {"compute": {"c": "count(*)"}}}],
                "out": "counted",
            },
        }
        return flow("pauses", steps, channels={"raw": SPOOL, "some": SPOOL, "counted": SPOOL})

    seen: list[Progress] = []
    assert ws.run(wf(True), on_progress=seen.append).status == "done"
    assert {s.stage: s.state for s in seen[-1].stages}["rest"] == "paused"
    ws.run(wf(False))
    assert rows("pauses_draft.counted")["c"].to_list() == [5]


def test_max_lag_holds_the_producer_back(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    wf = flow(
        "lags",
        {
            "read": {"input": files(folder, "lags", 24), "out": "raw"},
            "slow": {
                "in": "raw",
                "frame": "batch",
                "replicas": 1,
                "actions": [python("__import__('time').sleep(0.02)")],
                "out": "kept",
            },
            "all_of": {
                "in": "raw",
                "actions": [{"aggregate": {"compute": {"c": "count(*)"}}}],
                "out": "counted",
            },
        },
        channels={
            "raw": {"transport": "spool", "max_lag": {"rows": 4}},
            "kept": SPOOL,
            "counted": SPOOL,
        },
    )
    seen: list[Progress] = []
    ws.run(wf, on_progress=seen.append)
    assert rows("lags_draft.counted")["c"].to_list() == [24]
    assert rows("lags_draft.kept").height == 24
    history = ws.sql(
        "SELECT stage, claimed_at, committed_at FROM lyftnb.batches"
        " WHERE deployment = 'lags_draft' ORDER BY snapshot"
    )
    # Without the bound the reader claims several batches ahead; with it, each claim of the reader
    # waits until at most four rows (one batch) are unread.
    order = history["stage"].to_list()
    assert order.index("slow") < len(order) - 1 - order[::-1].index("read")
    assert any("held back: slow lags" in s.note for p in seen for s in p.stages)


def test_values_of_the_run(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "run_values",
        {
            "make": {
                "input": {"inline": {"rows": [{"n": 1}]}},
                "actions": [{"derive": {"r": "${run.id}", "at": "${run.fire}"}}],
                "out": "raw",
            }
        },
        channels={"raw": SPOOL},
    )
    summary = ws.run(wf)
    (row,) = rows("run_values_draft.raw").to_dicts()
    assert row["r"] == summary.run
    (fired,) = ws.sql(f"SELECT started_at FROM lyftnb.runs WHERE run = '{summary.run}'").to_dicts()
    assert row["at"] == fired["started_at"]
    assert ws.trace(wf).errors == ()


@pytest.mark.parametrize(("replicas", "most"), [(1, 1), (None, 2)])
def test_replicas_bound_the_tasks_of_a_step(
    ws: ln.Workspace, folder: Path, replicas: int | None, most: int
) -> None:
    name = f"replicas_{most}"
    log = folder / f"{name}.log"
    body = (
        f"import time, pathlib; t = time.time(); time.sleep(0.05); "
        f"open({str(log)!r}, 'a').write(f'{{t}} {{time.time()}}\\n')"
    )
    step = {"in": "raw", "frame": "batch", "actions": [python(body)], "out": "kept"}
    wf = flow(
        name,
        {
            "read": {"input": files(folder, name, 10), "out": "raw"},
            "work": step | ({"replicas": replicas} if replicas else {}),
        },
        channels={"raw": SPOOL, "kept": SPOOL},
    )
    ws.run(wf)
    spans = [tuple(map(float, line.split())) for line in log.read_text().splitlines()]
    assert max(sum(a <= t < b for a, b in spans) for t, _ in spans) == most


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


@pytest.mark.parametrize("edited", [{"actions": []}, {"in": {"renamed": "raw"}, "actions": []}])
def test_an_open_claim_outlives_an_edit_of_the_workflow(
    ws: ln.Workspace, folder: Path, edited: dict[str, Any]
) -> None:
    """A batch that was claimed and failed is carried out, or given up and its input read again."""
    name = f"edited_{len(edited)}"

    def wf(**work: Any) -> WorkflowSpec:
        step = {"in": "raw", "frame": "batch", "output": {"ndjson": {"path": name}}, "retry": QUICK}
        make = {"inline": {"rows": [{"n": i} for i in range(5)]}}
        steps = {"make": {"input": make, "out": "raw"}, "work": step | work}
        return flow(name, steps, channels={"raw": SPOOL})

    with pytest.raises(ln.LyftError, match="oops"):
        ws.run(wf(actions=[python("raise ValueError('oops')")]))
    (claim,) = ws._ledger.open_claims(f"{name}_draft")
    summary = ws.run(wf(**edited))
    assert [claim.batch in problem for problem in summary.problems] == [True] * (len(edited) - 1)
    assert pl.read_ndjson(folder / name / "*.ndjson")["n"].to_list() == list(range(5))
    assert ws._ledger.open_claims(f"{name}_draft") == ()


def test_errors_that_cannot_travel_arrive(ws: ln.Workspace) -> None:
    body = "raise type('Odd', (Exception,), {'__reduce__': lambda s: (open, ('nowhere',))})('odd')"
    wf = flow(
        "odd",
        {
            "make": {
                "input": {"inline": {"rows": [{"n": 1}]}},
                "frame": "batch",
                "actions": [python(body)],
                "out": "raw",
                "retry": QUICK,
            }
        },
        channels={"raw": SPOOL},
    )
    with pytest.raises(ln.LyftError, match="Odd: odd"):
        ws.run(wf)


@pytest.mark.parametrize(
    "left", ["SystemExit(3)", "KeyboardInterrupt(3)", "GeneratorExit(3)", "BaseException(3)"]
)
def test_leaving_python_fails_the_step_only(ws: ln.Workspace, left: str) -> None:
    wf = flow(
        "leaves",
        {
            "make": {
                "input": {"inline": {"rows": [{"n": 1}]}},
                "frame": "batch",
                "actions": [python(f"raise {left}")],
                "out": "raw",
                "retry": QUICK,
            }
        },
        channels={"raw": SPOOL},
    )
    told = rf"batch leaves_draft/.*, step 'make': .*{left.removesuffix('(3)')}: 3"
    with pytest.raises(StepFailed, match=told):
        ws.run(wf)


@pytest.mark.timeout(60)
def test_stages_end_one_after_the_other_with_nothing_to_wake_them(
    ws: ln.Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look for workers, which comes by now and then, must not be what ends a run."""
    monkeypatch.setattr("lyftnb.manager.bounded_run._LOOK_S", 3600.0)
    wf = flow(
        "unwoken",
        {
            "read": {"input": files(folder, "unwoken", 6), "out": "raw"},
            "middle": {"in": "raw", "out": "kept"},
            "last": {"in": "kept", "output": {"discard": {}}},
        },
        channels={"raw": SPOOL, "kept": SPOOL},
    )
    assert ws.run(wf).status == "done"
    assert ws.run(wf).batches == 0


def test_ctrl_c_leaves_the_workspace_usable(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    trap = folder / "trap"
    trap.write_text("")
    body = f"while __import__('os').path.exists({str(trap)!r}): pass"
    wf = flow(
        "interrupted",
        {
            "read": {"input": files(folder, "interrupted", 6), "out": "raw"},
            "stuck": {"in": "raw", "frame": "batch", "actions": [python(body)], "out": "kept"},
        },
        channels={"raw": SPOOL, "kept": SPOOL},
    )

    def press(progress: Progress) -> None:
        if any(s.stage == "stuck" and s.state == "running" and s.units for s in progress.stages):
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
            presses.append(time.monotonic())

    presses: list[float] = []
    # Whoever started the tests in the background may have had Ctrl-C ignored.
    present = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ws.run(wf, on_progress=lambda p: press(p) if not presses else None)
        assert time.monotonic() - presses[0] < 5
    finally:
        signal.signal(signal.SIGINT, present)
        trap.unlink()
    assert ws.run(wf).status == "done"
    assert rows("interrupted_draft.kept")["n"].to_list() == list(range(6))
    assert [r.status for r in ws._ledger.runs("interrupted_draft")] == ["done", "cancelled"]
