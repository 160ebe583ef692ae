"""The kv action: the few changes that it stages come to the same as one change for each row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb.operators import ACTIONS, Env
from lyftnb.operators.base import EagerBound
from lyftnb.operators.state_changes import StateChanges
from lyftnb.store.entries import NOTHING, Applied, Change, applied

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = pl.Schema({"k": pl.String, "v": pl.Int64})

rows = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-(2**63), 2**63 - 1)), max_size=12)


def staged(frame: pl.DataFrame, verb: str, value: str) -> list[Change]:
    kv = ACTIONS["kv"]
    changes = StateChanges()
    bound = kv.bind(
        kv.Params.model_validate({"namespace": "n", "key": "k", verb: value}),
        frame.schema,
        Env(changes=changes),
    )
    assert isinstance(bound, EagerBound)
    bound.run(frame)
    found = changes.frames().get("kv")
    return [] if found is None else [Change(*row) for row in found.select(Change._fields).rows()]


def outcome(changes: list[Change]) -> Applied:
    return applied(changes, {change.address: NOTHING for change in changes}, 1, NOW)


@pytest.mark.parametrize("verb", ["put", "put_absent", "increment", "add", "remove"])
@given(given=rows)
def test_reduced_changes_come_to_the_same(verb: str, given: list[tuple[str, int]]) -> None:
    frame = pl.DataFrame(given, schema=SCHEMA, orient="row")
    one_by_one = [Change(verb, "n", key, str(value)) for key, value in given]
    assert outcome(staged(frame, verb, "v")) == outcome(one_by_one)


def test_a_key_that_is_counted_is_one_change() -> None:
    frame = pl.DataFrame({"k": ["a", "b"] * 500, "v": [2**62] * 1000})
    assert len(staged(frame, "increment", "v")) == 2


def test_fractions_are_added_up_in_the_order_of_the_rows() -> None:
    frame = pl.DataFrame({"k": ["a"] * 3, "v": [0.5, 1.5, -0.25]})
    values: list[Any] = [change.value for change in staged(frame, "increment", "v")]
    assert values == ["0.5", "1.5", "-0.25"]
