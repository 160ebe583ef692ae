"""Work that kills its worker each time is found out; its neighbours go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.errors import WorkerDied
from lyftnb.manager import Progress
from lyftnb.model import WorkflowSpec
from lyftnb.testing import invariants

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

SETTINGS = """
[groups.default]
workers = 2

[groups.edge]

[batch]
split_bytes = "1KiB"
batch_bytes = "4KiB"
"""

KILL = """\
def work(lf):
    import os, signal
    if {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    return lf
"""
SPOOL = {"transport": "spool"}


@pytest.fixture
def ws(tmp_path: Path) -> Any:
    (tmp_path / "lyftnb.toml").write_text(SETTINGS)
    (tmp_path / "in").mkdir()
    for n in range(12):
        (tmp_path / f"in/{n:02}.ndjson").write_text(f'{{"n": {n}, "pad": "{"x" * 900}"}}\n')
    with ln.open(tmp_path) as workspace:
        yield workspace
        invariants.check(workspace._ledger)


def flow(when: str, **step: Any) -> WorkflowSpec:
    body = {"python": {"source": KILL.format(when=when), "rowwise": False}}
    return WorkflowSpec.model_validate(
        {
            "workflow": "poison",
            "channels": {"raw": SPOOL, "kept": SPOOL, "healthy": SPOOL},
            "steps": {
                "read": {"input": {"files": {"path": "in/*.ndjson"}}, "out": "raw"},
                "deadly": {"in": "raw", "frame": "batch", "actions": [body], "out": "kept", **step},
                "other": {
                    "in": "raw",
                    "frame": "batch",
                    "actions": [{"filter": "n >= 0"}],
                    "out": "healthy",
                    "on_fail": "block",
                },
            },
        }
    )


def numbers(ws: ln.Workspace, spool: str) -> list[int]:
    return sorted(ws.spool(spool).scan().collect()["n"].to_list())


def test_the_guilty_one_is_blamed_and_innocents_go_on(ws: ln.Workspace) -> None:
    wf = flow("7 in lf.collect()['n'].to_list()", retry={"attempts": 3, "delay": "10ms"})
    with pytest.raises(WorkerDied, match="died 3 times") as caught:
        ws.run(wf)
    assert "poison_draft/deadly" in str(caught.value)
    assert numbers(ws, "healthy") == list(range(12))
    kept = numbers(ws, "kept")
    assert kept == list(range(len(kept))) and 7 not in kept, "what came before it is committed"


def test_the_guilty_one_is_skipped(ws: ln.Workspace) -> None:
    wf = flow(
        "7 in lf.collect()['n'].to_list()",
        retry={"attempts": 2, "delay": "10ms"},
        on_fail="skip",
    )
    assert ws.run(wf).skipped == 1
    assert 7 not in (kept := numbers(ws, "kept")) and {0, 11} < set(kept)


def test_a_worker_dies_with_the_result_of_a_hop(ws: ln.Workspace, tmp_path: Path) -> None:
    """The worker of group `edge` is killed whenever the other group is at work on what it made."""
    wait = "def work(lf):\n    import time\n    time.sleep(0.05)\n    return lf\n"
    wf = WorkflowSpec.model_validate(
        {
            "workflow": "torn_hop",
            "channels": {"kept": SPOOL},
            "steps": {
                "read": {
                    "input": {"files": {"path": "in/*.ndjson"}},
                    "out": "raw",
                    "group": "edge",
                },
                "work": {"in": "raw", "actions": [{"python": {"source": wait}}], "out": "kept"},
            },
        }
    )
    edge = 2
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        if len(killed) < 3 and any(s.units for s in progress.stages):
            pid = ws._compute.pids[edge]
            if pid not in killed:
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

    assert ws.run(wf, on_progress=kill).status == "done"
    assert killed
    assert numbers(ws, "kept") == list(range(12))


def test_a_step_that_outgrows_its_worker_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text('[groups.default]\nmemory = "1GiB"\n')
    greedy = (
        "def work(lf):\n    import time\n    hoard = bytearray(2**31)\n    time.sleep(30)\n"
        "    return lf\n"
    )
    step = {
        "input": {"inline": {"rows": [{"n": 1}]}},
        "actions": [{"python": {"source": greedy, "rowwise": False}}],
        "output": {"discard": {}},
        "frame": "batch",
        "retry": {"attempts": 2},
    }
    with (
        ln.open(tmp_path) as workspace,
        pytest.raises(WorkerDied, match="out of memory"),
    ):
        workspace.run(WorkflowSpec.model_validate({"workflow": "greedy", "steps": {"take": step}}))
