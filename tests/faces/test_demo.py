"""The main job on real input: its results against the same computed directly in Polars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lyftnb as ln

DEPARTURES = {"EWR": 120_835, "JFK": 111_279, "LGA": 104_662}


@pytest.mark.cluster
def test_the_demo_counts_every_flight(call: Callable[..., Any], tmp_path: Path) -> None:
    done = call("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for origin, flights in DEPARTURES.items():
        assert any(
            line.split()[:2] == [origin, f"{flights:,}"] for line in done.stdout.splitlines()
        )
    folder = tmp_path / "demo"
    source = pl.scan_csv(folder / "data" / "flights" / "*.csv", null_values=["NA", ""])
    good = source.filter(pl.col("tailnum").is_not_null())
    with ln.open(folder) as ws:
        assert_same_sums(ws.spool("by_carrier").scan(), good)
        assert ws.spool("flights_raw").rows == sum(DEPARTURES.values())
        rejected = ws.spool("clean_rejects").rows
        assert rejected == source.filter(pl.col("tailnum").is_null()).collect().height
    by_origin = dict(good.group_by("origin").len().collect().iter_rows())
    for origin in ("JFK", "LGA"):
        written = pl.read_parquet(folder / "out" / origin.lower() / "**/*.parquet")
        assert written.height == by_origin[origin]
        assert written["airline"].null_count() == 0


def assert_same_sums(found: pl.LazyFrame, flights: pl.LazyFrame) -> None:
    keys, sums = ["origin", "carrier"], ["flights", "cancelled", "mean_delay"]
    expected = flights.group_by(keys).agg(
        flights=pl.len().cast(pl.Int64),
        cancelled=pl.col("dep_time").is_null().sum().cast(pl.Int64),
        mean_delay=pl.col("dep_delay").mean().round(1),
    )
    same = found.select(*keys, *sums).sort(keys).collect()
    assert same.equals(expected.select(*keys, *sums).sort(keys).collect())
