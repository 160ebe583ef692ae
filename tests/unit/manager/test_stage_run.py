"""What a stage decides: when a batch may begin, commit, be tried again, skipped or given up."""

from __future__ import annotations

import pytest
from manager_kit import claim_next, fill, planned, run_of

from lyftnb.errors import (
    BadData,
    ConfigError,
    LockHeld,
    Permanent,
    StorageFull,
    TaskLost,
    Temporary,
    WorkerDied,
)
from lyftnb.manager.retries import Retries
from lyftnb.model import RetrySpec, TaskReport
from lyftnb.operators.actions import Distinct
from lyftnb.store import Ledger


def test_pauses_double_up_to_their_bound() -> None:
    retries = Retries(RetrySpec(attempts=5, delay="1s", max_delay="3s"))
    for failures, pause in enumerate((1, 2, 3, 3), start=1):
        note = retries.failed(ValueError("no"), now=100)
        assert note is not None and note.startswith(f"attempt {failures + 1} of 5")
        assert retries.due_at is not None and 0.8 * pause <= retries.due_at - 100 <= 1.2 * pause
    assert retries.failed(ValueError("no"), now=100) is None


def test_a_temporary_failure_names_its_own_pause_and_counts() -> None:
    retries = Retries(RetrySpec(attempts=2))
    assert retries.failed(Temporary("later", delay=50), now=0) is not None
    assert retries.due_at is not None and 40 <= retries.due_at <= 60
    assert retries.failed(Temporary("later", delay=50), now=0) is None


def test_a_lock_that_somebody_holds_is_waited_for() -> None:
    retries = Retries(RetrySpec(attempts=1))
    for _ in range(100):
        note = retries.failed(LockHeld("taken", delay=2), now=0)
        assert note is not None and "waits for a lock" in note
    assert retries.due_at is not None and 1.6 <= retries.due_at <= 2.4


def test_a_lost_task_does_not_count() -> None:
    retries = Retries(RetrySpec(attempts=1))
    for _ in range(10):
        assert retries.failed(TaskLost("gone"), now=0) is not None


def test_a_full_disk_is_waited_for_however_long_it_takes() -> None:
    retries = Retries(RetrySpec(attempts=1, delay="1s", max_delay="1m"))
    for _ in range(100):
        note = retries.failed(StorageFull("no space left"), now=0)
        assert note is not None and "waits for room" in note
    assert retries.due_at is not None and 48 <= retries.due_at <= 72
    assert retries.failures == 0


@pytest.mark.parametrize("error", [Permanent("no"), BadData("bad"), WorkerDied("dead")])
def test_the_hopeless_is_not_tried_again(error: Exception) -> None:
    assert Retries(RetrySpec()).failed(error, now=0) is None


def test_batches_commit_in_order(ledger: Ledger) -> None:
    plan = planned()
    fill(ledger, 1, 1, 1)
    run = run_of(ledger, plan, batch_rows=1)
    first, second, third = (run.admit(claim_next(ledger, run)) for _ in range(3))
    assert [b.claim.number for b in run.batches] == [1, 2, 3] and not run.may_claim
    second.reports = third.reports = ()
    assert run.ready_prefix() == []
    first.reports = (TaskReport("work/0"),)
    assert run.ready_prefix() == [first, second, third]


def test_what_would_only_queue_grows_until_it_fills_a_split_or_a_slot_is_free(
    ledger: Ledger,
) -> None:
    plan = planned()
    fill(ledger, 10)
    run = run_of(ledger, plan, slots=2)
    run.admit(claim_next(ledger, run))
    fill(ledger, 10)
    assert run.may_claim, "the second slot is free"
    run.admit(claim_next(ledger, run))
    fill(ledger, 10, 10)
    assert not run.may_claim
    fill(ledger, 131_072)
    assert run.may_claim, "a whole split gains nothing by waiting"


def test_a_slot_is_free_once_its_unit_has_ended(ledger: Ledger) -> None:
    fill(ledger, 10)
    run = run_of(ledger, planned())
    batch = run.admit(claim_next(ledger, run))
    assert run.drained and run.may_claim, "nothing waits"
    fill(ledger, 10)
    assert not run.drained and not run.may_claim
    batch.units_done += 1
    assert run.may_claim, "though it is not committed"


def test_a_blocked_stage_keeps_what_came_before(ledger: Ledger) -> None:
    plan = planned({"retry": {"attempts": 1}})
    fill(ledger, 1, 1, 1)
    run = run_of(ledger, plan, batch_rows=1)
    first, second, third = (run.admit(claim_next(ledger, run)) for _ in range(3))
    error = ValueError("no")
    assert not run.failed(second, error, now=0)
    assert run.give_up(second, error) == [third, second]
    assert run.closed and not run.over, "the first batch may still commit"
    assert list(run.batches) == [first]


def test_on_fail_skip_passes_by_what_the_batch_is_to_blame_for(ledger: Ledger) -> None:
    plan = planned({"retry": {"attempts": 1}, "on_fail": "skip"})
    fill(ledger, 1, 1)
    run = run_of(ledger, plan, batch_rows=1)
    first, second = (run.admit(claim_next(ledger, run)) for _ in range(2))
    assert not run.failed(second, ConfigError("no scheduler"), now=0)
    assert run.failed(first, ValueError("no"), now=0)
    assert run.ready_prefix() == [first]
    commit = run.commit_of(first, ())
    assert commit.skipped == "no" and commit.segments == ()
    run.committed_batch(first, commit)
    assert (run.committed, run.skipped) == (1, 1) and "was skipped: no" in run.problems[0]


def test_the_next_attempt_starts_over(ledger: Ledger) -> None:
    plan = planned()
    fill(ledger, 1)
    run = run_of(ledger, plan)
    batch = run.admit(claim_next(ledger, run))
    assert run.next_attempt(batch).attempt == 2
    assert batch.reports is None and batch.units_done == 0


def test_a_paused_stage_is_over_from_the_start(ledger: Ledger) -> None:
    run = run_of(ledger, planned({"paused": True}))
    assert run.over and not run.may_claim
    shown = run.progress(1.0, "")
    assert (shown.state, shown.note) == ("paused", "paused")


def test_a_stage_with_state_has_one_batch_in_flight_and_runs_it_whole(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Distinct, "stateful", lambda *_: True)
    plan = planned({"actions": [{"distinct": "n"}]})
    fill(ledger, 131_072, 131_072)
    run = run_of(ledger, plan, batch_rows=10**9)
    batch = run.admit(claim_next(ledger, run))
    assert (len(batch.claim.splits), batch.units) == (2, 1) and not run.may_claim
    batch.reports = ()
    run.committed_batch(batch, run.commit_of(batch, ()))
    assert run.may_claim
