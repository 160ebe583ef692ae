"""Keys within one transaction: brought in as a set, changed in memory, written as a set.

Rows are appended and the newest version counts, so a change reads nothing that it does not ask for
and never waits for a delete; `compact` drops what counts no more once that is as much as what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from lyftnb.errors import StorageError
from lyftnb.store.database import Database
from lyftnb.store.engines import pl
from lyftnb.store.entries import NOTHING, Address, Applied, Change, Entry, applied, hash_of
from lyftnb.store.mirror import Mirror

COLUMN_ROWS = 10_000
"""Above, `put`s are carried out as columns, because they ask for nothing (`put_columns`)."""
# Below, the appender is faster; above, a statement over columns (measured: even at 1,000).
_APPENDER_ROWS = 1000
# Compaction keeps this many superseded rows in any case, so that small ledgers hardly compact.
_SLACK_ROWS = 200_000

_COMPACTION = (
    "keep_members",
    "clear_keys",
    "clear_members",
    "refill_keys",
    "refill_members",
    "drop_keys",
    "drop_members",
)
_Columns: TypeAlias = Mapping[str, Any]


@dataclass
class KeyBook:
    """The keys that one transaction touches. `state` is the overlay of the transaction."""

    database: Database
    state: Mirror
    now: datetime
    _entries: dict[Address, Entry] = field(default_factory=dict)
    """Changed, not written yet."""
    _members: dict[Address, dict[str, tuple[bool, int]]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._entries)

    def load(self, addresses: Iterable[Address]) -> None:
        """Bring keys in, all in one query; those that are in stay as they are."""
        known, recent = self.state.entries, self.state.recent
        missing = []
        for address in dict.fromkeys(addresses):
            if address not in known:
                entry = recent.get(address)
                if entry is None:
                    missing.append(address)
                else:
                    known[address] = entry
        if not missing:
            return
        found = self._one(missing[0]) if len(missing) == 1 else self._set(missing)
        for address in missing:
            known[address] = found.get(address, NOTHING)

    def entry(self, address: Address) -> Entry | None:
        """What stands under a key that is in; None if nothing does."""
        entry = self.state.entries[address]
        return entry if entry.alive(self.now) else None

    def version(self, address: Address) -> int:
        """The version of a key that is in; 0 if nothing stands there."""
        entry = self.entry(address)
        return entry.version if entry else 0

    def worked_out(self, changes: Sequence[Change]) -> Applied:
        """What changes of keys that are in would come to (`put` needs none in); changes nothing.

        Raises:
            StateError: a change does not fit what it meets.
        """
        return applied(changes, self.state.entries, self.state.version + 1, self.now)

    def accept(self, found: Applied) -> None:
        """Make changes that were worked out last the present state."""
        for address, entry in found.entries.items():
            self.state.entries[address] = self._entries[address] = entry
            if entry.set_since in (None, found.version):
                # Those of a set that is no more.
                self._members.pop(address, None)
            for member, present in found.members.get(address, {}).items():
                self._members.setdefault(address, {})[member] = (present, found.version)
        if found.entries:
            self._move_on({namespace for namespace, _key in found.entries}, found.version)

    def apply(self, changes: Sequence[Change]) -> int:
        """Carry out changes, all or, on an error, none; the version then."""
        self.accept(self.worked_out(changes))
        return self.state.version

    def put_columns(self, changes: pl.DataFrame) -> int:
        """Carry out `put`s and `delete`s as columns, at once, in a transaction; of several of one
        key the last counts. The version then.
        """
        # Whatever was changed before must stand in the table, because memory is passed by.
        self.write()
        last = changes.unique(["namespace", "key"], keep="last")
        version = self.state.version + 1
        self.database.run("append_keys", last, version=version)
        self.state.key_rows += last.height
        self.state.forget_entries()
        self._move_on(last["namespace"].unique(), version)
        return version

    def members(self, addresses: Sequence[Address]) -> dict[Address, list[str]]:
        """Sets that are in → their members, as JSON."""
        since = {}
        for address in addresses:
            entry = self.entry(address)
            if entry is not None and entry.set_since is not None:
                since[address] = entry.set_since
        found: dict[Address, dict[str, bool]] = {address: {} for address in since}
        given = _frame(_addresses(), ((hash_of(a), *a) for a in since))
        if since:
            rows = self.database.frame("set_members", given)
            for namespace, key, member, present, version in rows.iter_rows():
                if version >= since[namespace, key]:
                    found[namespace, key][member] = present
        for address, members in found.items():
            pending = self._members.get(address, {})
            members.update({member: present for member, (present, _v) in pending.items()})
        return {a: [m for m, present in members.items() if present] for a, members in found.items()}

    def write(self) -> None:
        """Append what was changed to the tables."""
        keys = [
            (hash_of(address), *address, e.value, e.set_since, e.version, e.expires_at)
            for address, e in self._entries.items()
        ]
        members = [
            (hash_of(address), *address, member, present, version)
            for address, changed in self._members.items()
            for member, (present, version) in changed.items()
        ]
        self._append("kv", _kv(), keys)
        self._append("set_members", _members(), members)
        self.state.key_rows += len(keys) + len(members)
        self._entries.clear()
        self._members.clear()

    def _append(self, table: str, columns: _Columns, rows: Sequence[tuple[object, ...]]) -> None:
        if len(rows) <= _APPENDER_ROWS:
            self.database.append(table, [dict(zip(columns, row, strict=True)) for row in rows])
        else:
            self.database.run(f"append_{table}", _frame(columns, rows))

    def _move_on(self, namespaces: Iterable[str], version: int) -> None:
        self.state.version = version
        self.state.namespaces.update(dict.fromkeys(namespaces, version))

    def _one(self, address: Address) -> dict[Address, Entry]:
        # A look-up by a constant is led by zone maps: four times faster than a join with one row.
        rows = self.database.frame(
            "kv_entry", hash=hash_of(address), namespace=address[0], key=address[1]
        )
        return _newest(rows)

    def _set(self, addresses: Sequence[Address]) -> dict[Address, Entry]:
        hashes = pl.DataFrame({"hash": [hash_of(a) for a in addresses]}, {"hash": pl.UInt64})
        return _newest(self.database.frame("kv_entries", hashes.unique()))


def as_columns(changes: Iterable[Change]) -> pl.DataFrame:
    """Changes as `put_columns` takes them."""
    columns = dict.fromkeys(Change._fields, pl.String()) | {"expires_at": _time()}
    return _frame(columns, changes)


def compact_if_due(database: Database, mirror: Mirror, now: datetime) -> None:
    """Compact once superseded rows may be as many as those that count."""
    superseded = mirror.key_rows - mirror.key_rows_kept
    if superseded <= max(_SLACK_ROWS, mirror.key_rows_kept) + mirror.compaction_put_off:
        return
    try:
        compact(database, mirror, now)
    except StorageError:
        # What led here is committed: a failure to tidy up must not look like its own.
        mirror.compaction_put_off = superseded


def compact(database: Database, mirror: Mirror, now: datetime) -> int:
    """Drop the rows of keys and members that count no more or have expired; how many.

    One transaction; then a checkpoint gives the space back.
    """
    before = mirror.key_rows
    with database.transaction():
        database.run("keep_keys", now=now)
        for step in _COMPACTION:
            database.run(step)
        kept = {row["namespace"]: row["rows"] for row in database.rows("rows_by_namespace")}
        database.run("clear_namespaces")
        database.append(
            "namespaces",
            [
                {"namespace": name, "version": version, "rows": kept.get(name, 0)}
                for name, version in mirror.namespaces.items()
            ],
        )
    # An entry that had expired stays away even if the clock is set back.
    mirror.recent.clear()
    mirror.key_rows = mirror.key_rows_kept = sum(kept.values())
    mirror.compaction_put_off = 0
    database.checkpoint()
    return before - mirror.key_rows


def _newest(rows: pl.DataFrame) -> dict[Address, Entry]:
    # Rows of a key end with its newest version, so that one is the last to be set.
    namespaces, keys, *rest = (column.to_list() for column in rows.sort("version"))
    entries = map(Entry, *rest)
    return dict(zip(zip(namespaces, keys, strict=True), entries, strict=True))


def _frame(columns: _Columns, rows: Iterable[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), dict(columns), orient="row")


@cache
def _time() -> pl.DataType:
    return pl.Datetime("us", "UTC")


@cache
def _addresses() -> _Columns:
    return {"hash": pl.UInt64, "namespace": pl.String, "key": pl.String}


@cache
def _kv() -> _Columns:
    values = {"value": pl.String, "set_since": pl.Int64, "version": pl.Int64}
    return {**_addresses(), **values, "expires_at": _time()}


@cache
def _members() -> _Columns:
    return {**_addresses(), "member": pl.String, "present": pl.Boolean, "version": pl.Int64}
