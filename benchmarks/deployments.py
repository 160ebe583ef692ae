"""What many deployed stages cost the manager: idle, and with data each second.

    python benchmarks/deployments.py [--stages 200] [--seconds 20]

*Idle*: CPU of the owner's process while deployments wait for their next fire, and the same with the
cluster up and nothing deployed, which is Dask's own share. *Busy*: every stage gets a row each
second; how many of those rows come out in time, and what it takes. Each is a share of one core;
what a batch takes is told too, because it says more where other work shares the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

import lyftnb as ln
from lyftnb.model import WorkflowSpec

PER_DEPLOYMENT = 10
"""Stages of one workflow."""


def deployed(ws: ln.Workspace, stages: int, interval: str) -> None:
    """Apply workflows of a stage that makes a row each second, at an interval, and of others that
    each derive from it into a spool of their own.
    """
    for number in range(stages // PER_DEPLOYMENT):
        rows = {"rate": 1, "columns": {"n": {"sequence": {}}}}
        steps: dict[str, object] = {
            "feed": {
                "input": {"generate": rows},
                "trigger": {"interval": interval},
                "out": "fed",
            }
        }
        for step in range(1, PER_DEPLOYMENT):
            derive = {"derive": {"m": "n * 2"}}
            steps[f"s{step}"] = {"in": "fed", "actions": [derive], "out": f"c{step}"}
        spools = ["fed", *(f"c{step}" for step in range(1, PER_DEPLOYMENT))]
        channels = {name: {"transport": "spool"} for name in spools}
        name = f"many{number}"
        document = {"workflow": name, "channels": channels, "steps": steps}
        ws.publish(WorkflowSpec.model_validate(document))
        ws.apply(name)


def share(seconds: float) -> float:
    """CPU of this process over so many seconds, as a share of one core."""
    process = psutil.Process()
    before, began = process.cpu_times(), time.perf_counter()
    time.sleep(seconds)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return used / (time.perf_counter() - began)


def made(ws: ln.Workspace) -> tuple[int, int]:
    """Rows and batches so far."""
    batches = ws.sql("SELECT count(*) AS n FROM lyftnb.batches")["n"].item()
    return sum(info.rows for info in ws.spools()), batches


def measured(stages: int, interval: str, measure: Callable[[ln.Workspace], None]) -> None:
    """Deploy, let it settle, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lyftnb.toml").write_text("[groups.default]\nworkers = 2\n")
        with ln.open(folder) as ws:
            ws._compute.engine(frozenset({"default"}))
            deployed(ws, stages, interval)
            ws.serve_deployments()
            time.sleep(5)
            measure(ws)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()

    def idle(what: str) -> Callable[[ln.Workspace], None]:
        return lambda ws: print(f"{what}: {share(options.seconds):.1%} of a core")

    def busy(ws: ln.Workspace) -> None:
        rows_before, batches_before = made(ws)
        used = share(options.seconds)
        rows_after, batches_after = made(ws)
        rows, batches = rows_after - rows_before, batches_after - batches_before
        due = options.stages * options.seconds
        print(f"{options.stages} stages each second: {rows / due:.0%} of the rows came out, "
              f"{used:.1%} of a core, {1000 * used * options.seconds / batches:.1f} ms for each "
              f"of {batches} batches")  # fmt: skip

    measured(0, "1h", idle("nothing deployed, cluster up"))
    measured(options.stages, "1h", idle(f"{options.stages} stages idle"))
    measured(options.stages, "1s", busy)


if __name__ == "__main__":
    main()
