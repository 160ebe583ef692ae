"""Benchmark (f): imports, commands (by themselves and through a manager), a cluster coming up.

python benchmarks/startup.py [--repeat 15]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lyftnb.engine import Cluster, GroupSize

GROUPS = {"default": GroupSize(workers=2)}
LYFTNB = str(Path(sys.executable).with_name("lyftnb"))
THROUGH_A_MANAGER = (
    "status",
    "deployments",
    "issues ls",
    "runs ls",
    "kv ls",
    "queue ls",
    "lock ls",
)


def process(*command: str) -> Callable[[], None]:
    """Runs a command to its end."""
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL) and None


def cluster() -> None:
    """Starts two workers, waits until both are there, stops them."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        Cluster.embedded(GROUPS, scratch=Path(scratch)) as cluster,
    ):
        while cluster.seen().there.get("default", 0) < 2:
            time.sleep(0.01)


def measured(verb: Callable[[], None], repeat: int) -> tuple[float, float]:
    """Medians in seconds: by the clock, and of the CPU that child processes took."""
    times: list[tuple[float, float]] = []
    for _ in range(repeat):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        verb()
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times.append((took, cpu))
    clock, cpu_s = zip(*times, strict=True)
    return statistics.median(clock), statistics.median(cpu_s)


def main() -> None:
    """Print medians; whole processes, from start to exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    args = parser.parse_args()
    python = sys.executable
    verbs = {
        "python -c pass": process(python, "-c", "pass"),
        "import lyftnb": process(python, "-c", "import lyftnb"),
        "lyftnb --help": process(LYFTNB, "--help"),
        "import polars": process(python, "-c", "import polars"),
        "cluster of 2, up and down": cluster,
    }
    print(f"\n(f) start-up, median of {args.repeat}: seconds by the clock, and of CPU")
    for name, verb in verbs.items():
        show(name, verb, args.repeat if verb is not cluster else 3)
    with tempfile.TemporaryDirectory() as folder:
        inside = (LYFTNB, "-w", folder)
        process(*inside, "up")()
        try:
            for words in THROUGH_A_MANAGER:
                show(f"lyftnb {words}", process(*inside, *words.split()), args.repeat)
        finally:
            process(*inside, "down")()


def show(name: str, verb: Callable[[], None], repeat: int) -> None:
    """Measure, and print a line."""
    clock, cpu = measured(verb, repeat)
    print(f"  {name:<28} {clock:6.3f} s  {cpu:6.3f} s")


if __name__ == "__main__":
    main()
