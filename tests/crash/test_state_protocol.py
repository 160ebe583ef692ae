"""The owner and its callers are killed with SIGKILL in the middle of what they say."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lyftnb.clock import SystemClock
from lyftnb.errors import OutcomeUnknown
from lyftnb.model import NewItem
from lyftnb.store import Ledger
from lyftnb.store.remote import STATE_FILE, StateClient
from lyftnb.testing import invariants
from tests.dice import rounds

pytestmark = pytest.mark.crash

OWNER = """
import sys
from pathlib import Path
from lyftnb.clock import SystemClock
from lyftnb.store import Ledger
from lyftnb.store.remote import serve
with Ledger.open(Path(sys.argv[1]), SystemClock()) as ledger, serve(ledger):
    print("ready", flush=True)
    sys.stdin.read()
"""

WORKER = """
import random, sys
from contextlib import suppress
from pathlib import Path
from lyftnb.errors import OutcomeUnknown
from lyftnb.store.remote import StateClient

state_dir, log, seed = sys.argv[1:]
chance = random.Random(int(seed))
journal = open(log, "a", buffering=1)
queue = StateClient.of(Path(state_dir))
while True:
    items = queue.lease("work", chance.randint(1, 4), 0.5, holder=log)
    if not items and not (depth := queue.queue_depth("work")).ready + depth.leased + depth.delayed:
        break
    for item in items:
        dice = chance.random()
        if dice < 0.15:
            # Where nobody knows whether it went back, the lease runs out.
            with suppress(OutcomeUnknown):
                queue.nack([item.lease], failed=False)
        elif dice < 0.25:
            pass  # forgotten: the lease runs out
        else:
            journal.write(f"try {item.payload}\\n")
            try:
                (mine,) = queue.ack([item.lease])
            except OutcomeUnknown:
                continue
            if mine:
                journal.write(f"done {item.payload}\\n")
"""


class Owner:
    """A process that owns a state directory; it can be killed and started again."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.start()

    def start(self) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(self.state_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.child.stdout is not None and self.child.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self.child.kill()
        self.child.communicate()

    def stop(self) -> None:
        self.child.communicate(timeout=30)
        assert self.child.returncode == 0


@contextmanager
def owned(state_dir: Path) -> Iterator[Owner]:
    owner = Owner(state_dir)
    try:
        yield owner
    finally:
        owner.kill()


def test_calls_outlive_owners(tmp_path: Path) -> None:
    """Reads and repeatable writes never fail; an increment is carried out once, or else its caller
    knows that nobody can tell.
    """
    kills = rounds(4, 20)
    over = threading.Event()
    begun = {key: threading.Event() for key in ("a", "b", "c")}
    chance = random.Random()

    def increment(client: StateClient, key: str) -> tuple[int, int]:
        acked = unknown = 0
        while not over.is_set():
            try:
                client.kv_increment("n", {key: 1})
                acked += 1
                begun[key].set()
            except OutcomeUnknown:
                unknown += 1
        return acked, unknown

    def read_and_add(client: StateClient, key: str) -> int:
        rounds = 0
        while not over.is_set():
            client.kv_get("n", [key])
            client.set_add("n", "rounds", [rounds])
            rounds += 1
        return rounds

    with owned(tmp_path) as owner, StateClient.of(tmp_path) as client:
        with ThreadPoolExecutor(4) as pool:
            counting = {key: pool.submit(increment, client, key) for key in begun}
            reading = pool.submit(read_and_add, client, "a")
            try:
                assert all(counted.wait(60) for counted in begun.values())
                for _ in range(kills):
                    time.sleep(chance.uniform(0.05, 0.5))
                    owner.kill()
                    assert (tmp_path / STATE_FILE).exists()  # stale: nobody could remove it
                    time.sleep(chance.uniform(0.0, 0.3))
                    owner.start()
            finally:
                over.set()
        for key, counted in counting.items():
            acked, unknown = counted.result()
            (entry,) = client.kv_get("n", [key])
            assert entry is not None and acked > 0
            assert acked <= entry.value <= acked + unknown
        assert client.set_members("n", "rounds") == list(range(reading.result()))
        owner.stop()
    assert not (tmp_path / STATE_FILE).exists()
    with Ledger.open(tmp_path, SystemClock()) as ledger:
        invariants.check(ledger)


def test_a_queue_loses_nothing_and_gives_nothing_twice(tmp_path: Path) -> None:
    """Workers lease, give back, forget and ack; they and the owner are killed at random."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    count, kills = rounds(150, 2000), rounds(10, 60)
    state_dir = tmp_path / "state"
    journals = [tmp_path / f"journal-{n}" for n in range(3)]

    def hire(journal: Path) -> subprocess.Popen[bytes]:
        with journal.open("a") as file:
            file.write("begin\n")
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, str(state_dir), str(journal), str(chance.random())[2:]]
        )

    with owned(state_dir) as owner:
        with StateClient.of(state_dir) as client:
            client.enqueue("work", [NewItem(n, id=str(n)) for n in range(count)])
        workers = {journal: hire(journal) for journal in journals}
        try:
            for _ in range(kills):
                time.sleep(chance.uniform(0.0, 1.0))
                if chance.random() < 0.3:
                    owner.kill()
                    owner.start()
                else:
                    journal = chance.choice(journals)
                    workers[journal].kill()
                    workers[journal].wait()
                    workers[journal] = hire(journal)
            for worker in workers.values():
                assert worker.wait(timeout=250) == 0
        finally:
            for worker in workers.values():
                worker.kill()
                worker.wait()
        with StateClient.of(state_dir) as client:
            depth = client.queue_depth("work")
        owner.stop()
    lines = [line.split() for journal in journals for line in journal.read_text().splitlines()]
    done = Counter(int(line[1]) for line in lines if line[0] == "done")
    tried = {int(line[1]) for line in lines if line[0] == "try"}
    assert set(done.values()) == {1}, seed
    assert (depth.ready, depth.leased, depth.delayed, depth.dead) == (0, 0, 0, 0), seed
    # What is gone was acked by somebody, who may have died before the answer came.
    assert tried == set(range(count)), seed
    assert count - len(done) <= kills * 3, seed
    with Ledger.open(state_dir, SystemClock()) as ledger:
        invariants.check(ledger)
