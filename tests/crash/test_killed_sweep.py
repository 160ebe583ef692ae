"""The owner is killed as it removes what was staged for outputs that were passed by: the next run
ends it, and what was revealed stays as it is.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import lyftnb as ln
from lyftnb.testing import invariants

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

WORKFLOW = """
workflow: held
steps:
  make:
    input: {inline: {rows: [{n: 1}, {n: 2}]}}
    output: {duckdb: {path: out/held.duckdb, table: events, wait: 0}}
    retry: {attempts: 1}
"""

OTHER = """
workflow: other
steps:
  make: {input: {inline: {rows: [{n: 1}]}}, output: {discard: {}}}
"""

CHILD = """
import os, signal, sys
import lyftnb as ln
from lyftnb.store import Ledger

def die():
    os.kill(os.getpid(), signal.SIGKILL)

whole, instant = Ledger.swept_publications, sys.argv[2]

def torn(self, ids):
    if instant == "recorded":
        whole(self, ids)
    die()

Ledger.swept_publications = torn
if instant == "found":
    Ledger.unswept_publications = lambda *_: die()
with ln.open(sys.argv[1]) as ws:
    ws.run(sys.argv[3])
"""


@pytest.mark.parametrize(
    ("instant", "swept_by"),
    [("found", "held"), ("removed", "held"), ("recorded", "held"), ("removed", "other")],
)
def test_a_sweep_of_what_was_passed_by_is_ended_by_the_next_run(
    tmp_path: Path, instant: str, swept_by: str
) -> None:
    (tmp_path / "other.workflow.yaml").write_text(OTHER)
    (tmp_path / "held.workflow.yaml").write_text(WORKFLOW)
    (tmp_path / "out").mkdir()
    with ln.open(tmp_path) as ws:
        with duckdb.connect(str(tmp_path / "out/held.duckdb")), pytest.raises(ln.LyftError):
            ws.run("held.workflow.yaml")
        assert staged(tmp_path)
        ws.run("held.workflow.yaml", fresh=True)
    (tmp_path / "lyftnb.toml").write_text("[retention]\nskipped = 0\n")
    command = [sys.executable, "-c", CHILD, str(tmp_path), instant, f"{swept_by}.workflow.yaml"]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert staged(tmp_path) == (instant == "found")
    with ln.open(tmp_path) as ws:
        ws.run(f"{swept_by}.workflow.yaml")
        invariants.check(ws._ledger)
        told = ws.sql("SELECT skipped IS NULL, swept_at IS NULL FROM lyftnb.publications").rows()
    assert sorted(told) == [(False, False), (True, True)] and not staged(tmp_path)
    with duckdb.connect(str(tmp_path / "out/held.duckdb")) as con:
        assert con.sql("SELECT n FROM events ORDER BY n").fetchall() == [(1,), (2,)]


def staged(folder: Path) -> bool:
    return any((folder / "out").glob(".lyftnb-*.parquet"))
