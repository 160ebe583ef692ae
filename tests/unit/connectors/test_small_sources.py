"""`inline` and `generate`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lyftnb.connectors.base import SourceEnv
from lyftnb.connectors.registry import SOURCES
from lyftnb.errors import WorkflowError

ALL_KINDS = {
    "rows": 1_000,
    "seed": 7,
    "columns": {
        "id": "sequence",
        "even": {"sequence": {"start": 10, "step": 2}},
        "city": {"choice": ["x", "y"]},
        "rare": {"choice": {"values": [1, 2], "weights": [99, 1]}, "nulls": 0.5},
        "u": {"uniform": {"min": -1, "max": 1}},
        "die": {"uniform": {"min": 1, "max": 6, "integer": True}},
        "n": {"normal": {"mean": 100, "sd": 5}},
        "at": {"timestamp": {"start": "2026-01-01", "step": "90s"}},
        "name": {"pattern": "user-###-?#"},
    },
}


def take(kind, params, position=None, **env):
    source = SOURCES[kind]
    model = source.parse(params)
    settings_ = SourceEnv(**env)
    found = source.discover(model, position or {}, settings_)
    results = [source.read(model, s.payload, None, settings_) for s in found.splits]
    frames = [result.frame.collect() for result in results]
    moved = source.advance(model, position or {}, [s.payload for s in found.splits])
    return (pl.concat(frames) if frames else None), {**(position or {}), **moved}


@settings(max_examples=20, deadline=None)
@given(st.integers(200, 5_000))
def test_generated_rows_do_not_depend_on_the_cutting(split_bytes):
    few = {**ALL_KINDS, "rows": 60}
    whole, _ = take("generate", few)
    pieces, position = take("generate", few, split_bytes=split_bytes)
    assert whole.equals(pieces)
    assert take("generate", few, position)[0] is None


def test_generators_do_what_they_say():
    frame, _ = take("generate", ALL_KINDS)
    assert frame["even"].to_list()[:3] == [10, 12, 14]
    assert frame["rare"].null_count() == pytest.approx(500, abs=80)
    assert frame["u"].is_between(-1, 1).all()
    assert set(frame["die"]) == {1, 2, 3, 4, 5, 6}
    assert frame["n"].mean() == pytest.approx(100, abs=1)
    assert frame["n"].std() == pytest.approx(5, abs=0.5)
    assert frame["at"][2] == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert frame["name"].str.contains(r"^user-\d{3}-[a-z]\d$").all()
    assert frame["city"].value_counts()["count"].to_list() == pytest.approx([500, 500], abs=80)
    other, _ = take("generate", {**ALL_KINDS, "seed": 8})
    assert not frame["u"].equals(other["u"])
    source = SOURCES["generate"]
    declared = source.schema(source.parse(ALL_KINDS))
    assert declared is not None and declared.names == tuple(frame.columns)


def test_a_rate_gives_the_rows_that_are_due():
    params = {"rate": 10, "rows": 25, "columns": {"id": "sequence"}}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first, position = take("generate", params, now=now, bounded=False)
    assert first.height == 10
    assert take("generate", params, position, now=now, bounded=False)[0] is None
    later = now + timedelta(seconds=0.5)
    second, position = take("generate", params, position, now=later, bounded=False)
    assert second["id"].to_list() == [10, 11, 12, 13, 14]
    rest, position = take("generate", params, position, now=later, bounded=True)
    assert rest["id"].to_list() == list(range(15, 25))


@pytest.mark.parametrize(
    "columns",
    [
        {"a": {"sequence": {}, "normal": {}}},
        {"a": {}},
        {"a": {"choice": ["x", 1]}},
        {"a": {"choice": {"values": ["x"], "weights": [1, 2]}}},
        {"a": {"uniform": {"min": 2, "max": 1}}},
        {"a": {"sequence": {"start": 2**63}}},
        {"a": {"timestamp": {"start": "0001-01-01", "step": -1}}, "b": "sequence"},
        {},
    ],
)
def test_generators_that_make_no_sense_are_refused(columns):
    with pytest.raises(ValidationError):
        SOURCES["generate"].parse({"rows": 2, "columns": columns})


@pytest.mark.parametrize(("start", "step"), [(2**63 - 10, 1), (9 - 2**63, -1)])
def test_a_sequence_ends_where_its_type_does(start, step):
    columns = {"id": {"sequence": {"start": start, "step": step}}}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    take_due = partial(take, "generate", {"rate": 10, "columns": columns}, bounded=False)
    frame, position = take_due(now=now)
    assert frame["id"].to_list() == [start + step * row for row in range(10)]
    with pytest.raises(WorkflowError, match="column 'id': row 10 runs out of BIGINT"):
        take_due(position, now=now + timedelta(seconds=1))
    with pytest.raises(ValidationError, match="give fewer `rows`"):
        SOURCES["generate"].parse({"rows": 11, "columns": columns})


@pytest.mark.parametrize(
    ("params", "rows"),
    [
        ([{"a": 1, "b": "x"}, {"a": 2.5}], [(1.0, "x"), (2.5, None)]),
        (
            {"rows": [{"a": "2026-01-02"}], "schema": {"a": "DATE"}},
            [(datetime(2026, 1, 2).date(),)],
        ),
        ({"text": "a,b\n1,x\n", "format": "csv"}, [(1, "x")]),
        ({"text": "one\ntwo", "format": "text"}, [("one",), ("two",)]),
        ({"text": '{"a":[1]}\n'}, [([1],)]),
    ],
)
def test_inline_rows_are_taken_once(params, rows):
    frame, position = take("inline", params)
    assert frame.rows() == rows
    assert take("inline", params, position)[0] is None
    assert take("inline", [{"other": 1}], position)[0] is not None


def test_inline_rows_give_their_schema_to_validation():
    source = SOURCES["inline"]
    schema = source.schema(source.parse([{"a": 1, "tags": ["x"]}]))
    assert schema is not None
    assert schema.to_mapping() == {"a": "BIGINT", "tags": "VARCHAR[]"}
