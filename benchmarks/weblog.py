"""Benchmark (a): web-log events as NDJSON: parse, filter, derive two columns, route to three.

    python benchmarks/weblog.py [--events 2000000] [--repeat 5]

Three ways to the same rows, each on two threads: lyftnb, the best hand-written Polars script and
the best hand-written DuckDB script that we know. Steady state has the processes up and the caches
warm; the start-up is shown apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from timing import DATA, Contender, compare

import lyftnb as ln
from lyftnb.model import WorkflowSpec

METHODS = ["GET", "POST", "PUT", "DELETE"]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140 Safari/537",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 Version/18.0 Safari/605.1",
    "curl/8.9.1",
]
REGIONS = ["eu", "us", "ap"]


def events(rows: int) -> Path:
    """Seeded web-log events, about 290 bytes a line; made once."""
    path = DATA / f"weblog-{rows}.ndjson"
    if path.exists():
        return path
    DATA.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    with path.with_suffix(".part").open("wb") as out:
        for start in range(0, rows, 500_000):
            n = min(500_000, rows - start)
            out.write(_frame(rng, start, n).write_ndjson().encode())
    path.with_suffix(".part").rename(path)
    return path


def _frame(rng: np.random.Generator, start: int, n: int) -> pl.DataFrame:
    seconds = pl.Series(np.arange(start, start + n) // 40 + 1_760_000_000)
    return pl.DataFrame(
        {
            "ts": (seconds * 1000).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S"),
            "host": [f"web-{h:02d}" for h in rng.integers(0, 40, n)],
            "method": [METHODS[i] for i in rng.choice(4, n, p=[0.7, 0.2, 0.07, 0.03])],
            "path": [f"/api/v1/items/{i}" for i in rng.integers(0, 100_000, n)],
            "status": rng.choice(
                [200, 204, 301, 404, 500, 503], n, p=[0.62, 0.1, 0.06, 0.14, 0.06, 0.02]
            ),
            "bytes": rng.integers(100, 50_000, n),
            "ms": np.round(rng.gamma(2.0, 30.0, n), 3),
            "ip": [f"10.{a}.{b}.{c}" for a, b, c in rng.integers(0, 255, (n, 3))],
            "agent": [AGENTS[i] for i in rng.integers(0, 3, n)],
            "region": [REGIONS[i] for i in rng.choice(3, n, p=[0.5, 0.3, 0.2])],
            "user": rng.integers(1, 1_000_000, n),
        }
    )


def duckdb_script(source: Path, out: Path) -> None:
    """By hand in DuckDB: one statement, which writes a file for each region as it reads."""
    import duckdb

    con = duckdb.connect(config={"threads": 2})
    con.execute(
        f"""
        COPY (
            SELECT *, bytes / 1024.0 AS kb, ms > 100 AS slow
            FROM read_json('{source}', format='newline_delimited', columns={{
                ts: 'VARCHAR', host: 'VARCHAR', method: 'VARCHAR', path: 'VARCHAR',
                status: 'BIGINT', bytes: 'BIGINT', ms: 'DOUBLE', ip: 'VARCHAR', agent: 'VARCHAR',
                region: 'VARCHAR', "user": 'BIGINT'}})
            WHERE status >= 400
        ) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1,
            PARTITION_BY (region), WRITE_PARTITION_COLUMNS true, OVERWRITE_OR_IGNORE true)
        """
    )
    con.close()


SCHEMA = {
    "ts": pl.String, "host": pl.String, "method": pl.String, "path": pl.String, "status": pl.Int64,
    "bytes": pl.Int64, "ms": pl.Float64, "ip": pl.String, "agent": pl.String, "region": pl.String,
    "user": pl.Int64,
}  # fmt: skip


def polars_script(source: Path, out: Path) -> None:
    """By hand in Polars: decode lines, one collect, three writes."""
    frame = (
        pl.scan_lines(source, name="line")
        .select(pl.col("line").str.json_decode(pl.Struct(SCHEMA)))
        .unnest("line")
        .filter(pl.col("status") >= 400)
        .with_columns(kb=pl.col("bytes") / 1024.0, slow=pl.col("ms") > 100)
        .collect(engine="streaming")
    )
    for region in REGIONS:
        frame.filter(pl.col("region") == region).write_parquet(
            out / f"{region}.parquet", compression="zstd", compression_level=1
        )


WORKFLOW = """
workflow: weblog
channels:
  eu: {transport: spool}
  us: {transport: spool}
  ap: {transport: spool}
steps:
  parse:
    input:
      files:
        path: "%s"
        format: ndjson
        columns: {ts: VARCHAR, host: VARCHAR, method: VARCHAR, path: VARCHAR, status: BIGINT,
          bytes: BIGINT, ms: DOUBLE, ip: VARCHAR, agent: VARCHAR, region: VARCHAR, user: BIGINT}
    actions:
      - filter: "status >= 400"
      - derive: {kb: "bytes / 1024.0", slow: "ms > 100"}
    out: {eu: eu, us: us, ap: ap}
    dispatch: {mode: conditional, field: region, cases: {eu: eu, us: us, ap: ap}}
"""

SETTINGS = """
[groups.default]
workers = 2
threads = %d

[batch]
split_bytes = "%s"
"""


def lyftnb_contender(workspace: ln.Workspace, spec: WorkflowSpec) -> Contender:
    """Ours, in steady state: the cluster is up; each run starts from empty spools."""

    def run(_: Path) -> int:
        workspace.run(spec, fresh=True)
        return sum(workspace.spool(f"weblog_draft.{region}").rows for region in REGIONS)

    return run


def by_hand(script: Callable[[Path, Path], None], source: Path) -> Contender:
    """A hand-written script as a contender."""

    def run(out: Path) -> int:
        script(source, out)
        return int(pl.scan_parquet(out / "**/*.parquet").select(pl.len()).collect().item())

    return run


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="Polars threads per worker")
    parser.add_argument("--split", default="24MiB")
    args = parser.parse_args()
    source = events(args.events)
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        (Path(folder) / "lyftnb.toml").write_text(SETTINGS % (args.threads, args.split))
        began = time.perf_counter()
        spec = ln.Workflow.from_yaml(WORKFLOW % source).spec
        with ln.open(folder) as workspace:
            ours = lyftnb_contender(workspace, spec)
            ours(Path(folder))
            print(f"first run with start-up: {time.perf_counter() - began:.2f} s")
            contenders = {
                "lyftnb (steady)": ours,
                "DuckDB by hand": by_hand(duckdb_script, source),
                "Polars by hand": by_hand(polars_script, source),
            }
            compare("(a) web log", contenders, args.events, args.repeat)


if __name__ == "__main__":
    main()
