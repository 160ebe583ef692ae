"""A run: one fire of a stage, or of a whole workflow by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Cause = Literal[
    "hand", "apply", "data", "interval", "cron", "message", "manual", "watch", "runbook"
]
RunStatus = Literal[
    "queued", "running", "done", "blocked", "failed", "cancelled", "lost", "skipped"
]


@dataclass(frozen=True, slots=True)
class Run:
    """A fire and what became of it. The row is the fire: it is made once, whatever is killed."""

    run: str
    """`DEPLOYMENT-NUMBER`."""
    deployment: str
    stage: str | None = None
    """None: the whole workflow, run by hand to the end of its inputs."""
    cause: Cause = "hand"
    trigger: str | None = None
    """The trigger that fired it, as `DEPLOYMENT/STEP/INDEX`."""
    status: RunStatus = "queued"
    fired_at: datetime | None = None
    """The time that the fire stands for; for one that was late, not the time it was noticed."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    snapshot: int | None = None
    """It takes what was there in this snapshot; None: all that comes until its input is empty."""
    messages: tuple[Mapping[str, Any], ...] = ()
    """Payloads of the messages that fired it, oldest first."""
    correlation: str | None = None
    depth: int = 0
    """How many messages led to it, and so to its own."""
    note: str | None = None
    """Why it ended as it did, where that wants saying."""

    @property
    def number(self) -> int:
        """Its number among the deployment's runs."""
        return int(self.run.rpartition("-")[2])


@dataclass(frozen=True, slots=True)
class EmitPart:
    """What one batch adds to a message that goes out at the end of its run."""

    step: str
    index: int
    """Which of the step's `emit`."""
    rows: int
    partial: str
    """What its fields' aggregates need to go on (`operators.emitting`)."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends, and all that becomes true with it."""

    run: Run | None = None
    """As it is now; None where it has no row of its own to end (a stage of a run by hand)."""
    emitted: tuple[str, ...] = ()
    """Steps (`DEPLOYMENT/STEP`) whose kept parts went into messages, and are let go."""
    states: Mapping[str, Any] = field(default_factory=dict)
    """Triggers that move with it: `DEPLOYMENT/STEP/INDEX` → state."""
