"""Runs stages: observes what is due, claims batches, hands them to the engine, commits.

It knows no Dask and opens no file; everything it needs to go on after a crash is in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.manager.bounded_run import BoundedRun
    from lyftnb.manager.feeds import BatchLimits
    from lyftnb.manager.flow import RunEnv
    from lyftnb.manager.invoking import Invoker
    from lyftnb.manager.manager import Manager
    from lyftnb.manager.progress import AtWork, Progress, StageProgress, Watcher
    from lyftnb.manager.requests import Requests
    from lyftnb.manager.upkeep import Retention

__all__ = [
    "AtWork",
    "BatchLimits",
    "BoundedRun",
    "Invoker",
    "Manager",
    "Progress",
    "Requests",
    "Retention",
    "RunEnv",
    "StageProgress",
    "Watcher",
]

_HOMES = {
    "AtWork": "lyftnb.manager.progress",
    "BatchLimits": "lyftnb.manager.feeds",
    "BoundedRun": "lyftnb.manager.bounded_run",
    "Invoker": "lyftnb.manager.invoking",
    "Manager": "lyftnb.manager.manager",
    "Progress": "lyftnb.manager.progress",
    "Requests": "lyftnb.manager.requests",
    "Retention": "lyftnb.manager.upkeep",
    "RunEnv": "lyftnb.manager.flow",
    "StageProgress": "lyftnb.manager.progress",
    "Watcher": "lyftnb.manager.progress",
}

__getattr__ = lazy(__name__, _HOMES)
