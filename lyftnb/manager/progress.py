"""What a run tells those who watch it: numbers per stage, never rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lyftnb.model import Plan, StepCount

StageState = Literal["waiting", "running", "retrying", "done", "blocked", "paused"]


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage, as of now. Rows and rejects count what is committed in this run."""

    stage: str
    state: StageState
    rows_in: int
    rows_out: int
    rejects: int
    batches: int
    skipped: int
    """Batches among them that were given up and passed by."""
    rows_per_s: float
    units_done: int
    """Pieces of the batches in flight that are ready."""
    units: int
    note: str = ""
    """Why it waits, is held back, retries or is blocked."""
    counts: tuple[StepCount, ...] = ()
    """What each of its steps did, as far as that is counted."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A whole run, as of now."""

    deployment: str
    seconds: float
    stages: tuple[StageProgress, ...]
    texts: tuple[str, ...] = ()
    """What `print` outputs want shown, since the last call."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """A deployment that runs now."""

    plan: Plan
    progress: Callable[[], Progress]
    """Its numbers, as of the call; from any thread."""


Watcher = Callable[[Progress], None]
