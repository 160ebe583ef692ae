"""Benchmark (e): validating and planning a workflow of 1,000 steps; reading its YAML apart.

python benchmarks/planning.py [--steps 1000] [--repeat 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from lyftnb import catalog, planning
from lyftnb.model import WorkflowSpec, has_errors
from lyftnb.workspace.checker import checker


def document(steps: int) -> dict[str, Any]:
    """Chains of ten steps behind spools: filters, derived columns, a route, an aggregate."""
    columns = {"id": "BIGINT", "kind": "VARCHAR", "x": "DOUBLE", "t": "TIMESTAMP"}
    made: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    for chain in range(steps // 10):
        c = f"c{chain}_"
        source = {"files": {"path": f"in/{chain}/*.csv", "columns": columns}}
        made[f"read_{chain}"] = {"input": source, "out": f"{c}0", "group": "edge"}
        for i in range(1, 7):
            action = (
                {"filter": f"x > {i} AND kind <> 'k{i}'"}
                if i % 2
                else {"derive": {f"y{i}": f"x * {i} + length(kind)"}}
            )
            made[f"s{chain}_{i}"] = {
                "in": f"{c}{i - 1}",
                "actions": [action, {"derive": {f"z{i}": "date_trunc('day', t)"}}],
                "out": f"{c}{i}",
            }
        made[f"route_{chain}"] = {
            "in": f"{c}6",
            "out": {"a": f"{c}a", "b": f"{c}b"},
            "dispatch": {"mode": "conditional", "when": [{"a": "x > 10"}], "default": "b"},
        }
        compute = {"n": "count(*)", "mean": "avg(x)"}
        made[f"sum_{chain}"] = {
            "in": f"{c}a",
            "actions": [{"aggregate": {"by": ["kind"], "compute": compute}}],
            "out": f"{c}sums",
        }
        made[f"write_{chain}"] = {"in": f"{c}b", "output": {"parquet": {"path": f"out/{chain}"}}}
        channels[f"{c}sums"] = {"transport": "spool"}
    return {"workflow": "large", "channels": channels, "steps": made}


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    spec = WorkflowSpec.model_validate(document(args.steps))
    text = catalog.write(spec)
    problems = planning.validate(spec, checker())
    assert not has_errors(problems), problems[:3]

    def plan() -> object:
        return planning.plan(spec, deployment="large", version=None, checker=checker())

    print(f"\n(e) {len(spec.steps)} steps, {len(text.splitlines()):,} lines of YAML")
    for name, verb in {
        "read the YAML": lambda: catalog.read(text),
        "validate": lambda: planning.validate(spec, checker()),
        "plan": plan,
    }.items():
        first, median = _timed(verb, args.repeat)
        print(f"  {name:<16} median {median:6.3f} s  first {first:6.3f} s")


def _timed(verb: Callable[[], object], repeat: int) -> tuple[float, float]:
    times: list[float] = []
    for _ in range(repeat):
        began = time.perf_counter()
        verb()
        times.append(time.perf_counter() - began)
    return times[0], statistics.median(times)


if __name__ == "__main__":
    main()
