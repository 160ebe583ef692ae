"""Runbooks in the ledger: versions, invocations, keys, and what a restart makes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import BadData, NotFound, SetupError
from lyftnb.model import Commit, Ending, InvocationRecord, StepCount
from lyftnb.store import Ledger, RunbookVersion
from lyftnb.testing import invariants

DOCUMENT = {"runbook": "backfill", "workflow": "sales@1"}


def published(ledger: Ledger, digest: str = "d1") -> RunbookVersion:
    return ledger.publish_runbook("backfill", DOCUMENT, digest, ledger.clock.now(), "ann")


def invoke(ledger: Ledger, key: str | None = None, **parameters: Any) -> InvocationRecord:
    record, _ = ledger.invoke(published(ledger), parameters, lambda n: f"backfill_{n}", key)
    return record


def test_the_same_document_keeps_its_version(ledger: Ledger) -> None:
    assert [published(ledger, d).ref for d in ("d1", "d1", "d2", "d1")] == [
        "backfill@1",
        "backfill@1",
        "backfill@2",
        "backfill@3",
    ]
    newest, second = ledger.runbook("backfill"), ledger.runbook("backfill", 2)
    assert newest is not None and second is not None
    assert (newest.number, second.digest, second.document) == (3, "d2", DOCUMENT)
    assert ledger.runbook("backfil") is None
    assert [v.number for v in ledger.runbooks()] == [1, 2, 3]


def test_invocations_count_and_name_their_deployment(ledger: Ledger, clock: ManualClock) -> None:
    for n in range(1, 12):
        clock.advance(1)
        record = invoke(ledger, n=n)
        assert (record.invocation, record.number, record.deployment) == (
            f"backfill-{n}",
            n,
            f"backfill_{n}",
        )
    assert [r.number for r in ledger.invocations("backfill", limit=2)] == [11, 10]
    assert ledger.invocation("backfill-3").parameters == {"n": 3}
    with pytest.raises(NotFound, match="no invocation 'backfill-12'"):
        ledger.invocation("backfill-12")


def test_an_invocation_that_has_no_place_is_not_noted(ledger: Ledger) -> None:
    def refuse(_: int) -> str:
        raise SetupError("the deployment runs already")

    with pytest.raises(SetupError, match="runs already"):
        ledger.invoke(published(ledger), {}, refuse)
    assert ledger.invocations() == []
    assert invoke(ledger).number == 1


def test_a_run_begins_with_its_invocation_and_is_named_in_its_messages(
    ledger: Ledger, clock: ManualClock
) -> None:
    record = invoke(ledger)
    run = ledger.begin_invocation(record, clock.now())
    assert (run.run, run.cause, run.correlation) == ("backfill_1-1", "runbook", "backfill-1")
    now = ledger.invocation("backfill-1")
    assert (now.status, now.run, now.started_at) == ("running", run.run, clock.now())
    clock.advance(3)
    error = {"code": "step_failed", "message": "no such file"}
    assert ledger.end_invocation("backfill-1", "failed", error)
    assert not ledger.end_invocation("backfill-1", "done"), "it ends once"
    now = ledger.invocation("backfill-1")
    assert (now.status, now.error, now.ended_at) == ("failed", error, clock.now())
    told = [m for m in ledger.messages() if m.correlation == "backfill-1"]
    assert [m.type for m in told] == ["run-started", "invocation-ended"]
    assert told[1].payload["status"] == "failed"


def test_the_same_key_is_the_same_invocation(ledger: Ledger) -> None:
    version = published(ledger)

    def again(**parameters: Any) -> tuple[str, bool]:
        record, fresh = ledger.invoke(version, parameters, lambda n: f"b_{n}", "monday")
        return record.invocation, fresh

    assert again(x=1, y=2) == ("backfill-1", True)
    assert again(y=2, x=1) == ("backfill-1", False)
    with pytest.raises(SetupError, match="belongs to backfill-1, which has other parameters"):
        again(x=2, y=2)
    ledger.end_invocation("backfill-1", "blocked")
    assert again(x=1, y=2) == ("backfill-1", False), "whatever became of it stands"
    with pytest.raises(BadData, match="idempotency key"):
        ledger.invoke(version, {}, lambda n: f"b_{n}", "")


@pytest.mark.parametrize("status", ["blocked", "failed", "cancelled", "lost"])
def test_what_did_not_come_to_its_end_can_be_taken_up(ledger: Ledger, status: Any) -> None:
    invoke(ledger)
    ledger.end_invocation("backfill-1", status, {"message": "why"})
    again = ledger.resume_invocation("backfill-1")
    assert (again.status, again.attempts, again.error, again.ended_at) == ("queued", 2, None, None)


@pytest.mark.parametrize("status", ["queued", "running", "done"])
def test_what_is_at_work_or_done_cannot(ledger: Ledger, clock: ManualClock, status: str) -> None:
    record = invoke(ledger)
    if status != "queued":
        ledger.begin_invocation(record, clock.now())
    if status == "done":
        ledger.end_invocation("backfill-1", "done")
    with pytest.raises(SetupError, match=f"is {status}"):
        ledger.resume_invocation("backfill-1")
    with pytest.raises(NotFound):
        ledger.resume_invocation("backfill-7")


def test_a_restart_marks_what_was_cut_off(tmp_path: Path, clock: ManualClock) -> None:
    def opened() -> Ledger:
        return Ledger.open(tmp_path, clock, "pytest")

    with opened() as ledger:
        waiting, running, ended, over = (invoke(ledger, key=f"k{n}", n=n) for n in range(4))
        ledger.begin_invocation(running, clock.now())
        # The owner dies between the end of the run and that of its invocation.
        run = ledger.begin_invocation(ended, clock.now())
        ledger.end_runs([Ending(replace(run, status="done"))])
        ledger.end_invocation(over.invocation, "cancelled")
    clock.advance(60)
    with opened() as ledger:
        found = {r.invocation: r.status for r in ledger.invocations()}
        assert found == {
            waiting.invocation: "lost",
            running.invocation: "lost",
            ended.invocation: "done",
            over.invocation: "cancelled",
        }
        record, fresh = ledger.invoke(published(ledger), {"n": 1}, lambda n: "other", "k1")
        assert fresh and (record.invocation, record.deployment) == ("backfill-2", "backfill_2")
        assert (record.status, record.attempts) == ("queued", 2)
        invariants.check(ledger)


def test_counts_are_those_of_all_its_runs(ledger: Ledger, make: Any, clock: ManualClock) -> None:
    record, _ = ledger.invoke(published(ledger), {}, lambda n: "d")
    for n, rows in ((1, 3), (2, 4)):
        run = ledger.begin_invocation(record, clock.now())
        assert run.run == f"d-{n}"
        counts = (StepCount("a", rows, None, 1, 0), StepCount("b", rows, rows - 1))
        commit = make(n, counts=counts)
        ledger.commit([with_run(commit, run.run)])
    assert ledger.invocation_counts(record.invocation) == (
        StepCount("a", 7, None, 2, 0),
        StepCount("b", 7, 5, 0, 0),
    )
    assert ledger.invocation_counts("other-1") == ()


def with_run(commit: Commit, run: str) -> Commit:
    return replace(commit, claim=replace(commit.claim, run=run))
