"""Workers and the manager are killed at random, and the connections to the scheduler cut, under a
deployment that is fed all the while: in the end there is what there would be had nothing happened.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

import lyftnb as ln
from lyftnb.errors import OutcomeUnknown, TryAgain
from lyftnb.workspace.address import ManagerAddress
from lyftnb.workspace.finding import find_or_start, wait_for_end
from lyftnb.workspace.remote import RemoteWorkspace
from tests.crash.severing import connections, listens, sever
from tests.dice import rounds
from tests.manager_kit import ended, managed

pytestmark = [pytest.mark.cluster, pytest.mark.crash, pytest.mark.timeout(1500)]

BLOWS = rounds(4, 40)
STRIKES_S = 600.0
"""No blow falls later; what has come by then is to be settled."""
SETTLES_S = float(rounds(120, 300))
LOOK_S = 0.1
SETTINGS = '[groups.default]\nworkers = 2\n[batch]\nsplit_bytes = "1KiB"\nbatch_bytes = "64KiB"\n'
WORKFLOW = """
workflow: mill
channels:
  arrived: {transport: spool}
  even: {transport: spool}
  odd: {transport: spool}
  squares: {transport: spool}
steps:
  read:
    input: {files: {path: "in/*.ndjson"}}
    trigger: {watch: 50ms}
    out: arrived
  clean:
    in: arrived
    actions:
      - cast: {n: BIGINT}
      - kv: {namespace: seen, key: kind, increment: 1}
    dispatch: {mode: conditional, when: [{even: "n % 2 = 0"}], default: odd}
    out: {even: even, odd: odd}
  square:
    in: odd
    actions:
      - derive: {square: "n * n"}
      - kv: {namespace: ./sums, key: kind, increment: n}
    out: squares
"""


class Feed:
    """Input that keeps coming, and what is to become of it."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self._folder, self._dice = folder, dice
        self._over = threading.Event()
        self.good: list[tuple[int, str]] = []
        self.bad: list[str] = []

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Lines come until the block ends."""
        feeder = threading.Thread(target=self._flow, name="feeder")
        feeder.start()
        try:
            yield
        finally:
            self._over.set()
            feeder.join()

    def end(self) -> None:
        """The last lines: all of them good."""
        self._write([self._line(good=True) for _ in range(20)])

    @property
    def lines(self) -> int:
        """How many have come so far."""
        return len(self.good) + len(self.bad)

    def _flow(self) -> None:
        while not self._over.wait(self._dice.uniform(0.01, 0.1)):
            good = self._dice.random
            self._write([self._line(good=good() < 0.95) for _ in range(self._dice.randint(1, 40))])

    def _line(self, *, good: bool) -> dict[str, Any]:
        number, kind = self.lines, self._dice.choice("abc")
        if good:
            self.good.append((number, kind))
        else:
            self.bad.append(f"x{number}")
        return {"n": str(number) if good else f"x{number}", "kind": kind}

    def _write(self, lines: list[dict[str, Any]]) -> None:
        """Some are appended to a file that is there, some make a new one."""
        with (self._folder / f"{self._dice.randint(0, 9)}.ndjson").open("a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))


def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")  # shown if it fails
    dice = random.Random(seed)
    (tmp_path / "lyftnb.toml").write_text(SETTINGS)
    (tmp_path / "in").mkdir()
    feed = Feed(tmp_path / "in", dice)
    killed: list[psutil.Process] = []
    fallen = Counter[str]()
    with managed(tmp_path) as workspace:
        workspace.publish(ln.Workflow.from_yaml(WORKFLOW))
        workspace.apply("mill")
        with feed.flowing():
            for blow in blows(dice):
                until(progressed(workspace, feed), workspace)
                killed += blow(find_or_start(tmp_path), tmp_path, dice)
                fallen[blow.__name__] += 1
        print(f"{dict(fallen)}, {feed.lines} lines")
        until(lambda: drained(workspace, feed), workspace)
        feed.end()  # a run without rejects ends the issue about those before
        until(lambda: drained(workspace, feed) and at_rest(workspace), workspace)
        assert_right(workspace, feed)
        assert workspace.plan("mill").empty
    ended(tmp_path)
    assert not psutil.wait_procs(killed, SETTLES_S)[1]


Blow = Callable[[ManagerAddress, Path, random.Random], list[psutil.Process]]
"""Gives the processes that end of it."""


def blows(dice: random.Random) -> Iterator[Blow]:
    """Each kind of blow in turn, in another order each time, while there is time."""
    deadline = time.monotonic() + STRIKES_S
    kinds: list[Blow] = [kill_worker, kill_manager, cut_worker_off, cut_client_off]
    for number in range(BLOWS):
        if number % len(kinds) == 0:
            dice.shuffle(kinds)
        if time.monotonic() > deadline:
            return
        yield kinds[number % len(kinds)]


def kill_worker(address: ManagerAddress, root: Path, dice: random.Random) -> list[psutil.Process]:
    """One worker is killed, in a moment."""
    victim = dice.choice(workers_of(psutil.Process(address.pid)))
    any_moment(dice)
    with suppress(psutil.NoSuchProcess):
        victim.kill()
    return [victim]


def kill_manager(address: ManagerAddress, root: Path, dice: random.Random) -> list[psutil.Process]:
    """The manager is killed; its workers follow it."""
    process = psutil.Process(address.pid)
    workers = workers_of(process)
    any_moment(dice)
    os.kill(address.pid, signal.SIGKILL)
    wait_for_end(root, address, SETTLES_S)
    return [process, *workers]


def cut_worker_off(
    address: ManagerAddress, root: Path, dice: random.Random
) -> list[psutil.Process]:
    """A connection of a worker to its manager breaks: to the scheduler, or to the owner's state."""
    process = psutil.Process(address.pid)
    cut_one(process, lambda: workers_of(process), dice)
    return []


