"""A ledger in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lyftnb.clock import ManualClock
from lyftnb.store import Ledger
from tests.ledger_kit import blank


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(blank(tmp_path / "state"), ManualClock(), "pytest") as opened:
        yield opened
