"""State beside rows: keys and sets, marks of what was seen, work items, locks, messages.

Outside a batch a verb changes state at once. Within a batch changes are *staged*: a task leaves
them in a file, as it leaves rows in segments, and the commit takes them in with everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from lyftnb.model.schema import Schema

Json = Any
Family = Literal["kv", "marks", "items", "messages"]

PAYLOAD_BYTES = 256 * 2**10
"""The most that the payload of a work item or a message may hold, as JSON in UTF-8."""
MESSAGE_DEPTH = 100
"""A message that more messages than these led to is not published: something goes in circles."""

KV_READ, KV_SCAN = "read", "scan"
"""Kinds of rows of staged key changes that change nothing: what a batch read, and at which version
(0: it was not there). The commit is refused if any of it has changed since."""

STAGED_COLUMNS: dict[Family, Schema] = {
    # `op`: read, scan | put, put_absent, delete, increment | add, remove (one member of a set).
    # `value`: JSON. Increments and set changes are deltas: they never conflict. A change that
    # cannot be (a number added to text) refuses the commit for good: requirement `change`.
    "kv": Schema.from_mapping(
        {
            "op": "VARCHAR",
            "namespace": "VARCHAR",
            "key": "VARCHAR",
            "value": "VARCHAR",
            "version": "BIGINT",
            "expires_at": "TIMESTAMP WITH TIME ZONE",
        }
    ),
    # A key that the batch saw first, as 128 bits of its hash. The commit is refused (`state`) if it
    # was marked since, judged as of the claim's time.
    "marks": Schema.from_mapping(
        {
            "scope": "VARCHAR",
            "high": "UBIGINT",
            "low": "UBIGINT",
            "expires_at": "TIMESTAMP WITH TIME ZONE",
        }
    ),
    # Work items to put into queues. `id`: an item of an id that the queue has had is left out.
    "items": Schema.from_mapping(
        {
            "queue": "VARCHAR",
            "id": "VARCHAR",
            "payload": "VARCHAR",
            "priority": "INTEGER",
            "available_at": "TIMESTAMP WITH TIME ZONE",
        }
    ),
    "messages": Schema.from_mapping(
        {
            "kind": "VARCHAR",
            "type": "VARCHAR",
            "tag": "VARCHAR",
            "payload": "VARCHAR",
            "job": "VARCHAR",
            "correlation": "VARCHAR",
        }
    ),
}
"""Family → the columns of its staged files."""


@dataclass(frozen=True, slots=True)
class StagedState:
    """A file of state changes that a task left behind. The commit copies its rows into the ledger;
    then the file is garbage, as it is without a commit.
    """

    family: Family
    path: str
    """Relative to the storage root."""
    rows: int
    order: tuple[int, int] = (0, 0)
    """(split position, part): changes of a batch apply in this order."""


@dataclass(frozen=True, slots=True)
class KvEntry:
    """A key as it stands. The value of a set is the sorted list of its members."""

    key: str
    value: Json
    version: int
    """Grows with every change of anything in the ledger's state; 0 stands for "not there"."""
    expires_at: datetime | None = None
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A work item that somebody holds for a while. Whoever acks must show the same `token`."""

    queue: str
    item: int
    token: int


@dataclass(frozen=True, slots=True)
class Item:
    """A leased work item."""

    lease: Lease
    payload: Json
    attempts: int
    """Leases so far that ended in a failure of the item alone, this one not counted."""
    enqueued_at: datetime
    id: str | None = None


@dataclass(frozen=True, slots=True)
class NewItem:
    """A work item to enqueue."""

    payload: Json = None
    id: str | None = None
    """The queue takes an item of the same id once (within its id retention)."""
    priority: int = 0
    """Higher ones are leased first."""
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """A work item as it stands in its queue, for people to look at."""

    queue: str
    item: int
    payload: Json
    id: str | None
    priority: int
    attempts: int
    enqueued_at: datetime
    available_at: datetime
    """When it became ready, or will: after its delay, or when its lease runs out."""
    holder: str | None = None
    """Who leases it."""
    dead_at: datetime | None = None
    reason: str | None = None
    """Why it failed last."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many items a queue holds."""

    queue: str
    ready: int = 0
    delayed: int = 0
    leased: int = 0
    dead: int = 0
    oldest_at: datetime | None = None
    """When the oldest item that is not dead was enqueued."""
    next_at: datetime | None = None
    """When the next of those delayed or leased becomes ready, if nothing happens before."""
    max_attempts: int = 0


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that a batch relies on: its commit is refused unless the token is still current."""

    name: str
    token: int


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message before the ledger has given it an id and a time."""

    tag: str | None = None
    payload: Json = None
    kind: Literal["system", "user"] = "user"
    source: Literal["manager", "worker", "job", "client"] = "client"
    type: str = "message"
    job: str | None = None
    """`DEPLOYMENT/STEP`, where it comes from one."""
    batch: str | None = None
    run: str | None = None
    correlation: str | None = None
    depth: int = 0
    """How many messages led to this one."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message on the bus. Ids grow in the order in which messages became visible."""

    id: int
    at: datetime
    tag: str | None
    payload: Json
    kind: Literal["system", "user"]
    source: Literal["manager", "worker", "job", "client"]
    type: str
    job: str | None = None
    batch: str | None = None
    run: str | None = None
    correlation: str | None = None
    depth: int = 0


class StateReader(Protocol):
    """What a task may ask of the ledger while it runs, wherever it runs.

    Reads give what is committed. A batch records what it read, and its commit checks it.
    """

    def kv_get(self, namespace: str, keys: Sequence[str]) -> list[KvEntry | None]:
        """Entries in the order of the keys; None where there is none, or it has expired."""
        ...

    def kv_scan(
        self, namespace: str, prefix: str = "", after: str | None = None, limit: int = 10_000
    ) -> list[KvEntry]:
        """Entries by key, from the first after `after`."""
        ...

    def kv_version(self, namespace: str) -> int:
        """The version of the namespace's last change; 0 if there was none."""
        ...

    def unseen(self, scope: str, fingerprints: Any, now: datetime) -> Any:
        """Which fingerprints are not marked: an Arrow table (`high`, `low`) in, a boolean Arrow
        array of its length out.
        """
        ...

    def lock_acquire(self, name: str, holder: str, ttl_s: float) -> int | None:
        """Take a lock at once, not with a commit; its fencing token, None while others hold it."""
        ...

    def items(self, leases: Sequence[Lease]) -> list[Item | None]:
        """Leased work items; None where the lease is no longer current."""
        ...

    def messages(
        self,
        after: int = 0,
        until: int | None = None,
        limit: int = 10_000,
        *,
        kind: str | None = None,
        tag: str | None = None,
        type: str | None = None,
        source: str | None = None,
        job: str | None = None,
    ) -> list[Message]:
        """Messages with ids in (after, until], in order; the others narrow the choice."""
        ...

    def newest_message(self) -> int:
        """The id of the newest message; 0 if there was none."""
        ...
