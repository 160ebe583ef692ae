"""Steps that fail, wait, are held back, paused or skipped, on a real cluster."""

from __future__ import annotations

import gzip
import hashlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from flow_kit import QUICK, SPOOL, Rows, flow

import lyftnb as ln
from lyftnb.errors import StepFailed
from lyftnb.manager import Progress
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster


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
