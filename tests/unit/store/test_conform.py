"""Schema policies, row by row."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lyftnb.dtypes import to_schema
from lyftnb.model import Schema
from lyftnb.store import REASON, conform
from lyftnb.store.conforming import Policy

CURRENT = to_schema(pl.DataFrame({"a": [1], "b": ["x"], "s": [{"p": 1}]}).schema)


def test_evolve_adds_columns_widens_and_refuses_what_does_not_convert() -> None:
    frame = pl.DataFrame({"a": ["1", "x", None], "c": [1, 2, 3], "s": [{"p": 0.5, "q": 1}] * 3})
    found = conform(frame, CURRENT, "evolve")
    assert found.schema.to_mapping() == {
        "a": "BIGINT",
        "b": "VARCHAR",
        "s": 'STRUCT("p" DOUBLE, "q" BIGINT)',
        "c": "BIGINT",
    }
    assert found.frame.select("a", "c").rows() == [(1, 1), (None, 3)]
    assert found.refused.columns[-1] == REASON
    assert found.refused[REASON].to_list() == ["a: a value of type VARCHAR does not fit BIGINT"]


def test_freeze_refuses_rows_with_values_in_unknown_columns_only() -> None:
    frame = pl.DataFrame({"a": [1, 2], "c": [None, 5]})
    found = conform(frame, CURRENT, "freeze")
    assert found.schema == CURRENT
    assert found.frame["a"].to_list() == [1]
    assert found.refused["a"].to_list() == [2]


def test_discard_drops_unknown_columns_and_keeps_the_rows() -> None:
    found = conform(pl.DataFrame({"z": [1, 2]}), CURRENT, "discard")
    assert found.schema == CURRENT
    assert found.frame.height == 2 and found.refused.is_empty()


@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard"])
def test_a_first_frame_and_one_that_fits_pass_untouched(policy: Policy) -> None:
    frame = pl.DataFrame({"a": [1], "b": ["x"], "s": [{"p": 1}]})
    for current in (None, Schema(), CURRENT):
        assert_frame_equal(conform(frame, current, policy).frame, frame)


@pytest.mark.parametrize("frame", [pl.DataFrame(), pl.DataFrame({"z": []})])
def test_no_rows_stay_no_rows(frame: pl.DataFrame) -> None:
    assert conform(frame, CURRENT, "evolve").frame.is_empty()


@pytest.mark.parametrize(
    ("target", "fit", "unfit"),
    [
        (pl.Int64, [1.0, -3.0], [1.5, float("nan"), 1e300]),
        (pl.Int8, [127], [128]),
        (pl.Int64, ["1", "-2"], ["", "1.5", "one"]),
        (pl.Float64, ["1.5", "1e3"], ["x"]),
        (pl.Boolean, ["true", "false"], ["yes"]),
        (pl.String, [1, 2], []),
        (pl.String, [True], []),
        (pl.Date, ["2026-05-01"], ["2026-02-30", "today"]),
        (pl.Time, ["10:00:00", "10:00:00.5"], ["25:00:00"]),
        (pl.Datetime("us"), ["2026-05-01 10:00:00", "2026-05-01T10:00:00.5"], ["2026"]),
        (pl.Datetime("us", "UTC"), ["2026-05-01T10:00:00Z"], ["2026-05-01T10:00:00"]),
        (pl.Decimal(6, 2), ["1.25"], ["1.255", "x"]),
        (pl.List(pl.Int64), [["1"], []], [["1", "x"]]),
        (pl.Struct({"p": pl.Int64}), [{"p": "1"}], [{"p": "x"}]),
        (pl.Int64, [], [{"p": 1}]),
        (pl.Int64, [], [[1]]),
    ],
)
def test_values_convert_only_without_loss(target: Any, fit: list[Any], unfit: list[Any]) -> None:
    values = pl.Series("v", [*fit, *unfit, None], strict=False)
    current = to_schema(pl.Schema({"v": target}))
    found = conform(pl.DataFrame([values]), current, "freeze")
    assert found.frame.height == len(fit) + 1
    assert found.frame["v"].null_count() == 1
    assert found.refused.height == len(unfit)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "a": st.sampled_from(["1", "x", "7"]),
                "b": st.text("xy", max_size=1),
                "c": st.integers(0, 3),
            },
        ),
        min_size=1,
        max_size=6,
    ),
    cut=st.integers(0, 6),
    policy=st.sampled_from(["freeze", "discard"]),
)
def test_the_same_rows_get_through_however_they_are_cut(
    rows: list[dict[str, Any]], cut: int, policy: Policy
) -> None:
    def kept(part: list[dict[str, Any]]) -> list[dict[str, Any]]:
        frame = pl.DataFrame(part, infer_schema_length=None)
        return conform(frame, CURRENT, policy).frame.to_dicts() if frame.width else []

    rows = [row for row in rows if row]
    assert kept(rows) == kept(rows[:cut]) + kept(rows[cut:])
