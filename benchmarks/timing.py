"""Runs contenders in turn, several times, and prints medians and ratios."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

DATA = Path(__file__).parent / ".data"

Contender = Callable[[Path], int]
"""Writes its output under the folder and returns the rows it wrote (they must agree)."""


def compare(title: str, contenders: Mapping[str, Contender], events: int, repeat: int) -> None:
    """Time each contender `repeat` times, interleaved; the first is ours.

    What each one writes is kept until all are through: a file in the page of one just deleted costs
    a virtual machine a tenth of one in memory that its host has to provide anew (3 ms a MB), and
    our spools keep what the last run wrote.

    Prints events per second (median), and each one's time as a ratio to the best of the others.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    rows: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=DATA) as kept:
        for number in range(repeat):
            for name, run in contenders.items():
                out = Path(kept) / f"{number}-{name}"
                out.mkdir()
                # What the one before has left to be written must not wait for our flushes.
                os.sync()
                start = time.perf_counter()
                rows[name] = run(out)
                times[name].append(time.perf_counter() - start)
    if len(set(rows.values())) != 1:
        raise SystemExit(f"{title}: the contenders disagree on the rows: {rows}")
    medians = {name: statistics.median(found) for name, found in times.items()}
    ours, *others = medians
    best = min(medians[name] for name in others)
    print(f"\n{title}: {events:,} events in, {rows[ours]:,} rows out, median of {repeat}")
    for name, seconds in medians.items():
        print(
            f"  {name:<28} {seconds:8.3f} s  {events / seconds:>12,.0f} events/s"
            f"  {seconds / best:6.2f} x best by hand"
        )
