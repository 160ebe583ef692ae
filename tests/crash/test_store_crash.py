"""Kill -9 of the ledger's owner: at chosen instants and at random, and what the next one finds.

The child commits batch after batch, each with rows, a position and a publication, and says on its
output which are committed. Whatever instant it dies at, the next owner finds every batch that was
acknowledged, at most one more, each whole, and the rest as garbage for the sweep.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from lyftnb.clock import SystemClock
from lyftnb.errors import WorkspaceBusy
from lyftnb.store import Ledger
from lyftnb.testing import invariants

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]
CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import polars as pl
    from lyftnb.clock import SystemClock
    from lyftnb.model import Advance, Claim, Commit, Publication, SpoolSpec
    from lyftnb.store import Ledger, write_segments
    from tests.crash.dying import die, tell_statements

    folder, instant, after = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    spec = SpoolSpec("d.c", partition="day")
    clock = SystemClock()
    ledger = Ledger.open(folder, clock, "child")

    def reached(name):
        if name == instant and number == start + after:
            die()

    tell_statements(reached)
    start = number = ledger.next_batch("d", "s")
    while True:
        batch = f"d/s/{number}"
        version, items = ledger.position("d/s/in")
        claim = Claim(batch, 1, "r", "d", "s", (), (Advance("d/s/in", version, {"n": number}),),
                      (), ledger.snapshot(), clock.now(), 0)
        ledger.claim(claim)
        frame = pl.DataFrame({"n": [number] * 4, "day": ["a", "b", "a", "b"]})
        segments = write_segments(frame, ledger.root, spec,
                                  batch=batch, attempt=1, task="s", split=0)
        reached("staged")
        publication = Publication(batch + "/out/0", "out", "csv", "default", number)
        (answer,) = ledger.commit(
            [Commit(claim, segments, (spec,), publications=(publication,))]
        )
        reached("committed")
        print(batch, answer.snapshot, flush=True)
        number += 1
    """
)


def start(folder: Path, instant: str = "never", after: int = 0) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CHILD, str(folder), instant, str(after)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def inspect(folder: Path, acknowledged: list[str]) -> int:
    """Open as the next owner and compare with what the dead one had acknowledged; how many
    batches are committed in all.
    """
    with Ledger.open(folder, SystemClock()) as ledger:
        invariants.check(ledger)
        committed = ledger.state("batches")["batch"].to_list()
        assert acknowledged == committed[: len(acknowledged)]
        assert len(committed) <= len(acknowledged) + 1
        numbers = [int(batch.rpartition("/")[2]) for batch in committed]
        if numbers:
            rows = ledger.scan("d.c").collect().sort("n", "day")
            assert rows["n"].to_list() == [n for n in numbers for _ in range(4)]
            assert ledger.position("d/s/in") == (len(numbers), {"n": numbers[-1]})
            assert [p.payload for p in ledger.pending_publications("d")] == numbers
        for claim in ledger.open_claims():
            assert claim.batch not in committed
            ledger.abandon(claim.batch)
        ledger.sweep(grace_s=0)
        assert ledger.sweep(grace_s=0).waiting == 0
        invariants.check(ledger)
        return len(committed)


@pytest.mark.parametrize(
    "instant", ["claims", "staged", "batches", "segments", "forget_claims", "committed"]
)
def test_a_death_at_a_chosen_instant(tmp_path: Path, instant: str) -> None:
    child = start(tmp_path, instant, after=2)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    acknowledged = [line.split()[0] for line in output.splitlines()]
    assert len(acknowledged) == 2
    # Only after COMMIT is the batch there.
    assert inspect(tmp_path, acknowledged) == (3 if instant == "committed" else 2)


def test_deaths_at_random(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for round_ in range(4):
        child = start(tmp_path)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(3 + round_)]
        # How far into the next batches the signal falls is up to the scheduler.
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.wait(timeout=60)
        child.stdout.close()
        acknowledged += [line.split()[0] for line in lines if line.strip()]
        with Ledger.open(tmp_path, SystemClock()) as ledger:
            committed = ledger.state("batches")["batch"].to_list()
        unheard = [batch for batch in committed if batch not in acknowledged]
        assert len(unheard) <= 1
        acknowledged += unheard
        assert inspect(tmp_path, acknowledged) == len(acknowledged)


def test_a_living_owner_keeps_others_out_and_a_dead_one_does_not(tmp_path: Path) -> None:
    child = start(tmp_path)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(WorkspaceBusy, match=rf"process {child.pid} .*\(child\)"):
        Ledger.open(tmp_path, SystemClock())
    child.kill()
    child.communicate(timeout=60)
    begun = time.monotonic()
    Ledger.open(tmp_path, SystemClock()).close()
    assert time.monotonic() - begun < 5