def cut_client_off(
    address: ManagerAddress, root: Path, dice: random.Random
) -> list[psutil.Process]:
    """A connection of the manager's own to its scheduler breaks."""
    process = psutil.Process(address.pid)
    cut_one(process, lambda: [process], dice)
    return []


def cut_one(
    manager: psutil.Process, whose: Callable[[], list[psutil.Process]], dice: random.Random
) -> None:
    """Cut one connection to a port that the manager listens on, of one of some processes."""

    def cut() -> bool:
        with suppress(psutil.NoSuchProcess):
            ports = listens(manager)
            found = [(p, fd) for p in whose() for port in ports for fd in connections(p, port)]
            return bool(found) and sever(*dice.choice(found))
        return False

    any_moment(dice)
    within(cut, "connection to cut")


def workers_of(manager: psutil.Process) -> list[psutil.Process]:
    """The manager's workers, once there are any."""
    return within(lambda: manager.children(recursive=True), "workers")


def any_moment(dice: random.Random) -> None:
    """Any moment of a batch is as good as another."""
    time.sleep(dice.uniform(0, 0.3))


def progressed(workspace: RemoteWorkspace, feed: Feed) -> Callable[[], bool]:
    """Whether all that has come until now has gone through the second stage: blows that come faster
    than the deployment works would only pile up its input.
    """
    good, bad = len(feed.good), len(feed.bad)

    def test() -> bool:
        rows = {info.spool: info.rows for info in workspace.spools()}
        cleaned = rows.get("mill.even", 0) + rows.get("mill.odd", 0)
        return cleaned >= good and rows.get("mill.clean_rejects", 0) >= bad

    return test


def drained(workspace: RemoteWorkspace, feed: Feed) -> bool:
    """Whether all that came has gone through."""
    rows = {info.spool: info.rows for info in workspace.spools()}
    return (
        rows.get("mill.even", 0) + rows.get("mill.odd", 0) == len(feed.good)
        and rows.get("mill.squares") == rows.get("mill.odd")
        and rows.get("mill.clean_rejects", 0) == len(feed.bad)
    )


def at_rest(workspace: RemoteWorkspace) -> bool:
    """Whether nothing is left of what happened."""
    (status,) = workspace.status()
    sound = (status.sync, status.health) == ("synced", "healthy")
    return sound and not workspace.issues.list()


def assert_right(workspace: RemoteWorkspace, feed: Feed) -> None:
    """Each spool holds what the input comes to, row for row, and the keys count it."""

    def numbers(spool: str, column: str = "n") -> list[Any]:
        return sorted(workspace.spool(f"mill.{spool}").scan().collect()[column].to_list())

    good = [number for number, _ in feed.good]
    odd = [number for number in good if number % 2]
    assert numbers("arrived") == sorted([*map(str, good), *feed.bad])
    assert numbers("even") == [number for number in good if not number % 2]
    assert numbers("odd") == odd == numbers("squares")
    assert numbers("squares", "square") == [number * number for number in odd]
    rejected = [json.loads(row)["n"] for row in numbers("clean_rejects", "_row")]
    assert sorted(rejected) == sorted(feed.bad)
    seen = Counter(kind for _, kind in feed.good)
    assert {kind: workspace.kv("seen").get(kind) for kind in seen} == seen
    sums = Counter[str]()
    for number, kind in feed.good:
        sums[kind] += number if number % 2 else 0
    assert {kind: workspace.kv("mill/sums").get(kind) for kind in sums} == sums


def until(test: Callable[[], bool], workspace: RemoteWorkspace) -> None:
    """Wait until it is so, over the deaths of managers."""

    def asked() -> bool:
        with suppress(TryAgain, OutcomeUnknown):
            return test()
        return False

    try:
        within(asked, "it")
    except AssertionError:
        facts = (workspace.status(), workspace.issues.list(), workspace.spools())
        raise AssertionError("\n".join(map(str, facts))) from None


T = TypeVar("T")


def within(ask: Callable[[], T], what: str) -> T:
    """The first answer that is one, in time."""
    deadline = time.monotonic() + SETTLES_S
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"no {what} within {SETTLES_S:g} s"
        time.sleep(LOOK_S)
    return answer
