"""What can stand under a key, and what changes do to it: pure, over maps.

A key names a value (JSON) or a set. Through both doors to the state, the ledger's verbs and the
commit of a batch, come lists of `Change`s; `applied` is the one place that knows what they mean.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import md5
from typing import Any, NamedTuple

from lyftnb.errors import StateError
from lyftnb.model import Json, is_state_name

KEY_BYTES = 1024
"""The longest key, in UTF-8."""
VALUE_BYTES = 2**20
"""The longest value or member of a set, as compact JSON in UTF-8."""

# Made once: `json.dumps` with options makes one for each call, which takes longer than its work.
_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))
_SORTED = json.JSONEncoder(
    allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True
)

Address = tuple[str, str]
"""(namespace, key)."""


class Entry(NamedTuple):
    """What stands under a key: a value, a set (`set_since`), or nothing."""

    version: int
    value: str | None = None
    """JSON."""
    set_since: int | None = None
    """The version at which the set was begun: members from before it are another set's."""
    expires_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether there is anything to be read."""
        if self.value is None and self.set_since is None:
            return False
        return self.expires_at is None or self.expires_at > now


NOTHING = Entry(0)


class Change(NamedTuple):
    """One change of one key; the fields are the columns of staged key changes."""

    op: str
    namespace: str
    key: str
    value: str | None = None
    expires_at: datetime | None = None

    @property
    def address(self) -> Address:
        """Where it applies."""
        return self.namespace, self.key


@dataclass
class Applied:
    """What changes come to."""

    version: int
    """What the changed entries have."""
    entries: dict[Address, Entry] = field(default_factory=dict)
    members: dict[Address, dict[str, bool]] = field(default_factory=dict)
    """Set → member → whether it is in."""


def applied(
    changes: Iterable[Change], present: Mapping[Address, Entry], version: int, now: datetime
) -> Applied:
    """Apply changes in order.

    Args:
        changes: what to do.
        present: what stands under the keys now; must have those of all changes but `put`s.
        version: the version that changed entries get.
        now: what has expired by now is not there.

    Raises:
        StateError: a change does not fit what it meets.
    """
    found = Applied(version)
    for change in changes:
        address = (change.namespace, change.key)
        if change.op == "put":
            entry = None
        else:
            entry = found.entries.get(address) or present[address]
            if not entry.alive(now):
                entry = None
        _OPS[change.op](found, address, entry, change)
    return found


def _put(found: Applied, address: Address, _: Entry | None, change: Change) -> None:
    found.members.pop(address, None)
    found.entries[address] = Entry(found.version, change.value, None, change.expires_at)


def _put_absent(found: Applied, address: Address, entry: Entry | None, change: Change) -> None:
    if entry is None:
        _put(found, address, entry, change)


def _delete(found: Applied, address: Address, entry: Entry | None, change: Change) -> None:
    if entry is not None:
        found.members.pop(address, None)
        found.entries[address] = Entry(found.version)


def _increment(found: Applied, address: Address, entry: Entry | None, change: Change) -> None:
    before, expires_at = "0", change.expires_at
    if entry is not None:
        if entry.value is None:
            raise _unfit(address, "a number", "a set", "delete the set first")
        before, expires_at = entry.value, change.expires_at or entry.expires_at
    total = _sum(address, before, change.value or "null")
    found.entries[address] = Entry(found.version, total, None, expires_at)


def _add(found: Applied, address: Address, entry: Entry | None, change: Change) -> None:
    if entry is None:
        found.members.pop(address, None)
        entry = Entry(found.version, None, found.version)
    _set_member(found, address, entry, change)


def _remove(found: Applied, address: Address, entry: Entry | None, change: Change) -> None:
    if entry is not None:
        _set_member(found, address, entry, change)


def _set_member(found: Applied, address: Address, entry: Entry, change: Change) -> None:
    if entry.value is not None:
        raise _unfit(address, "a set", f"the value {_short(entry.value)}", "delete the value first")
    expires_at = change.expires_at or entry.expires_at
    found.entries[address] = Entry(found.version, None, entry.set_since, expires_at)
    found.members.setdefault(address, {})[change.value or "null"] = change.op == "add"


_OPS: Mapping[str, Callable[[Applied, Address, Entry | None, Change], None]] = {
    "put": _put,
    "put_absent": _put_absent,
    "delete": _delete,
    "increment": _increment,
    "add": _add,
    "remove": _remove,
}
OPS = tuple(_OPS)


def _sum(address: Address, before: str, by: str) -> str:
    numbers = [json.loads(before), json.loads(by)]
    for number, text in zip(numbers, (before, by), strict=True):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise _unfit(address, "a number", _short(text), "put a number there first")
    try:
        total = numbers[0] + numbers[1]
        if isinstance(total, float) and not math.isfinite(total):
            raise OverflowError
        return json.dumps(total)
    except (OverflowError, ValueError):
        raise _unfit(address, "a finite sum", f"{before} + {by}", "put a number there") from None


def _unfit(address: Address, expected: str, found: str, hint: str) -> StateError:
    return StateError(
        f"expected {expected}, found {found}",
        where=place(address),
        hint=hint,
        expected=f"{expected} under {place(address)}",
        found=found,
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def place(address: Address) -> str:
    """A key, for people."""
    namespace, key = address
    return f"key {namespace}:{_short(key)}"


def hash_of(address: Address) -> int:
    """The `hash` of a key; the same as SQL's `md5_number_lower(namespace || key)`."""
    text = address[0] + address[1]
    digest = md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little")


