"""Keys and sets: what single calls do, what a commit does, and what both refuse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb.clock import ManualClock
from lyftnb.errors import StateError, StorageError
from lyftnb.model import Commit, Committed, KvEntry, Refused
from lyftnb.store import Ledger, TidyReport, query, stage_state
from lyftnb.store.database import Database
from lyftnb.store.entries import hash_of, sorted_members
from lyftnb.store.keybook import COLUMN_ROWS
from lyftnb.testing import invariants
from tests.unit.store.conftest import MakeCommit

Row = tuple[Any, ...]
CONNECTION = duckdb.connect()
Stage = Callable[..., Commit]


@pytest.fixture
def stage(ledger: Ledger, make: MakeCommit) -> Stage:
    """The commit of batch `n` with staged key changes (op, namespace, key, value, version)."""

    def commit(n: int, *rows: Row, **columns: Any) -> Commit:
        names = ("op", "namespace", "key", "value", "version")
        filled = [row + (None,) * (len(names) - len(row)) for row in rows]
        frame = pl.DataFrame(
            filled, dict.fromkeys(names, pl.String) | {"version": pl.Int64}, orient="row"
        )
        frame = frame.with_columns(**columns)
        origin = {"batch": f"d/s/{n}", "attempt": 1, "task": "s", "split": 0}
        return make(n, state=stage_state(frame, ledger.root, "kv", **origin))

    return commit


def values(ledger: Ledger, namespace: str = "n") -> dict[str, Any]:
    return {entry.key: entry.value for entry in ledger.kv_scan(namespace)}


# -- single calls


def test_what_is_put_is_what_is_got(ledger: Ledger) -> None:
    value = {"b": [1, 2.5, None, True, "é\n\x00"], "a": {"": {}}, "n": 2**70}
    assert ledger.kv_put("n", {"k": value, "other": None}) == 1
    assert ledger.kv_get("n", ["other", "nothing", "k"]) == [
        KvEntry("other", None, 1),
        None,
        KvEntry("k", value, 1),
    ]
    (entry,) = ledger.kv_get("n", ["k"])
    assert entry is not None and list(entry.value) == ["b", "a", "n"]
    assert ledger.kv_get("elsewhere", ["k"]) == [None]


def test_a_set_of_keys_is_one_change(ledger: Ledger) -> None:
    ledger.kv_put("n", {"a": 1})
    assert ledger.kv_put("n", {"b": 2, "c": 3}) == 2
    assert ledger.kv_delete("n", ["a", "c", "c", "never"]) == 2
    assert values(ledger) == {"b": 2}
    assert ledger.kv_version("n") == 3
    assert ledger.kv_delete("n", ["never"]) == 0
    assert ledger.kv_version("n") == 3


def test_compare_and_set_holds_for_all_keys_or_none(ledger: Ledger) -> None:
    assert ledger.kv_put("n", {"a": 1, "b": 1}, if_version=0) == 1
    assert ledger.kv_put("n", {"a": 2, "c": 2}, if_version=0) is None
    assert ledger.kv_put("n", {"a": 2, "b": 2}, if_version={"b": 1, "gone": 0}) == 2
    assert ledger.kv_put("n", {"a": 3}, if_version=1) is None
    assert ledger.kv_delete("n", ["a", "b"], if_version=1) is None
    assert ledger.kv_delete("n", ["a"], if_version=2) == 1
    assert ledger.kv_put("n", {"a": 4}, if_version=0) == 4
    assert values(ledger) == {"a": 4, "b": 2}


def test_numbers_are_added_exactly(ledger: Ledger) -> None:
    ledger.kv_put("n", {"a": 2**62})
    assert ledger.kv_increment("n", {"a": 2**63, "new": -1, "float": 0.5}) == {
        "a": 2**62 + 2**63,
        "new": -1,
        "float": 0.5,
    }
    assert ledger.kv_increment("n", {"float": 1}) == {"float": 1.5}


def test_what_cannot_be_added_changes_nothing(ledger: Ledger) -> None:
    ledger.kv_put("n", {"a": 1, "text": "x", "big": 1e308})
    ledger.set_add("n", "set", [1])
    for key, by in (("text", 1), ("set", 1), ("big", 1e308), ("a", "1"), ("a", True)):
        with pytest.raises(StateError, match=f"key n:{key}"):
            ledger.kv_increment("n", {"first": 1, key: by})  # type: ignore[dict-item]
    assert values(ledger) == {"a": 1, "text": "x", "big": 1e308, "set": [1]}


def test_a_set_has_each_member_once_and_any_json(ledger: Ledger) -> None:
    ledger.set_add("n", "s", ["b", 10, 9.5, {"y": 1, "x": 2}, "a", None])
    ledger.set_add("n", "s", ["a", {"x": 2, "y": 1}])
    ledger.set_remove("n", "s", [10, "never"])
    members = [9.5, "a", "b", None, {"x": 2, "y": 1}]
    assert ledger.set_members("n", "s") == sorted_members(
        ["9.5", '"a"', '"b"', "null", '{"x":2,"y":1}']
    )
    assert sorted(map(str, ledger.set_members("n", "s"))) == sorted(map(str, members))
    (entry,) = ledger.kv_get("n", ["s"])
    assert entry is not None and entry.is_set and entry.version == 3
    assert ledger.set_remove("n", "none", [1]) == 0 and ledger.set_members("n", "none") == []


def test_a_set_that_is_begun_anew_has_none_of_the_old_members(ledger: Ledger) -> None:
    ledger.set_add("n", "s", [1, 2])
    ledger.kv_put("n", {"s": "a value"})
    with pytest.raises(StateError, match="expected a set, found the value"):
        ledger.set_add("n", "s", [3])
    with pytest.raises(StateError, match="expected a set"):
        ledger.set_members("n", "s")
    ledger.kv_delete("n", ["s"])
    ledger.set_add("n", "s", [3])
    assert ledger.set_members("n", "s") == [3]
    ledger.tidy()
    assert ledger.set_members("n", "s") == [3]


def test_what_has_expired_is_not_there(ledger: Ledger, clock: ManualClock) -> None:
    ledger.kv_put("n", {"a": 1, "b": 1}, ttl_s=10)
    ledger.set_add("n", "s", [1], ttl_s=10)
    ledger.kv_increment("n", {"b": 1})
    ledger.kv_increment("n", {"c": 1}, ttl_s=20)
    clock.advance(10)
    assert values(ledger) == {"c": 1} and ledger.kv_namespaces() == {"n": 1}
    assert ledger.kv_get("n", ["a", "b", "s"]) == [None] * 3
    for view, rows in (("kv", 1), ("sets", 0)):
        assert query(ledger, f"SELECT * FROM lyftnb.{view}").height == rows
    assert ledger.kv_increment("n", {"b": 1}) == {"b": 1}
    assert ledger.kv_put("n", {"a": 2}, if_version=0) is not None
    ledger.set_add("n", "s", [2])
    assert ledger.set_members("n", "s") == [2]
    clock.advance(1000)
    assert values(ledger) == {"a": 2, "b": 1, "s": [2]}


def test_tidying_removes_what_does_not_count(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    for number in range(5):
        ledger.kv_put("n", {"a": number, "gone": number})
        ledger.set_add("n", "s", [number])
    ledger.kv_delete("n", ["gone"])
    ledger.kv_put("n", {"soon": 1}, ttl_s=1)
    clock.advance(2)
    before, version = values(ledger), ledger.kv_version("n")
    assert ledger.tidy() == TidyReport(keys=15)
    assert ledger.tidy() == TidyReport()
    assert values(ledger) == before == {"a": 4, "s": [0, 1, 2, 3, 4]}
    ledger.close()
    with Ledger.open(tmp_path / "state", clock) as reopened:
        assert values(reopened) == before
        # A version is never given twice, although the row that bore it is gone.
        assert reopened.kv_version("n") == version
        assert reopened.kv_put("n", {"gone": 1}) == version + 1
        invariants.check(reopened)


def test_an_expired_key_stays_away_if_the_clock_is_set_back_after_tidying(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.kv_put("n", {"a": 1}, ttl_s=10)
    clock.advance(10)
    ledger.tidy()
    clock.advance(-10)
    assert values(ledger) == {} and ledger.kv_get("n", ["a"]) == [None]


def test_scans_are_by_prefix_and_in_pages(ledger: Ledger) -> None:
    keys = [f"a/{number:02}" for number in range(5)] + ["a%", "b/1", "ä"]
    ledger.kv_put("n", dict.fromkeys(keys, 0))
    ledger.kv_delete("n", ["a/03"])
    pages, after = [], None
    while page := ledger.kv_scan("n", "a/", after, limit=2):
        pages.append([entry.key for entry in page])
        after = page[-1].key
    assert pages == [["a/00", "a/01"], ["a/02", "a/04"]]
    assert [entry.key for entry in ledger.kv_scan("n", "a%")] == ["a%"]
    assert [entry.key for entry in ledger.kv_scan("n")][-1] == "ä"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n.kv_put("a b", {"k": 1}), "'a b' cannot name a namespace"),
        (lambda n: n.kv_put("n", {"": 1}), "1 to 1,024 bytes .*, found one ''"),
        (lambda n: n.kv_put("n", {"é" * 513: 1}), "found one of 1,026 bytes"),
        (lambda n: n.kv_put("n", {"\ud800": 1}), "a key is text"),
        (lambda n: n.kv_put("n", {7: 1}), "a key is text"),
        (lambda n: n.kv_put("n", {"k": float("nan")}), "key n:k: a value is not JSON"),
        (lambda n: n.kv_put("n", {"k": b"x"}), "a value is not JSON"),
        (lambda n: n.kv_put("n", {"k": "\ud800"}), "a value is not JSON"),
        (lambda n: n.kv_put("n", {"k": "x" * 2**20}), "1,048,578 bytes as JSON; the most"),
        (lambda n: n.kv_put("n", {"k": 1}, ttl_s=0), "a positive number of seconds, found 0"),
        (lambda n: n.kv_put("n", {"k": 1}, ttl_s=1e300), "a positive number of seconds"),
        (lambda n: n.set_add("n", "s", [float("inf")]), "a value is not JSON"),
    ],
)
def test_bad_calls_say_why(ledger: Ledger, call: Callable[[Ledger], Any], message: str) -> None:
    with pytest.raises(StateError, match=message):
        call(ledger)
    assert ledger.kv_namespaces() == {}


@given(st.text(min_size=1), st.text())
def test_python_and_sql_hash_alike(key: str, namespace: str) -> None:
    address = (namespace.encode(errors="ignore").decode(), key.encode(errors="ignore").decode())
    text = address[0] + address[1]
    ((found,),) = CONNECTION.execute("SELECT md5_number_lower($text)", {"text": text}).fetchall()
    assert hash_of(address) == found


# -- many callers


def test_callers_share_transactions_and_not_errors(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = 0
    begun = threading.Barrier(24)
    whole = Database.transaction

    def counted(self: Database) -> Any:
        nonlocal transactions
        transactions += 1
        return whole(self)

    monkeypatch.setattr(Database, "transaction", counted)
    ledger.kv_put("n", {"text": "x"})
    sums: list[int] = []
    errors: list[BaseException] = []

    def call(number: int) -> None:
        begun.wait()
        for _ in range(10):
            if number % 3:
                sums.extend(ledger.kv_increment("n", {"count": 1}).values())
            else:
                try:
                    ledger.kv_increment("n", {"count": 1, "text": 1})
                except StateError as error:
                    errors.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Every sum is given once: callers of one transaction see each other's changes, in order.
    assert sorted(sums) == list(range(1, 161))
    assert len(errors) == 80
    assert transactions < 100
    assert values(ledger) == {"count": 160, "text": "x"}


def test_a_caller_to_whom_the_storage_objects_does_not_harm_the_others(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Database.append

    def failing(self: Database, table: str, rows: Any) -> None:
        if any(row.get("key") == "bad" for row in rows):
            raise StorageError("no")
        whole(self, table, rows)

    monkeypatch.setattr(Database, "append", failing)
    outcomes: dict[str, Any] = {}

    def put(key: str) -> None:
        try:
            outcomes[key] = ledger.kv_put("n", {key: 1})
        except StorageError as error:
            outcomes[key] = error

    with ledger.opened():
        # All of them come while the ledger is held, so that they share what follows.
        threads = [threading.Thread(target=put, args=(key,)) for key in ("bad", "a", "b", "c")]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(outcomes.pop("bad"), StorageError)
    assert values(ledger) == {"a": 1, "b": 1, "c": 1}
    assert all(isinstance(version, int) for version in outcomes.values())


# -- within the commit


def test_changes_come_in_with_the_batch(ledger: Ledger, stage: Stage) -> None:
    ledger.kv_put("n", {"count": 1, "old": 1})
    commit = stage(
        1,
        ("put", "n", "a", '{"x":1}'),
        ("put", "n", "t", '"Nan is, infinitely, [well,]"'),
        ("put_absent", "n", "a", "2"),
        ("put_absent", "n", "b", "2"),
        ("increment", "n", "count", "5"),
        ("delete", "n", "old"),
        ("add", "n", "s", '"m"'),
        ("add", "n", "s", '{ "b": 1, "a": 2 }'),
        ("add", "n", "s", '{"a":2,"b":1}'),
        ("add", "n", "s", '"gone"'),
        ("remove", "n", "s", '"gone"'),
    )
    assert values(ledger) == {"count": 1, "old": 1}
    assert ledger.commit([commit]) == [Committed("d/s/1", 1)]
    assert values(ledger) == {
        "a": {"x": 1},
        "t": "Nan is, infinitely, [well,]",
        "b": 2,
        "count": 6,
        "s": ["m", {"a": 2, "b": 1}],
    }
    assert ledger.commit([commit]) == [Committed("d/s/1", 1, repeated=True)]
    assert values(ledger)["count"] == 6


def test_a_commit_needs_what_was_read_to_hold(ledger: Ledger, stage: Stage) -> None:
    version = ledger.kv_put("n", {"a": 1})
    reads = [("read", "n", "a", None, version), ("read", "n", "none", None, 0)]
    scan = ("scan", "n", None, None, version)
    first = stage(1, *reads, scan, ("put", "m", "out", "1"))
    assert isinstance(ledger.commit([first])[0], Committed)
    late = stage(2, *reads, ("put", "m", "out", "2"))
    scanned = stage(2, scan, ("put", "m", "out", "2"))
    ledger.kv_put("n", {"unread": 1})
    assert ledger.commit([scanned]) == [
        Refused("d/s/2", "state", "namespace n at version 1", "version 3")
    ]
    ledger.kv_put("n", {"none": 1})
    assert ledger.commit([late]) == [
        Refused("d/s/2", "state", "key n:none at version 0", "version 4")
    ]
    assert values(ledger, "m") == {"out": 1}


def test_a_commit_is_judged_by_those_before_it_in_its_group(ledger: Ledger, stage: Stage) -> None:
    read = ("read", "n", "a", None, 0)
    first = stage(1, read, ("put", "n", "a", "1"))
    second = stage(2, read, ("put", "n", "a", "2"))
    third = stage(2, ("increment", "n", "a", "1"), ("add", "n", "s", "1"))
    fourth = stage(3, ("increment", "n", "a", "1"), ("add", "n", "s", "2"))
    answers = ledger.commit([first, second, third, fourth])
    assert [type(answer) for answer in answers] == [Committed, Refused, Committed, Committed]
    assert values(ledger) == {"a": 3, "s": [1, 2]}


def test_increments_and_set_changes_never_conflict(ledger: Ledger, stage: Stage) -> None:
    commit = stage(1, ("increment", "n", "count", "1"), ("add", "n", "s", "1"))
    ledger.kv_increment("n", {"count": 10})
    ledger.set_add("n", "s", [2])
    assert isinstance(ledger.commit([commit])[0], Committed)
    assert values(ledger) == {"count": 11, "s": [1, 2]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("increment", "n", "text", "1"), "a number under key n:text"),
        (("add", "n", "text", "1"), "a set under key n:text"),
        (("increment", "n", "new", '"x"'), "a number under key n:new"),
        (("put", "n", "k", "{"), "JSON of at most 1,048,576 bytes for key n:k"),
        (("put", "n", "k"), "JSON of at most"),
        (("put", "n", "k", "[1,]"), "JSON of at most"),
        (("put", "n", "k", '{"a": NaN}'), "JSON of at most"),
        (("add", "n", "k", "-Infinity"), "JSON of at most"),
        (("put", "n", "k", "1" * 5000), "JSON of at most"),
        (("put", "n", "x" * 1025, "1"), "a key of 1 to 1,024 bytes"),
        (("put", "no no", "k", "1"), "a namespace's name"),
        (("upsert", "n", "k", "1"), "one of put, put_absent, delete"),
        ((None, "n", "k", "1"), "one of put, put_absent, delete"),
    ],
)
def test_a_change_that_cannot_be_is_refused_for_good(
    ledger: Ledger, stage: Stage, row: Row, expected: str
) -> None:
    ledger.kv_put("n", {"text": "x"})
    (answer,) = ledger.commit([stage(1, ("put", "n", "before", "1"), row)])
    assert isinstance(answer, Refused) and answer.requirement == "change"
    assert answer.expected.startswith(expected)
    assert values(ledger) == {"text": "x"}


def test_many_plain_changes_mean_the_same_as_few(ledger: Ledger, stage: Stage) -> None:
    ledger.kv_put("n", {"k1": "before", "k2": "before"})
    ledger.set_add("n", "k3", [1])
    rows = [("put", "n", f"k{number}", str(number)) for number in range(COLUMN_ROWS)]
    columns = stage(1, *rows, ("put", "n", "k2", '"last"'))
    after = stage(2, ("increment", "n", "k5", "1"), ("put_absent", "n", "k1", "0"))
    answers = ledger.commit([columns, after])
    assert all(isinstance(answer, Committed) for answer in answers)
    entries = ledger.kv_get("n", ["k1", "k2", "k3", "k5", f"k{COLUMN_ROWS - 1}"])
    assert [entry and entry.value for entry in entries] == [1, "last", 3, 6, COLUMN_ROWS - 1]
    assert ledger.kv_namespaces() == {"n": COLUMN_ROWS}
    assert ledger.kv_put("n", {f"k{n}": n for n in range(COLUMN_ROWS + 1)}) == 5
    assert ledger.kv_get("n", ["k2"]) == [KvEntry("k2", 2, 5)]


def test_staged_changes_may_expire(ledger: Ledger, stage: Stage, clock: ManualClock) -> None:
    soon = clock.now() + timedelta(seconds=5)
    row = ("put", "n", "a", "1")
    ledger.commit([stage(1, row, expires_at=pl.lit(soon))])
    assert values(ledger) == {"a": 1}
    clock.advance(5)
    assert values(ledger) == {}


def test_forgetting_a_deployment_empties_its_own_namespaces(ledger: Ledger) -> None:
    for namespace in ("d/own", "other/own", "shared"):
        ledger.kv_put(namespace, {"a": 1})
        ledger.set_add(namespace, "s", [1])
    ledger.forget("d")
    assert ledger.kv_namespaces() == {"other/own": 2, "shared": 2}
    assert ledger.kv_get("d/own", ["a", "s"]) == [None, None]


def test_a_thread_that_holds_the_ledger_does_not_wait_for_others(ledger: Ledger) -> None:
    other = threading.Thread(target=ledger.kv_put, args=("n", {"a": 1}))
    with ledger.opened():
        # It leads, and waits for the ledger.
        other.start()
        while not ledger._combiner._led:
            pass
        ledger.kv_put("n", {"b": 1})
    other.join()
    assert values(ledger) == {"a": 1, "b": 1}


def test_one_text_is_not_a_list_of_keys(ledger: Ledger) -> None:
    for call in (lambda: ledger.kv_get("n", "key"), lambda: ledger.set_add("n", "s", "member")):
        with pytest.raises(StateError, match=r"expected several .*\n.*put it in a list"):
            call()
