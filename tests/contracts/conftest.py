"""A ledger, and the two ways to its verbs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lyftnb.clock import ManualClock
from lyftnb.store import Ledger
from lyftnb.store.remote import StateClient, serve
from lyftnb.testing import invariants
from tests.ledger_kit import blank


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(blank(tmp_path / "state"), clock, "pytest") as opened:
        yield opened
        invariants.check(opened)


@pytest.fixture(params=["in process", "over the protocol"])
def state(ledger: Ledger, request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "in process":
        yield ledger
        return
    with serve(ledger), StateClient.of(ledger.state_dir, patience_s=10.0) as client:
        yield client
