"""Benchmark (c): the demo's workflow (336,776 flights of 2013) against the same by hand.

    python benchmarks/flights.py [--repeat 5]

All sides write the same eight outputs: the raw flights, the clean ones in three partitions, the
rejects, the aggregate, and files for outsiders by airport. All have two threads. Ours keeps the
demo's three worker groups, with hops between them.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from timing import DATA, Contender, compare

import lyftnb as ln
from lyftnb.workspace import demo

FLIGHTS = 336_776
SPOOLS = ("flights_raw", "flights_clean", "clean_rejects", "by_carrier")
_PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"


def _written(out: Path) -> int:
    """Rows of all files that were written for outsiders."""
    csv = sum(pl.read_csv(f, infer_schema_length=0).height for f in out.rglob("*.csv"))
    return csv + sum(
        pl.scan_parquet(f).select(pl.len()).collect().item() for f in out.rglob("*.parquet")
    )


def _save(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd", compression_level=1)


def polars_script(data: Path, out: Path) -> None:
    """By hand in Polars: lazy up to the clean flights, then one write after the other."""
    airlines, airports, planes, weather, flights = (
        pl.scan_csv(data / f"{name}.csv", null_values="NA", infer_schema_length=5000)
        for name in ("airlines", "airports", "planes", "weather", "flights/*")
    )
    airports = airports.select(dest="faa", destination="name")
    # Telling the format saves a quarter of the script's time: guessing it is slow.
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    conditions = weather.select("origin", hour, "temp", "wind_speed")
    raw = flights.with_columns(hour).collect()
    _save(raw, out / "flights_raw.parquet")
    known = pl.col("tailnum").is_not_null()
    _save(raw.filter(~known), out / "rejects.parquet")
    clean = (
        raw.lazy()
        .filter(known)
        .with_columns(
            cancelled=pl.col("dep_time").is_null(),
            speed_mph=(pl.col("distance") / (pl.col("air_time") / 60.0)).round(1),
        )
        .join(airlines.rename({"name": "airline"}), on="carrier", how="left")
        .join(airports, on="dest", how="left")
        .join(planes.select("tailnum", "manufacturer", "seats"), on="tailnum", how="left")
        .join(
            conditions.unique(["origin", "time_hour"], keep="last"),
            on=["origin", "time_hour"],
            how="left",
        )
        .collect()
    )
    parts = {
        str(origin): part for (origin,), part in clean.partition_by("origin", as_dict=True).items()
    }
    for origin, part in parts.items():
        _save(part, out / f"clean_{origin}.parquet")
    _save(parts["JFK"], out / "jfk.parquet")
    _save(parts["LGA"], out / "lga.parquet")
    parts["EWR"].write_csv(out / "ewr.csv")
    by_carrier = (
        clean.group_by("origin", "carrier", "airline")
        .agg(
            flights=pl.len(),
            cancelled=pl.col("cancelled").sum(),
            mean_delay=pl.col("dep_delay").mean().round(1),
        )
        .sort("origin", "flights", descending=[False, True])
    )
    _save(by_carrier, out / "by_carrier.parquet")


def duckdb_script(data: Path, out: Path) -> None:
    """By hand in DuckDB: two temporary tables, then one COPY after the other."""
    import duckdb

    def csv(name: str) -> str:
        return f"read_csv('{data}/{name}.csv', nullstr='NA')"

    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(f"CREATE TEMP TABLE raw AS SELECT * FROM {csv('flights/*')}")
        con.execute(
            f"""
            CREATE TEMP TABLE clean AS
            SELECT r.*, dep_time IS NULL AS cancelled,
                   round(distance / (air_time / 60.0), 1) AS speed_mph, a.name AS airline,
                   p.name AS destination, manufacturer, seats, temp, wind_speed
            FROM raw AS r
            LEFT JOIN {csv("airlines")} AS a USING (carrier)
            LEFT JOIN {csv("airports")} AS p ON p.faa = r.dest
            LEFT JOIN (SELECT tailnum, manufacturer, seats FROM {csv("planes")}) USING (tailnum)
            LEFT JOIN (
                SELECT origin, time_hour, last(temp) AS temp, last(wind_speed) AS wind_speed
                FROM {csv("weather")} GROUP BY ALL) USING (origin, time_hour)
            WHERE tailnum IS NOT NULL
            """
        )
        clean = "SELECT * FROM clean WHERE origin ="
        copies = {
            "flights_raw.parquet": "FROM raw",
            "rejects.parquet": "FROM raw WHERE tailnum IS NULL",
            **{f"clean_{o}.parquet": f"{clean} '{o}'" for o in ("EWR", "JFK", "LGA")},
            "jfk.parquet": f"{clean} 'JFK'",
            "lga.parquet": f"{clean} 'LGA'",
            "by_carrier.parquet": "SELECT origin, carrier, airline, count(*) AS flights, "
            "count_if(cancelled) AS cancelled, round(avg(dep_delay), 1) AS mean_delay "
            "FROM clean GROUP BY ALL ORDER BY origin, flights DESC",
        }
        for name, query in copies.items():
            con.execute(f"COPY ({query}) TO '{out}/{name}' {_PARQUET}")
        con.execute(f"COPY ({clean} 'EWR') TO '{out}/ewr.csv' (HEADER)")


def lyftnb_contender(workspace: ln.Workspace) -> Contender:
    """Ours, in steady state; each run starts from empty spools and an empty folder."""

    def run(_: Path) -> int:
        shutil.rmtree(workspace.path / "out", ignore_errors=True)
        workspace.run(demo.WORKFLOW, fresh=True)
        kept = sum(workspace.spool(f"flights_draft.{name}").rows for name in SPOOLS)
        return kept + _written(workspace.path / "out")

    return run


def by_hand(script: Callable[[Path, Path], None], data: Path) -> Contender:
    """A script as a contender."""

    def run(out: Path) -> int:
        script(data, out)
        return _written(out)

    return run


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        demo.make(Path(folder))
        began = time.perf_counter()
        with ln.open(folder) as workspace:
            ours = lyftnb_contender(workspace)
            ours(Path(folder))
            print(f"first run with start-up: {time.perf_counter() - began:.2f} s")
            data = Path(folder) / "data"
            contenders = {
                "lyftnb (steady)": ours,
                "DuckDB by hand": by_hand(duckdb_script, data),
                "Polars by hand": by_hand(polars_script, data),
            }
            compare("(c) flights", contenders, FLIGHTS, args.repeat)


if __name__ == "__main__":
    main()
