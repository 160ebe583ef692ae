"""A batch: the claim that fixes it, and the report that its tasks give back.

Everything here crosses process borders: small, frozen, picklable, no frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from lyftnb.model.run import EmitPart
from lyftnb.model.schema import Schema
from lyftnb.model.state import HeldLock, Lease, StagedState
from lyftnb.model.workflow import Frame
from lyftnb.wording import counted

Position = dict[str, Any]
"""Where an input stands: item → JSON. A spool input has one item per channel (the next sequence
number); a file input one per file."""
SMALL_UNIT_BYTES = 4 * 2**20
"""Splits of an outside input that are not larger together always share a task, which costs about
10 ms."""


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A committed segment, as a reader needs it. `path` is relative to the storage root.

    With an `offset` it is a piece of the file: the `rows` rows that follow the first `offset` ones;
    `first_seq` is then the piece's own. `bytes` and `checksum` are always the whole file's.
    """

    path: str
    rows: int
    bytes: int
    first_seq: int
    schema: Schema
    partition: str | None = None
    checksum: str = ""
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of a stage's input that one task can read on its own.

    `payload` is the connector's own word for begin and end (JSON); for spools, `segments` names
    the files. `position` is unique and ordered within the batch.
    """

    position: int
    input: str
    payload: Any = None
    segments: tuple[SegmentRef, ...] = ()
    bytes: int = 0
    rows: int | None = None
    partition: str | None = None


@dataclass(frozen=True, slots=True)
class TableRef:
    """A spool that is read whole, fixed at the claim's snapshot."""

    spool: str
    """`DEPLOYMENT.CHANNEL`."""
    segments: tuple[SegmentRef, ...]


@dataclass(frozen=True, slots=True)
class Advance:
    """How a commit moves the position of one input: only from `expected`, by these items."""

    input: str
    """Key of the position: `DEPLOYMENT/STEP/INPUT`."""
    expected: int
    """Version of the position that the claim started from (0: none yet)."""
    items: Position
    """Items to set; None removes one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What fixes a batch: a retry runs the same claim with `attempt + 1`."""

    batch: str
    """`DEPLOYMENT/STAGE/n`."""
    attempt: int
    run: str
    deployment: str
    stage: str
    splits: tuple[Split, ...]
    advances: tuple[Advance, ...]
    tables: tuple[TableRef, ...]
    snapshot: int
    now: datetime
    seed: int
    floor: Schema | None = None
    """Schema floor of an outside input (columns and types seen before)."""
    replaces: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    """(channel, partitions) whose content this batch replaces; None: all of it."""
    fired_at: datetime | None = None
    """The time that the fire of its run stands for."""
    window: tuple[datetime, datetime] | None = None
    """The stretch of time that its run covers."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """What else `${…}` stands for, as JSON: `msg`, `msgs`, and `var.NAME`."""
    frame: Frame = "batch"
    """The frame of the stage that the splits were cut for."""
    unit_bytes: int = SMALL_UNIT_BYTES
    """Splits of an outside input share a task while they are not larger together."""
    leases: tuple[Lease, ...] = ()
    """Work items that this batch takes: its commit acks them."""
    locks: tuple[HeldLock, ...] = ()
    depth: int = 0
    """How many messages led to this batch (0: it was not fired by one), and so to its own."""
    ending: bool = False
    """Nothing is read: the run is at its end, and actions let go of what they hold back."""

    @property
    def number(self) -> int:
        """The batch's number within its stage."""
        return int(self.batch.rsplit("/", 1)[1])

    def with_attempt(self, attempt: int) -> Claim:
        """The same work under a newer fencing token."""
        return replace(self, attempt=attempt)


@dataclass(frozen=True, slots=True)
class StagedSegment:
    """A Parquet file under its final unique name that no row names yet."""

    spool: str
    """`DEPLOYMENT.CHANNEL`."""
    path: str
    """Relative to the storage root."""
    rows: int
    bytes: int
    checksum: str
    schema: Schema
    partition: str | None = None
    event_min: datetime | None = None
    event_max: datetime | None = None
    order: tuple[int, int] = (0, 0)
    """(split position, part): segments of a batch get sequence numbers in this order."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Something for outsiders, staged under a name that no reader takes, to be revealed after the
    commit. `payload` is the sink's own word for it (JSON).
    """

    id: str
    """Unique: batch, step and part."""
    step: str
    kind: str
    group: str
    payload: Any


def _sum(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b


@dataclass(frozen=True, slots=True)
class StepCount:
    """What one step did in a batch (or one split of it).

    Rows between steps that run as one query are not counted (None): counting them would cost what
    the fusion saves.
    """

    step: str
    rows_in: int | None = None
    rows_out: int | None = None
    rejects: int = 0
    dropped: int = 0

    def __str__(self) -> str:
        came, went = ("?" if n is None else f"{n:,}" for n in (self.rows_in, self.rows_out))
        dropped = f", {self.dropped:,} dropped" if self.dropped else ""
        rejects = counted(self.rejects, "reject")
        return f"{self.step}: {came} rows in, {went} out, {rejects}{dropped}"

    def __add__(self, other: StepCount) -> StepCount:
        return StepCount(
            self.step,
            _sum(self.rows_in, other.rows_in),
            _sum(self.rows_out, other.rows_out),
            self.rejects + other.rejects,
            self.dropped + other.dropped,
        )


@dataclass(frozen=True, slots=True)
class FileRead:
    """The state of a file that a step looked things up in."""

    step: str
    path: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What the tasks of one split staged. Effects happen only when the owner commits it."""

    task: str
    segments: tuple[StagedSegment, ...] = ()
    publications: tuple[Publication, ...] = ()
    counts: tuple[StepCount, ...] = ()
    schemas: tuple[tuple[str, Schema], ...] = ()
    """Columns of new outputs (spool → schema), so that they can be read even if no row came."""
    floor: Schema | None = None
    """Schema of an outside input as decoded, when it was inferred."""
    replaces: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(channel, partitions) of states whose content is replaced by that of `segments`."""
    files: tuple[FileRead, ...] = ()
    """Lookup files."""
    bytes_read: int = 0
    seconds: float = 0.0
    state: tuple[StagedState, ...] = ()
    emits: tuple[EmitPart, ...] = ()
    locks: tuple[HeldLock, ...] = ()
    """Locks that it has taken, and that its commit relies on."""
    upstream: tuple[TaskReport, ...] = field(default=())
    """Reports of the tasks that fed this one."""


@dataclass(frozen=True, slots=True)
class SpoolSpec:
    """What the ledger knows of a spool beyond its segments."""

    spool: str
    event_time: str | None = None
    partition: str | None = None
    policy: Literal["evolve", "freeze", "discard"] = "evolve"
    replaced: bool = False
    rejects: bool = False
    state: str | None = None
    """Of a spool that holds what an action keeps: the digest of what that depends on."""
    schema: Schema | None = None
    """Columns known beforehand, so that the spool can be read even if no row came."""
