"""Benchmark (a) on bytewax, the fastest streaming peer that we know: two processes, orjson.

    python -m venv benchmarks/.venv-bytewax
    benchmarks/.venv-bytewax/bin/pip install bytewax orjson
    benchmarks/.venv-bytewax/bin/python benchmarks/weblog_bytewax.py [--events 2000000]

It needs the file that `weblog.py` makes. It writes NDJSON, without flushing to disk and without a
recovery store, so it promises less than the other sides.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

DATA = Path(__file__).parent / ".data"
PROCESSES = 2
BLOCK_BYTES = 1 << 20


class Piece(StatefulSourcePartition[bytes, int]):
    """The lines of a file that begin in one byte range."""

    def __init__(self, path: str, begin: int, end: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  (closed by `close`)
        self._end = end
        if begin:
            self._file.seek(begin - 1)
            self._file.readline()

    def next_batch(self) -> list[bytes]:
        """About a block of lines."""
        left = self._end - self._file.tell()
        if left <= 0:
            raise StopIteration
        return self._file.readlines(min(BLOCK_BYTES, left))

    def snapshot(self) -> int:
        """Where it stands."""
        return self._file.tell()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class Pieces(FixedPartitionedSource[bytes, int]):
    """One piece of the file for each process."""

    def __init__(self, path: str) -> None:
        self._path = path

    def list_parts(self) -> list[str]:
        """Numbers of the pieces."""
        return [str(i) for i in range(PROCESSES)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Piece:
        """One of them."""
        size = Path(self._path).stat().st_size
        number = int(for_part)
        return Piece(self._path, size * number // PROCESSES, size * (number + 1) // PROCESSES)


class ByRegion(StatelessSinkPartition[tuple[str, bytes]]):
    """A file for each region."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._files: dict[str, Any] = {}
        self._folder, self._worker = folder, worker

    def write_batch(self, items: list[tuple[str, bytes]]) -> None:
        """Append each row to the file of its region."""
        by_region: dict[str, list[bytes]] = {}
        for region, line in items:
            by_region.setdefault(region, []).append(line)
        for region, lines in by_region.items():
            if region not in self._files:
                path = self._folder / f"{region}-{self._worker}.ndjson"
                self._files[region] = path.open("wb")
            self._files[region].write(b"\n".join(lines) + b"\n")

    def close(self) -> None:
        """Write what is buffered."""
        for file in self._files.values():
            file.close()


class Regions(DynamicSink[tuple[str, bytes]]):
    """A folder of files by region and worker."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> ByRegion:
        """The files of one worker."""
        return ByRegion(self._folder, worker_index)


def work(lines: list[bytes]) -> Iterable[tuple[str, bytes]]:
    """Parse, filter, derive two columns, name the route."""
    for line in lines:
        row = orjson.loads(line)
        if row["status"] >= 400:
            row["kb"] = row["bytes"] / 1024.0
            row["slow"] = row["ms"] > 100
            yield row["region"], orjson.dumps(row)


def dataflow() -> Dataflow:
    """The flow that both processes run."""
    flow = Dataflow("weblog")
    lines = op.input("read", flow, Pieces(os.environ["WEBLOG_SOURCE"]))
    rows = op.flat_map_batch("work", lines, work)
    op.output("write", rows, Regions(os.environ["WEBLOG_OUT"]))
    return flow


def run(source: Path) -> tuple[float, int]:
    """Seconds of one run, processes and all, and the rows that it wrote."""
    with tempfile.TemporaryDirectory(dir=DATA) as out:
        command = [sys.executable, "-m", "bytewax.testing", f"-p{PROCESSES}"]
        flow = f"{Path(__file__).stem}:dataflow()"
        environment = {**os.environ, "WEBLOG_SOURCE": str(source), "WEBLOG_OUT": out}
        began = time.perf_counter()
        subprocess.run([*command, flow], check=True, env=environment, cwd=Path(__file__).parent)
        seconds = time.perf_counter() - began
        return seconds, sum(f.read_bytes().count(b"\n") for f in Path(out).iterdir())


def main() -> None:
    """Print the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    runs = [run(DATA / f"weblog-{args.events}.ndjson") for _ in range(args.repeat)]
    seconds = statistics.median(seconds for seconds, _ in runs)
    print(
        f"\nbytewax, {PROCESSES} processes: {seconds:.2f} s, "
        f"{args.events / seconds:,.0f} events/s, "
        f"{runs[0][1]:,} rows out, median of {args.repeat}"
    )


if __name__ == "__main__":
    main()
