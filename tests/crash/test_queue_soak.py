"""Consumers that fail, vanish and come late, and an owner killed with -9: no item is lost, none is
acked twice, and only those that kill their consumer become dead letters.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lyftnb.clock import SystemClock
from lyftnb.model import NewItem
from lyftnb.store import Ledger
from lyftnb.testing import invariants
from tests.crash import queue_consumers
from tests.crash.queue_consumers import QUEUE
from tests.dice import rounds

pytestmark = pytest.mark.crash

ITEMS, CONSUMERS, DEATHS = rounds(300, 600), 4, rounds(2, 6)
POISON = {7, ITEMS // 2, ITEMS - 1}


def start(folder: Path, life: str) -> subprocess.Popen[str]:
    script = [sys.executable, queue_consumers.__file__, str(folder), life, str(CONSUMERS)]
    child = subprocess.Popen(script, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def acks(folder: Path) -> tuple[list[int], set[int]]:
    """Items that were acked, as often as they were; and those of which nobody knows."""
    sure: list[int] = []
    in_doubt: set[int] = set()
    for log in folder.glob("*.log"):
        asked: list[int] = []
        for line in log.read_text().splitlines():
            facts = json.loads(line)
            if "acks" in facts:
                asked = facts["acks"]
            else:
                sure += [n for n, acked in zip(asked, facts["acked"], strict=True) if acked]
                asked = []
        in_doubt.update(asked)
    return sure, in_doubt


def account(folder: Path) -> tuple[set[int], set[int]]:
    """Where each item is: what still waits, and what is dead."""
    with Ledger.open(folder / "state", SystemClock()) as ledger:
        invariants.check(ledger)
        waiting = [item.payload["n"] for item in ledger.peek(QUEUE, ITEMS)]
        dead = [item.payload["n"] for item in ledger.peek(QUEUE, ITEMS, dead=True)]
        done = ledger.scan("d.done").collect()["n"].to_list() if ledger.spools() else []
    sure, in_doubt = acks(folder)
    finished = sure + done
    assert len(finished) == len(set(finished)), "an item was acked twice"
    assert not set(finished) & {*waiting, *dead}, "an item came back after its ack"
    assert {*finished, *in_doubt, *waiting, *dead} == set(range(ITEMS)), "an item is lost"
    assert len(waiting) + len(dead) == len({*waiting, *dead}), "an item was doubled"
    return set(waiting), set(dead)


def test_no_item_is_lost_and_none_acked_twice(tmp_path: Path) -> None:
    chance = random.Random(1)
    with Ledger.open(tmp_path / "state", SystemClock()) as ledger:
        items = [NewItem({"n": n, "poison": n in POISON}, priority=n % 2) for n in range(ITEMS)]
        ledger.enqueue(QUEUE, items)
    for death in range(DEATHS):
        child = start(tmp_path, f"life{death}")
        try:
            # It may be done before; where in its work the signal falls is up to the scheduler.
            child.communicate(timeout=chance.uniform(0.2, 1.0))
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate(timeout=60)
        account(tmp_path)
    child = start(tmp_path, "last")
    child.communicate(timeout=240)
    assert child.returncode == 0
    assert account(tmp_path) == (set(), POISON)
