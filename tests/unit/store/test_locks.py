"""Locks: tokens grow for ever, and who stalls past its time cannot commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import StateError
from lyftnb.model import Commit, Committed, HeldLock, Refused
from lyftnb.store import Ledger, query
from tests.unit.store.conftest import MakeCommit


def test_one_holds_it_and_the_next_one_has_a_larger_token(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    assert ledger.lock_acquire("leader", "a", 10) == 1
    assert ledger.lock_acquire("leader", "b", 10) is None
    assert ledger.lock_acquire("other", "b", 10) == 1
    assert [(lock.name, lock.holder, lock.token) for lock in ledger.locks()] == [
        ("leader", "a", 1),
        ("other", "b", 1),
    ]
    assert ledger.lock_release("leader", 1)
    assert not ledger.lock_release("leader", 1)
    assert ledger.lock_acquire("leader", "b", 10) == 2
    assert not ledger.lock_renew("leader", 1, 10)
    assert not ledger.lock_release("leader", 1)
    ledger.lock_release("leader", 2)
    ledger.close()
    with Ledger.open(tmp_path / "state", clock) as reopened:
        assert reopened.lock_acquire("leader", "c", 10) == 3
        assert [lock.name for lock in reopened.locks()] == ["leader", "other"]


def test_a_lock_is_held_for_as_long_as_it_is_renewed(ledger: Ledger, clock: ManualClock) -> None:
    assert ledger.lock_acquire("leader", "a", 10) == 1
    for _ in range(3):
        clock.advance(9)
        assert ledger.lock_renew("leader", 1, 10)
    assert query(ledger, "SELECT name, holder FROM lyftnb.locks").rows() == [("leader", "a")]
    clock.advance(10)
    assert not ledger.lock_renew("leader", 1, 10)
    assert ledger.locks() == [] and query(ledger, "FROM lyftnb.locks").is_empty()
    assert ledger.lock_acquire("leader", "b", 10) == 2


def test_a_commit_needs_its_locks(ledger: Ledger, make: MakeCommit, clock: ManualClock) -> None:
    def relying(n: int, token: int) -> Commit:
        commit = make(n)
        return replace(commit, claim=replace(commit.claim, locks=(HeldLock("leader", token),)))

    def refusal(commit: Commit) -> str:
        (answer,) = ledger.commit([commit])
        assert isinstance(answer, Refused) and answer.requirement == "lock"
        return answer.found

    assert refusal(relying(1, 1)) == "no such lock"
    ledger.lock_acquire("leader", "a", 10)
    assert ledger.commit([relying(1, 1)]) == [Committed("d/s/1", 1)]
    stalled = relying(2, 1)
    clock.advance(10)
    assert refusal(stalled).startswith("it expired at")
    ledger.lock_acquire("leader", "b", 10)
    assert refusal(stalled) == "token 2"
    ledger.lock_release("leader", 2)
    assert refusal(relying(2, 2)) == "it was released"


def test_bad_calls_say_why(ledger: Ledger) -> None:
    with pytest.raises(StateError, match="'a b' cannot name a lock"):
        ledger.lock_acquire("a b", "me", 10)
    with pytest.raises(StateError, match="a positive number of seconds"):
        ledger.lock_acquire("a", "me", 0)
