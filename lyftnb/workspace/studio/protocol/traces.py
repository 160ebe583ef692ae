"""Traces: a draft run on a sample, and a row followed through it."""

from __future__ import annotations

from pydantic import Field

from lyftnb.workspace.studio.protocol.tables import ColumnFacts
from lyftnb.workspace.studio.protocol.wire import Wire


class RunTrace(Wire):
    """Run a draft on a sample, in memory; replaces the draft's trace before."""

    draft: str
    rows: int = Field(20, ge=1, le=100_000)
    context: str | None = None
    until: str | None = None
    """Only what this step needs, and itself."""


class TracePoint(Wire):
    """The events at one place of a step."""

    step: str
    at: str
    """`input`, the name of an action, or `→ PORT`."""
    action: int | None
    """The action's index."""
    channel: str | None
    """The channel that these rows went into, for what a port got."""
    rows: int
    rejects: int
    columns: tuple[ColumnFacts, ...]
    error: str | None
    seconds: float = 0.0


class TraceResult(Wire):
    """What a draft did to a sample."""

    trace: str
    revision: int
    sample: int
    points: tuple[TracePoint, ...]
    """In the order of the graph."""


class CancelTrace(Wire):
    """Stop a trace that is under way; its question is answered with `cancelled`."""

    draft: str


class TraceRows(Wire):
    """Rows at one place of a trace."""

    trace: str
    step: str
    at: str
    offset: int = Field(0, ge=0)
    limit: int = Field(50, ge=1, le=1000)
    rejects: bool = False


class FollowRow(Wire):
    """Follow one row of a trace through the graph, both ways."""

    trace: str
    step: str
    at: str
    row: int


class Sighting(Wire):
    """Where the followed row is: rows at one place that came of it, or that it came of."""

    step: str
    at: str
    rows: tuple[int, ...]
    rejected: tuple[int, ...] = ()


class Followed(Wire):
    """A row's way. `exact` is false behind an action that mixes rows (an aggregate, a sort)."""

    sightings: tuple[Sighting, ...]
    exact: bool
    note: str = ""
