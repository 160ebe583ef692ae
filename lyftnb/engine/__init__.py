"""Runs a stage's batch as one Dask graph over worker groups; the only floor that knows Dask.

It reads, computes and stages; it never commits, keeps no state that matters and knows no ledger.
"""

from lyftnb.engine.cluster import Cluster, group_unavailable
from lyftnb.engine.engine import Engine
from lyftnb.engine.errands import Work
from lyftnb.engine.inquiry import Inquiry
from lyftnb.engine.joining import Invitation
from lyftnb.engine.program import DECODED, Program, Target, TaskResult, Unit, units
from lyftnb.engine.staff import GroupSize
from lyftnb.engine.trace import Trace, TracedAction, look, trace

__all__ = [
    "DECODED",
    "Cluster",
    "Engine",
    "GroupSize",
    "Inquiry",
    "Invitation",
    "Program",
    "Target",
    "TaskResult",
    "Trace",
    "TracedAction",
    "Unit",
    "Work",
    "group_unavailable",
    "look",
    "trace",
    "units",
]
