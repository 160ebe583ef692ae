"""Benchmark (s): what a canvas waits for: a change of a draft of 500 steps, and what follows it.

python benchmarks/studio.py [--steps 500] [--changes 20]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from planning import document

from lyftnb import catalog
from lyftnb.model import WorkflowSpec
from lyftnb.workspace.studio.exchange import Exchange


def main() -> None:
    """Print medians and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--changes", type=int, default=20)
    args = parser.parse_args()
    text = catalog.write(WorkflowSpec.model_validate(document(args.steps)))
    with tempfile.TemporaryDirectory() as folder:
        exchange = Exchange(Path(folder), lambda frame: None)
        ask = exchange.studio.answer
        print(f"\n(s) a draft of {args.steps} steps, {len(text.splitlines()):,} lines of YAML")
        params = {"draft": "d", "text": text}
        _timed("open", lambda _: ask("draft.open", params), 1)
        _timed("a change", lambda i: ask("draft.change", _change(i)), args.changes)
        draft = {"draft": "d"}
        _timed("its text", lambda i: _after(ask, i, "draft.text", draft), args.changes)
        _timed("its columns", lambda i: _after(ask, i, "draft.schemas", draft), args.changes)
        _timed("its plan", lambda i: _after(ask, i, "draft.plan", draft), args.changes)
        exchange.close()


_revision = 1


def _change(i: int) -> dict[str, Any]:
    """Another expression in the first step of a chain: all behind it sees its columns."""
    global _revision
    op = {"op": "put", "path": ["steps", "s3_2", "actions", 1, "derive", "z2"]}
    op["value"] = f"date_trunc('day', t) + INTERVAL {_revision} DAY"
    params = {"draft": "d", "revision": _revision, "ops": [op]}
    _revision += 1
    return params


def _after(ask: Callable[[str, Any], Any], i: int, op: str, params: Any) -> Any:
    """A question after a change; the change is not counted."""
    ask("draft.change", _change(i))
    began = time.perf_counter()
    ask(op, params)
    return time.perf_counter() - began


def _timed(name: str, verb: Callable[[int], Any], count: int) -> None:
    times: list[float] = []
    for i in range(count):
        began = time.perf_counter()
        own = verb(i)
        times.append(own if isinstance(own, float) else time.perf_counter() - began)
    print(f"  {name:<12} median {statistics.median(times):6.3f} s  slowest {max(times):6.3f} s")


if __name__ == "__main__":
    main()
