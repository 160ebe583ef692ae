"""Marks: first sight wins, across batches and restarts, until they expire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.model import Commit, Committed, Refused
from lyftnb.store import Ledger, TidyReport, query, stage_state
from tests.unit.store.conftest import MakeCommit

SCOPE = "d/s/dedupe"
Stage = Callable[..., Commit]


def prints(*keys: int) -> pl.DataFrame:
    """Fingerprints; those of 2n and 2n+1 share their upper half."""
    return pl.DataFrame(
        {"high": [2**63 + key // 2 for key in keys], "low": [2**64 - 1 - key for key in keys]},
        {"high": pl.UInt64, "low": pl.UInt64},
    )


@pytest.fixture
def mark(ledger: Ledger, make: MakeCommit) -> Stage:
    def commit(n: int, *keys: int, scope: str = SCOPE, until: datetime | None = None) -> Commit:
        frame = prints(*keys).with_columns(scope=pl.lit(scope), expires_at=pl.lit(until))
        origin: dict[str, Any] = {"batch": f"d/s/{n}", "attempt": 1, "task": "s", "split": 0}
        return make(n, state=stage_state(frame, ledger.root, "marks", **origin))

    return commit


def unseen(ledger: Ledger, *keys: int, scope: str = SCOPE) -> list[int]:
    found = ledger.unseen(scope, prints(*keys).to_arrow(), ledger.clock.now())
    return [key for key, new in zip(keys, found.to_pylist(), strict=True) if new]


def test_a_key_is_unseen_until_its_batch_commits(
    ledger: Ledger, mark: Stage, clock: ManualClock, tmp_path: Path
) -> None:
    commit = mark(1, 1, 2, 2)
    assert unseen(ledger, 1, 2, 3, 1) == [1, 2, 3, 1]
    ledger.commit([commit])
    assert unseen(ledger, 1, 2, 3, 1) == [3]
    assert unseen(ledger, 1, 2, scope="d/s/other") == [1, 2]
    assert unseen(ledger) == []
    ledger.close()
    with Ledger.open(tmp_path / "state", clock) as reopened:
        assert unseen(reopened, 1, 2, 3) == [3]


def test_what_was_marked_meanwhile_refuses_the_commit(ledger: Ledger, mark: Stage) -> None:
    first, second = mark(1, 1, 2), mark(2, 2, 4)
    answers = ledger.commit([first, second])
    assert answers == [
        Committed("d/s/1", 1),
        Refused(
            "d/s/2", "state", f"keys not seen before in {SCOPE}", "1 that were marked meanwhile"
        ),
    ]
    assert unseen(ledger, 1, 2, 3, 4) == [3, 4]
    assert isinstance(ledger.commit([mark(2, 4)])[0], Committed)


def test_a_mark_expires_and_is_made_again(ledger: Ledger, mark: Stage, clock: ManualClock) -> None:
    ledger.commit([mark(1, 1, 2, until=clock.now() + timedelta(seconds=10)), mark(2, 3)])
    clock.advance(10)
    assert unseen(ledger, 1, 2, 3) == [1, 2]
    until = clock.now() + timedelta(seconds=10)
    assert isinstance(ledger.commit([mark(3, 1, until=until)])[0], Committed)
    assert unseen(ledger, 1, 2, 3) == [2]
    (row,) = query(ledger, "SELECT * FROM lyftnb.marks").to_dicts()
    assert row == {"scope": SCOPE, "marks": 2, "next_expiry": until, "last_expiry": until}
    assert ledger.tidy() == TidyReport(marks=2)
    assert unseen(ledger, 1, 2, 3) == [2]


def test_a_batch_is_judged_as_of_its_claim(ledger: Ledger, mark: Stage, clock: ManualClock) -> None:
    """The mark had expired when the batch looked; that the clock is set back changes nothing."""
    ledger.commit([mark(1, 1, until=clock.now() + timedelta(seconds=10))])
    clock.advance(10)
    commit = mark(2, 1)
    clock.advance(-5)
    assert isinstance(ledger.commit([commit])[0], Committed)


def test_forgetting_a_deployment_forgets_what_it_saw(ledger: Ledger, mark: Stage) -> None:
    ledger.commit([mark(1, 1), mark(2, 1, scope="other/s/dedupe")])
    ledger.forget("d")
    assert unseen(ledger, 1) == [1]
    assert unseen(ledger, 1, scope="other/s/dedupe") == []
