"""The manager is killed while deployments run: no fire is lost, none comes twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.testing import invariants
from tests.dice import rounds

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

WORKFLOW = """
workflow: pulse
channels:
  events: {transport: spool}
  seen: {transport: spool}
steps:
  read:
    input: {files: {path: "in/*.ndjson"}}
    trigger: {watch: 50ms}
    out: events
    emit: [{tag: landed, per: batch, fields: {n: "max(n)", rows: "count(*)"}}]
  note:
    in: events
    trigger: {message: {tag: landed}, overlap: queue}
    emit: [{tag: noted, empty: true, fields: {n: "${msg.n}"}}]
    out: seen
  tick:
    input: {inline: {rows: [{x: 1}]}}
    trigger: {interval: 100ms, window: {}}
    emit: [{tag: ticked, empty: true, fields: {end: "${run.window_end}"}}]
    output: {discard: {}}
"""

CHILD = """
import os, pathlib, random, signal, sys, threading, time
import lyftnb as ln
folder, first, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
with ln.open(folder) as ws:
    ws.start("pulse.workflow.yaml")
    threading.Timer(chance.uniform(0.8, 1.6), os.kill, (os.getpid(), signal.SIGKILL)).start()
    for n in range(first, first + 1000):
        with (folder / "in/a.ndjson").open("a") as out:
            out.write('{"n": %d}\\n' % n)
        time.sleep(chance.uniform(0.01, 0.08))
"""


def test_fires_survive_the_manager(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "pulse.workflow.yaml").write_text(WORKFLOW)
    for seed in range(rounds(2, 6)):
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path), str(written(tmp_path)), str(seed)],
            timeout=120,
            capture_output=True,
        )
        assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    with ln.open(tmp_path) as ws:
        ws.start("pulse.workflow.yaml")
        settle(ws, written(tmp_path))
        ws.stop("pulse_draft")
        invariants.check(ws._ledger)
        assert ws.spool("seen").scan().collect()["n"].to_list() == list(range(written(tmp_path)))
        landed, noted = sent(ws, "landed"), sent(ws, "noted")
        assert [p["n"] for p in noted] == [p["n"] for p in landed]
        assert sum(p["rows"] for p in landed) == written(tmp_path)
        assert_windows_lie_end_to_end(ws)


def written(folder: Path) -> int:
    file = folder / "in/a.ndjson"
    return file.read_text().count("\n") if file.exists() else 0


def settle(ws: ln.Workspace, rows: int) -> None:
    """Until every row has been seen, and every message about it answered."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen = [info.rows for info in ws.spools() if info.spool == "pulse_draft.seen"]
        if seen == [rows] and len(sent(ws, "landed")) == len(sent(ws, "noted")):
            return
        time.sleep(0.1)
    raise AssertionError(f"still at {seen} of {rows}: {ws.progress('pulse_draft')}")


def sent(ws: ln.Workspace, tag: str) -> list[dict[str, Any]]:
    return [message.payload for message in ws._ledger.messages(tag=tag)]


def assert_windows_lie_end_to_end(ws: ln.Workspace) -> None:
    runs = [r for r in reversed(ws._ledger.runs(limit=10_000)) if r.cause == "interval"]
    windows = sorted((r.window_start, r.window_end) for r in runs if r.window_start)
    assert len(windows) > 20
    assert all(a[1] == b[0] for a, b in pairwise(windows))
    ended = {r.window_end for r in runs if r.status == "done"}
    ticks = [datetime.fromisoformat(payload["end"]) for payload in sent(ws, "ticked")]
    assert len(ticks) == len(set(ticks)) and set(ticks) == ended
