"""Benchmark (h): queues and messages, beside SQLite and beside the bare DuckDB statement.

    python benchmarks/state_queues.py [--pending 100000] [--rounds 100]

Items are enqueued in calls of 10,000, then leased and acked in batches of 1,000 while as many are
put back, so that the number of pending ones stays. SQLite runs in WAL mode with `synchronous=FULL`
and an index over what a lease sorts by; bare DuckDB runs the statements without the ledger around
them. All of them make each call durable, and take turns. Then the churn: rounds of enqueue 10,000,
lease and ack all, which must neither get slower nor let the file grow.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import duckdb
import polars as pl
from timing import DATA

from lyftnb.clock import SystemClock
from lyftnb.model import Lease, MessageDraft, NewItem
from lyftnb.store import Ledger

QUEUE = "jobs"
CALL, BATCH = 10_000, 1_000
TTL_S = 60.0


class Contender(Protocol):
    """A queue and a bus."""

    def enqueue(self, payloads: Sequence[dict[str, object]]) -> None:
        """Put items into the queue."""
        ...

    def lease_and_ack(self, n: int) -> int:
        """Lease, read the payloads, ack; how many."""
        ...

    def publish(self, payloads: Sequence[dict[str, object]]) -> None:
        """Put messages on the bus."""
        ...


class OfLedger:
    """Ours."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger.open(folder, SystemClock())

    def enqueue(self, payloads: Sequence[dict[str, object]]) -> None:
        """One call, one transaction."""
        self.ledger.enqueue(QUEUE, [NewItem(payload) for payload in payloads])

    def lease_and_ack(self, n: int) -> int:
        """Two calls, two transactions."""
        leases: list[Lease] = [item.lease for item in self.ledger.lease(QUEUE, n, TTL_S, "bench")]
        return sum(self.ledger.ack(leases))

    def publish(self, payloads: Sequence[dict[str, object]]) -> None:
        """One call, one transaction."""
        self.ledger.publish([MessageDraft("landed", payload) for payload in payloads])


class OfSqlite:
    """A table with an index, by hand."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "queue.sqlite", isolation_level=None)
        self.connection.executescript(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            CREATE TABLE items (item INTEGER PRIMARY KEY, queue TEXT, payload TEXT,
                priority INTEGER, hidden_until REAL, token INTEGER);
            CREATE INDEX ready ON items (queue, priority DESC, hidden_until, item);
            CREATE TABLE messages (id INTEGER PRIMARY KEY, at REAL, tag TEXT, payload TEXT);
            """
        )
        self.token = 0

    def enqueue(self, payloads: Sequence[dict[str, object]]) -> None:
        """One transaction."""
        now = time.time()
        rows = [(QUEUE, json.dumps(payload), 0, now) for payload in payloads]
        self._many(
            "INSERT INTO items (queue, payload, priority, hidden_until) VALUES (?, ?, ?, ?)", rows
        )

    def lease_and_ack(self, n: int) -> int:
        """Two transactions."""
        self.token += 1
        now = time.time()
        found = self.connection.execute(
            """
            UPDATE items SET token = ?, hidden_until = ? WHERE item IN (
                SELECT item FROM items WHERE queue = ? AND hidden_until <= ?
                ORDER BY priority DESC, hidden_until, item LIMIT ?)
            RETURNING item, payload
            """,
            (self.token, now + TTL_S, QUEUE, now, n),
        ).fetchall()
        for _item, payload in found:
            json.loads(payload)
        acked = [(item, self.token) for item, _payload in found]
        self._many("DELETE FROM items WHERE item = ? AND token = ?", acked)
        return len(acked)

    def publish(self, payloads: Sequence[dict[str, object]]) -> None:
        """One transaction."""
        now = time.time()
        rows = [(now, "landed", json.dumps(payload)) for payload in payloads]
        self._many("INSERT INTO messages (at, tag, payload) VALUES (?, ?, ?)", rows)

    def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        self.connection.execute("BEGIN")
        self.connection.executemany(statement, rows)
        self.connection.execute("COMMIT")


