"""The state as a python step sees it: what is committed, and what the batch itself has changed.

Every read is noted with the version that it saw; the commit is refused, and the batch runs again,
if any of it has changed meanwhile. Changes are noted too, and committed with the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from lyftnb.errors import BadData, LockHeld, SetupError
from lyftnb.model import KV_READ, KV_SCAN, HeldLock, full_name
from lyftnb.operators.base import Env
from lyftnb.operators.state_changes import StateChanges

Json = Any
_GONE = object()


class BatchState:
    """What one call of a function reads and changes of the state."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._spaces: dict[str, BatchKv] = {}
        self._items: list[dict[str, Any]] = []
        self._messages: list[dict[str, Any]] = []

    def kv(self, namespace: str) -> BatchKv:
        """Keys and sets of a namespace; `./name` is the deployment's own."""
        name = full_name(namespace, self._env.deployment)
        return self._spaces.setdefault(name, BatchKv(name, self._env))

    def enqueue(self, queue: str, payloads: Iterable[Json], *, priority: int = 0) -> None:
        """Put work items into a queue, once the batch is committed."""
        name = full_name(queue, self._env.deployment)
        self._items += (
            {"queue": name, "payload": json.dumps(payload), "priority": priority}
            for payload in payloads
        )

    def publish(self, tag: str, payload: Json = None) -> None:
        """Send a message, once the batch is committed."""
        job = self._env.place.rpartition("/")[0]
        self._messages.append({"tag": tag, "payload": json.dumps(payload), "job": job})

    def lock(self, name: str, ttl: float = 60.0) -> int:
        """Take a lock, for this batch; its fencing token. The lock is given back with the commit;
        who holds it for longer than `ttl` seconds has lost it, and the batch cannot commit.

        Raises:
            LockHeld: somebody else holds it; the batch waits for it.
        """
        full = full_name(name, self._env.deployment)
        if self._env.state is None:
            return 0
        token = self._env.state.lock_acquire(full, self._env.batch, ttl)
        if token is None:
            raise LockHeld(f"somebody else holds the lock '{full}'", delay=min(ttl / 4, 5.0))
        if self._env.changes is not None:
            self._env.changes.locks.append(HeldLock(full, token))
        return token

    @property
    def written(self) -> bool:
        """Whether anything was changed."""
        spaces = any(space.written for space in self._spaces.values())
        return spaces or bool(self._items or self._messages)

    def hand_over(self, changes: StateChanges) -> None:
        """Note all of it for the commit."""
        for space in self._spaces.values():
            changes.add_rows("kv", space.rows())
        changes.add_rows("items", self._items)
        changes.add_rows("messages", self._messages)


class BatchKv:
    """A namespace within a batch. All verbs but the plain ones take many keys at once."""

    def __init__(self, namespace: str, env: Env) -> None:
        self.namespace = namespace
        self._env = env
        self._values: dict[str, Any] = {}
        """Keys that the batch has read or changed → their values now."""
        self._changes: list[dict[str, Any]] = []
        self._scanned: int | None = None

    # -- reading

    def get(self, key: str, default: Json = None) -> Json:
        """The value of a key."""
        return self.get_many([key]).get(key, default)

    def get_many(self, keys: Sequence[str]) -> dict[str, Json]:
        """The values of those keys that are there. A set is the sorted list of its members."""
        self._load(keys)
        found = {key: self._values[key] for key in keys}
        return {key: value for key, value in found.items() if value is not _GONE}

    def scan(self, prefix: str = "") -> dict[str, Json]:
        """All keys that begin so, with their values, by key. The batch runs again if anything of
        the namespace changes before it is committed.
        """
        state = self._state()
        if self._scanned is None:
            self._scanned = state.kv_version(self.namespace)
            self._note(KV_SCAN, "", version=self._scanned)
        after: str | None = None
        while entries := state.kv_scan(self.namespace, prefix, after):
            for entry in entries:
                self._values.setdefault(entry.key, entry.value)
            after = entries[-1].key
        found = {k: v for k, v in self._values.items() if k.startswith(prefix) and v is not _GONE}
        return dict(sorted(found.items()))

    # -- changing

    def put(self, key: str, value: Json, ttl: float | None = None) -> None:
        """Set the value of a key; `ttl` seconds from now it is gone."""
        self.put_many({key: value}, ttl)

    def put_many(self, values: Mapping[str, Json], ttl: float | None = None) -> None:
        """Set the values of many keys."""
        for key, value in values.items():
            self._note("put", key, value, ttl=ttl)
            self._values[key] = value

    def delete(self, *keys: str) -> None:
        """Remove keys."""
        for key in keys:
            self._note("delete", key)
            self._values[key] = _GONE

    def increment(self, key: str, by: float = 1) -> None:
        """Add to a number (0 if the key is not there). It never conflicts with what others add, as
        long as the batch does not read the key as well.
        """
        self._note("increment", key, by)
        if key in self._values:
            before = self._values[key]
            self._values[key] = by if before is _GONE else before + by

    def add(self, key: str, *members: Json) -> None:
        """Take members into a set; never conflicts."""
        self._change_set("add", key, members)

    def remove(self, key: str, *members: Json) -> None:
        """Take members out of a set; never conflicts."""
        self._change_set("remove", key, members)

    # -- inside

    @property
    def written(self) -> bool:
        """Whether anything was changed."""
        return any(row["op"] not in (KV_READ, KV_SCAN) for row in self._changes)

    def rows(self) -> list[Mapping[str, Any]]:
        """What was read and changed, in order, as staged changes."""
        return [{**row, "namespace": self.namespace} for row in self._changes]

    def _load(self, keys: Iterable[str]) -> None:
        """Read keys that have not been read, and lay the batch's own changes over them."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._values]
        if not missing:
            return
        entries = self._state().kv_get(self.namespace, missing)
        for key, entry in zip(missing, entries, strict=True):
            own = [row for row in self._changes if row["key"] == key]
            self._note(KV_READ, key, version=entry.version if entry else 0)
            value = entry.value if entry else _GONE
            for row in own:
                value = _applied(value, row["op"], json.loads(row["value"]))
            self._values[key] = value

    def _change_set(self, op: str, key: str, members: Sequence[Json]) -> None:
        for member in members:
            self._note(op, key, member)
        if key in self._values:
            for member in members:
                self._values[key] = _applied(self._values[key], op, member)

    def _note(
        self,
        op: str,
        key: str,
        value: Json = None,
        *,
        ttl: float | None = None,
        version: int | None = None,
    ) -> None:
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BadData(
                f"the value for '{key}' is not JSON: {error}", where=f"namespace {self.namespace}"
            ) from None
        expires = None if ttl is None else self._env.now + timedelta(seconds=ttl)
        row = {"op": op, "key": key, "value": text, "version": version, "expires_at": expires}
        self._changes.append(row)

    def _state(self) -> Any:
        if self._env.state is None:
            raise SetupError(
                "there is no state to read here",
                where=self._env.place,
                hint="run the workflow in a workspace, or trace it there",
            )
        return self._env.state


def _applied(value: Any, op: str, change: Json) -> Any:
    """A value after a change that the batch has made without reading it."""
    if op == "increment":
        return change if value is _GONE else value + change
    members = [] if value is _GONE else [m for m in value if m != change]
    return sorted([*members, change], key=json.dumps) if op == "add" else members
