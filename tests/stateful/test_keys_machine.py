"""Keys, sets, marks and locks against a model in dicts: single calls and batches, clocks that jump,
crashes and reopenings.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lyftnb.clock import ManualClock
from lyftnb.errors import StateError
from lyftnb.model import Claim, Commit, Committed, HeldLock, Refused, StagedState
from lyftnb.store import Ledger, key_changes, keybook, query, stage_state
from lyftnb.store import keys as keys_module
from lyftnb.testing.invariants import check
from tests.dice import rounds
from tests.ledger_kit import blank

SPACES = ("a", "d/own")
KEYS = ("k", "l")
SCOPE = "d/s/dedupe"
LOCK = "leader"

Change = tuple[str, str, str, Any]
"""(op, namespace, key, value)."""

# Most steps meet under one key, so that they have to do with one another.
spaces = st.sampled_from(("a", "a", "a", "d/own"))
keys = st.sampled_from(("k", "k", "k", "l"))
members = st.integers(0, 2)
json_values = st.one_of(st.integers(0, 9), st.just("text"), st.just([1, 2]))
ttls = st.one_of(st.none(), st.sampled_from([5.0, 50.0]))
changes = st.one_of(
    st.tuples(st.sampled_from(["put", "put_absent"]), spaces, keys, json_values),
    st.tuples(st.just("delete"), spaces, keys, st.none()),
    st.tuples(st.just("increment"), spaces, keys, st.integers(-2, 2)),
    st.tuples(st.sampled_from(["add", "remove"]), spaces, keys, members),
)


@dataclass(frozen=True)
class Held:
    """What the model has under a key; a set is a frozenset."""

    value: Any
    version: int
    expires_at: datetime | None


class KeysMachine(RuleBasedStateMachine):
    """`keys` holds what was written, expired or not; `there` what can be read."""

    @initialize(columns=st.sampled_from([1, keybook.COLUMN_ROWS]))
    def begin(self, columns: int) -> None:
        # From how many puts on they pass as columns must make no difference.
        self.patches = [
            patch.object(module, "COLUMN_ROWS", columns) for module in (keys_module, key_changes)
        ]
        for each in self.patches:
            each.start()
        self.folder = Path(tempfile.mkdtemp(prefix="lyftnb-"))
        self.clock = ManualClock()
        self.opened = 0
        self.ledger = Ledger.open(blank(self.folder / "0"), self.clock)
        self.keys: dict[tuple[str, str], Held] = {}
        self.namespaces = dict.fromkeys(SPACES, 0)
        self.version = 0
        self.marks: dict[int, list[datetime | None]] = {}
        self.lock: tuple[int, bool, datetime] = (0, False, self.clock.now())
        self.number = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.look_closely()
            self.ledger.close()
            shutil.rmtree(self.folder)
            for each in self.patches:
                each.stop()

    # -- the model

    def alive(self, expires_at: datetime | None) -> bool:
        return expires_at is None or expires_at > self.clock.now()

    def there(self, address: tuple[str, str]) -> Held | None:
        held = self.keys.get(address)
        return held if held and self.alive(held.expires_at) else None

    def version_of(self, address: tuple[str, str]) -> int:
        held = self.there(address)
        return held.version if held else 0

    def changed(self, changes: list[Change], until: datetime | None) -> bool:
        """Carry changes out, all or none (False)."""
        before, version = dict(self.keys), self.version + 1
        touched = set()
        for op, namespace, key, value in changes:
            address = (namespace, key)
            held = self.there(address)
            kept = until or (held.expires_at if held else None)
            if op == "put" or (op == "put_absent" and held is None):
                self.keys[address] = Held(value, version, until)
            elif op == "delete" and held is not None:
                del self.keys[address]
            elif op == "increment":
                number = held.value if held else 0
                if not isinstance(number, int):
                    self.keys = before
                    return False
                self.keys[address] = Held(number + value, version, kept)
            elif op == "add" or (op == "remove" and held is not None):
                found = held.value if held else frozenset()
                if not isinstance(found, frozenset):
                    self.keys = before
                    return False
                found = found | {value} if op == "add" else found - {value}
                self.keys[address] = Held(found, version, kept)
            else:
                continue
            touched.add(namespace)
        if touched:
            self.version = version
            self.namespaces.update(dict.fromkeys(touched, version))
        return True

    def seen(self, key: int) -> bool:
        return any(self.alive(until) for until in self.marks.get(key, []))

    def lock_held(self) -> bool:
        _token, held, until = self.lock
        return held and until > self.clock.now()

    def until(self, ttl_s: float | None) -> datetime | None:
        return None if ttl_s is None else self.clock.now() + timedelta(seconds=ttl_s)

    # -- single calls

    @rule(namespace=spaces, values=st.dictionaries(keys, json_values, min_size=1), ttl=ttls)
    def put(self, namespace: str, values: dict[str, Any], ttl: float | None) -> None:
        version = self.ledger.kv_put(namespace, values, ttl)
        rows: list[Change] = [("put", namespace, key, value) for key, value in values.items()]
        assert self.changed(rows, self.until(ttl))
        assert version == self.version

    @rule(namespace=spaces, values=st.dictionaries(keys, json_values, min_size=1), off=members)
    def compare_and_put(self, namespace: str, values: dict[str, Any], off: int) -> None:
        expected = {key: self.version_of((namespace, key)) for key in values}
        if off == 0:
            expected[next(iter(expected))] += 1
            assert self.ledger.kv_put(namespace, values, if_version=expected) is None
        else:
            version = self.ledger.kv_put(namespace, values, if_version=expected)
            self.changed([("put", namespace, key, value) for key, value in values.items()], None)
            assert version == self.version

    @rule(namespace=spaces, gone=st.lists(keys, min_size=1))
    def delete(self, namespace: str, gone: list[str]) -> None:
        there = sum(self.there((namespace, key)) is not None for key in set(gone))
        assert self.ledger.kv_delete(namespace, gone) == there
        self.changed([("delete", namespace, key, None) for key in gone], None)

    @rule(namespace=spaces, by=st.dictionaries(keys, members, min_size=1), ttl=ttls)
    def increment(self, namespace: str, by: dict[str, int], ttl: float | None) -> None:
        rows: list[Change] = [("increment", namespace, key, n) for key, n in by.items()]
        if self.changed(rows, self.until(ttl)):
            sums = self.ledger.kv_increment(namespace, by, ttl)
            assert sums == {key: self.keys[namespace, key].value for key in by}
        else:
            with pytest.raises(StateError):
                self.ledger.kv_increment(namespace, by, ttl)

    @rule(namespace=spaces, key=keys, some=st.sets(members, min_size=1), add=st.booleans())
    def change_set(self, namespace: str, key: str, some: set[int], add: bool) -> None:
        op, verb = ("add", Ledger.set_add) if add else ("remove", Ledger.set_remove)
        if self.changed([(op, namespace, key, member) for member in some], None):
            version = verb(self.ledger, namespace, key, some)
            assert version == self.version_of((namespace, key))
        else:
            with pytest.raises(StateError):
                verb(self.ledger, namespace, key, some)

    # -- batches

    def commit(self, *state: tuple[StagedState, ...], **claimed: Any) -> Commit:
        claim = Claim(
            batch=f"d/s/{self.number}",
            attempt=1,
            run="r",
            deployment="d",
            stage="s",
            splits=(),
            advances=(),
            tables=(),
            snapshot=self.ledger.snapshot(),
            now=self.clock.now(),
            seed=0,
        )
        return Commit(
            replace(claim, **claimed), state=tuple(file for part in state for file in part)
        )

    def staged(self, family: Any, frame: pl.DataFrame) -> tuple[StagedState, ...]:
        self.number += 1
        batch = f"d/s/{self.number}"
        return stage_state(
            frame, self.ledger.root, family, batch=batch, attempt=1, task="s", split=0
        )

    def staged_changes(
        self,
        rows: list[Change],
        reads: list[tuple[str, str]],
        scans: list[str],
        until: datetime | None,
    ) -> Commit:
        documents = [
            {
                "op": op,
                "namespace": namespace,
                "key": key,
                "value": None if op == "delete" else json.dumps(value),
                "expires_at": None if op == "delete" else until,
            }
            for op, namespace, key, value in rows
        ]
        documents += [
            {"op": "read", "namespace": namespace, "key": key, "version": version}
            for namespace, key in reads
            for version in [self.version_of((namespace, key))]
        ]
        documents += [
            {"op": "scan", "namespace": namespace, "version": self.namespaces[namespace]}
            for namespace in scans
        ]
        types = {"value": pl.String, "version": pl.Int64, "expires_at": pl.Datetime("us", "UTC")}
        return self.commit(self.staged("kv", pl.DataFrame(documents, schema_overrides=types)))

    @rule(
        groups=st.lists(
            st.tuples(
                st.lists(changes, min_size=1, max_size=4),
                st.lists(st.tuples(spaces, keys), max_size=2),
                st.lists(spaces, max_size=1),
            ),
            min_size=1,
            max_size=3,
        ),
        between=st.lists(st.tuples(spaces, keys), max_size=1),
        ttl=ttls,
    )
    def batches(
        self,
        groups: list[tuple[list[Change], list[tuple[str, str]], list[str]]],
        between: list[tuple[str, str]],
        ttl: float | None,
    ) -> None:
        """Batches that saw the same state, staged; a call in between; then all in one commit."""
        until = self.until(ttl)
        commits = [self.staged_changes(*group, until) for group in groups]
        known = [
            ({a: self.version_of(a) for a in reads}, {n: self.namespaces[n] for n in scans})
            for _rows, reads, scans in groups
        ]
        for namespace, key in between:
            self.put(namespace, {key: 0}, None)
        answers = self.ledger.commit(commits)
        for answer, (rows, _reads, _scans), (reads, scans) in zip(
            answers, groups, known, strict=True
        ):
            held = all(self.version_of(a) == version for a, version in reads.items())
            held = held and all(self.namespaces[n] == version for n, version in scans.items())
            if not held:
                assert isinstance(answer, Refused) and answer.requirement == "state"
            elif self.changed(rows, until):
                assert isinstance(answer, Committed)
            else:
                assert isinstance(answer, Refused) and answer.requirement == "change"

    @rule(marked=st.lists(st.integers(0, 5), min_size=1, max_size=3), ttl=ttls)
    def mark(self, marked: list[int], ttl: float | None) -> None:
        until = self.until(ttl)
        frame = fingerprints(marked).with_columns(scope=pl.lit(SCOPE), expires_at=pl.lit(until))
        (answer,) = self.ledger.commit([self.commit(self.staged("marks", frame))])
        if any(self.seen(key) for key in marked):
            assert isinstance(answer, Refused) and answer.requirement == "state"
        else:
            assert isinstance(answer, Committed)
            for key in marked:
                self.marks.setdefault(key, []).append(until)

    # -- locks

    @rule(ttl=st.sampled_from([5.0, 50.0]))
    def acquire(self, ttl: float) -> None:
        token = self.ledger.lock_acquire(LOCK, "me", ttl)
        if self.lock_held():
            assert token is None
        else:
            assert token == self.lock[0] + 1
            self.lock = (token, True, self.clock.now() + timedelta(seconds=ttl))

    @rule(stale=st.integers(0, 2), renew=st.booleans())
    def keep_or_release(self, stale: int, renew: bool) -> None:
        token = self.lock[0] - stale % 2
        holds = stale != 1 and self.lock_held()
        if renew:
            assert self.ledger.lock_renew(LOCK, token, 50.0) == holds
        else:
            assert self.ledger.lock_release(LOCK, token) == holds
        if holds:
            self.lock = (token, renew, self.clock.now() + timedelta(seconds=50))

    @rule(stale=st.booleans(), stall=st.sampled_from([0.0, 6.0, 60.0]))
    def commit_under_lock(self, stale: bool, stall: float) -> None:
        self.acquire(5.0)
        self.clock.advance(stall)
        self.number += 1
        token = self.lock[0] - stale
        (answer,) = self.ledger.commit([self.commit(locks=(HeldLock(LOCK, token),))])
        if self.lock_held() and not stale:
            assert isinstance(answer, Committed)
        else:
            assert isinstance(answer, Refused) and answer.requirement == "lock"

    # -- time, maintenance, crashes

    @rule(seconds=st.sampled_from([-20.0, 3.0, 5.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def tidy(self) -> None:
        self.ledger.tidy()
        self.keys = {a: held for a, held in self.keys.items() if self.alive(held.expires_at)}
        self.marks = {
            key: [until for until in marks if self.alive(until)]
            for key, marks in self.marks.items()
        }

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.folder / str(self.opened), self.clock)

    @rule()
    def crash(self) -> None:
        """Go on with the files as a kill would have left them at this instant."""
        before = self.folder / str(self.opened)
        self.opened += 1
        shutil.copytree(before, self.folder / str(self.opened))
        self.ledger.close()
        self.ledger = Ledger.open(self.folder / str(self.opened), self.clock)

    @rule()
    def forget(self) -> None:
        self.ledger.forget("d")
        self.marks.clear()
        if any(namespace == "d/own" for namespace, _key in self.keys) or self.namespaces["d/own"]:
            mine = [a for a in self.keys if a[0] == "d/own"]
            for address in mine:
                del self.keys[address]
            self.version = self.ledger.mirror.version
            self.namespaces["d/own"] = self.ledger.kv_version("d/own")

    # -- what must hold

    @invariant()
    def now_is_as_modelled(self) -> None:
        for namespace in SPACES:
            there = {key: self.there((namespace, key)) for key in KEYS}
            got = dict(zip(KEYS, self.ledger.kv_get(namespace, KEYS), strict=True))
            for key, held in there.items():
                entry = got[key]
                found = entry and Held(
                    frozenset(entry.value) if entry.is_set else entry.value,
                    entry.version,
                    entry.expires_at,
                )
                assert found == held
            assert self.ledger.kv_version(namespace) == self.namespaces[namespace]
        numbers = list(range(6))
        unseen = self.ledger.unseen(SCOPE, fingerprints(numbers).to_arrow(), self.clock.now())
        assert unseen.to_pylist() == [not self.seen(key) for key in numbers]
        assert [lock.token for lock in self.ledger.locks()] == [self.lock[0]] * self.lock_held()

    @rule()
    def look_closely(self) -> None:
        """What takes too long to be done after every step."""
        check(self.ledger)
        for namespace in SPACES:
            scanned = [entry.key for entry in self.ledger.kv_scan(namespace)]
            assert scanned == [key for key in KEYS if self.there((namespace, key))]
        there = {a: held for a in self.keys if (held := self.there(a))}
        rows = query(self.ledger, "SELECT namespace, key, value FROM lyftnb.kv").rows()
        assert {(n, k): json.loads(value) for n, k, value in rows} == {
            a: held.value for a, held in there.items() if not isinstance(held.value, frozenset)
        }
        rows = query(self.ledger, "SELECT namespace, key, member FROM lyftnb.sets").rows()
        assert sorted((n, k, json.loads(member)) for n, k, member in rows) == sorted(
            (*a, member)
            for a, held in there.items()
            if isinstance(held.value, frozenset)
            for member in held.value
        )


def fingerprints(keys: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"high": [key // 2 for key in keys], "low": keys}, {"high": pl.UInt64, "low": pl.UInt64}
    )


TestKeys = KeysMachine.TestCase
TestKeys.settings = settings(
    max_examples=rounds(30, 300),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
