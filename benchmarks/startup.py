"""Benchmark (f): `import lyftnb`, `lyftnb --help`, and how long a cluster takes to come up.

python benchmarks/startup.py [--repeat 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lyftnb.engine import Cluster, GroupSize

GROUPS = {"default": GroupSize(workers=2)}


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


def main() -> None:
    """Print medians; whole processes, from start to exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    args = parser.parse_args()
    python = sys.executable
    verbs = {
        "python -c pass": process(python, "-c", "pass"),
        "import lyftnb": process(python, "-c", "import lyftnb"),
        "lyftnb --help": process(str(Path(python).with_name("lyftnb")), "--help"),
        "import polars": process(python, "-c", "import polars"),
        "cluster of 2, up and down": cluster,
    }
    print(f"\n(f) start-up, median of {args.repeat}")
    for name, verb in verbs.items():
        times: list[float] = []
        for _ in range(args.repeat if verb is not cluster else 3):
            began = time.perf_counter()
            verb()
            times.append(time.perf_counter() - began)
        print(f"  {name:<28} {statistics.median(times):6.3f} s")


if __name__ == "__main__":
    main()
