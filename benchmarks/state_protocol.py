"""The state protocol on loopback, with TLS: what a call costs on the way, and what it carries.

    python benchmarks/state_protocol.py [--calls N]

The owner is a process of its own, as it is in life. `nothing` is a verb that does nothing: what is
left is the way there and back. The rest is the ledger's own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa

from lyftnb.clock import SystemClock
from lyftnb.store import Ledger
from lyftnb.store.remote import StateAddress, StateClient, StateServer
from lyftnb.store.remote.call import read, verbs_of

_CALLERS = 32
_FINGERPRINTS = 1_000_000


class Bare(Ledger):
    """A ledger with a verb that does nothing."""

    def nothing(self, number: int) -> int:
        """The number."""
        return number


class BareClient(StateClient):
    """The same from afar."""

    nothing = read(Bare.nothing)


def own(state_dir: Path) -> None:
    """The owner's process."""
    ledger = Bare.open(state_dir, SystemClock())
    assert isinstance(ledger, Bare)
    with ledger, StateServer(ledger, verbs_of(BareClient), state_dir=state_dir):
        print("ready", flush=True)
        sys.stdin.read()


def show(what: str, times: list[float], cpu: tuple[float, float] | None = None) -> None:
    """Median and 95th percentile in ms, and CPU time per call here and there."""
    ordered = sorted(times)
    median, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    spent = "" if cpu is None else f"   CPU {cpu[0] * 1e6:4.0f} us here, {cpu[1] * 1e6:4.0f} there"
    print(f"{what:<44} {median * 1e3:8.3f} ms  p95 {p95 * 1e3:8.3f} ms{spent}")


def one_caller(what: str, call: Callable[[int], object], calls: int, owner: psutil.Process) -> None:
    """One call after the other."""
    for number in range(20):
        call(number)
    times: list[float] = []
    here, there = time.process_time(), sum(owner.cpu_times()[:2])
    for number in range(calls):
        began = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - began)
    spent = time.process_time() - here, sum(owner.cpu_times()[:2]) - there
    show(what, times, (spent[0] / calls, spent[1] / calls))


def many_callers(what: str, call: Callable[[int], object], calls: int) -> None:
    """Many threads over one connection."""
    times: list[float] = []

    def work(caller: int) -> None:
        for number in range(calls // _CALLERS):
            began = time.perf_counter()
            call(caller * calls + number)
            times.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(_CALLERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    show(f"{what}, {_CALLERS} callers: {len(times) / took:,.0f}/s", times)


def main(calls: int) -> None:
    """All of it."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [sys.executable, __file__, "--own", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        owner = psutil.Process(child.pid)
        with BareClient(lambda: StateAddress.load(Path(folder))) as client:
            one_caller("nothing", client.nothing, calls, owner)
            many_callers("nothing", client.nothing, calls)
            client.kv_put("n", {str(n): n for n in range(1000)})
            one_caller("kv_get", lambda n: client.kv_get("n", [str(n % 1000)]), calls, owner)
            many_callers("kv_put", lambda n: client.kv_put("n", {str(n): n}), calls)
            random = np.random.default_rng(1)
            halves = random.integers(0, 2**64, (2, _FINGERPRINTS), np.uint64)
            prints = pa.table({"high": halves[0], "low": halves[1]})
            now = datetime.now(UTC)
            times = []
            for _ in range(5):
                began = time.perf_counter()
                assert len(client.unseen("d/s/a", prints, now)) == _FINGERPRINTS
                times.append(time.perf_counter() - began)
            show(f"unseen, {_FINGERPRINTS:,} fingerprints (16 MB)", times)
        child.communicate(timeout=30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=3200)
    parser.add_argument("--own", type=Path)
    given = parser.parse_args()
    own(given.own) if given.own else main(given.calls)
