"""What the ledger tells about its entries: small, frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lyftnb.model import Schema, SegmentRef

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Version:
    """A published workflow version."""

    workflow: str
    number: int
    digest: str
    document: dict[str, Any] = field(repr=False)
    published_at: datetime

    @property
    def ref(self) -> str:
        """`WORKFLOW@NUMBER`."""
        return f"{self.workflow}@{self.number}"


@dataclass(frozen=True, slots=True)
class RunbookVersion:
    """A published runbook version; its document names the workflow's exact version."""

    runbook: str
    number: int
    digest: str
    document: dict[str, Any] = field(repr=False)
    published_at: datetime

    @property
    def ref(self) -> str:
        """`RUNBOOK@NUMBER`."""
        return f"{self.runbook}@{self.number}"


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret, but for its value."""

    name: str
    """`SCOPE/NAME`."""
    version: int
    """Grows with each rotation."""
    key_id: str
    """The master key that seals it."""
    created_at: datetime
    rotated_at: datetime | None


@dataclass(frozen=True, slots=True)
class SpoolInfo:
    """A spool as of the newest snapshot; `rows`, `bytes` and `segments` count what is live."""

    spool: str
    rows: int
    bytes: int
    segments: int
    schema: Schema | None
    event_time: str | None
    partition: str | None
    policy: str
    replaced: bool
    rejects: bool
    state: str | None
    """Of one that holds what an action keeps: the digest of what that depends on."""
    next_seq: int
    """The sequence number that the next row gets."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a spool behind a position."""

    bytes: int
    """Of the live segments that hold it."""
    since: datetime | None
    """When its first row was committed; None where nothing waits."""


NO_BACKLOG = Backlog(0, None)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which files hold a spool's rows as of a snapshot: whoever has it can read them."""

    spool: str
    snapshot: int
    root: str
    """The storage root: where segments' paths start."""
    schema: Schema
    segments: tuple[SegmentRef, ...] = field(repr=False)

    def scan(self) -> pl.LazyFrame:
        """The rows, in sequence order.

        Raises:
            SegmentMissing: a committed file is gone.
            SegmentDamaged: a committed file is not what was committed.
        """
        from lyftnb.store.scanning import scan

        return scan(self.segments, self.schema, self.root)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that somebody holds."""

    name: str
    holder: str
    token: int
    """The fencing token: it grows with every holder of this lock, for ever."""
    acquired_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TidyReport:
    """What `tidy` removed."""

    keys: int = 0
    """Rows of keys and members of sets that counted no more, or had expired."""
    marks: int = 0
    """Marks that had expired."""
