"""Kill -9 of an owner whose threads increment counters, at chosen instants and at random.

Each call adds to a counter that all share and to one of its thread alone, and is acknowledged on
the child's output when it returns. The next owner finds every acknowledged call exactly once, and
at most one more of each thread, whole.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from lyftnb.clock import SystemClock
from lyftnb.store import Ledger
from lyftnb.testing import invariants

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]
THREADS = 8
CHILD = textwrap.dedent(
    """
    import os, sys, threading
    from pathlib import Path
    from lyftnb.clock import SystemClock
    from lyftnb.store import Ledger, keybook
    from tests.crash.dying import die_at

    folder, instant, after, threads = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
    keybook._SLACK_ROWS = 50  # so that it dies while it compacts, too
    ledger = Ledger.open(folder, SystemClock(), "child")
    die_at(instant, after)

    def count(name):
        while True:
            ledger.kv_increment("n", {"all": 1, name: 1})
            os.write(1, f"{name}\\n".encode())

    for number in range(threads):
        threading.Thread(target=count, args=(f"t{number}",)).start()
    """
)


def start(folder: Path, instant: str = "never", after: int = 0) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CHILD, str(folder), instant, str(after), str(THREADS)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def counted(folder: Path, acknowledged: Counter[str]) -> Counter[str]:
    """Open as the next owner: the calls of each thread, compared with the acknowledged ones."""
    with Ledger.open(folder, SystemClock()) as ledger:
        invariants.check(ledger)
        found = Counter({entry.key: entry.value for entry in ledger.kv_scan("n")})
    assert found.pop("all", 0) == found.total()
    for name in {*found, *acknowledged}:
        assert acknowledged[name] <= found[name] <= acknowledged[name] + 1
    return found


@pytest.mark.parametrize("instant", ["kv", "keep_keys", "clear_keys", "refill_keys", "namespaces"])
def test_a_death_at_a_chosen_instant(tmp_path: Path, instant: str) -> None:
    child = start(tmp_path, instant, after=2)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    counted(tmp_path, Counter(output.split()))


def test_deaths_at_random(tmp_path: Path) -> None:
    calls: Counter[str] = Counter()
    for round_ in range(4):
        child = start(tmp_path)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(50 + 100 * round_)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.wait(timeout=60)
        child.stdout.close()
        calls = counted(tmp_path, calls + Counter(line.strip() for line in lines))
    assert calls.total() >= 50 + 150 + 250 + 350
