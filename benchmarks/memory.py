"""What each process takes at its peak: row-wise stages, and frames that hold everything.

    python benchmarks/memory.py [--rows 300000]

Peaks are `VmHWM` of the owner and of each worker, each case in processes of its own. For a row-wise
stage an input ten times as large should raise no peak by more than half; under a `limits.memory`
that is small, a frame four times as large should not raise it by more than that either.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from timing import DATA

import lyftnb as ln
from lyftnb.model import WorkflowSpec

SETTINGS = """
[groups.default]
workers = 2

[batch]
split_bytes = "4MiB"
batch_bytes = "32MiB"

[limits]
memory = "{limit}"
"""
GENERATE = {
    "rows": 0,
    "columns": {
        "id": {"sequence": {}},
        "kind": {"choice": ["a", "b", "c", "d"]},
        "x": {"normal": {"mean": 20, "sd": 5}},
        "key": {"uniform": {"max": 1e9, "integer": True}},
    },
}
BODIES: dict[str, list[dict[str, Any]]] = {
    "row-wise": [{"filter": "x > 10"}, {"derive": {"y": "x * 2", "z": "upper(kind)"}}],
    "sort": [{"sort": ["key"]}],
    "aggregate": [{"aggregate": {"by": ["key"], "compute": {"n": "count(*)", "s": "sum(x)"}}}],
}


def workflow(case: str, rows: int) -> WorkflowSpec:
    """Rows are made, kept in a spool, and worked on behind it."""
    source = {"generate": {**GENERATE, "rows": rows}}
    work: dict[str, Any] = {"in": "raw", "actions": BODIES[case], "out": "done"}
    if case != "row-wise":
        work["frame"] = "all"
    return WorkflowSpec.model_validate(
        {
            "workflow": "peaks",
            "channels": {"raw": {"transport": "spool"}, "done": {"transport": "spool"}},
            "steps": {"make": {"input": source, "out": "raw"}, "work": work},
        }
    )


def peak_mib(pid: int | str) -> float:
    """The most memory that a process ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def one_case(case: str, rows: int, limit: str) -> dict[str, float]:
    """Run one case in this process; peaks of its processes."""
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        (Path(folder) / "lyftnb.toml").write_text(SETTINGS.format(limit=limit))
        with ln.open(folder) as workspace:
            workspace.run(workflow(case, rows))
            workers = [peak_mib(pid) for pid in workspace._compute.pids]
    return {"owner": peak_mib("self"), "worker": max(workers)}


def peaks(case: str, rows: int, limit: str = "2GiB") -> dict[str, float]:
    """The same, in a process of its own."""
    command = [sys.executable, __file__, "--case", case, "--rows", str(rows), "--limit", limit]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print peaks side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--case")
    parser.add_argument("--limit", default="2GiB")
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    if args.case:
        print(json.dumps(one_case(args.case, args.rows, args.limit)))
        return
    print("\npeak memory, MiB")
    for case, rows, limit in [
        ("row-wise", args.rows, "2GiB"),
        ("row-wise", 10 * args.rows, "2GiB"),
        ("sort", 10 * args.rows, "2GiB"),
        ("sort", 10 * args.rows, "64MiB"),
        ("aggregate", 10 * args.rows, "2GiB"),
        ("aggregate", 10 * args.rows, "64MiB"),
        ("sort", 40 * args.rows, "64MiB"),
        ("aggregate", 40 * args.rows, "64MiB"),
    ]:
        found = peaks(case, rows, limit)
        print(
            f"  {case:<10} {rows:>10,} rows, limits.memory {limit:<6}"
            f"  owner {found['owner']:6.0f}  worker {found['worker']:6.0f}"
        )


if __name__ == "__main__":
    main()
