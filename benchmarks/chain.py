"""Benchmark (b): ten chained in-memory steps over Parquet into one spool.

    python benchmarks/chain.py [--rows 4000000] [--repeat 5]

The steps are of one group, so they run as one query. Against the one query that an expert would
have written by hand, in Polars and in DuckDB, each on two threads.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from timing import DATA, Contender, compare
from weblog import by_hand

import lyftnb as ln
from lyftnb.model import WorkflowSpec

SETTINGS = "[groups.default]\nworkers = 2\nthreads = 1\n"


def readings(rows: int) -> Path:
    """Seeded sensor readings; made once."""
    path = DATA / f"chain-{rows}.parquet"
    if not path.exists():
        DATA.mkdir(exist_ok=True)
        rng = np.random.default_rng(11)
        frame = pl.DataFrame(
            {
                "id": np.arange(rows),
                "site": pl.Series([f"site-{n:03d}" for n in range(200)]).gather(
                    rng.integers(0, 200, rows)
                ),
                "x": rng.normal(20.0, 5.0, rows),
                "y": rng.normal(1.0, 0.2, rows),
                "code": rng.integers(0, 1000, rows),
            }
        )
        frame.write_parquet(path, compression="zstd", row_group_size=250_000)
    return path


ACTIONS: list[dict[str, Any]] = [
    {"filter": "x > 5"},
    {"derive": {"f": "x * 1.8 + 32"}},
    {"derive": {"ratio": "x / y"}},
    {"filter": "code % 10 <> 3"},
    {"derive": {"band": "CASE WHEN x < 15 THEN 'low' WHEN x < 25 THEN 'mid' ELSE 'high' END"}},
    {"derive": {"region": "upper(substr(site, 6, 1))"}},
    {"filter": "ratio < 40"},
    {"derive": {"score": "round(f * ratio, 2)"}},
    {"rename": {"code": "reading"}},
    {"remove": ["y"]},
]


def workflow(source: Path) -> WorkflowSpec:
    """Ten steps of one action each."""
    read = {"input": {"files": {"path": str(source)}}, "actions": [ACTIONS[0]], "out": "c0"}
    steps: dict[str, Any] = {"s0": read}
    for i, action in enumerate(ACTIONS[1:], start=1):
        steps[f"s{i}"] = {"in": f"c{i - 1}", "actions": [action], "out": f"c{i}"}
    return WorkflowSpec.model_validate({"workflow": "chain", "steps": steps})


def _query(source: Path) -> pl.LazyFrame:
    x = pl.col("x")
    low, mid, high = pl.lit("low"), pl.lit("mid"), pl.lit("high")
    return (
        pl.scan_parquet(source)
        .filter(x > 5, pl.col("code") % 10 != 3, x / pl.col("y") < 40)
        .with_columns(
            f=x * 1.8 + 32,
            ratio=x / pl.col("y"),
            band=pl.when(x < 15).then(low).when(x < 25).then(mid).otherwise(high),
            region=pl.col("site").str.slice(5, 1).str.to_uppercase(),
        )
        .with_columns(score=(pl.col("f") * pl.col("ratio")).round(2))
        .rename({"code": "reading"})
        .drop("y")
    )


def polars_sink(source: Path, out: Path) -> None:
    """By hand in Polars: streamed from scan to sink."""
    _query(source).sink_parquet(out / "out.parquet", compression="zstd", compression_level=1)


def polars_collect(source: Path, out: Path) -> None:
    """By hand in Polars: collected, then written."""
    frame = _query(source).collect()
    frame.write_parquet(out / "out.parquet", compression="zstd", compression_level=1)


def duckdb_copy(source: Path, out: Path) -> None:
    """By hand in DuckDB: one COPY."""
    import duckdb

    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(
            f"""
            COPY (
                SELECT id, site, x, code AS reading, f, ratio, band, region,
                       round(f * ratio, 2) AS score
                FROM (
                    SELECT *, x * 1.8 + 32 AS f, x / y AS ratio,
                           CASE WHEN x < 15 THEN 'low' WHEN x < 25 THEN 'mid' ELSE 'high' END
                               AS band,
                           upper(substr(site, 6, 1)) AS region
                    FROM '{source}' WHERE x > 5 AND code % 10 <> 3)
                WHERE ratio < 40)
            TO '{out}/out.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
            """
        )


def lyftnb_contender(workspace: ln.Workspace, spec: WorkflowSpec) -> Contender:
    """Ours, in steady state; each run starts from an empty spool."""

    def run(_: Path) -> int:
        workspace.run(spec, fresh=True)
        return workspace.spool(f"chain_draft.c{len(ACTIONS) - 1}").rows

    return run


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    source = readings(args.rows)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        (Path(folder) / "lyftnb.toml").write_text(SETTINGS)
        began = time.perf_counter()
        with ln.open(folder) as workspace:
            ours = lyftnb_contender(workspace, workflow(source))
            ours(Path(folder))
            print(f"first run with start-up: {time.perf_counter() - began:.2f} s")
            contenders = {
                "lyftnb (steady)": ours,
                "Polars by hand, sink": by_hand(polars_sink, source),
                "Polars by hand, collect": by_hand(polars_collect, source),
                "DuckDB by hand": by_hand(duckdb_copy, source),
            }
            compare("(b) ten steps in one query", contenders, args.rows, args.repeat)


if __name__ == "__main__":
    main()
