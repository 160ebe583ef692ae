"""Consumers of a queue that work, dawdle, fail and vanish; and a process that runs some of them.

A consumer knows a `Client`, not a ledger, and writes down what it is about to ack before it does,
and what came of it: so whoever reads its log knows what was acked and, if it was killed meanwhile,
what is in doubt.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from lyftnb.clock import SystemClock
from lyftnb.model import Claim, Commit, Committed, Item, Lease, SpoolSpec
from lyftnb.store import Ledger, write_segments

QUEUE = "jobs"
SPOOL = SpoolSpec("d.done")
TTL_S = 1.0


class Client(Protocol):
    """What a consumer needs of a ledger, wherever it is."""

    def lease(self, queue: str, n: int, ttl_s: float, holder: str = "") -> list[Item]: ...

    def ack(self, leases: Sequence[Lease]) -> list[bool]: ...

    def nack(
        self,
        leases: Sequence[Lease],
        delay_s: float = 0.0,
        failed: bool = True,
        reason: str | None = None,
        together: bool = False,
    ) -> list[bool]: ...

    def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[bool]: ...

    def finish(self, items: Sequence[Item], stage: str) -> bool:
        """Write a row for each item into the spool and ack them, in one commit."""
        ...


class LocalClient(Ledger):
    """The ledger itself, in this process."""

    def finish(self, items: Sequence[Item], stage: str) -> bool:
        """See `Client`."""
        number = self.next_batch("d", stage)
        claim = Claim(
            batch=f"d/{stage}/{number}",
            attempt=1,
            run="d-1",
            deployment="d",
            stage=stage,
            splits=(),
            advances=(),
            tables=(),
            snapshot=self.snapshot(),
            now=self.clock.now(),
            seed=0,
            leases=tuple(item.lease for item in items),
        )
        self.claim(claim, durable=False)
        rows = pl.DataFrame({"n": [item.payload["n"] for item in items]})
        origin: dict[str, Any] = {"batch": claim.batch, "attempt": 1, "task": "s", "split": 0}
        segments = write_segments(rows, self.root, SPOOL, **origin)
        (answer,) = self.commit([Commit(claim, segments, (SPOOL,))])
        return isinstance(answer, Committed)


class Log:
    """Lines that outlive the process, whenever it is killed."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("ab", buffering=0)

    def write(self, **facts: Any) -> None:
        """Append one line with one write."""
        self.file.write(json.dumps(facts).encode() + b"\n")


class Consumer:
    """Takes items until `end` is set. Items of `poison` kill it: it vanishes with its leases."""

    def __init__(self, client: Client, log: Log, seed: str, end: threading.Event) -> None:
        self.client, self.log, self.end = client, log, end
        self.name = seed
        self.random = random.Random(seed)

    def run(self) -> None:
        """Go on and on."""
        while not self.end.is_set():
            items = self.client.lease(QUEUE, self.random.randint(1, 6), TTL_S, self.name)
            if not items:
                self.end.wait(0.1)
            elif not any(item.payload["poison"] for item in items):
                self.work(items)

    def work(self, items: list[Item]) -> None:
        """One of the things that happen to leased items. Alone, none of them is let down: that
        would count against it.
        """
        leases = [item.lease for item in items]
        fates = ["ack", "ack", "finish", "finish", "renew", "back"]
        fate = self.random.choice([*fates, "vanish", "late", "fail"] if len(items) > 1 else fates)
        if fate == "vanish":
            return
        if fate == "back":
            self.client.nack(leases, self.random.choice((0.0, 0.05)), failed=False)
        elif fate == "fail":
            self.client.nack(leases, together=True, reason="no luck")
        elif fate == "finish":
            self.client.finish(items, f"s_{self.name}")
        else:
            if fate == "late":
                self.end.wait(TTL_S * 1.2)
            if fate == "renew":
                self.client.renew(leases, TTL_S)
            self.log.write(acks=[item.payload["n"] for item in items])
            self.log.write(acked=self.client.ack(leases))


def main() -> None:
    """Own the ledger and run consumers until the queue is empty, or until killed."""
    folder, life, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    end = threading.Event()
    with LocalClient.open(folder / "state", SystemClock(), "soak") as client:
        consumers = [
            Consumer(client, Log(folder / f"{life}_{n}.log"), f"{life}_{n}", end)
            for n in range(count)
        ]
        threads = [threading.Thread(target=consumer.run) for consumer in consumers]
        for thread in threads:
            thread.start()
        print("ready", flush=True)
        while any((q := client.queue_depth(QUEUE), q.ready, q.delayed, q.leased)[1:]):
            end.wait(0.1)
        end.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
