"""Runs a stage's batch as one Dask graph over worker groups; the only floor that knows Dask.

It reads, computes and stages; it never commits, keeps no state that matters and knows no ledger.
"""

from lyftnb.engine.cluster import Cluster, GroupSize, group_unavailable
from lyftnb.engine.engine import Engine, Work
from lyftnb.engine.program import Program, Target, TaskResult, Unit, units

__all__ = [
    "Cluster",
    "Engine",
    "GroupSize",
    "Program",
    "Target",
    "TaskResult",
    "Unit",
    "Work",
    "group_unavailable",
    "units",
]
