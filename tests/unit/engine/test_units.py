"""Which splits share a task."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lyftnb.engine.program import units
from lyftnb.model import Claim, Split

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit_bytes", "tasks"),
    [(1, [[0], [1], [2], [3]]), (5, [[0, 1], [2], [3]]), (16, [[0, 1, 2, 3]])],
)
def test_small_neighbours_of_an_outside_input_share_one(
    unit_bytes: int, tasks: list[list[int]]
) -> None:
    splits = tuple(Split(i, "files", payload=i, bytes=size) for i, size in enumerate((2, 3, 5, 6)))
    claim = Claim("d/s/1", 1, "r", "d", "s", splits, (), (), 0, NOW, 0, unit_bytes=unit_bytes)
    assert [[s.position for s in unit.splits] for unit in units(claim, "batch")] == tasks
