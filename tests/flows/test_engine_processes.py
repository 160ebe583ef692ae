"""Worker processes come and go without a word: scripts, sudden deaths, interpreter exits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

# No `if __name__ == "__main__"`, as people write in notebooks and small scripts.
SCRIPT = """
import logging, os, signal, sys
logging.basicConfig(level=logging.INFO)
import lyftnb as ln
from lyftnb.model import WorkflowSpec
wf = WorkflowSpec.model_validate({
    "workflow": "said",
    "channels": {"raw": {"transport": "spool"}},
    "steps": {"make": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "raw"}},
})
ws = ln.open(sys.argv[1])
assert ws.run(wf).status == "done"
"""

KILL_A_WORKER = """
for pid in ws._compute.pids:
    os.kill(pid, signal.SIGKILL)
assert ws.run(wf, fresh=True).status == "done"
"""


@pytest.mark.parametrize("end", ["ws.close()", KILL_A_WORKER + "ws.close()", ""])
def test_a_script_says_nothing_of_its_own_accord(tmp_path: Path, end: str) -> None:
    (tmp_path / "script.py").write_text(SCRIPT + end)
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 2\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not workers_of(tmp_path)


def test_workers_go_when_their_owner_is_killed(tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 2\n")
    (tmp_path / "script.py").write_text(SCRIPT + "print('ready', flush=True)\nsignal.pause()\n")
    owner = subprocess.Popen(
        [sys.executable, "script.py", str(tmp_path)], cwd=tmp_path, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None and owner.stdout.readline() == b"ready\n"
    assert len(workers_of(tmp_path)) == 3  # and the nursery
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 2
    while workers_of(tmp_path) and time.monotonic() < deadline:
        os.sched_yield()
    assert not workers_of(tmp_path)


def workers_of(folder: Path) -> list[int]:
    """Worker processes that were started in a folder."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            here = (process / "cwd").resolve() == folder.resolve()
        except OSError:
            continue
        if here and b"lyftnb.engine.worker" in command:
            found.append(int(process.name))
    return found
