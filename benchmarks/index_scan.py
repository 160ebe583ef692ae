"""Benchmark (g): range scans over an index of 100,000 segments, and commits with such an index.

    python benchmarks/index_scan.py [--segments 100000]

The segments are real: one staged file under as many names (hard links), committed through the
ledger like any other, with event times a minute apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from timing import DATA

from lyftnb.clock import SystemClock
from lyftnb.model import Advance, Claim, Commit, Committed, SpoolSpec, StagedSegment
from lyftnb.store import Ledger, write_segments

SPOOL = SpoolSpec("many.raw", event_time="t")
START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 10
PER_COMMIT = 1000
LINKS = 10_000
"""Names of one file; ext4 allows 65,000."""


class Index:
    """A ledger that is filled by commits."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger.open(folder, SystemClock())
        self.batches = 0
        self.model = self._written()

    def _written(self) -> StagedSegment:
        frame = pl.DataFrame({"n": range(ROWS), "t": [START] * ROWS})
        (segment,) = write_segments(
            frame, self.ledger.root, SPOOL, batch="many/s/1", attempt=1, task="s", split=0
        )
        return segment

    def staged(self, number: int) -> StagedSegment:
        """One more segment, with the event times of minute `number`."""
        if number % LINKS == 0:
            self.model = self._written()
        path = f"many.raw/{number // PER_COMMIT:06d}/{number}.parquet"
        file = self.ledger.root / path
        file.parent.mkdir(exist_ok=True)
        os.link(self.ledger.root / self.model.path, file)
        at = START + timedelta(minutes=number)
        order = (number % PER_COMMIT, 0)
        return replace(self.model, path=path, event_min=at, event_max=at, order=order)

    def commit(self, segments: tuple[StagedSegment, ...]) -> None:
        """One batch with these segments."""
        number = self.batches + 1
        claim = Claim(
            batch=f"many/s/{number}",
            attempt=1,
            run="r",
            deployment="many",
            stage="s",
            splits=(),
            advances=(Advance("many/s/in", self.batches, {"seq": number}),),
            tables=(),
            snapshot=self.ledger.snapshot(),
            now=START,
            seed=0,
        )
        self.ledger.claim(claim, durable=False)
        (answer,) = self.ledger.commit([Commit(claim, segments=segments, spools=(SPOOL,))])
        assert isinstance(answer, Committed), answer
        self.batches = number


def filled(folder: Path, segments: int) -> Index:
    """An index of so many segments."""
    index = Index(folder)
    for begin in range(0, segments, PER_COMMIT):
        index.commit(tuple(index.staged(n) for n in range(begin, begin + PER_COMMIT)))
    return index


def measures(index: Index, segments: int) -> Iterator[tuple[str, Callable[[int], object]]]:
    """What is timed: name and verb (of the number of its run)."""
    ledger = index.ledger
    middle = segments * ROWS // 2
    day = START + timedelta(minutes=segments // 2)
    yield (
        "1,000 rows by sequence",
        lambda i: ledger.segments(SPOOL.spool, since=middle + i, until=middle + i + 1000),
    )
    yield (
        "one day by event time",
        lambda i: ledger.segments(SPOOL.spool, events=(day, day + timedelta(days=1, minutes=i))),
    )
    yield (
        "the newest 100 segments",
        lambda i: ledger.segments(SPOOL.spool, since=(segments - 100) * ROWS + i),
    )
    yield "the whole index", lambda i: ledger.segments(SPOOL.spool)
    fresh = [index.staged(segments + i) for i in range(100)]
    yield "commit of one segment", lambda i: index.commit((fresh[i],))


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        began = time.perf_counter()
        index = filled(Path(folder), args.segments)
        print(f"\n(g) {args.segments:,} segments, filled in {time.perf_counter() - began:.1f} s")
        for name, verb in measures(index, args.segments):
            times: list[float] = []
            for i in range(5 if name == "the whole index" else 40):
                began = time.perf_counter()
                verb(i)
                times.append(time.perf_counter() - began)
            print(f"  {name:<26} {statistics.median(times) * 1e3:7.1f} ms")
        index.ledger.close()
        began = time.perf_counter()
        Ledger.open(Path(folder), SystemClock()).close()
        print(f"  {'open the ledger':<26} {(time.perf_counter() - began) * 1e3:7.1f} ms")


if __name__ == "__main__":
    main()
