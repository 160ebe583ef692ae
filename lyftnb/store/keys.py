"""Verbs of the ledger: keys and sets."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

from lyftnb.errors import StateError, StorageError
from lyftnb.model import Json, KvEntry
from lyftnb.store.combiner import Call, Combiner
from lyftnb.store.database import Database
from lyftnb.store.entries import (
    Address,
    Change,
    Entry,
    address_of,
    expiry,
    json_text,
    member_text,
    namespace_of,
    sorted_members,
)
from lyftnb.store.keybook import COLUMN_ROWS, KeyBook, as_columns, compact_if_due
from lyftnb.store.session import Session

T = TypeVar("T")
Number = int | float


class Keys(Session):
    """Keys by namespace, and sets, outside batches: every verb changes all it is given, or nothing,
    at once. What has expired is not there.

    Calls from several threads share transactions; each is durable when it returns.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._combiner = Combiner(self._carry_out)

    # -- reading

    def kv_get(self, namespace: str, keys: Sequence[str]) -> list[KvEntry | None]:
        """Entries in the order of the keys; None where there is none, or it has expired."""
        addresses = _addresses(namespace, keys)

        def act(book: KeyBook) -> tuple[list[Entry | None], Mapping[Address, list[str]]]:
            found = [book.entry(address) for address in addresses]
            sets = [a for a, e in zip(addresses, found, strict=True) if e and e.value is None]
            return found, book.members(sets) if sets else {}

        found, members = self._run(Call(addresses, act))
        there = [(a, e) for a, e in zip(addresses, found, strict=True) if e is not None]
        shown = iter(_shown(there, members))
        return [None if entry is None else next(shown) for entry in found]

    def kv_scan(
        self, namespace: str, prefix: str = "", after: str | None = None, limit: int = 10_000
    ) -> list[KvEntry]:
        """Entries whose keys begin with `prefix`, by key, from the first after `after`."""
        with self.opened() as database:
            now = self.clock.now()
            rows = database.frame(
                "kv_scan",
                namespace=namespace_of(namespace),
                prefix=prefix,
                after=after or "",
                limit=limit,
                now=now,
            )
            found = {(namespace, key): Entry(*rest) for key, *rest in rows.iter_rows()}
            sets = [address for address, entry in found.items() if entry.value is None]
            book = KeyBook(database, self.mirror.overlay(), now)
            book.load(sets)
            members = book.members(sets)
        return _shown(found.items(), members)

    def kv_version(self, namespace: str) -> int:
        """The version of the namespace's last change; 0 if there was none."""
        with self.opened():
            return self.mirror.namespaces.get(namespace_of(namespace), 0)

    def kv_namespaces(self) -> dict[str, int]:
        """Namespace → how many entries it has; those without any are left out."""
        with self.opened() as database:
            rows = database.rows("kv_namespaces", now=self.clock.now())
        return {row["namespace"]: row["entries"] for row in rows}

    def set_members(self, namespace: str, key: str) -> list[Json]:
        """The members of a set, sorted: numbers, text, the rest; none if there is no such set.

        Raises:
            StateError: a value stands under the key.
        """
        (entry,) = self.kv_get(namespace, [key])
        if entry is not None and not entry.is_set:
            raise StateError(
                "expected a set, found a value",
                where=f"key {namespace}:{key}",
                hint="read it with kv_get",
            )
        return list(entry.value) if entry is not None else []

    # -- changing

    def kv_put(
        self,
        namespace: str,
        entries: Mapping[str, Json],
        ttl_s: float | None = None,
        if_version: int | Mapping[str, int] | None = None,
    ) -> int | None:
        """Put values, over whatever stands there.

        Args:
            namespace: where.
            entries: key → value.
            ttl_s: seconds after which they are gone; None: never.
            if_version: put only if the keys have this version, or these versions (0: nothing is
                there); keys that it leaves out may have any.

        Returns:
            The version that the entries have now; None if any had another than `if_version` says,
            and then nothing was put.

        Raises:
            StateError: a key or value breaks a limit, or is not JSON.
        """
        texts = [
            (address, json_text(entries[address[1]], address))
            for address in _addresses(namespace, entries)
        ]
        expires_at = expiry(self.clock.now(), ttl_s)
        expected = _expected(entries, if_version)
        changes = [Change("put", *address, text, expires_at) for address, text in texts]
        if len(changes) > COLUMN_ROWS and not expected:
            return self._put_columns(changes)

        def act(book: KeyBook) -> int | None:
            return book.apply(changes) if _as_expected(book, namespace, expected) else None

        return self._run(Call(_addresses(namespace, expected), act))

    def kv_delete(
        self,
        namespace: str,
        keys: Sequence[str],
        if_version: int | Mapping[str, int] | None = None,
    ) -> int | None:
        """Delete values and sets.

        Args:
            namespace: where.
            keys: what to delete.
            if_version: as for `kv_put`.

        Returns:
            How many of them were there; None if any had another version than `if_version` says, and
            then nothing was deleted.
        """
        addresses = _addresses(namespace, dict.fromkeys(keys))
        expected = _expected(keys, if_version)

        def act(book: KeyBook) -> int | None:
            if not _as_expected(book, namespace, expected):
                return None
            there = sum(book.entry(address) is not None for address in addresses)
            book.apply([Change("delete", *address) for address in addresses])
            return there

        needs = [*addresses, *_addresses(namespace, expected)]
        return self._run(Call(needs, act))

    def kv_increment(
        self, namespace: str, by: Mapping[str, Number], ttl_s: float | None = None
    ) -> dict[str, Number]:
        """Add to numbers; what is not there counts as 0.

        Args:
            namespace: where.
            by: key → what to add. Integers are exact, of any size.
            ttl_s: seconds from now after which they are gone; None: as before.

        Returns:
            Key → the sum.

        Raises:
            StateError: something else than a number stands under a key; nothing was changed.
        """
        expires_at = expiry(self.clock.now(), ttl_s)
        addresses = _addresses(namespace, by)
        changes = [
            Change("increment", *address, json_text(by[address[1]], address), expires_at)
            for address in addresses
        ]

        def act(book: KeyBook) -> list[str | None]:
            book.apply(changes)
            return [book.state.entries[address].value for address in addresses]

        sums = self._run(Call(addresses, act))
        return {key: json.loads(text or "0") for key, text in zip(by, sums, strict=True)}

    def set_add(
        self, namespace: str, key: str, members: Iterable[Json], ttl_s: float | None = None
    ) -> int:
        """Add members to a set, which is begun if need be; its version afterwards.

        Args:
            namespace: where.
            key: the set.
            members: JSON; equal ones are one.
            ttl_s: seconds from now after which the whole set is gone; None: as before.

        Raises:
            StateError: a value stands under the key.
        """
        expires_at = expiry(self.clock.now(), ttl_s)
        return self._change_set("add", namespace, key, members, expires_at)

    def set_remove(self, namespace: str, key: str, members: Iterable[Json]) -> int:
        """Take members out of a set; its version afterwards, 0 if there is none.

        A set without members stays until it is deleted.

        Raises:
            StateError: a value stands under the key.
        """
        return self._change_set("remove", namespace, key, members, None)

    def _change_set(
        self, op: str, namespace: str, key: str, members: Iterable[Json], expires_at: Any
    ) -> int:
        (address,) = _addresses(namespace, [key])
        if isinstance(members, str):
            raise StateError(
                f"expected several members, found {members!r}", hint="put it in a list"
            )
        texts = dict.fromkeys(member_text(member, address) for member in members)
        changes = [Change(op, *address, text, expires_at) for text in texts]

        def act(book: KeyBook) -> int:
            book.apply(changes)
            return book.version(address)

        return self._run(Call([address], act))

    def _put_columns(self, changes: Sequence[Change]) -> int:
        with self.opened() as database:
            state = self.mirror.overlay()
            book = KeyBook(database, state, self.clock.now())
            with database.transaction():
                version = book.put_columns(as_columns(changes))
            self.mirror.absorb(state)
            compact_if_due(database, self.mirror, self.clock.now())
        return version

    # -- sharing transactions

    def _run(self, call: Call[T]) -> T:
        if not self._held_here():
            return self._combiner.run(call)
        self._carry_out([call])
        return call.outcome()

    def _carry_out(self, calls: Sequence[Call[Any]]) -> None:
        with self.opened() as database:
            try:
                self._transact(database, calls)
            except StorageError:
                if len(calls) == 1:
                    raise
                # The storage may object to one of them only.
                for call in calls:
                    try:
                        self._transact(database, [call])
                    except StorageError as error:
                        call.fail(error)
            compact_if_due(database, self.mirror, self.clock.now())

    def _transact(self, database: Database, calls: Sequence[Call[Any]]) -> None:
        state = self.mirror.overlay()
        book = KeyBook(database, state, self.clock.now())
        book.load(chain.from_iterable(call.needs for call in calls))
        for call in calls:
            call.carry_out(book)
        if book.changed:
            with database.transaction():
                book.write()
        self.mirror.absorb(state)


def _addresses(namespace: str, keys: Iterable[str]) -> list[Address]:
    name = namespace_of(namespace)
    if isinstance(keys, str):
        raise StateError(f"expected several keys, found {keys!r}", hint="put it in a list")
    return [address_of(name, key) for key in keys]


def _expected(keys: Iterable[str], if_version: int | Mapping[str, int] | None) -> Mapping[str, int]:
    if isinstance(if_version, int):
        return dict.fromkeys(keys, if_version)
    return if_version or {}


def _as_expected(book: KeyBook, namespace: str, expected: Mapping[str, int]) -> bool:
    return all(book.version((namespace, key)) == version for key, version in expected.items())


def _shown(
    found: Collection[tuple[Address, Entry]], members: Mapping[Address, list[str]]
) -> list[KvEntry]:
    # All values are read as one document: a call for each would take four times as long.
    values = json.loads(f"[{','.join(entry.value or 'null' for _address, entry in found)}]")
    return [
        KvEntry(address[1], value, entry.version, entry.expires_at)
        if entry.value is not None
        else KvEntry(
            address[1], sorted_members(members[address]), entry.version, entry.expires_at, True
        )
        for (address, entry), value in zip(found, values, strict=True)
    ]
