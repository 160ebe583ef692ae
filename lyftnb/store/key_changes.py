"""Keys and sets within the commit: what a batch read must still hold, what it changed comes in."""

from __future__ import annotations

import json
from datetime import datetime

from lyftnb.errors import StateError
from lyftnb.model import KV_READ, KV_SCAN, STATE_NAME_PATTERN, Commit, Refused
from lyftnb.store.engines import pl
from lyftnb.store.entries import (
    KEY_BYTES,
    OPS,
    VALUE_BYTES,
    Address,
    Applied,
    Change,
    is_json,
    member_text,
    place,
)
from lyftnb.store.families import Setting
from lyftnb.store.keybook import COLUMN_ROWS, KeyBook
from lyftnb.store.staged_state import changes_of

_COLUMNS = ("op", "namespace", "key", "value", "expires_at")


class KeyChanges:
    """The family `kv`.

    Refuses a commit with `state` if anything that the batch read has changed since, which another
    attempt can mend; and with `change` if a change cannot be, whoever tries (a number added to
    text).
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._book = KeyBook(setting.database, setting.state, setting.now)
        self._changes = pl.DataFrame()
        self._applied = Applied(0)

    def refused(self, commit: Commit) -> Refused | None:
        """Whether what was read has changed, or a change cannot be."""
        staged = changes_of(commit, "kv", self._setting.root)
        self._changes, self._applied = staged, Applied(0)
        if staged.is_empty():
            return None
        reads = pl.col("op").is_in([KV_READ, KV_SCAN]).fill_null(False)
        self._changes = staged.filter(~reads)
        refused = self._outdated(commit, staged.filter(reads)) or self._malformed(commit)
        if refused is not None or self._as_columns():
            return refused
        try:
            changes = [_change(*row) for row in self._changes.select(_COLUMNS).iter_rows()]
            self._book.load(change.address for change in changes if change.op != "put")
            self._applied = self._book.worked_out(changes)
        except StateError as error:
            expected, found = error.facts.get("expected"), error.facts.get("found")
            return _refused(commit, "change", expected or "what can be", found or str(error))
        return None

    def take(self, commit: Commit, snapshot: int) -> None:
        """Apply the changes that were looked at last."""
        if self._as_columns():
            self._book.put_columns(self._changes)
        else:
            self._book.accept(self._applied)

    def write(self) -> None:
        """Append what was changed."""
        self._book.write()

    def _as_columns(self) -> bool:
        changes = self._changes
        return changes.height > COLUMN_ROWS and (changes["op"] == "put").all()

    def _outdated(self, commit: Commit, reads: pl.DataFrame) -> Refused | None:
        keys = [
            ((namespace, key), version)
            for op, namespace, key, version in reads.select(
                "op", "namespace", "key", "version"
            ).iter_rows()
            if op == KV_READ
        ]
        self._book.load(address for address, _version in keys)
        for address, version in keys:
            found = self._book.version(address)
            if found != version:
                return _stale(commit, place(address), version, found)
        scans = reads.filter(pl.col("op") == KV_SCAN)
        for namespace, version in scans.select("namespace", "version").iter_rows():
            found = self._setting.state.namespaces.get(namespace, 0)
            if found != version:
                return _stale(commit, f"namespace {namespace}", version, found)
        return None

    def _malformed(self, commit: Commit) -> Refused | None:
        if self._changes.is_empty():
            return None
        wrong = self._setting.database.rows(
            "malformed_changes",
            self._changes,
            ops=list(OPS),
            names=STATE_NAME_PATTERN,
            key_bytes=KEY_BYTES,
            value_bytes=VALUE_BYTES,
        )
        doubtful = self._setting.database.rows("doubtful_changes", self._changes)
        wrong += [row | {"wrong": "value"} for row in doubtful if not is_json(row["value"])]
        if not wrong:
            return None
        row = wrong[0]
        address: Address = (row["namespace"] or "", row["key"] or "")
        expected = {
            "op": f"one of {', '.join(OPS)} for {place(address)}",
            "namespace": "a namespace's name",
            "key": f"a key of 1 to {KEY_BYTES:,} bytes in namespace {address[0]}",
            "value": f"JSON of at most {VALUE_BYTES:,} bytes for {place(address)}",
        }[row["wrong"]]
        return _refused(commit, "change", expected, f"another {row['wrong']}: {row['op']}")


def _change(op: str, namespace: str, key: str, value: str, expires_at: datetime | None) -> Change:
    if op in ("add", "remove"):
        # Equal members must have equal text, however a batch has written them.
        value = member_text(json.loads(value), (namespace, key))
    return Change(op, namespace, key, value, expires_at)


def _stale(commit: Commit, what: str, expected: int, found: int) -> Refused:
    return _refused(commit, "state", f"{what} at version {expected}", f"version {found}")


def _refused(commit: Commit, requirement: str, expected: str, found: str) -> Refused:
    return Refused(commit.claim.batch, requirement, expected, found)
