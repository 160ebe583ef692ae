"""A commit: updates plus requirements, carried out in one transaction or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lyftnb.model.batch import (
    Claim,
    FileRead,
    Publication,
    SpoolSpec,
    StagedSegment,
    StepCount,
)
from lyftnb.model.run import EmitPart, Ending, Run
from lyftnb.model.schema import Schema
from lyftnb.model.state import Lease, MessageDraft, StagedState
from lyftnb.wording import counted


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one batch makes visible.

    Requirements: the claim's attempt is the newest for its batch, every position stands where its
    `Advance` expects it, its leases and locks are current, and what it read of the state has not
    changed. The same attempt committing twice gets the same answer; an older one is refused.
    """

    claim: Claim
    segments: tuple[StagedSegment, ...] = ()
    spools: tuple[SpoolSpec, ...] = ()
    """Specs of the spools written (and of those that must exist even if no row came)."""
    replaces: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(channel, partitions) that are replaced beside those of the claim: parts of states."""
    publications: tuple[Publication, ...] = ()
    state: tuple[StagedState, ...] = ()
    messages: tuple[MessageDraft, ...] = ()
    """They go out after those that the tasks staged."""
    emits: tuple[EmitPart, ...] = ()
    """What it leaves for messages at the end of its run."""
    begins_run: Run | None = None
    """The run that it belongs to, if that has no row yet."""
    ends_run: Ending | None = None
    """How its run ends with it, if it does."""
    counts: tuple[StepCount, ...] = ()
    floor: Schema | None = None
    files: tuple[FileRead, ...] = ()
    """Lookup files as the batch found them: several states of one that changed meanwhile."""
    bytes_read: int = 0
    started_at: datetime | None = None
    skipped: str | None = None
    """Why the batch is given up (`on_fail: skip`): the position moves past its input, which the
    ledger keeps, and nothing is written."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The batch is visible from `snapshot` on."""

    batch: str
    snapshot: int
    repeated: bool = False
    """The same attempt had been committed before; nothing was done again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A requirement did not hold; nothing was changed by this commit."""

    batch: str
    requirement: str
    """`attempt`, `claim`, `position`, `files`, `schema`, `state` (something that the batch read has
    changed), `change` (a staged change cannot be, whoever tries), `lease`, `lock` or `message`."""
    expected: str
    found: str
    lost: tuple[Lease, ...] = ()
    """The leases of the claim that are no longer current (`lease`)."""


Answer = Committed | Refused


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of a workflow to the end of its inputs."""

    run: str
    deployment: str
    status: str
    seconds: float
    batches: int
    counts: tuple[StepCount, ...] = ()
    problems: tuple[str, ...] = field(default=())
    skipped: int = 0
    """Batches among them that were given up and passed by (`on_fail: skip`)."""

    def __repr__(self) -> str:
        head = (
            f"RunSummary({self.run}: {self.status} in {self.seconds:.1f} s, "
            f"{counted(self.batches, 'batch')}, {counted(self.rejects, 'reject')})"
        )
        steps = (f"  {count}" for count in self.counts)
        return "\n".join([head, *steps, *(f"  {problem}" for problem in self.problems)])

    @property
    def rejects(self) -> int:
        """Rejected rows over all steps."""
        return sum(c.rejects for c in self.counts)
