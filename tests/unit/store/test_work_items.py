"""Work queues: leases, failures, dead letters, ids; and their part in the commit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import BadData, StorageError
from lyftnb.model import (
    PAYLOAD_BYTES,
    Commit,
    Committed,
    Item,
    Lease,
    NewItem,
    QueueDepth,
    Refused,
)
from lyftnb.store import Ledger, query, stage_state
from tests.unit.store.conftest import MakeCommit

Q = "jobs"


def fill(ledger: Ledger, *payloads: Any, queue: str = Q, **fields: Any) -> list[int | None]:
    return ledger.enqueue(queue, [NewItem(payload, **fields) for payload in payloads])


def seen(items: list[Item]) -> list[Any]:
    return [item.payload for item in items]


def leases(items: list[Item]) -> list[Lease]:
    return [item.lease for item in items]


def depth(ledger: Ledger, queue: str = Q) -> tuple[int, int, int, int]:
    found = ledger.queue_depth(queue)
    return found.ready, found.delayed, found.leased, found.dead


# -- leases


def test_items_come_by_priority_then_by_age_and_each_to_one_holder(ledger: Ledger) -> None:
    fill(ledger, "a", "b")
    fill(ledger, "urgent", priority=5)
    first = ledger.lease(Q, 2, 30, "one")
    assert seen(first) == ["urgent", "a"]
    assert seen(ledger.lease(Q, 9, 30, "two")) == ["b"]
    assert ledger.lease(Q, 9, 30) == [] == ledger.lease("unknown", 9, 30) == ledger.lease(Q, 0, 30)
    assert depth(ledger) == (0, 0, 3, 0)
    assert ledger.ack(leases(first)) == [True, True]
    assert ledger.ack(leases(first)) == [False, False]
    assert depth(ledger) == (0, 0, 1, 0)


def test_a_delay_hides_an_item_until_it_is_over(ledger: Ledger, clock: ManualClock) -> None:
    fill(ledger, "later", delay_s=10)
    assert ledger.lease(Q, 1, 5) == []
    assert ledger.queue_depth(Q).next_at == clock.now() + timedelta(seconds=10)
    clock.advance(10)
    assert seen(ledger.lease(Q, 1, 5)) == ["later"]


def test_a_lease_that_ran_out_may_ack_until_the_next_lease_takes_it_back(
    ledger: Ledger, clock: ManualClock
) -> None:
    fill(ledger, "a", "b")
    late = leases(ledger.lease(Q, 2, 5))
    clock.advance(6)
    assert depth(ledger) == (2, 0, 0, 0)
    assert ledger.ack(late[1:]) == [True]
    (again,) = ledger.lease(Q, 9, 5)
    assert again.lease.item == late[0].item and again.lease.token > late[0].token
    assert ledger.ack(late[:1]) == [False] == ledger.renew(late[:1], 5) == ledger.nack(late[:1])
    assert ledger.items([late[0], again.lease]) == [None, again]
    assert ledger.ack([late[0], again.lease]) == [False, True]


def test_a_renewed_lease_lasts_from_now(ledger: Ledger, clock: ManualClock) -> None:
    fill(ledger, "a")
    held = leases(ledger.lease(Q, 1, 5))
    clock.advance(4)
    assert ledger.renew(held, 5) == [True]
    clock.advance(4)
    assert ledger.lease(Q, 1, 5) == []
    assert ledger.renew(held, 1) == [True]
    clock.advance(1)
    assert seen(ledger.lease(Q, 1, 5)) == ["a"], "a renewal may shorten a lease, too"


@pytest.mark.parametrize("jump", [-3600.0, -20.0, 86400.0 * 900])
def test_a_clock_that_jumps_loses_no_item(ledger: Ledger, clock: ManualClock, jump: float) -> None:
    fill(ledger, "plain")
    fill(ledger, "delayed", delay_s=30)
    fill(ledger, "leased", priority=1)
    ledger.lease(Q, 1, 30)
    clock.advance(jump)
    fill(ledger, "new")
    clock.advance(61)
    found = ledger.lease(Q, 1, 1) + ledger.lease(Q, 1, 1) + ledger.lease(Q, 9, 1)
    assert sorted(seen(found)) == ["delayed", "leased", "new", "plain"]
    assert all(ledger.ack(leases(found)))


# -- failures


def test_only_the_failure_of_a_lone_item_counts_when_leases_run_out(
    ledger: Ledger, clock: ManualClock
) -> None:
    """A poison among eight kills whoever leases it; nobody else pays for it."""
    fill(ledger, *range(8))
    ledger.set_queue(Q, max_attempts=2)
    sizes = []
    while depth(ledger)[3] == 0:
        held = ledger.lease(Q, 8, 5, "worker")
        sizes.append(len(held))
        if 3 in seen(held):
            clock.advance(6)
        else:
            assert all(ledger.ack(leases(held))) and all(not item.attempts for item in held)
    assert depth(ledger) == (0, 0, 0, 1)
    assert sizes[:3] == [8, 4, 4] and sizes.count(1) <= 4
    (dead,) = ledger.peek(Q, dead=True)
    assert (dead.payload, dead.attempts, dead.reason) == (3, 2, "worker let the lease run out")


def test_items_that_failed_together_come_back_halved(ledger: Ledger) -> None:
    fill(ledger, *range(4))
    for expected in ([0, 1, 2, 3], [0, 1], [0]):
        held = ledger.lease(Q, 9, 5)
        assert seen(held) == expected
        assert all(ledger.nack(leases(held), together=True))
    assert [item.attempts for item in ledger.peek(Q)] == [1, 0, 0, 0]
    assert ledger.ack(leases(ledger.lease(Q, 9, 5)) + leases(ledger.lease(Q, 9, 5))) == [True] * 2
    assert seen(ledger.lease(Q, 9, 5)) == [2, 3]


def test_a_failure_by_name_counts_and_giving_back_does_not(
    ledger: Ledger, clock: ManualClock
) -> None:
    fill(ledger, "a", "b")
    ledger.set_queue(Q, max_attempts=1)
    one, two = leases(ledger.lease(Q, 2, 5))
    assert ledger.nack([one], reason="no such customer") == [True]
    assert ledger.nack([two], failed=False, delay_s=60) == [True]
    assert depth(ledger) == (0, 1, 0, 1)
    (message,) = ledger.messages(type="dead-letters")
    assert message.payload == {"queue": Q, "count": 1} and message.kind == "system"
    clock.advance(60)
    (again,) = ledger.lease(Q, 2, 5)
    assert again.payload == "b" and again.attempts == 0


def test_dead_letters_can_be_redriven_and_purged(ledger: Ledger) -> None:
    numbers = fill(ledger, "a", "b", "c")
    ledger.set_queue(Q, max_attempts=1)
    ledger.nack(leases(ledger.lease(Q, 3, 5)))
    assert [item.payload for item in ledger.peek(Q, dead=True)] == ["a", "b", "c"]
    assert ledger.redrive(Q, [numbers[1] or 0, 99]) == 1
    assert seen(ledger.lease(Q, 9, 5)) == ["b"]
    assert ledger.purge(Q) == 1 and ledger.purge(Q, dead=True) == 2 == 2 + ledger.redrive(Q)
    assert ledger.queues() == [QueueDepth(Q, max_attempts=1)]


# -- ids


def test_an_id_is_taken_once_within_its_retention(ledger: Ledger, clock: ManualClock) -> None:
    twice = [NewItem("a", id="x"), NewItem("b", id="x"), NewItem("c")]
    first, second, third = ledger.enqueue(Q, twice)
    assert second is None and first and third and first < third
    assert ledger.enqueue("other", [NewItem(id="x")]) != [None]
    ledger.ack(leases(ledger.lease(Q, 9, 5)))
    clock.advance(7 * 86400 - 1)
    assert ledger.enqueue(Q, [NewItem(id="x")]) == [None]
    clock.advance(1)
    assert ledger.enqueue(Q, [NewItem(id="x")]) != [None]
    ledger.set_queue(Q, id_retention_s=0)
    assert ledger.forget_ids() == 3
    assert ledger.enqueue(Q, [NewItem(id="x")]) == [None], "it is still there"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (NewItem(float("nan")), "not JSON"),
        (NewItem({1, 2}), "not JSON"),
        (NewItem("\ud800"), "not JSON"),
        (NewItem("é" * (PAYLOAD_BYTES // 2)), "262,146 bytes"),
        (NewItem(id=""), "the id must be"),
        (NewItem(priority=2**31), "priority"),
        (NewItem(delay_s=-1), "delay must be"),
        (NewItem(delay_s=float("inf")), "delay must be"),
    ],
)
def test_what_cannot_be_queued_is_refused_with_all_of_its_call(
    ledger: Ledger, item: NewItem, message: str
) -> None:
    with pytest.raises(BadData, match=message):
        ledger.enqueue(Q, [NewItem("fine"), item])
    assert ledger.queues() == []


def test_the_largest_payload_goes_in_and_out(ledger: Ledger) -> None:
    payload = "x" * (PAYLOAD_BYTES - 2)
    fill(ledger, payload)
    assert seen(ledger.lease(Q, 1, 5)) == [payload]


def test_other_wrong_arguments_are_refused(ledger: Ledger) -> None:
    for wrong in (
        lambda: ledger.lease(Q, -1, 5),
        lambda: ledger.lease(Q, 1, 0),
        lambda: ledger.renew([], float("nan")),
        lambda: ledger.nack([], -1),
        lambda: ledger.set_queue(Q, max_attempts=0),
        lambda: ledger.enqueue("", []),
    ):
        with pytest.raises(BadData):
            wrong()


# -- the commit


def taking(commit: Commit, held: list[Lease]) -> Commit:
    return replace(commit, claim=replace(commit.claim, leases=tuple(held)))


def staged(ledger: Ledger, commit: Commit, rows: list[dict[str, Any]], split: int = 0) -> Commit:
    files = stage_state(
        pl.DataFrame(rows),
        ledger.root,
        "items",
        batch=commit.claim.batch,
        attempt=1,
        task="s",
        split=split,
    )
    return replace(commit, state=commit.state + files)


def test_a_commit_acks_its_leases_and_enqueues_what_was_staged(
    ledger: Ledger, make: MakeCommit, clock: ManualClock
) -> None:
    fill(ledger, "in")
    held = leases(ledger.lease(Q, 1, 5))
    clock.advance(60)
    commit = taking(make(1), held)
    later = clock.now() + timedelta(seconds=9)
    commit = staged(ledger, commit, [{"queue": "out", "payload": "3", "available_at": later}], 1)
    rows = [
        {"queue": "out", "payload": "1", "id": "x"},
        {"queue": "out", "payload": "2", "id": "x"},
    ]
    commit = staged(ledger, commit, rows)
    assert ledger.queue_depth("out").ready == 0
    assert ledger.commit([commit]) == [Committed("d/s/1", 1)]
    assert depth(ledger) == (0, 0, 0, 0) and depth(ledger, "out") == (1, 1, 0, 0)
    assert ledger.commit([commit]) == [Committed("d/s/1", 1, repeated=True)]
    assert depth(ledger, "out") == (1, 1, 0, 0)
    assert [item.payload for item in ledger.peek("out")] == [1, 3]


def test_lost_leases_are_named_and_nothing_of_the_batch_happens(
    ledger: Ledger, make: MakeCommit, clock: ManualClock
) -> None:
    numbers = fill(ledger, "a", "b", "c")
    held = leases(ledger.lease(Q, 3, 5))
    clock.advance(6)
    ledger.lease(Q, 1, 5)
    (answer,) = ledger.commit([taking(make(1), held)])
    found = f"3 lost: {Q} {numbers[0]}, {Q} {numbers[1]}, {Q} {numbers[2]}"
    assert answer == Refused("d/s/1", "lease", "3 current leases", found, lost=tuple(held))
    assert depth(ledger) == (2, 0, 1, 0)


def test_of_two_commits_of_a_group_one_item_goes_with_the_first(
    ledger: Ledger, make: MakeCommit
) -> None:
    fill(ledger, "a", "b")
    held = leases(ledger.lease(Q, 2, 5))
    first, second, third = (
        taking(make(1), held[:1]),
        taking(make(2), held),
        taking(make(2), held[1:]),
    )
    answers = ledger.commit([first, second, third])
    assert [type(answer) for answer in answers] == [Committed, Refused, Committed]
    assert isinstance(answers[1], Refused) and answers[1].lost == (held[0],)
    assert depth(ledger) == (0, 0, 0, 0)


def test_a_batch_that_is_given_up_leaves_its_items_as_dead_letters(
    ledger: Ledger, make: MakeCommit
) -> None:
    fill(ledger, "a")
    commit = taking(make(1, skipped="it failed 5 times"), leases(ledger.lease(Q, 1, 5)))
    commit = staged(ledger, commit, [{"queue": "out", "payload": "1"}])
    assert isinstance(ledger.commit([commit])[0], Committed)
    (dead,) = ledger.peek(Q, dead=True)
    assert dead.reason == "it failed 5 times" and ledger.queue_depth("out").ready == 0
    assert ledger.redrive(Q) == 1


def test_a_commit_that_fails_keeps_leases_and_enqueues_nothing(
    ledger: Ledger, make: MakeCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger, "a")
    held = leases(ledger.lease(Q, 1, 5))
    commit = staged(ledger, taking(make(1), held), [{"queue": "new", "payload": "1", "id": "x"}])
    with monkeypatch.context() as patch:
        failing = StorageError("no space left on device")

        def fail(*_args: object, **_kw: object) -> None:
            raise failing

        patch.setattr("lyftnb.store.messages.StagedMessages.write", fail)
        with pytest.raises(StorageError):
            ledger.commit([commit])
    assert [queue.queue for queue in ledger.queues()] == [Q] and depth(ledger) == (0, 0, 1, 0)
    assert isinstance(ledger.commit([commit])[0], Committed)
    assert depth(ledger) == (0, 0, 0, 0) and depth(ledger, "new") == (1, 0, 0, 0)


def test_a_task_cannot_stage_what_the_commit_would_stumble_over(ledger: Ledger) -> None:
    origin = {"batch": "d/s/1", "attempt": 1, "task": "s", "split": 0}
    large = pl.DataFrame({"queue": ["q"], "payload": ["x" * (PAYLOAD_BYTES + 1)]})
    nowhere = pl.DataFrame({"queue": [None], "payload": ["1"]})
    for frame in (large, nowhere):
        with pytest.raises(BadData):
            stage_state(frame, ledger.root, "items", **origin)  # type: ignore[arg-type]


# -- around


def test_numbers_and_settings_outlive_the_owner(ledger: Ledger, clock: ManualClock) -> None:
    fill(ledger, "a")
    ledger.set_queue(Q, max_attempts=9)
    (held,) = ledger.lease(Q, 1, 5)
    ledger.ack([held.lease])
    ledger.close()
    with Ledger.open(ledger.state_dir, clock) as again:
        assert again.queue_depth(Q).max_attempts == 9
        (number,) = fill(again, "b")
        (new,) = again.lease(Q, 1, 5)
        assert number is not None and number > held.lease.token < new.lease.token


def test_forgetting_a_deployment_empties_its_own_queues_only(ledger: Ledger) -> None:
    for queue in ("d/own", "dd/own", "d"):
        ledger.enqueue(queue, [NewItem(id="x")])
    ledger.forget("d")
    assert [q.ready for q in ledger.queues()] == [1, 0, 1]
    assert ledger.enqueue("d/own", [NewItem(id="x")]) != [None]


def test_queues_can_be_read_as_sql(ledger: Ledger) -> None:
    fill(ledger, {"path": "a.csv"}, {"path": "b.csv"})
    ledger.set_queue(Q, max_attempts=1)
    ledger.nack(leases(ledger.lease(Q, 1, 5)), reason="bad")
    joined = """
        SELECT q.ready, q.dead, d.reason, i.payload->>'$.path' AS path
        FROM lyftnb.queues AS q JOIN lyftnb.dead_letters AS d USING (queue)
        JOIN lyftnb.queue_items AS i USING (queue)
    """
    assert query(ledger, joined).rows() == [(1, 1, "bad", "b.csv")]


def test_listeners_hear_of_items_after_the_transaction_and_outside_the_lock(
    ledger: Ledger,
) -> None:
    heard: list[tuple[frozenset[str], int]] = []

    def listener(news: frozenset[str]) -> None:
        heard.append((news, ledger.queue_depth(Q).ready))

    end = ledger.listen(listener)
    fill(ledger, "a")
    held = leases(ledger.lease(Q, 1, 5))
    ledger.nack(held)
    end()
    fill(ledger, "b")
    assert heard == [(frozenset({f"queue:{Q}"}), 1)] * 2
