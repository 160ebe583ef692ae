"""The owner and its workers are killed with SIGKILL; the next run must end as if nothing had been.

Compared row for row with an undisturbed run of the same workflow over the same files.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.testing import invariants
from tests.dice import SOAKING, rounds

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

SETTINGS = """
[groups.default]
workers = 2

[groups.out]

[batch]
split_bytes = "8KiB"
batch_bytes = "32KiB"
"""

WORKFLOW = """
workflow: torn
channels:
  clean: {transport: spool}
  low: {transport: spool}
  totals: {transport: spool}
  windows: {transport: spool}
  ends: {transport: spool}
steps:
  read:
    input: {files: {path: "in/*.ndjson"}}
    actions:
      - derive: {i: "CAST(n AS BIGINT)"}
    out: clean
  route:
    in: clean
    out: {low: low, high: high}
    dispatch: {mode: conditional, when: [{low: "i < 2000"}], default: high}
  publish:
    in: high
    group: out
    output: {ndjson: {path: published}}
  add_up:
    in: clean
    frame: all
    actions:
      - aggregate: {by: [kind], compute: {n: "count(*)", total: "sum(i)"}}
    out: totals
  count_up:
    in: clean
    actions:
      - derive: {at: "TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * (i - i % 7 * 40)"}
      - window:
          {time: at, by: kind, size: 100s, delay: 150s, compute: {n: "count(*)", sum: "sum(i)"}}
    out: windows
  show_all:
    in: clean
    actions:
      - derive: {at: "TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * (i - i % 7 * 40)"}
      - window:
          {time: at, by: kind, session: 3s, delay: 300s, on_end: emit, compute: {n: "count(*)"}}
    out: ends
"""

CHILD = """
import os, random, signal, sys, threading, time
import lyftnb as ln
from lyftnb.store import Ledger

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def before(verb, nth):
    whole, seen = getattr(Ledger, verb), [0]
    def torn(self, *args, **kwargs):
        seen[0] += 1
        if seen[0] == nth:
            die()
        return whole(self, *args, **kwargs)
    setattr(Ledger, verb, torn)

def after(verb, nth):
    whole, seen = getattr(Ledger, verb), [0]
    def torn(self, *args, **kwargs):
        answer = whole(self, *args, **kwargs)
        seen[0] += 1
        if seen[0] == nth:
            die()
        return answer
    setattr(Ledger, verb, torn)

folder, instant, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
if instant == "after claim":
    after("claim", nth)
elif instant == "after staging":
    before("commit", nth)
elif instant == "after commit":
    after("commit", nth)
elif instant == "after publication":
    before("published", nth)

with ln.open(folder) as ws:
    if instant == "at random":
        threading.Timer(0.9 + nth / 10, die).start()
    if instant == "workers":
        def hunt():
            chance = random.Random(nth)
            while not ws._compute.pids:
                time.sleep(0.01)
            for _ in range(6):
                time.sleep(chance.uniform(0.05, 0.4))
                os.kill(chance.choice(ws._compute.pids), signal.SIGKILL)
        threading.Thread(target=hunt, daemon=True).start()
    ws.run("torn.workflow.yaml")
    if instant == "during sweep":
        import pathlib
        pathlib.Path.unlink = die
        os.unlink = os.remove = die
        ws.sweep()
"""


def make(folder: Path) -> Path:
    """A workspace with 5,000 rows in three files, some of them bad."""
    (folder / "in").mkdir(parents=True)
    (folder / "lyftnb.toml").write_text(SETTINGS)
    (folder / "torn.workflow.yaml").write_text(WORKFLOW)
    for number in range(3):
        lines = [
            f'{{"n": "{i if i % 97 else "x"}", "kind": "{"abc"[i % 3]}"}}'
            for i in range(number * 1700, (number + 1) * 1700)
        ]
        lines[50] = "torn line"
        (folder / f"in/{number}.ndjson").write_text("\n".join(lines) + "\n")
    return folder


def harvest(folder: Path) -> dict[str, pl.DataFrame]:
    """Everything that a run leaves, in an order of its own."""
    found: dict[str, pl.DataFrame] = {}
    with ln.open(folder) as ws:
        for info in ws.spools():
            if info.state is not None:
                continue
            drop = [c for c in ("batch", "split", "time", "position") if info.rejects]
            frame = ws.spool(info.spool).scan().collect().drop(drop, strict=False)
            if info.spool == "torn_draft.ends":
                # A run that was cut short shows open windows; the last row of each counts.
                frame = frame.unique(["kind", "window_start"], keep="last")
            found[info.spool] = frame.sort(frame.columns)
        invariants.check(ws._ledger)
        assert ws.verify() == []
    frame = pl.read_ndjson(list((folder / "published").glob("*.ndjson")))
    found["published"] = frame.sort(frame.columns)
    assert not list(folder.rglob(".lyftnb-*")), "staged files were left behind"
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    folder = make(tmp_path_factory.mktemp("whole"))
    with ln.open(folder) as ws:
        ws.run("torn.workflow.yaml")
    found = harvest(folder)
    assert sum(found[f"torn_draft.{s}"].height for s in ("clean", "read_rejects")) == 5100
    assert found["torn_draft.count_up_rejects"].height > 100, "some rows are late"
    assert found["torn_draft.ends"]["n"].sum() == found["torn_draft.clean"].height
    return found


def start(folder: Path, instant: str, nth: int) -> int:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), instant, str(nth)],
        timeout=120,
        capture_output=True,
    ).returncode


def finish(folder: Path) -> None:
    """Run it to its end, with as many workers as that takes."""
    one = {"LYFTNB_GROUPS__DEFAULT__WORKERS": "1"}
    with patch.dict(os.environ, one), ln.open(folder) as ws:
        ws.run("torn.workflow.yaml")
        ws.sweep()


@pytest.mark.parametrize(
    ("instant", "nth"),
    [
        ("after claim", 2),
        ("after staging", 4),
        ("after commit", 3),
        ("after publication", 1),
        *([("after staging", 1), ("after staging", 10), ("after commit", 8)] if SOAKING else []),
    ],
)
def test_owner_killed_at_an_instant(
    tmp_path: Path, undisturbed: dict[str, pl.DataFrame], instant: str, nth: int
) -> None:
    folder = make(tmp_path / "ws")
    assert start(folder, instant, nth) == -signal.SIGKILL
    finish(folder)
    assert_same(harvest(folder), undisturbed)


def test_owner_killed_again_and_again_at_random(
    tmp_path: Path, undisturbed: dict[str, pl.DataFrame]
) -> None:
    folder = make(tmp_path / "ws")
    chance = random.Random(1)
    for _ in range(rounds(2, 6)):
        start(folder, "at random", chance.randrange(25))
    finish(folder)
    assert_same(harvest(folder), undisturbed)


def test_workers_killed_at_random(tmp_path: Path, undisturbed: dict[str, pl.DataFrame]) -> None:
    folder = make(tmp_path / "ws")
    assert start(folder, "workers", 3) == 0
    finish(folder)
    assert_same(harvest(folder), undisturbed)


def test_killed_while_sweeping(tmp_path: Path, undisturbed: dict[str, pl.DataFrame]) -> None:
    folder = make(tmp_path / "ws")
    assert start(folder, "after staging", 2) == -signal.SIGKILL
    assert start(folder, "during sweep", 1) == -signal.SIGKILL
    finish(folder)
    assert_same(harvest(folder), undisturbed)


def assert_same(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        assert found[name].equals(frame), f"{name} differs"
