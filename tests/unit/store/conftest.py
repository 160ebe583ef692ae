"""A ledger in a temporary folder; its invariants are checked when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.model import Advance, Claim, Commit, SpoolSpec
from lyftnb.store import Ledger, write_segments
from lyftnb.testing import invariants
from tests.ledger_kit import blank

SPEC = SpoolSpec("d.c")
KEY = "d/s/in"

MakeCommit = Callable[..., Commit]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(blank(tmp_path / "state"), clock, "pytest") as opened:
        yield opened
        if not opened.closed:
            invariants.check(opened)


@pytest.fixture
def make(ledger: Ledger, clock: ManualClock) -> MakeCommit:
    """Stages frames and gives the commit of batch `n` of stage `d/s`, which starts at version
    `n - 1` of its one position.
    """

    def commit(
        n: int,
        *frames: pl.DataFrame,
        spec: SpoolSpec = SPEC,
        attempt: int = 1,
        replaces: Sequence[Any] = (),
        **fields: Any,
    ) -> Commit:
        claim = Claim(
            batch=f"d/s/{n}",
            attempt=attempt,
            run="d-1",
            deployment="d",
            stage="s",
            splits=(),
            advances=(Advance(KEY, n - 1, {"seq": n}),),
            tables=(),
            snapshot=ledger.snapshot(),
            now=clock.now(),
            seed=0,
            replaces=tuple(replaces),
        )
        segments = [
            segment
            for split, frame in enumerate(frames)
            for segment in write_segments(
                frame,
                ledger.root,
                spec,
                batch=claim.batch,
                attempt=attempt,
                task="s",
                split=split,
            )
        ]
        return Commit(claim, tuple(segments), (spec,), **fields)

    return commit
