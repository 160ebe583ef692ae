"""Keys and sets of a namespace, as people use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from lyftnb.errors import StateError
from lyftnb.model import Json, KvEntry, canonical_json
from lyftnb.workspace.tabular import Table, View, listed

if TYPE_CHECKING:
    from lyftnb.workspace.waiting import Verbs

Number = int | float

COLUMNS = ("key", "value", "version", "expires")
_PAGE = 10_000
_SHOWN_ROWS = 10
_SHOWN_CHARACTERS = 100


class Kv:
    """A namespace of keys, shared by all workflows of a workspace: `ws.kv("prices")`.

    A key names a value, any JSON, or a set, whose members are any JSON. Each verb changes all that
    it is given, or nothing, and what it has changed is durable when it returns. A deployment's own
    namespace (`./NAME` in its steps) is `DEPLOYMENT/NAME`.

    >>> prices = ws.kv("prices")  # doctest: +SKIP
    >>> prices.put_many({"eur": 1.0, "usd": 1.1}, ttl=3600)  # doctest: +SKIP
    >>> prices.get("usd"), prices.increment("asked")  # doctest: +SKIP
    (1.1, 1)
    """

    def __init__(self, state: Verbs, namespace: str) -> None:
        self.namespace = namespace
        self._state = state

    # -- reading

    def get(self, key: str, default: Json = None) -> Json:
        """The value of a key; of a set the sorted list of its members."""
        return self.get_many([key]).get(key, default)

    def get_many(self, keys: Iterable[str]) -> dict[str, Json]:
        """The values of those keys that are there, as of one moment."""
        wanted = _listed(keys)
        found = self._state.kv_get(self.namespace, wanted)
        return {entry.key: entry.value for entry in found if entry is not None}

    def scan(self, prefix: str = "") -> dict[str, Json]:
        """All keys that begin so, with their values, by key. More than 10,000 are read in several
        moments.
        """
        return {entry.key: entry.value for entry in self.entries(prefix)}

    def entry(self, key: str) -> KvEntry | None:
        """A key with its version and the time it expires at; None if it is not there."""
        return self._state.kv_get(self.namespace, [key])[0]

    def entries(self, prefix: str = "", limit: int | None = None) -> Entries:
        """Keys that begin so, by key, with versions and expiry; at most `limit`."""
        found = Entries()
        after: str | None = None
        while limit is None or len(found) < limit:
            room = _PAGE if limit is None else min(limit - len(found), _PAGE)
            page = self._state.kv_scan(self.namespace, prefix, after, room)
            found += page
            if len(page) < room:
                break
            after = page[-1].key
        return found

    def members(self, key: str) -> list[Json]:
        """The members of a set, sorted; none if there is no such set.

        Raises:
            StateError: a value stands under the key.
        """
        return self._state.set_members(self.namespace, key)

    # -- changing

    def put(self, key: str, value: Json, ttl: float | None = None) -> int:
        """Put a value, over whatever stands there; its version. `ttl` seconds from now it is gone.

        Raises:
            StateError: the key or the value breaks a limit, or is not JSON.
        """
        return self.put_many({key: value}, ttl)

    def put_many(self, values: Mapping[str, Json], ttl: float | None = None) -> int:
        """Put many values at once; the version that all of them have."""
        version = self._state.kv_put(self.namespace, values, ttl)
        assert version is not None  # no version was asked for, so none can be wrong
        return version

    def compare_and_set(
        self, key: str, value: Json, version: int, ttl: float | None = None
    ) -> int | None:
        """Put a value if the key has this version (0: if nothing is there).

        Returns:
            The version it has now; None if it had another, and then nothing was put.

        >>> entry = ws.kv("jobs").entry("next")  # doctest: +SKIP
        >>> ws.kv("jobs").compare_and_set("next", 7, entry.version)  # doctest: +SKIP
        """
        return self._state.kv_put(self.namespace, {key: value}, ttl, version)

    def delete(self, key: str) -> bool:
        """Delete a value or a set; whether it was there."""
        return self.delete_many([key]) > 0

    def delete_many(self, keys: Iterable[str]) -> int:
        """Delete values and sets; how many of them were there."""
        count = self._state.kv_delete(self.namespace, _listed(keys))
        assert count is not None
        return count

    def increment(self, key: str, by: Number = 1, ttl: float | None = None) -> Number:
        """Add to a number (0 if the key is not there); the sum. With `ttl` it lasts so many seconds
        from now, otherwise as long as it did.

        Raises:
            StateError: something else than a number stands there.
        """
        return self.increment_many({key: by}, ttl)[key]

    def increment_many(
        self, by: Mapping[str, Number], ttl: float | None = None
    ) -> dict[str, Number]:
        """Add to many numbers at once; the sums."""
        return self._state.kv_increment(self.namespace, by, ttl)

    def add(self, key: str, *members: Json, ttl: float | None = None) -> int:
        """Take members into a set, which is begun if need be; its version. With `ttl` the whole set
        lasts so many seconds from now.

        Raises:
            StateError: a value stands under the key.
        """
        return self._state.set_add(self.namespace, key, members, ttl)

    def remove(self, key: str, *members: Json) -> int:
        """Take members out of a set; its version, 0 if there is no such set."""
        return self._state.set_remove(self.namespace, key, members)

    def __len__(self) -> int:
        return self._state.kv_namespaces().get(self.namespace, 0)

    def __bool__(self) -> bool:
        return True  # a namespace without keys is one, too

    def __contains__(self, key: str) -> bool:
        return self.entry(key) is not None

    def __repr__(self) -> str:
        return f"Kv({self.namespace}: {len(self):,} keys)"

    def _repr_html_(self) -> str:
        count = len(self)
        found = self.entries(limit=_SHOWN_ROWS)
        more = f", the first {len(found)}" if count > len(found) else ""
        return listed(ENTRIES, found, f"{self.namespace}: {count:,} keys{more}")


def cells(entry: KvEntry) -> tuple[str, str, int, str]:
    """A key under `COLUMNS`, its value cut short; sets stand in braces."""
    text = canonical_json(entry.value)
    if entry.is_set:
        text = f"{{{text[1:-1]}}}"
    if len(text) > _SHOWN_CHARACTERS:
        text = f"{text[: _SHOWN_CHARACTERS - 1]}…"
    until = "" if entry.expires_at is None else f"{entry.expires_at:%Y-%m-%d %H:%M:%S}"
    return entry.key, text, entry.version, until


ENTRIES: Final[View[KvEntry]] = View("no keys", COLUMNS, cells)


class Entries(Table[KvEntry]):
    """Keys as they stand; shown as a table."""

    view = ENTRIES


def _listed(keys: Iterable[str]) -> list[str]:
    if isinstance(keys, str):
        raise StateError(f"expected several keys, found {keys!r}", hint="put it in a list")
    return list(keys)