# -- what callers give


def namespace_of(name: str) -> str:
    """The name, if it can be a namespace's.

    Raises:
        StateError: it cannot.
    """
    if is_state_name(name):
        return name
    raise StateError(
        f"'{name}' cannot name a namespace",
        hint="use letters, digits and _ . : -, as in `sessions` or `etl.counters`",
    )


def address_of(namespace: str, key: str) -> Address:
    """Where a key stands.

    Raises:
        StateError: the key is no text, empty or too long.
    """
    try:
        size = len(key.encode())
    except (AttributeError, UnicodeEncodeError):
        size = 0
    if 1 <= size <= KEY_BYTES:
        return namespace, key
    shown = f"of {size:,} bytes" if size else repr(key)
    raise StateError(
        f"a key is text of 1 to {KEY_BYTES:,} bytes in UTF-8, found one {shown}",
        where=f"namespace {namespace}",
        hint="use a digest of what is longer, and keep the whole in the value",
    )


def json_text(
    value: Json, address: Address, encode: Callable[[Json], str] = _ENCODER.encode
) -> str:
    """A value as compact JSON, its keys in their order.

    Raises:
        StateError: it is no JSON, or too large.
    """
    try:
        text = encode(value)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise StateError(
            f"a value is not JSON: {error}",
            where=place(address),
            hint="give null, booleans, finite numbers, text, lists and objects",
        ) from error
    if size > VALUE_BYTES:
        raise StateError(
            f"a value has {size:,} bytes as JSON; the most is {VALUE_BYTES:,}",
            where=place(address),
            hint="split it over several keys, or keep it in a spool and its place here",
        )
    return text


def is_json(text: str) -> bool:
    """Whether text is JSON as the standard has it."""
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> None:
    raise ValueError(name)


def member_text(member: Json, address: Address) -> str:
    """A member of a set as JSON; equal members have equal text.

    Raises:
        StateError: it is no JSON, or too large.
    """
    return json_text(member, address, _SORTED.encode)


def sorted_members(texts: Iterable[str]) -> list[Json]:
    """Members of a set: numbers by size, then text, then the rest by how it is written."""
    return sorted((json.loads(text) for text in texts), key=_member_order)


def _member_order(member: Json) -> tuple[int, Any]:
    if isinstance(member, bool) or not isinstance(member, int | float | str):
        return 2, json.dumps(member, sort_keys=True)
    return (1, member) if isinstance(member, str) else (0, member)


def expiry(now: datetime, ttl_s: float | None) -> datetime | None:
    """When something that lives so long from now on expires; None: never.

    Raises:
        StateError: the time to live is not positive, or beyond all calendars.
    """
    if ttl_s is None:
        return None
    try:
        if ttl_s > 0:
            return now + timedelta(seconds=ttl_s)
    except (TypeError, ValueError, OverflowError):
        pass
    raise StateError(
        f"a time to live is a positive number of seconds, found {ttl_s!r}",
        hint="leave it out for what never expires",
    )
