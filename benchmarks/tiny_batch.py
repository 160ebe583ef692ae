"""Benchmark (d): what a tiny batch over a spool costs, from the commit upstream to its own commit.

    python benchmarks/tiny_batch.py [--batches 200]

Each run brings one small file: one batch of the stage that reads it, then one of the stage behind
the spool. The aim is a median under 30 ms for the latter, with where it goes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from timing import DATA

import lyftnb as ln
from lyftnb.engine import Engine
from lyftnb.model import Claim, Commit, WorkflowSpec
from lyftnb.store import Ledger

SPEC = WorkflowSpec.model_validate(
    {
        "workflow": "tiny",
        "channels": {"raw": {"transport": "spool"}, "kept": {"transport": "spool"}},
        "steps": {
            "read": {"input": {"files": {"path": "in/*.ndjson"}}, "out": "raw"},
            "keep": {"in": "raw", "actions": [{"filter": "n % 2 = 0"}], "out": "kept"},
        },
    }
)
STAGE = "keep"


class Watch:
    """Notes when what happened to the batches of `STAGE`."""

    def __init__(self) -> None:
        self.marks: dict[str, float] = {}
        self.spans: dict[str, list[float]] = defaultdict(list)

    def claim(self, whole: Callable[..., Any], ledger: Ledger, claim: Claim, **rest: Any) -> Any:
        if claim.stage == STAGE:
            self.marks["claimed"] = time.perf_counter()
        return whole(ledger, claim, **rest)

    def start(self, whole: Callable[..., Any], engine: Engine, work: Any, *calls: Any) -> Any:
        if work.batch.split("/")[1] == STAGE:
            self.marks["sent"] = time.perf_counter()
        return whole(engine, work, *calls)

    def commit(self, whole: Callable[..., Any], ledger: Ledger, commits: Sequence[Commit]) -> Any:
        began = time.perf_counter()
        answers = whole(ledger, commits)
        ended = time.perf_counter()
        if commits[0].claim.stage == STAGE:
            self._note(began, ended, commits[0].started_at is not None and commits)
        else:
            self.marks["upstream"] = ended
        return answers

    def _note(self, began: float, ended: float, commits: Any) -> None:
        marks, spans = self.marks, self.spans
        spans["from commit to commit"].append(ended - marks["upstream"])
        spans["  until it is claimed"].append(marks["claimed"] - marks["upstream"])
        spans["  until it is sent"].append(marks["sent"] - marks["claimed"])
        spans["  on the cluster and back"].append(began - marks["sent"])
        spans["  its commit"].append(ended - began)


def measured(batches: int) -> Watch:
    """Run so many tiny batches, one after the other."""
    watch = Watch()
    with tempfile.TemporaryDirectory(dir=DATA) as folder, ExitStack() as stack:
        for owner, verb in ((Ledger, "claim"), (Ledger, "commit"), (Engine, "start")):
            stack.enter_context(_hooked(owner, verb, getattr(watch, verb)))
        (Path(folder) / "in").mkdir()
        (Path(folder) / "lyftnb.toml").write_text("[groups.default]\nworkers = 2\n")
        workspace = stack.enter_context(ln.open(folder))
        for number in range(batches + 5):
            lines = "".join(f'{{"n": {i}}}\n' for i in range(10))
            (Path(folder) / f"in/{number}.ndjson").write_text(lines)
            workspace.run(SPEC, on_progress=lambda _: None)
    return watch


def _hooked(owner: type, verb: str, hook: Callable[..., Any]) -> Any:
    whole = getattr(owner, verb)
    return patch.object(owner, verb, lambda *a, **k: hook(whole, *a, **k))


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=200)
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    watch = measured(args.batches)
    print(f"\n(d) a tiny batch over a spool, {args.batches} of them")
    for name, times in watch.spans.items():
        warm = sorted(times[5:])
        p95 = warm[int(len(warm) * 0.95)]
        print(
            f"  {name:<28} median {statistics.median(warm) * 1e3:6.1f} ms  p95 {p95 * 1e3:6.1f} ms"
        )


if __name__ == "__main__":
    main()
