"""Workers come and go with `lyftnb.toml` and with the work, while the workspace is open."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flow_kit import flow, until

import lyftnb as ln
from lyftnb.engine.cluster import Member
from lyftnb.model import Issue
from lyftnb.workspace.config import Config
from lyftnb.workspace.scaling import CONFIG_INVALID, IDLE_S, Scaling

pytestmark = pytest.mark.cluster

RUN = """
import pathlib, time
def work(lf):
    here = pathlib.Path({folder!r})
    with (here / "begun").open("a") as begun:
        begun.write("x")
    while not (here / "go").exists():
        time.sleep(0.02)
    return lf
"""
"""A task that leaves a mark when it begins, and ends when it may."""
MEET = """
import os, pathlib, time
def work(lf):
    here = pathlib.Path({folder!r})
    if not (here / "begun").exists():
        (here / "begun").touch()
        return lf
    (here / str(os.getpid())).touch()
    deadline = time.monotonic() + 30
    while len(list(here.iterdir())) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    return lf
"""


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[ln.Workspace]:
    settle(tmp_path, "workers = 1")
    with ln.open(tmp_path) as workspace:
        yield workspace


def settle(folder: Path, group: str) -> None:
    text = f"[groups.default]\n{group}\n[batch]\nsplit_bytes = '64KiB'\n"
    (folder / "lyftnb.toml").write_text(text)


def invalid(ws: ln.Workspace) -> list[Issue]:
    return ws.issues.list(code=CONFIG_INVALID)


def members(ws: ln.Workspace) -> list[Member]:
    return ws._compute.engine(frozenset()).members()


def count_rows(ws: ln.Workspace, name: str) -> int:
    make = {"input": {"inline": {"rows": [{"n": 1}, {"n": 2}]}}, "out": "made"}
    wf = flow(name, {"make": make}, channels={"made": {"transport": "spool"}})
    ws.run(wf)
    return ws.spool(f"{name}_draft.made").scan().collect().height


def test_a_change_of_the_settings_is_followed(ws: ln.Workspace) -> None:
    count_rows(ws, "before")
    (first,) = ws._compute.pids
    settle(ws.path, "workers = 3")
    until(lambda: len(ws._compute.pids) == 3, lambda: ws._compute.pids)
    assert first in ws._compute.pids

    settle(ws.path, "workres = 2")
    until(lambda: bool(invalid(ws)), lambda: ws.issues)
    (issue,) = invalid(ws)
    assert "lyftnb.toml:2" in issue.cause and issue.hint == "did you mean 'workers'?"
    assert len(ws._compute.pids) == 3 and count_rows(ws, "meanwhile") == 2

    settle(ws.path, "workers = 1\nthreads = 2")
    until(lambda: len(ws._compute.pids) == 1, lambda: ws._compute.pids)
    until(lambda: not invalid(ws), lambda: ws.issues)
    assert first not in ws._compute.pids  # its threads have changed
    assert count_rows(ws, "after") == 2


def test_a_group_grows_to_the_work_that_there_is(ws: ln.Workspace, tmp_path: Path) -> None:
    """After the first task, none ends before two workers are at it."""
    settle(ws.path, "workers = {min = 1, max = 2}")
    together = tmp_path / "together"
    together.mkdir()
    (tmp_path / "in.ndjson").write_text('{"n": 1}\n' * 80_000)
    body = {"source": MEET.format(folder=str(together)), "rowwise": True}
    read = {"files": {"path": "in.ndjson", "format": "ndjson"}}
    wf = flow(
        "meet", {"s": {"input": read, "actions": [{"python": body}], "output": {"discard": {}}}}
    )
    ws.run(wf)
    found = {int(f.name) for f in together.iterdir() if f.name != "begun"}
    assert found == set(ws._compute.pids)
    assert len(ws._compute.pids) == 2


def test_a_worker_that_is_let_go_ends_what_it_runs(ws: ln.Workspace, tmp_path: Path) -> None:
    """It begins nothing more, and nothing is run twice for it."""
    settle(ws.path, "workers = 2")
    begun = tmp_path / "begun"
    (tmp_path / "in.ndjson").write_text('{"n": 1}\n')
    read = {"files": {"path": "in.ndjson", "format": "ndjson"}}
    count_rows(ws, "before")
    until(lambda: len(ws._compute.pids) == 2, lambda: ws._compute.pids)
    body = {"source": RUN.format(folder=str(tmp_path)), "rowwise": True}
    steps = {
        name: {"input": read, "actions": [{"python": body}], "output": {"discard": {}}}
        for name in ("a", "b", "c")
    }
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(ws.run, flow("held", steps))
        until(lambda: begun.exists() and begun.stat().st_size == 2, lambda: ws.issues)
        settle(ws.path, "workers = 1")
        until(lambda: len(members(ws)) == 2 and not all(m.ready for m in members(ws)), lambda: ws)
        assert len(ws._compute.pids) == 2
        (tmp_path / "go").touch()
        assert run.result(60).status == "done"
    until(lambda: len(ws._compute.pids) == 1, lambda: ws._compute.pids)
    assert begun.stat().st_size == 3


def test_a_group_shrinks_when_there_was_no_work_for_a_while(ws: ln.Workspace) -> None:
    settle(ws.path, "workers = {min = 1, max = 4}")
    config = Config.load(ws.path)
    scaling = Scaling(ws.path, config, ws._ledger)

    def workers(wanted: int, now_s: float) -> int:
        return scaling.look({"default": wanted}, now_s)["default"].workers

    assert [workers(n, now_s) for now_s, n in enumerate((0, 3, 9, 0))] == [1, 3, 4, 4]
    assert workers(2, 2 + IDLE_S) == 4
    assert workers(0, 3 + IDLE_S) == 2
    assert workers(0, 4 + 2 * IDLE_S) == 1
