"""The ledger's present state in memory: what a commit's requirements are checked against.

Rebuilt from the tables at every open, and equal to them at all times (an invariant that the tests
check). A transaction works on an overlay, which is absorbed once the transaction is through and
dropped if it is not: memory never runs ahead of the file.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lyftnb.model import Position, Schema, SpoolSpec
from lyftnb.store.database import Database
from lyftnb.store.entries import Address, Entry
from lyftnb.store.newest import Newest
from lyftnb.store.recent import Recent
from lyftnb.store.tail import Tail

NO_SCHEMA = 0
"""The schema id that says: from here on, nothing is known of the spool's columns."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an input stands; `version` counts its moves."""

    version: int = 0
    items: Position = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fence:
    """What may still commit of a batch that is not committed: this attempt, unless abandoned."""

    attempt: int
    durable: bool = False
    """Whether the claim is a row."""
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a queue treats its items."""

    max_attempts: int = 5
    id_retention_s: float = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Spool:
    """A spool as of the newest snapshot. `spec.schema` is its present schema."""

    spec: SpoolSpec
    next_seq: int = 0
    schema_version: int = 0

    @property
    def name(self) -> str:
        """`DEPLOYMENT.CHANNEL`."""
        return self.spec.spool

    @property
    def schema(self) -> Schema:
        """The present schema; empty while nothing is known of the spool's columns."""
        return self.spec.schema or Schema()


@dataclass(frozen=True, slots=True)
class LockStanding:
    """A lock as it was last acquired; without a holder it is free."""

    token: int
    holder: str | None
    acquired_at: datetime
    expires_at: datetime

    def held(self, now: datetime) -> bool:
        """Whether somebody holds it."""
        return self.holder is not None and self.expires_at > now


