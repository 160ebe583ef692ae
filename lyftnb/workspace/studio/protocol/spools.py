"""The spool browser: spools, SQL, and the rest that the ledger keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lyftnb.store import SpoolInfo
from lyftnb.workspace.studio.protocol.tables import Column
from lyftnb.workspace.studio.protocol.wire import Wire


class ListSpools(Wire):
    """All spools by name; with `deployment`, its own."""

    deployment: str | None = None


class SpoolName(Wire):
    """A spool, `DEPLOYMENT.CHANNEL`, as it stood at a snapshot (None: now)."""

    spool: str
    at: int | None = None


class SegmentInfo(Wire):
    """One file of a spool."""

    segment: str
    kind: str
    rows: int
    bytes: int
    first_seq: int
    partition: str | None
    batch: str | None
    added: int
    removed: int | None
    event_min: str | None = None
    event_max: str | None = None


class SnapshotInfo(Wire):
    """A commit that changed a spool."""

    snapshot: int
    committed_at: datetime
    batch: str | None
    kind: str
    rows: int
    """That it added; negative: took away."""
    total: int
    """That the spool held after it."""


class SchemaVersion(Wire):
    """The columns of a spool from a snapshot on."""

    snapshot: int
    committed_at: datetime | None
    columns: tuple[Column, ...]


class SpoolView(Wire):
    """A spool, with all that a browser shows of it beside rows."""

    info: SpoolInfo
    columns: tuple[Column, ...]
    snapshots: tuple[SnapshotInfo, ...]
    """Oldest first, the newest 1,000."""
    schemas: tuple[SchemaVersion, ...]
    segments: tuple[SegmentInfo, ...]
    """In sequence order, the first 1,000."""


class SpoolRows(Wire):
    """Rows of a spool at a snapshot."""

    spool: str
    at: int | None = None
    offset: int = Field(0, ge=0)
    limit: int = Field(50, ge=1, le=1000)


class RunSql(Wire):
    """One statement that reads, over spools and the state tables under `lyftnb.`."""

    text: str
    limit: int = Field(200, ge=1, le=10_000)


class StateQuery(Wire):
    """What the ledger keeps beside spools. Secrets come without values."""

    what: Literal["namespaces", "keys", "queues", "items", "locks", "contexts", "secrets"]
    name: str | None = None
    """Of `keys`: the namespace; of `items`: the queue; of `contexts`: one of them, with values."""
    prefix: str = ""
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=1, le=1000)
