"""The owner is killed as it removes what was staged for outputs that were passed by: the next run
ends it, and what was revealed stays as it is.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import lyftnb as ln
from lyftnb.testing import invariants

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

SETTINGS = "[groups.default]\nworkers = 1\n"

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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace with what was staged for an output that a fresh start passed by; and a copy."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "lyftnb.toml").write_text(SETTINGS)
    (folder / "other.workflow.yaml").write_text(OTHER)
    (folder / "held.workflow.yaml").write_text(WORKFLOW)
    (folder / "out").mkdir()
    with ln.open(folder) as ws:
        with duckdb.connect(str(folder / "out/held.duckdb")), pytest.raises(ln.LyftError):
            ws.run("held.workflow.yaml")
        assert staged(folder)
        ws.run("held.workflow.yaml", fresh=True)
    shutil.copytree(folder, kept := tmp_path_factory.mktemp("kept"), dirs_exist_ok=True)
    return folder, kept


@pytest.fixture
def site(made: tuple[Path, Path]) -> Path:
    """That workspace as it was made, and where: the ledger names files by their whole paths."""
    folder, kept = made
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return folder


@pytest.mark.parametrize(
    ("instant", "swept_by"),
    [("found", "held"), ("removed", "held"), ("recorded", "held"), ("removed", "other")],
)
def test_a_sweep_of_what_was_passed_by_is_ended_by_the_next_run(
    site: Path, instant: str, swept_by: str
) -> None:
    assert staged(site)
    (site / "lyftnb.toml").write_text(f"{SETTINGS}[retention]\nskipped = 0\n")
    command = [sys.executable, "-c", CHILD, str(site), instant, f"{swept_by}.workflow.yaml"]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert staged(site) == (instant == "found")
    with ln.open(site) as ws:
        ws.run(f"{swept_by}.workflow.yaml")
        invariants.check(ws._ledger)
        told = ws.sql("SELECT skipped IS NULL, swept_at IS NULL FROM lyftnb.publications").rows()
    assert sorted(told) == [(False, False), (True, True)] and not staged(site)
    with duckdb.connect(str(site / "out/held.duckdb")) as con:
        assert con.sql("SELECT n FROM events ORDER BY n").fetchall() == [(1,), (2,)]


def staged(folder: Path) -> bool:
    return any((folder / "out").glob(".lyftnb-*.parquet"))
