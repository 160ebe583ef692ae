"""Pages of what happens: runs, issues, messages, batches, logs, schedules, audit."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from lyftnb.workspace.studio.protocol.wire import Wire


class Listing(Wire):
    """A page of a listing."""

    deployment: str | None = None
    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0)
    closed: bool = False
    """Of issues: closed ones, too."""


class BatchInfo(Wire):
    """A committed batch."""

    batch: str
    stage: str
    snapshot: int
    committed_at: datetime
    rows_in: int
    rows_out: int
    rejects: int
    attempt: int


class LogLines(Wire):
    """The manager's newest log lines."""

    lines: tuple[str, ...]


class CloseIssue(Wire):
    """Close an issue; one whose cause is still there comes back."""

    issue: int


class Schedule(Wire):
    """A trigger that the clock fires."""

    deployment: str
    step: str
    trigger: str
    """In words."""
    next: tuple[datetime, ...]
    paused: bool
