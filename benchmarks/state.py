"""State: keys and marks, beside SQLite (WAL, synchronous=FULL) and beside DuckDB's own statements.

    python benchmarks/state.py [--keys 100000] [--marks 10000000] [--repeat 5]

All sides write to a file and are durable when a call returns. SQLite has a primary key over the
same columns; DuckDB by hand too, where it needs one to upsert.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from timing import DATA

from lyftnb.clock import SystemClock
from lyftnb.model import Claim, Commit, Committed
from lyftnb.store import Ledger, stage_state

Calls = Mapping[str, Callable[[int], object]]
"""Contender → does round `n`."""
SCOPE = "d/s/dedupe"
SINGLE_CALLS = 640


def compare(title: str, operations: int, calls: Calls, repeat: int) -> None:
    """Time the contenders in turn; print medians."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(repeat):
        for name, call in calls.items():
            start = time.perf_counter()
            call(round_)
            times[name].append(time.perf_counter() - start)
    print(f"\n{title}, median of {repeat}")
    for name, found in times.items():
        seconds = statistics.median(found)
        print(
            f"  {name:<12} {seconds * 1e3:10.1f} ms  {operations / seconds:>12,.0f}/s", flush=True
        )


def spread(callers: int, call: Callable[[int], object]) -> None:
    """`SINGLE_CALLS` calls by so many threads."""
    share = SINGLE_CALLS // callers

    def work(caller: int) -> None:
        for number in range(share):
            call(caller * share + number)

    threads = [threading.Thread(target=work, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Sqlite:
    """Keys and marks in SQLite, one connection under a lock."""

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(
            folder / "sqlite.db", check_same_thread=False, isolation_level=None
        )
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute(
            "CREATE TABLE kv (namespace TEXT, key TEXT, value TEXT, version INTEGER,"
            " expires_at TEXT, PRIMARY KEY (namespace, key)) WITHOUT ROWID"
        )
        self.db.execute("CREATE TABLE marks (mark BLOB PRIMARY KEY) WITHOUT ROWID")
        self.lock = threading.Lock()

    def put(self, values: Mapping[str, Any]) -> None:
        rows = [("n", key, json.dumps(value), 1, None) for key, value in values.items()]
        with self.lock:
            self.db.execute("BEGIN")
            self.db.executemany("INSERT OR REPLACE INTO kv VALUES (?, ?, ?, ?, ?)", rows)
            self.db.execute("COMMIT")

    def get(self, keys: list[str]) -> list[Any]:
        query = "SELECT value FROM kv WHERE namespace = 'n' AND key = ?"
        with self.lock:
            found = [self.db.execute(query, (key,)).fetchone() for key in keys]
        return [json.loads(row[0]) if row else None for row in found]

    def mark(self, prints: pl.DataFrame) -> int:
        """Mark all; how many were new."""
        rows = prints.to_numpy().astype(">u8").tobytes()
        marks = [(rows[start : start + 16],) for start in range(0, len(rows), 16)]
        before = self.db.total_changes
        self.db.execute("BEGIN")
        self.db.executemany("INSERT OR IGNORE INTO marks VALUES (?)", marks)
        self.db.execute("COMMIT")
        return self.db.total_changes - before


class Duck:
    """Keys and marks in DuckDB, a statement for each call."""

    def __init__(self, folder: Path) -> None:
        self.db = duckdb.connect(str(folder / "duck.db"), config={"threads": 2})
        self.db.execute(
            "CREATE TABLE kv (key VARCHAR PRIMARY KEY, value VARCHAR, version BIGINT,"
            " expires_at TIMESTAMPTZ)"
        )
        self.db.execute("CREATE TABLE marks (high UBIGINT, low UBIGINT)")
        self.lock = threading.Lock()

    def put(self, values: Mapping[str, Any]) -> None:
        texts = [json.dumps(value) for value in values.values()]
        given = pl.DataFrame({"key": list(values), "value": texts}).to_arrow()
        with self.lock:
            self.db.register("given", given)
            self.db.execute("INSERT OR REPLACE INTO kv SELECT key, value, 1, NULL FROM given")

    def get(self, keys: list[str]) -> list[Any]:
        given = pl.DataFrame({"key": keys}).to_arrow()
        with self.lock:
            self.db.register("given", given)
            query = "SELECT key, value FROM kv SEMI JOIN given USING (key)"
            found = dict(self.db.sql(query).fetchall())
        return [json.loads(found[key]) if key in found else None for key in keys]

    def mark(self, prints: pl.DataFrame) -> int:
        """Mark all; how many were new."""
        self.db.register("given", prints.to_arrow())
        query = "INSERT INTO marks SELECT * FROM given ANTI JOIN marks USING (high, low)"
        ((count,),) = self.db.execute(query).fetchall()
        return int(count)


class Ours:
    """The ledger, with marks as a batch makes them: look, stage, commit."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger.open(folder / "ledger", SystemClock())

    def put(self, values: Mapping[str, Any]) -> None:
        self.ledger.kv_put("n", values)

    def get(self, keys: list[str]) -> list[Any]:
        return [entry and entry.value for entry in self.ledger.kv_get("n", keys)]

    def mark(self, prints: pl.DataFrame) -> int:
        """Mark all; how many were new."""
        ledger = self.ledger
        now = ledger.clock.now()
        unseen = pl.Series(ledger.unseen(SCOPE, prints.to_arrow(), now))
        new = prints.filter(unseen).with_columns(scope=pl.lit(SCOPE))
        number = ledger.next_batch("d", "s")
        batch = f"d/s/{number}"
        claim = Claim(batch, 1, "r", "d", "s", (), (), (), ledger.snapshot(), now, 0)
        staged = stage_state(new, ledger.root, "marks", batch=batch, attempt=1, task="s", split=0)
        (answer,) = ledger.commit([Commit(claim, state=staged)])
        assert isinstance(answer, Committed)
        return new.height


def single_puts(side: Any, callers: int, names: list[str]) -> Callable[[int], object]:
    """Puts of one key each."""
    return lambda round_: spread(
        callers, lambda i: side.put({names[(round_ * SINGLE_CALLS + i) % len(names)]: i})
    )


def single_gets(side: Any, callers: int, names: list[str]) -> Callable[[int], object]:
    """Gets of one key each; of many names, such as nobody has touched lately."""
    return lambda round_: spread(
        callers, lambda i: side.get([names[-1 - (round_ * SINGLE_CALLS + i) % len(names)]])
    )


def keys(count: int, repeat: int) -> None:
    """Bulk and single puts and gets."""
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        sides = {"lyftnb": Ours(Path(folder)), "SQLite": Sqlite(Path(folder))}
        every: dict[str, Any] = {**sides, "DuckDB": Duck(Path(folder))}
        names = [f"customer-{number:07}" for number in range(count)]
        random.Random(0).shuffle(names)

        def all_of(round_: int) -> dict[str, Any]:
            return {name: {"seen": round_, "name": name} for name in names}

        title = f"{count:,} keys in one call: put"
        compare(
            title, count, {n: lambda r, s=s: s.put(all_of(r)) for n, s in every.items()}, repeat
        )
        title = f"{count:,} keys in one call: get"
        compare(title, count, {n: lambda r, s=s: s.get(names) for n, s in every.items()}, repeat)
        for callers in (1, 32):
            puts = {n: single_puts(s, callers, names) for n, s in every.items()}
            compare(f"one key a call, {callers} callers: put", SINGLE_CALLS, puts, repeat)
            gets = {n: single_gets(s, callers, names) for n, s in every.items()}
            compare(f"one key a call, {callers} callers: get", SINGLE_CALLS, gets, repeat)
        hot = {n: single_gets(s, 1, names[:10]) for n, s in sides.items()}
        compare("one of ten keys a call, 1 caller: get", SINGLE_CALLS, hot, repeat)


def marks(present: int, rows: int, repeat: int) -> None:
    """A batch of rows, half of them seen before."""
    random_ = np.random.default_rng(0)

    def prints(count: int) -> pl.DataFrame:
        numbers = random_.integers(0, 2**64, (count, 2), dtype=np.uint64)
        return pl.DataFrame(numbers, ["high", "low"])

    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        sides = [Ours(Path(folder)), Sqlite(Path(folder)), Duck(Path(folder))]
        known = prints(present)
        for side in sides:
            start = time.perf_counter()
            # In order, which SQLite needs to come through.
            for part in known.sort("high").iter_slices(1_000_000):
                side.mark(part)
            seconds = time.perf_counter() - start
            print(f"\n  {type(side).__name__}: {present:,} marks made in {seconds:.1f} s", end="")
        batches = [
            pl.concat([known.sample(rows // 2, seed=n), prints(rows // 2)]) for n in range(repeat)
        ]
        calls = dict(zip(("lyftnb", "SQLite", "DuckDB"), sides, strict=True))
        compare(
            f"dedupe of {rows:,} rows, half seen before, {present:,} marks present",
            rows,
            {n: lambda r, s=s: s.mark(batches[r]) for n, s in calls.items()},
            repeat,
        )
        ledger = sides[0].ledger
        small = batches[0].head(50_000).to_arrow()
        look = {"lyftnb": lambda r: ledger.unseen(SCOPE, small, ledger.clock.now())}
        compare(f"  look-up of 50,000 rows, {present:,} marks present", 50_000, look, repeat)
        ledger.tidy()
        ledger.close()
        for file in ("ledger/ledger.duckdb", "sqlite.db", "duck.db"):
            print(f"  {file:<22} {(Path(folder) / file).stat().st_size / 2**20:8.1f} MiB")


def churn(rounds: int = 100, count: int = 10_000) -> None:
    """The size of the file while the same keys are overwritten again and again."""
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        root = Path(folder)
        with closing(Ours(root).ledger) as ledger:
            sizes = []
            slowest = 0.0
            for round_ in range(rounds):
                start = time.perf_counter()
                ledger.kv_put("n", {f"key{n}": {"round": round_, "n": n} for n in range(count)})
                slowest = max(slowest, time.perf_counter() - start)
                sizes.append(sum(f.stat().st_size for f in (root / "ledger").glob("ledger.*")))
        first, most, last = (size / 2**20 for size in (sizes[0], max(sizes), sizes[-1]))
        print(f"\n{rounds} rounds of overwriting {count:,} keys, file and log")
        print(f"  after one {first:.1f} MiB, most {most:.1f} MiB, last {last:.1f} MiB")
        print(f"  slowest round (it compacts) {slowest * 1e3:.0f} ms")


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--marks", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    keys(args.keys, args.repeat)
    churn()
    marks(500_000, 1_000_000, args.repeat)
    if args.marks:
        marks(args.marks, 1_000_000, args.repeat)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"\npeak of this process, all sides: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
