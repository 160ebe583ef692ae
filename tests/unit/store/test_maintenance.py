"""Ownership, versions, runs, the index of segments, verify and sweep."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import LedgerError, NotFound, StorageError, WorkspaceBusy
from lyftnb.model import Ending, SpoolSpec
from lyftnb.store import Ledger, SweepReport
from lyftnb.store.database import Database, migrations, storage_errors
from lyftnb.testing import invariants
from tests.unit.store.conftest import MakeCommit


def frame(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": values}, schema={"x": pl.Int64})


# -- ownership


def test_a_second_owner_is_told_who_the_first_is(ledger: Ledger, clock: ManualClock) -> None:
    with pytest.raises(WorkspaceBusy, match=r"process \d+ .*\(pytest\) since 2026-01-01") as found:
        Ledger.open(ledger.state_dir, clock)
    assert found.value.hint


def test_an_owner_that_left_no_name_or_junk_is_still_respected(ledger: Ledger) -> None:
    for junk in ("{", "[]"):
        (ledger.state_dir / "owner.json").write_text(junk)
        with pytest.raises(WorkspaceBusy, match="another process"):
            Ledger.open(ledger.state_dir, ledger.clock)


def test_a_dead_owners_note_does_not_block(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "owner.json").write_text(json.dumps({"pid": 1}))
    (tmp_path / "lock").touch()
    Ledger.open(tmp_path, clock).close()


def test_a_closed_ledger_says_so(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger.open(tmp_path, clock)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.snapshot()


def test_a_damaged_ledger_is_an_error_and_frees_the_lock(
    tmp_path: Path, clock: ManualClock
) -> None:
    file = tmp_path / "ledger.duckdb"
    Ledger.open(tmp_path, clock).close()
    content = file.read_bytes()
    for damaged in (b"junk" * 5000, content[:9000] + b"junk" * 1000 + content[13000:]):
        file.write_bytes(damaged)
        for _ in range(2):
            with pytest.raises(StorageError, match="cannot be opened"):
                Ledger.open(tmp_path, clock)


def test_a_block_that_is_damaged_is_no_matter_of_space(tmp_path: Path) -> None:
    told = pytest.raises(StorageError, match="restore the file from a backup")
    with told, storage_errors(tmp_path / "ledger.duckdb"):
        raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match")


def test_a_state_directory_that_cannot_be_made_says_so(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        Ledger.open(tmp_path / "file" / "state", clock)


def test_a_ledger_of_a_newer_release_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    with Ledger.open(tmp_path, clock) as ledger, ledger.opened() as database:
        database.append("migrations", [{"number": 99, "applied_at": clock.now()}])
    with pytest.raises(LedgerError, match="newer lyftnb"):
        Ledger.open(tmp_path, clock)


def test_a_ledger_whose_making_failed_is_made_anew(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = migrations()
    monkeypatch.setattr("lyftnb.store.database.migrations", lambda: (*whole, (99, "no SQL")))
    with pytest.raises(StorageError, match="no SQL"):
        Ledger.open(tmp_path, clock)
    monkeypatch.undo()
    with Ledger.open(tmp_path, clock) as ledger:
        invariants.check(ledger)


def test_an_older_ledger_is_brought_up_to_date(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = migrations()[:4]
    monkeypatch.setattr("lyftnb.store.database.migrations", lambda: older)
    database = Database(tmp_path, clock.now())
    run = {"run": "d-1", "deployment": "d", "number": 1, "status": "done"}
    database.append("runs", [run | {"started_at": clock.now(), "ended_at": clock.now()}])
    of_batch = {"snapshot": 1, "committed_at": clock.now(), "batch": "d/s/1"}
    database.append("snapshots", [of_batch, {"snapshot": 2, "committed_at": clock.now()}])
    database.append("batches", [{"batch": "d/s/1", "attempt": 1, "number": 1, "snapshot": 1}])
    database.close()
    monkeypatch.undo()
    with Ledger.open(tmp_path, clock) as ledger:
        assert [(run.run, run.cause) for run in ledger.runs()] == [("d-1", "hand")]
        with ledger.opened() as database:
            found = database.rows("state_snapshots")
        assert [(row["snapshot"], row["batch"]) for row in found] == [(1, "d/s/1"), (2, None)]
        assert ledger.snapshot() == ledger.snapshot_at(clock.now()) == 2
        invariants.check(ledger)


# -- versions and runs


def test_publishing_the_same_again_gives_the_same_version(ledger: Ledger) -> None:
    now = ledger.clock.now()
    first = ledger.publish_version("w", {"workflow": "w"}, "aa", now, "ann")
    assert ledger.publish_version("w", {"workflow": "w"}, "aa", now, "ann") == first
    second = ledger.publish_version("w", {"workflow": "w", "steps": {}}, "bb", now, "ann")
    assert (first.ref, second.ref) == ("w@1", "w@2")
    assert ledger.version("w") == second and ledger.version("w", 1) == first
    assert ledger.version("w", 3) is None and ledger.versions() == [first, second]


def test_runs_are_numbered_and_end(ledger: Ledger, clock: ManualClock) -> None:
    first = ledger.begin_run("d", clock.now())
    clock.advance(1)
    ledger.begin_run("d", clock.now())
    ledger.end_runs([Ending(replace(first, status="done"))])
    assert [(run.run, run.status) for run in ledger.runs("d")] == [
        ("d-2", "running"),
        ("d-1", "done"),
    ]


# -- the index


def test_segments_by_sequence_partition_event_time_and_snapshot(
    ledger: Ledger, make: MakeCommit
) -> None:
    spec = SpoolSpec("d.c", event_time="at", partition="1d")
    days = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2, 3)]
    frames = [pl.DataFrame({"at": [day, day]}) for day in days]
    ledger.commit([make(n, f, spec=spec) for n, f in enumerate(frames, start=1)])

    def firsts(**wanted: object) -> list[int]:
        return [s.first_seq for s in ledger.segments("d.c", **wanted)]  # type: ignore[arg-type]

    assert firsts() == [0, 2, 4]
    assert firsts(since=1, until=4) == [1, 2]
    assert firsts(partitions=["2026-05-02", ""]) == [2]
    assert firsts(events=(days[1], days[2])) == [2]
    assert firsts(events=(days[1], None)) == [2, 4]
    assert firsts(at=1) == [0]
    assert firsts(at=ledger.clock.now()) == [0, 2, 4]
    assert ledger.segments("d.unborn") == ()
    with pytest.raises(NotFound, match="no snapshot 9"):
        ledger.segments("d.c", at=9)


def test_a_spool_goes_by_its_bare_name_while_that_is_unique(
    ledger: Ledger, make: MakeCommit
) -> None:
    ledger.commit([make(1, frame(1, 2))])
    assert (ledger.spool("c").spool, ledger.spool("c").rows) == ("d.c", 2)
    ledger.commit([make(2, spec=SpoolSpec("e.c"))])
    with pytest.raises(NotFound, match="names 2 spools"):
        ledger.spool("c")
    with pytest.raises(NotFound, match=r"did you mean 'd\.c'"):
        ledger.spool("d.cc")


def test_history_lists_what_each_snapshot_changed(ledger: Ledger, make: MakeCommit) -> None:
    ledger.commit([make(1, frame(1, 2)), make(2, frame(3), replaces=[("c", None)])])
    found = ledger.history("c").select("snapshot", "rows_added", "rows_removed").rows()
    assert found == [(1, 2, 0), (2, 1, 2)]


# -- verify


@pytest.mark.parametrize("kind", ["missing", "size", "checksum"])
def test_verify_names_damage(ledger: Ledger, make: MakeCommit, kind: str) -> None:
    ledger.commit([make(1, frame(1)), make(2, frame(2))])
    assert ledger.verify("c") == []
    segment = ledger.segments("d.c")[1]
    file = ledger.root / segment.path
    content = file.read_bytes()
    match kind:
        case "missing":
            file.unlink()
        case "size":
            file.write_bytes(content + b"x")
        case "checksum":
            file.write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
    (damage,) = ledger.verify()
    assert (damage.kind, damage.spool, damage.batch) == (kind, "d.c", "d/s/2")
    assert damage.path == segment.path and damage.hint
    file.write_bytes(content)


# -- sweep


def test_sweep_takes_only_what_can_never_be_committed(ledger: Ledger, make: MakeCommit) -> None:
    committed = make(1, frame(1))
    zombie = make(1, frame(1), attempt=2)
    ledger.commit([committed])
    flying, waiting, given_up = make(2, frame(2)), make(3, frame(3)), make(4, frame(4))
    ledger.claim(given_up.claim, durable=False)
    ledger.abandon("d/s/4")
    (ledger.root / "note.txt").write_text("not ours")

    report = ledger.sweep()
    assert (report.files, report.waiting, report.foreign) == (2, 2, 1)
    assert not (ledger.root / zombie.segments[0].path).exists()
    report = ledger.sweep(in_flight=["d/s/2"], grace_s=0)
    assert (report.files, report.waiting) == (1, 1)
    assert ledger.commit([flying])[0].batch == "d/s/2"
    assert not (ledger.root / waiting.segments[0].path).exists()
    assert ledger.scan("c").collect()["x"].to_list() == [1, 2]
    assert ledger.sweep(grace_s=0) == SweepReport(foreign=1)


def test_staging_and_sweeping_may_meet(ledger: Ledger, make: MakeCommit) -> None:
    staged = make(1, frame(1))
    assert ledger.sweep(grace_s=0) == SweepReport(
        files=1, bytes=staged.segments[0].bytes, folders=2
    )
    ledger.commit([make(1, frame(1))])
    assert ledger.scan("c").collect().height == 1


def test_migrations_count_up_without_a_gap() -> None:
    """Of two with one number, a ledger that has seen the first would never see the second."""
    numbers = [number for number, _text in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
