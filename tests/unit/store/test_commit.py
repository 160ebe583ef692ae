"""The one commit: what it makes visible, what it refuses, and that a failure changes nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import CommitRefused, StorageError
from lyftnb.model import Advance, Committed, Publication, Refused, Run, Schema, SpoolSpec, StepCount
from lyftnb.store import Ledger
from lyftnb.store.records import NO_BACKLOG
from lyftnb.testing import invariants
from tests.unit.store.conftest import KEY, SPEC, MakeCommit


def frame(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": values}, schema={"x": pl.Int64})


def test_everything_of_a_batch_is_visible_at_once(ledger: Ledger, make: MakeCommit) -> None:
    floor = Schema.from_mapping({"x": "BIGINT"})
    publication = Publication("d/s/1/out/0", "out", "csv", "default", {"path": "a"})
    commit = make(
        1,
        frame(1, 2),
        frame(3),
        publications=(publication,),
        counts=(StepCount("s", 3, 3),),
        floor=floor,
    )
    assert ledger.commit([commit]) == [Committed("d/s/1", 1)]
    assert ledger.scan("c").collect()["x"].to_list() == [1, 2, 3]
    assert ledger.position(KEY) == (1, {"seq": 1})
    assert ledger.floor(KEY) == floor
    assert ledger.pending_publications("d") == (publication,)
    ledger.published([publication.id], ledger.clock.now())
    assert ledger.pending_publications("d") == ()
    assert ledger.state("steps").select("step", "rows_in").rows() == [("s", 3)]


def test_what_waits_is_as_old_as_its_first_row(
    ledger: Ledger, make: MakeCommit, clock: ManualClock
) -> None:
    began = clock.now()
    for n in (1, 2, 3):
        ledger.commit([make(n, frame(n, n))])
        clock.advance(60)
    asked = [("d.c", since) for since in (0, 3, 4, 6)] + [("d.none", 0)]
    first, cut, last, none, missing = ledger.backlogs(asked)
    assert [b.since and (b.since - began).total_seconds() for b in (first, cut, last)] == [
        0,
        60,
        120,
    ]
    sizes = [ref.bytes for ref in ledger.segments("d.c")]
    assert [b.bytes for b in (first, cut, last)] == [sum(sizes), sum(sizes[1:]), sizes[2]]
    assert none == missing == NO_BACKLOG and ledger.backlogs([]) == []
    ledger.commit([make(4, frame(4), replaces=[("c", None)])])
    moved, rewritten = ledger.backlogs([("d.c", 3), ("d.c", 6)])
    assert moved.since == cut.since, "what it waits for came then, whatever holds it now"
    assert moved.bytes == rewritten.bytes == ledger.segments("d.c")[0].bytes


def test_segments_are_numbered_in_split_order_whatever_order_they_come_in(
    ledger: Ledger, make: MakeCommit
) -> None:
    commit = make(1, frame(1), frame(2), frame(3))
    ledger.commit([replace(commit, segments=commit.segments[::-1])])
    assert ledger.scan("c").collect()["x"].to_list() == [1, 2, 3]


def test_a_refused_commit_leaves_the_others_of_its_group_whole(
    ledger: Ledger, make: MakeCommit
) -> None:
    answers = ledger.commit([make(1, frame(1)), make(3, frame(3)), make(2, frame(2))])
    assert answers == [
        Committed("d/s/1", 1),
        Refused("d/s/3", "position", f"{KEY} at version 2", "version 1"),
        Committed("d/s/2", 2),
    ]
    assert ledger.scan("c").collect()["x"].to_list() == [1, 2]


def test_items_of_a_position_are_set_and_removed_one_by_one(
    ledger: Ledger, make: MakeCommit
) -> None:
    for n, items in enumerate([{"a": 1, "b": [1]}, {"a": None, "c": "x"}], start=1):
        commit = make(n)
        claim = replace(commit.claim, advances=(Advance(KEY, n - 1, items),))
        ledger.commit([replace(commit, claim=claim)])
    assert ledger.position(KEY) == (2, {"b": [1], "c": "x"})


def test_a_spool_without_rows_has_the_columns_that_are_known_of_it(
    ledger: Ledger, make: MakeCommit
) -> None:
    schema = Schema.from_mapping({"x": "BIGINT"})
    ledger.commit([make(1, spec=SpoolSpec("d.c", schema=schema))])
    assert ledger.scan("c").collect().schema == {"x": pl.Int64()}


def test_splits_that_cannot_be_united_are_refused(ledger: Ledger, make: MakeCommit) -> None:
    text = pl.DataFrame({"x": ["a"]})
    (answer,) = ledger.commit([make(1, frame(1), text)])
    assert answer == Refused("d/s/1", "schema", "d.c.x BIGINT", "VARCHAR")
    assert ledger.spools() == []


def test_a_frozen_spool_takes_no_other_schema_at_commit(ledger: Ledger, make: MakeCommit) -> None:
    frozen = SpoolSpec("d.c", policy="freeze")
    wide = pl.DataFrame({"x": [1], "y": [2]})
    answers = ledger.commit([make(1, frame(1), spec=frozen), make(2, wide, spec=frozen)])
    assert [type(a).__name__ for a in answers] == ["Committed", "Refused"]


def test_parts_of_a_state_are_replaced_as_the_tasks_say(ledger: Ledger, make: MakeCommit) -> None:
    state = SpoolSpec("d.s__w_state", state="abc", partition="chunk")
    chunks = pl.DataFrame({"chunk": ["1", "2"], "x": [1, 2]})
    ledger.commit([make(1, chunks, spec=state)])
    more = pl.DataFrame({"chunk": ["2", "3"], "x": [20, 30]})
    changed = replace(make(2, more, spec=state), replaces=(("s__w_state", ("1", "2")),))
    ledger.commit([changed])
    assert ledger.scan("s__w_state").collect()["x"].to_list() == [20, 30]
    assert ledger.scan("s__w_state", at=1).collect()["x"].to_list() == [1, 2]
    assert ledger.spool("s__w_state").state == "abc"


def test_a_replacement_inside_one_group_removes_what_the_group_added(
    ledger: Ledger, make: MakeCommit
) -> None:
    first, second = make(1, frame(1)), make(2, frame(2), replaces=[("c", None)])
    assert ledger.commit([first, second]) == [Committed("d/s/1", 1), Committed("d/s/2", 2)]
    assert ledger.scan("c").collect()["x"].to_list() == [2]
    assert ledger.scan("c", at=1).collect()["x"].to_list() == [1]


def test_snapshots_keep_their_order_when_the_clock_is_set_back(
    ledger: Ledger, make: MakeCommit, clock: ManualClock
) -> None:
    ledger.commit([make(1, frame(1))])
    first = clock.now()
    clock.advance(-3600)
    ledger.commit([make(2, frame(2))])
    assert ledger.snapshot_at(first) == 2
    assert ledger.snapshot_at(clock.now()) == 0


@pytest.mark.parametrize("statement", ["append", "run"])
def test_a_transaction_that_fails_changes_neither_tables_nor_memory(
    ledger: Ledger, make: MakeCommit, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    ledger.commit([make(1, frame(1))])
    database = type(ledger._database)
    real = getattr(database, statement)

    def failing(self: object, name: str, *args: object, **kw: object) -> None:
        real(self, name, *args, **kw)
        if name in ("segments", "remove_segments"):
            raise StorageError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(database, statement, failing)
        with pytest.raises(StorageError):
            ledger.commit([make(2, frame(2), replaces=[("c", None)])])
    invariants.check(ledger)
    assert ledger.snapshot() == 1
    assert ledger.commit([make(2, frame(2))]) == [Committed("d/s/2", 2)]


def test_a_newer_attempt_fences_the_older_and_a_commit_ends_both(
    ledger: Ledger, make: MakeCommit
) -> None:
    old, new = make(1, frame(1)), make(1, frame(1), attempt=2)
    ledger.claim(old.claim)
    ledger.claim(new.claim)
    assert ledger.open_claims("d") == (new.claim,)
    assert ledger.commit([old]) == [Refused("d/s/1", "attempt", "attempt 2", "1")]
    assert ledger.commit([new]) == [Committed("d/s/1", 1)]
    assert ledger.open_claims() == ()
    with pytest.raises(CommitRefused, match="is committed"):
        ledger.claim(make(1, attempt=3).claim)
    with pytest.raises(CommitRefused, match="cannot be abandoned"):
        ledger.abandon("d/s/1")


def test_a_durable_claim_and_its_abandonment_outlive_the_owner(
    ledger: Ledger, make: MakeCommit, tmp_path: Path, clock: ManualClock
) -> None:
    ledger.claim(make(1).claim)
    late = make(2)
    ledger.claim(late.claim)
    ledger.abandon("d/s/2")
    ledger.close()
    with Ledger.open(tmp_path / "state", clock) as again:
        assert [claim.batch for claim in again.open_claims()] == ["d/s/1"]
        assert again.next_batch("d", "s") == 3
        (answer,) = again.commit([late])
        assert isinstance(answer, Refused) and answer.requirement == "claim"
        invariants.check(again)


def test_forgetting_a_deployment_starts_it_over_and_keeps_history(
    ledger: Ledger, make: MakeCommit
) -> None:
    ledger.commit([make(1, frame(1), floor=Schema.from_mapping({"x": "BIGINT"}))])
    ledger.forget("d")
    assert ledger.position(KEY) == (2, {})
    assert ledger.floor(KEY) is None and ledger.schema("d.c") is None
    assert ledger.scan("c").collect().is_empty()
    assert ledger.scan("c", at=1).collect()["x"].to_list() == [1]
    ledger.commit([make(3, pl.DataFrame({"x": ["now text"]}))])
    assert ledger.scan("c").collect()["x"].to_list() == ["now text"]


def test_threads_may_share_a_ledger(ledger: Ledger, make: MakeCommit) -> None:
    commits = [make(n, frame(n)) for n in range(1, 9)]
    ledger.commit(commits[:1])
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                ledger.commit(commits[:1])
                ledger.segments(SPEC.spool)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_skipped_batch_moves_on_writes_nothing_and_is_remembered(
    ledger: Ledger, make: MakeCommit
) -> None:
    ledger.commit([make(1, frame(1))])
    skipped = make(2, replaces=[("c", None)], skipped="it failed 5 times")
    assert isinstance(ledger.commit([skipped])[0], Committed)
    assert ledger.position(KEY) == (2, {"seq": 2})
    assert ledger.scan("c").collect()["x"].to_list() == [1], "nothing is replaced by nothing"
    rows = ledger.state("batches").filter(pl.col("skipped").is_not_null())
    assert rows["batch"].to_list() == ["d/s/2"] and '"batch":"d/s/2"' in rows["claim"][0].replace(
        " ", ""
    )
    assert ledger.next_seq("d.c") == 1 and ledger.next_seq("d.unknown") == 0


def test_a_number_that_came_to_nothing_is_taken_again_unless_another_came_since(
    ledger: Ledger,
) -> None:
    first, second = (Run(ledger.number_run("d"), "d") for _ in range(2))
    ledger.return_number(first)
    ledger.return_number(second)
    assert ledger.number_run("d") == second.run == "d-2"


def test_batches_of_one_group_begin_their_run_once(ledger: Ledger, make: MakeCommit) -> None:
    run = Run(ledger.number_run("d"), "d", "s", "data", status="running")
    ledger.commit([make(number, frame(number), begins_run=run) for number in (1, 2)])
    assert [found.run for found in ledger.runs("d")] == [run.run]
