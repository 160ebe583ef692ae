"""Payloads of messages: the same however a batch was cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb.operators import ActionError, Env, emission, matches

ENV = Env(variables={"run.id": "d-7"})
FIELDS = {
    "rows": "count(*)",
    "late": "count(*) FILTER (WHERE delay > 15)",
    "mean": "round(avg(delay) + 1, 6)",
    "spread": "max(delay) - min(delay)",
    "last": "max(at)",
    "names": "first(name) || '..' || last(name)",
    "known": "any_value(name)",
    "run": "${run.id}",
    "fixed": "'night'",
}
SCHEMA = pl.Schema({"delay": pl.Int64(), "at": pl.Datetime("us", "UTC"), "name": pl.String()})
rows = st.fixed_dictionaries(
    {
        "delay": st.none() | st.integers(-100, 100),
        "at": st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2021, 1, 1)),
        "name": st.none() | st.sampled_from(["a", "b"]),
    }
)


def frame(found: list[dict[str, Any]]) -> pl.DataFrame:
    at = [row["at"].replace(tzinfo=UTC) if row["at"] else None for row in found]
    columns = {"delay": [r["delay"] for r in found], "at": at, "name": [r["name"] for r in found]}
    return pl.DataFrame(columns, schema=SCHEMA)


@given(pieces=st.lists(st.lists(rows, max_size=4), min_size=1, max_size=4))
def test_pieces_give_what_the_whole_gives(pieces: list[list[dict[str, Any]]]) -> None:
    taken = emission(FIELDS)
    whole = taken.payload([taken.partial(frame([r for p in pieces for r in p]), ENV)], ENV)
    # A piece without rows is not sent: it would stand between the first and the last value.
    cut = [taken.partial(frame(piece), ENV) for piece in pieces if piece]
    none = taken.partial(frame([]), ENV)
    assert taken.payload(cut, ENV, none) == (whole if cut else taken.payload([none], ENV))


def test_a_payload_is_plain_json() -> None:
    taken = emission(FIELDS)
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    found = taken.payload([taken.partial(frame([{"delay": 20, "at": at, "name": "x"}]), ENV)], ENV)
    assert found == {
        "rows": 1, "late": 1, "mean": 21.0, "spread": 0, "last": "2026-05-01T12:00:00.000000+00:00",
        "names": "x..x", "known": "x", "run": "d-7", "fixed": "night",
    }  # fmt: skip


def test_without_rows_counts_are_zero_and_the_rest_is_null() -> None:
    found = emission({"rows": "count(*)", "last": "max(at)"}).payload((), ENV)
    assert found == {"rows": 0, "last": None}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delay", "column 'delay' has many values"),
        ("count(*) + delay", "column 'delay' has many values"),
        ("median(delay)", "cannot be put together"),
        ("count(DISTINCT delay)", "cannot be put together"),
        ("max(", "cannot be parsed"),
        ("max(nope)", "unknown column 'nope'"),
    ],
)
def test_what_cannot_be_a_field(text: str, says: str) -> None:
    with pytest.raises(ActionError, match=says.replace("(", r"\(")):
        emission({"field": text}).check(SCHEMA, ENV)


@pytest.mark.parametrize(
    ("condition", "payload", "holds"),
    [
        ("rows > 2 AND tag = 'x'", {"rows": 3, "tag": "x"}, True),
        ("rows > 2", {"rows": 1}, False),
        ("missing > 1", {"rows": 1}, False),
        ("missing IS NULL", {"rows": 1}, True),
        ("a.b = 1", {"a": {"b": 1}}, True),
        ("rows > 'x'", {"rows": 1}, False),
        ("true", None, True),
    ],
)
def test_conditions_over_a_payload(condition: str, payload: Any, holds: bool) -> None:
    assert matches(condition, payload, ENV) is holds
