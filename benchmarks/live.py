"""How fast the live manager reacts, and how many small stages the ledger keeps up with.

    python benchmarks/live.py [--messages 200] [--batches 2000]

*Message latency*: from the commit that makes a message visible to the first line of the step that
it wakes, on a worker of an idle cluster. *Commits*: batches of one segment and one position each,
in groups as the manager commits what is ready over all deployments, beside the same rows in SQLite
(WAL, every commit flushed) and in bare DuckDB.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import lyftnb as ln
from lyftnb.clock import SystemClock
from lyftnb.model import (
    Advance,
    Claim,
    Commit,
    MessageDraft,
    Schema,
    SpoolSpec,
    StagedSegment,
    WorkflowSpec,
)
from lyftnb.store import Ledger

WORKFLOW = {
    "workflow": "echo",
    "channels": {"heard": {"transport": "spool"}},
    "steps": {
        "hear": {
            "input": {"messages": {"tag": "ping"}},
            "trigger": {"message": {"tag": "ping"}},
            "actions": [
                {
                    "python": "import time\nimport polars as pl\n\n"
                    "def transform(lf):\n"
                    "    return lf.with_columns(begun=pl.lit(time.time()))\n"
                }
            ],
            "out": "heard",
        }
    },
}


def latency(messages: int) -> list[float]:
    """Milliseconds from message to step, one message at a time."""
    with tempfile.TemporaryDirectory() as folder, ln.open(folder) as ws:
        ws.start(WorkflowSpec.model_validate(WORKFLOW))
        for number in range(messages):
            ws._ledger.publish([MessageDraft("ping", {"n": number})])
            # Seldom, for asking takes the ledger from whoever is measured.
            while not any(info.rows > number for info in ws.spools()):
                time.sleep(0.05)
        heard = ws.spool("heard").scan().collect()
        at = heard["at"].dt.epoch("us").to_list()
        begun = heard["begun"].to_list()
    return [1000 * (b - a / 1e6) for a, b in zip(at, begun, strict=True)]


def commits(ledger: Ledger, total: int, group: int) -> float:
    """Batches a second, committed `group` at a time."""
    schema = Schema.from_mapping([("n", "BIGINT")])
    now = datetime.now(UTC)
    (ledger.root / "x.parquet").touch()
    prepared = []
    for number in range(1, total + 1):
        stage = f"s{number % group}_{group}"
        turn = (number - 1) // group
        claim = Claim(
            f"d{group}/{stage}/{turn + 1}", 1, "d-1", f"d{group}", stage, (),
            (Advance(f"d{group}/{stage}/in", turn, {"seq": number}),), (), 0, now, 0,
        )  # fmt: skip
        spool = f"d{group}.{stage}"
        segment = StagedSegment(spool, "x.parquet", 1, 100, "", schema)
        prepared.append(Commit(claim, (segment,), (SpoolSpec(spool),)))
    begin = time.perf_counter()
    for start in range(0, total, group):
        ledger.commit(prepared[start : start + group])
    return total / (time.perf_counter() - begin)


_TABLES = (
    "CREATE TABLE snapshots (snapshot BIGINT, committed_at VARCHAR, batch VARCHAR)",
    "CREATE TABLE batches (batch VARCHAR, attempt BIGINT, run VARCHAR, snapshot BIGINT)",
    "CREATE TABLE positions (key VARCHAR, version BIGINT, snapshot BIGINT, items VARCHAR)",
    "CREATE TABLE segments (path VARCHAR, spool VARCHAR, batch VARCHAR, rows BIGINT, seq BIGINT)",
)


def _rows(number: int) -> list[tuple[str, tuple[object, ...]]]:
    return [
        ("INSERT INTO snapshots VALUES (?, ?, ?)", (number, "now", f"d/s/{number}")),
        ("INSERT INTO batches VALUES (?, ?, ?, ?)", (f"d/s/{number}", 1, "d-1", number)),
        ("INSERT INTO positions VALUES (?, ?, ?, ?)", ("d/s/in", number, number, "{}")),
        ("INSERT INTO segments VALUES (?, ?, ?, ?, ?)", ("p", "d.c", f"d/s/{number}", 1, number)),
    ]


def by_hand(
    connection: sqlite3.Connection | duckdb.DuckDBPyConnection, total: int, group: int
) -> float:
    """The same rows in the same groups, a statement for each."""
    for table in _TABLES:
        connection.execute(table)
    begin = time.perf_counter()
    for start in range(0, total, group):
        connection.execute("BEGIN")
        for number in range(start, min(total, start + group)):
            for statement, values in _rows(number):
                connection.execute(statement, values)
        connection.execute("COMMIT")
    return total / (time.perf_counter() - begin)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--batches", type=int, default=2000)
    options = parser.parse_args()
    found = sorted(latency(options.messages))
    p95 = found[int(len(found) * 0.95)]
    print(f"message to step: median {statistics.median(found):.1f} ms, p95 {p95:.1f} ms")
    for group in (1, 10, 100, 1000):
        total = options.batches if group > 1 else options.batches // 4
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            with Ledger.open(path / "ours", SystemClock()) as ledger:
                ours = commits(ledger, total, group)
            lite = sqlite3.connect(path / "lite.db", isolation_level=None)
            lite.execute("PRAGMA journal_mode=WAL")
            lite.execute("PRAGMA synchronous=FULL")
            sqlite = by_hand(lite, total, group)
            lite.close()
            bare = by_hand(duckdb.connect(str(path / "bare.duckdb")), total, group)
        print(
            f"groups of {group}: lyftnb {ours:,.0f} batches/s, SQLite {sqlite:,.0f}, "
            f"bare DuckDB {bare:,.0f}"
        )


if __name__ == "__main__":
    main()
