"""What a unit of a batch asks of worker groups."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from lyftnb.engine.errands import Work
from lyftnb.engine.program import Program
from lyftnb.model import Task

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def program(id: str, group: str, *upstream: str) -> Program:
    task = Task(id, group, None, (), upstream)
    return Program(task, "batch", None, "d/s/1", 1, NOW, 0, None, {}, (), {}, {}, "", "")


@pytest.mark.parametrize(
    ("tasks", "wanted"),
    [
        ([("read", "a"), ("there", "b", "read"), ("back", "a", "there")], {"a": 1, "b": 1}),
        ([("read", "a"), ("left", "b", "read"), ("right", "b", "read")], {"a": 1, "b": 2}),
        ([("one", "a"), ("two", "a"), ("both", "a", "one", "two")], {"a": 2}),
    ],
)
def test_tasks_that_follow_each_other_take_one_slot(
    tasks: list[tuple[str, ...]], wanted: dict[str, int]
) -> None:
    work = Work("d/s/1", 1, tuple(program(*task) for task in tasks), (), 2)
    assert Counter(work.groups) == wanted
