"""A disk under the ledger that has no room: nothing is lost, nothing doubled, and it goes on.

A limit on the size of files stands for the disk: DuckDB meets it where it would meet a full one,
and declares its database invalid in the same way.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import StorageError, StorageFull
from lyftnb.model import Committed, Refused
from lyftnb.store import Ledger, engines
from lyftnb.store.database import storage_errors
from lyftnb.store.remote.address import save_private
from lyftnb.testing import invariants
from tests.unit.store.conftest import MakeCommit

FULL = 'Could not write file "ledger.duckdb.wal": No space left on device'


def frame(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": values}, schema={"x": pl.Int64})


@contextmanager
def no_larger_files(size: int) -> Iterator[None]:
    """While it lasts, this process makes no file larger than so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def no_room_to_checkpoint(ledger: Ledger) -> int:
    """Put much into the ledger's log. Below the size that this gives back, the log has room, and
    the file itself has none for what is in the log.
    """
    file = ledger.state_dir / "ledger.duckdb"
    for name, count in (("in_file", 40), ("in_log", 8)):
        ledger.kv_put(name, {f"k{n}": os.urandom(50_000).hex() for n in range(count)})
        if name == "in_file":
            with ledger.opened() as database:
                database.checkpoint()
    assert file.stat().st_size > 2 * file.with_name(file.name + ".wal").stat().st_size
    return file.stat().st_size


def test_a_checkpoint_without_room_costs_nothing_but_itself(
    ledger: Ledger, make: MakeCommit
) -> None:
    ledger.commit([make(1, frame(1))])
    in_flight = make(2, frame(2), attempt=3)
    ledger.claim(in_flight.claim, durable=False)
    durable = make(3, frame(3))
    ledger.claim(durable.claim)
    with no_larger_files(no_room_to_checkpoint(ledger)):
        with pytest.raises(StorageError), ledger.opened() as database:
            database.checkpoint()
        assert ledger._database.invalid
        # The next call has the file again, and what only memory knew of.
        assert ledger.scan("c").collect()["x"].to_list() == [1]
        older = replace(in_flight, claim=in_flight.claim.with_attempt(2))
        assert ledger.commit([older]) == [Refused("d/s/2", "attempt", "attempt 3", "2")]
        assert ledger.commit([in_flight, durable]) == [
            Committed("d/s/2", 2),
            Committed("d/s/3", 3),
        ]
    invariants.check(ledger)
    assert ledger.next_batch("d", "s") == 4
    assert ledger.scan("c").collect()["x"].to_list() == [1, 2, 3]


def test_a_commit_that_is_durable_is_no_failure_because_tidying_up_was_one(
    ledger: Ledger, make: MakeCommit
) -> None:
    limit = no_room_to_checkpoint(ledger)
    ledger._database.connection.execute("SET checkpoint_threshold = '100KB'")
    with no_larger_files(limit):
        assert ledger.commit([make(1, frame(1))]) == [Committed("d/s/1", 1)]
        assert ledger._database.invalid
        assert ledger.commit([make(2, frame(2))]) == [Committed("d/s/2", 2)]
    invariants.check(ledger)
    assert ledger.scan("c").collect()["x"].to_list() == [1, 2]
    assert ledger.kv_get("in_log", ["k0"]) != [None]


def test_a_change_outside_of_a_transaction_is_none_either(ledger: Ledger) -> None:
    limit = no_room_to_checkpoint(ledger)
    ledger._database.connection.execute("SET checkpoint_threshold = '100KB'")
    with no_larger_files(limit):
        ledger.published(["d/s/1/out/0"], ledger.clock.now())
        ledger.kv_put("n", {"k": 1})
    (found,) = ledger.kv_get("n", ["k"])
    assert found is not None and found.value == 1


def test_a_ledger_that_cannot_be_opened_anew_says_so_each_time(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.kv_put("n", {"k": 1})
    ledger._database.invalid = True

    def full(*_args: object, **_kw: object) -> None:
        raise duckdb.IOException(FULL)

    with monkeypatch.context() as patch:
        patch.setattr(engines.duckdb, "connect", full)
        for _ in range(2):
            with pytest.raises(StorageFull, match="no room"):
                ledger.snapshot()
    (found,) = ledger.kv_get("n", ["k"])
    assert found is not None and found.value == 1


def test_a_full_disk_is_told_from_a_damaged_file(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageFull) as told, storage_errors(tmp_path / "ledger.duckdb"):
        raise duckdb.TransactionException(f"TransactionContext Error: Failed to commit: {FULL}")
    assert "make room" in str(told.value) and "backup" not in str(told.value)

    def full(*_args: object, **_kw: object) -> None:
        raise duckdb.FatalException(f"Failed to create checkpoint because of error: {FULL}")

    monkeypatch.setattr(engines.duckdb, "connect", full)
    with pytest.raises(StorageFull, match="no room") as told:
        Ledger.open(tmp_path, clock)
    assert "backup" not in str(told.value)


def test_an_address_that_finds_no_room_leaves_no_draft(tmp_path: Path) -> None:
    with no_larger_files(10), pytest.raises(StorageError, match="cannot be written"):
        save_private(tmp_path / "state.json", {"token": "x" * 100})
    assert list(tmp_path.iterdir()) == []