class OfDuckdb:
    """The bare statements."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2})
        self.connection.execute(
            """
            CREATE TABLE items (item BIGINT, queue VARCHAR, payload VARCHAR, priority INTEGER,
                hidden_until TIMESTAMPTZ, token BIGINT);
            CREATE TABLE messages (id BIGINT, at_ TIMESTAMPTZ, tag VARCHAR, payload VARCHAR);
            CHECKPOINT
            """
        )
        self.number = self.token = 0

    def enqueue(self, payloads: Sequence[dict[str, object]]) -> None:
        """One transaction."""
        texts = [json.dumps(payload) for payload in payloads]
        frame = pl.DataFrame({"payload": texts}).with_row_index("item", self.number)
        self._run(
            "INSERT INTO items SELECT item, $queue, payload, 0, $now, NULL FROM frame",
            frame,
            queue=QUEUE,
            now=datetime.now(UTC),
        )
        self.number += len(texts)

    def lease_and_ack(self, n: int) -> int:
        """Two transactions."""
        self.token += 1
        now = datetime.now(UTC)
        found = self.connection.sql(
            """
            UPDATE items SET token = $token, hidden_until = $until WHERE item IN (
                SELECT item FROM items WHERE queue = $queue AND hidden_until <= $now
                ORDER BY priority DESC, hidden_until, item LIMIT $n)
            RETURNING item, payload
            """,
            params={
                "token": self.token,
                "until": now + timedelta(seconds=TTL_S),
                "queue": QUEUE,
                "now": now,
                "n": n,
            },
        ).fetchall()
        for _item, payload in found:
            json.loads(payload)
        frame = pl.DataFrame({"item": [item for item, _payload in found]})
        self._run(
            "DELETE FROM items USING frame WHERE items.item = frame.item AND token = $token",
            frame,
            token=self.token,
        )
        return len(found)

    def publish(self, payloads: Sequence[dict[str, object]]) -> None:
        """One transaction."""
        texts = [json.dumps(payload) for payload in payloads]
        frame = pl.DataFrame({"payload": texts}).with_row_index("id", self.number)
        self._run(
            "INSERT INTO messages SELECT id, $now, 'landed', payload FROM frame",
            frame,
            now=datetime.now(UTC),
        )
        self.number += len(texts)

    def _run(self, statement: str, frame: pl.DataFrame, **parameters: object) -> None:
        self.connection.execute(statement, parameters).fetchall()


CONTENDERS: dict[str, Callable[[Path], Contender]] = {
    "lyftnb": OfLedger,
    "DuckDB, bare": OfDuckdb,
    "SQLite": OfSqlite,
}


def payloads(count: int) -> list[dict[str, object]]:
    """What items and messages carry."""
    return [{"n": n, "path": f"/data/landed/{n:08d}.csv", "bytes": n * 37} for n in range(count)]


def compare(
    what: str,
    count: int,
    contenders: dict[str, Contender],
    call: Callable[[Contender], object],
    repeat: int,
    after: Callable[[Contender], object] = lambda _contender: None,
) -> None:
    """Time a call of each contender in turn; print medians, and ratios to the first, ours."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeat):
        for name, contender in contenders.items():
            began = time.perf_counter()
            call(contender)
            times[name].append(time.perf_counter() - began)
            after(contender)
    medians = {name: statistics.median(found) for name, found in times.items()}
    ours = next(iter(medians.values()))
    print(f"  {what}")
    for name, seconds in medians.items():
        rate = count / seconds
        print(f"    {name:<14} {seconds * 1e3:8.2f} ms {rate:>10,.0f} /s  {ours / seconds:6.2f} x")


def measure(contenders: dict[str, Contender], pending: int) -> None:
    """Print what is measured; the number of pending items stays about the same."""
    large, small, one = payloads(CALL), payloads(BATCH), payloads(1)
    hundred = payloads(100)
    rounds = pending // CALL
    compare("enqueue 10,000", CALL, contenders, lambda c: c.enqueue(large), rounds)
    compare(
        "lease and ack 1,000",
        BATCH,
        contenders,
        lambda c: c.lease_and_ack(BATCH),
        30,
        after=lambda c: c.enqueue(small),
    )
    compare("lease and ack 1", 1, contenders, lambda c: c.lease_and_ack(1), 50)
    compare("publish 1", 1, contenders, lambda c: c.publish(one), 200)
    compare("publish 100", 100, contenders, lambda c: c.publish(hundred), 50)


def churn(rounds: int, folder: Path) -> None:
    """Rounds of enqueue, lease and ack: the times of the first and the last, and the file."""
    ledger = Ledger.open(folder, SystemClock())
    items = [NewItem(payload) for payload in payloads(CALL)]
    times, sizes = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        ledger.enqueue(QUEUE, items)
        while leased := ledger.lease(QUEUE, CALL // 2, TTL_S, "bench"):
            ledger.ack([item.lease for item in leased])
        times.append(time.perf_counter() - began)
        sizes.append(sum(file.stat().st_size for file in folder.glob("ledger.duckdb*")))
    ledger.close()
    tenth = max(rounds // 10, 1)
    first, last = statistics.median(times[:tenth]), statistics.median(times[-tenth:])
    print(f"\n  churn: {rounds} rounds of enqueue {CALL:,}, lease and ack all")
    print(f"    a round takes {first * 1e3:.0f} ms at first, {last * 1e3:.0f} ms at last")
    print(f"    file and log hold {max(sizes) / 2**20:.1f} MiB at most; closed, the file holds")
    print(f"    {(folder / 'ledger.duckdb').stat().st_size / 2**20:.1f} MiB")


def ids(known: int, folder: Path) -> None:
    """Enqueue items with ids while the queue remembers very many."""
    with Ledger.open(folder, SystemClock()) as ledger:
        for start in range(0, known, 100_000):
            names = range(start, start + 100_000)
            ledger.enqueue(QUEUE, [NewItem(n, id=f"order-{n}") for n in names])
            ledger.purge(QUEUE)
        again = [NewItem(n, id=f"order-{n}") for n in range(0, known, known // BATCH)]
        times = []
        for _ in range(10):
            began = time.perf_counter()
            assert not any(ledger.enqueue(QUEUE, again))
            times.append(time.perf_counter() - began)
        print(f"\n  {BATCH:,} known ids among {known:,}: {statistics.median(times) * 1e3:.1f} ms")


def main() -> None:
    """Print medians and rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    print(f"\n(h) queues with {args.pending:,} pending items, and messages")
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        made = {name: make(Path(folder)) for name, make in CONTENDERS.items()}
        measure(made, args.pending)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        churn(args.rounds, Path(folder))
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        ids(1_000_000, Path(folder))


if __name__ == "__main__":
    main()
