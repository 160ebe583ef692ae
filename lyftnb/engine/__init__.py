"""Runs a stage's batch as one Dask graph over worker groups; the only floor that knows Dask.

It reads, computes and stages; it never commits, keeps no state that matters and knows no ledger.
"""

from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.engine.cluster import Cluster, group_unavailable
    from lyftnb.engine.engine import Engine
    from lyftnb.engine.errands import Work
    from lyftnb.engine.inquiry import Inquiry
    from lyftnb.engine.joining import Invitation
    from lyftnb.engine.program import DECODED, Program, Target, TaskResult, Unit, units
    from lyftnb.engine.staff import GroupSize
    from lyftnb.engine.tracing import Trace, TracedAction, look, trace

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

_HOMES = {
    "Cluster": "lyftnb.engine.cluster",
    "DECODED": "lyftnb.engine.program",
    "Engine": "lyftnb.engine.engine",
    "GroupSize": "lyftnb.engine.staff",
    "Inquiry": "lyftnb.engine.inquiry",
    "Invitation": "lyftnb.engine.joining",
    "Program": "lyftnb.engine.program",
    "Target": "lyftnb.engine.program",
    "TaskResult": "lyftnb.engine.program",
    "Trace": "lyftnb.engine.tracing",
    "TracedAction": "lyftnb.engine.tracing",
    "Unit": "lyftnb.engine.program",
    "Work": "lyftnb.engine.errands",
    "group_unavailable": "lyftnb.engine.cluster",
    "look": "lyftnb.engine.tracing",
    "trace": "lyftnb.engine.tracing",
    "units": "lyftnb.engine.program",
}

# Lazy, because the nursery of the workers must not load what starts threads.
__getattr__ = lazy(__name__, _HOMES)