@dataclass
class Mirror:
    """Maps that follow the tables. An overlay's maps are `ChainMap`s over its base's."""

    snapshot: int = 0
    committed_at: datetime = EPOCH
    positions: MutableMapping[str, Standing] = field(default_factory=dict)
    floors: MutableMapping[str, Schema] = field(default_factory=dict)
    spools: MutableMapping[str, Spool] = field(default_factory=dict)
    newest: MutableMapping[str, Newest] = field(default_factory=dict)
    """Spool → the segments that came last (in memory only)."""
    schemas: MutableMapping[Schema, int] = field(default_factory=dict)
    committed: MutableMapping[str, int] = field(default_factory=dict)
    """`DEPLOYMENT/STAGE` → the highest batch number committed."""
    claimed: MutableMapping[str, int] = field(default_factory=dict)
    """`DEPLOYMENT/STAGE` → the highest batch number claimed (in memory too)."""
    fences: MutableMapping[str, Fence] = field(default_factory=dict)
    """Claimed batch, not committed → its newest attempt."""
    runs: MutableMapping[str, int] = field(default_factory=dict)
    """Deployment → the highest number of a run."""
    triggers: MutableMapping[str, str] = field(default_factory=dict)
    """Trigger → where it stands, as JSON."""
    queues: MutableMapping[str, QueueSettings] = field(default_factory=dict)
    quiet: MutableMapping[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """Queue → a span of time within which none of its leases runs out (in memory only)."""
    message: int = 0
    """Id of the newest message; ids have no gap."""
    tail: Tail = field(default_factory=Tail)
    """The newest messages themselves (in memory only)."""
    number: int = 1
    """The next number to give out, below `reserved` if it needs no row (see `numbers`)."""
    reserved: int = 1
    namespaces: MutableMapping[str, int] = field(default_factory=dict)
    """Namespace → the version of its last change."""
    recent: Recent = field(default_factory=Recent)
    """Keys lately read or changed; what is not in the tables either is `NOTHING`."""
    entries: dict[Address, Entry] = field(default_factory=dict)
    """In an overlay: keys that its transaction has read or changed."""
    locks: MutableMapping[str, LockStanding] = field(default_factory=dict)
    version: int = 0
    """The newest version of anything in any namespace."""
    key_rows: int = 0
    """Rows of keys and members in the tables."""
    key_rows_kept: int = 0
    """Those among them that the last compaction left."""
    compaction_put_off: int = 0
    """How many more superseded rows are borne, since a compaction has failed."""

    def overlay(self) -> Mirror:
        """A mirror whose changes stay its own."""
        overlay = replace(self, entries={})
        for name in _MAPS:
            setattr(overlay, name, ChainMap({}, getattr(self, name)))
        return overlay

    def forget_entries(self) -> None:
        """In an overlay: read all keys from the tables again."""
        self.recent, self.entries = Recent(), {}

    def absorb(self, overlay: Mirror) -> None:
        """Take over what was changed in an overlay of this mirror."""
        for name in _SCALARS:
            setattr(self, name, getattr(overlay, name))
        if overlay.recent is not self.recent:
            self.recent.clear()
        self.recent.keep(overlay.entries)
        for name in _MAPS:
            getattr(self, name).update(getattr(overlay, name).maps[0])


_MAPS = (
    "positions",
    "floors",
    "spools",
    "newest",
    "schemas",
    "committed",
    "claimed",
    "fences",
    "runs",
    "triggers",
    "queues",
    "namespaces",
    "locks",
    "queues",
    "quiet",
)
_SCALARS = (
    "snapshot",
    "committed_at",
    "message",
    "tail",
    "number",
    "reserved",
    "version",
    "key_rows",
    "key_rows_kept",
)


def load(database: Database) -> Mirror:
    """The mirror of what the tables say."""
    (newest,) = database.rows("snapshot")
    (bus,) = database.rows("newest_message")
    (numbers,) = database.rows("numbers")
    schemas = {row["schema_id"]: from_json(row["fields"]) for row in database.rows("schemas")}
    committed = {row["stage"]: row["number"] for row in database.rows("batch_numbers")}
    claimed: dict[str, int] = {}
    fences: dict[str, Fence] = {}
    for row in database.rows("claims", deployment=None):
        stage, number = stage_of(row["batch"])
        claimed[stage] = max(number, claimed.get(stage, 0))
        fences[row["batch"]] = Fence(row["attempt"], durable=True, abandoned=row["abandoned"])
    namespaces = {row["namespace"]: row["version"] for row in database.rows("namespaces")}
    (sizes,) = database.rows("key_rows")
    return Mirror(
        snapshot=newest["snapshot"],
        committed_at=newest["committed_at"] or EPOCH,
        positions=_positions(database),
        floors={row["key"]: from_json(row["fields"]) for row in database.rows("floors")},
        spools=_spools(database, schemas),
        schemas={schema: schema_id for schema_id, schema in schemas.items()},
        committed=committed,
        claimed=claimed,
        fences=fences,
        runs={row["deployment"]: row["number"] for row in database.rows("run_numbers")},
        triggers={
            row["key"]: json.dumps(json.loads(row["state"]))
            for row in database.rows("trigger_states")
        },
        queues={row.pop("queue"): QueueSettings(**row) for row in database.rows("queue_settings")},
        message=bus["id"],
        tail=Tail(bus["id"]),
        # Which of the reserved ones were given out is not known any more.
        number=numbers["reserved"],
        reserved=numbers["reserved"],
        namespaces=namespaces,
        locks={row.pop("name"): LockStanding(**row) for row in database.rows("locks")},
        version=max(namespaces.values(), default=0),
        key_rows=sizes["rows"],
        key_rows_kept=sizes["kept"],
    )


def reloaded(database: Database, before: Mirror) -> Mirror:
    """The mirror of what the tables say, and of what was only ever in memory: claims without a row.

    What came in between may have been committed, or not; the tables know.
    """
    now = load(database)
    found = database.rows("committed_batches", batches=[*before.fences])
    committed = {row["batch"] for row in found}
    for batch, fence in before.fences.items():
        if not fence.durable and batch not in committed:
            now.fences.setdefault(batch, fence)
    for stage, number in before.claimed.items():
        now.claimed[stage] = max(number, now.claimed.get(stage, 0))
    return now


def stage_of(batch: str) -> tuple[str, int]:
    """`DEPLOYMENT/STAGE/n` → (`DEPLOYMENT/STAGE`, n)."""
    stage, _slash, number = batch.rpartition("/")
    return stage, int(number)


def to_json(schema: Schema) -> list[list[str]]:
    """A schema as the ledger stores it: (name, type) pairs."""
    return [[f.name, f.type] for f in schema.fields]


def from_json(text: str) -> Schema:
    """A stored schema."""
    return Schema.from_mapping((name, kind) for name, kind in json.loads(text))


def _positions(database: Database) -> dict[str, Standing]:
    items: dict[str, Position] = {}
    for row in database.frame("position_items").iter_rows(named=True):
        items.setdefault(row["key"], {})[row["item"]] = json.loads(row["value"])
    return {
        row["key"]: Standing(row["version"], items.get(row["key"], {}))
        for row in database.rows("position_versions")
    }


def _spools(database: Database, schemas: dict[int, Schema]) -> dict[str, Spool]:
    histories = {row["spool"]: row for row in database.rows("spool_schemas")}
    spools: dict[str, Spool] = {}
    for row in database.rows("spools"):
        history = histories.get(row["spool"])
        spec = SpoolSpec(
            spool=row["spool"],
            event_time=row["event_time"],
            partition=row["partition"],
            policy=row["policy"],
            replaced=row["replaced"],
            rejects=row["rejects"],
            state=row["state"],
            schema=schemas.get(history["schema_id"]) if history else None,
        )
        version = history["version"] if history else 0
        spools[row["spool"]] = Spool(spec, row["next_seq"], version)
    return spools
