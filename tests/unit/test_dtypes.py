"""Types go to text and back, and text says what is stored."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb import model
from lyftnb.dtypes import (
    from_schema,
    from_text,
    showable,
    stored,
    to_schema,
    to_stored,
    to_text,
    widened,
)
from lyftnb.errors import WorkflowError

PLAIN = [
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
    "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP",
    "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "DECIMAL(12,2)",
    "STRUCT()", '"NULL"',
]  # fmt: skip


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.text(st.sampled_from('ab, "()[]é'), min_size=1, max_size=4)
    struct = st.dictionaries(names, inner, min_size=1, max_size=3).map(
        lambda fields: "STRUCT({})".format(
            ", ".join('"{}" {}'.format(n.replace('"', '""'), t) for n, t in fields.items())
        )
    )
    return st.one_of(inner.map(lambda t: f"{t}[]"), inner.map(lambda t: f"{t}[3]"), struct)


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.sampled_from(PLAIN), _nested, max_leaves=5))
def test_text_survives(text: str) -> None:
    assert to_text(from_text(text)) == text


@pytest.mark.parametrize(
    ("alias", "text"),
    [("int", "INTEGER"), ("text", "VARCHAR"), ("varchar(20)", "VARCHAR"),
     ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
     ("numeric(5)", "DECIMAL(5,0)"), ("decimal", "DECIMAL(18,3)"), ("double  precision", "DOUBLE"),
     ("struct(a int, b text[])", 'STRUCT("a" INTEGER, "b" VARCHAR[])')],
)  # fmt: skip
def test_aliases_are_understood(alias: str, text: str) -> None:
    assert to_text(from_text(alias)) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("BIGNIT", "BIGINT"),
        ("DECIMAL(50,2)", "38"),
        ("STRUCT(a)", "name and a type"),
        ("BIGINT[", "BIGINT"),
        ('STRUCT("a"', ""),
        ("", ""),
    ],
)
def test_what_is_no_type_is_explained(text: str, hint: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        from_text(text)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("dtype", "text"),
    [(pl.Datetime("ns", "Asia/Tokyo"), "TIMESTAMP WITH TIME ZONE"), (pl.Float16(), "FLOAT"),
     (pl.Enum(["a"]), "VARCHAR"), (pl.Categorical(), "VARCHAR"), (pl.Duration("ns"), "INTERVAL"),
     (pl.Array(pl.Duration("ms"), 2), "INTERVAL[2]"),
     (pl.Struct({"a": pl.List(pl.Categorical())}), 'STRUCT("a" VARCHAR[])')],
)  # fmt: skip
def test_what_polars_has_beyond_is_stored_as_the_nearest(dtype: pl.DataType, text: str) -> None:
    assert to_text(dtype) == text
    assert from_text(text) == stored(dtype)


def test_times_without_zone_keep_their_unit() -> None:
    assert to_text(pl.Datetime("ms")) == "TIMESTAMP_MS"
    assert to_text(pl.Datetime("ns")) == "TIMESTAMP_NS"


def test_a_type_that_cannot_be_stored_says_so() -> None:
    with pytest.raises(WorkflowError, match="cannot be stored"):
        to_text(pl.List(pl.Object()))


def test_structs_without_fields_are_stored_as_nulls() -> None:
    frame = pl.DataFrame(
        {"e": [{}, None], "l": [[{}], []], "s": [{"a": {}, "b": 1}, None], "plain": [1, 2]}
    )
    found = to_stored(frame)
    found.write_parquet(BytesIO())
    assert to_schema(found.schema) == model.Schema.from_mapping(
        {"e": '"NULL"', "l": '"NULL"[]', "s": 'STRUCT("a" "NULL", "b" BIGINT)', "plain": "BIGINT"}
    )
    assert found.rows() == [(None, [None], {"a": None, "b": 1}, 1), (None, [], None, 2)]


def test_types_widen_as_their_text_does() -> None:
    wide = widened(pl.Struct({"a": pl.List(pl.Null())}), pl.Struct({"a": pl.List(pl.Int64())}))
    assert wide == pl.Struct({"a": pl.List(pl.Int64())})
    assert widened(pl.Int64(), pl.Float64()) == pl.Float64()
    assert widened(pl.Int64(), pl.String()) is None


def test_schemas_go_both_ways() -> None:
    schema = pl.Schema({"a": pl.Int64(), "b": pl.List(pl.Struct({"c": pl.String()}))})
    written = to_schema(schema)
    assert written == model.Schema.from_mapping({"a": "BIGINT", "b": 'STRUCT("c" VARCHAR)[]'})
    assert from_schema(written) == schema


def test_times_that_python_does_not_have_are_shown_as_text() -> None:
    times = pl.Series([datetime(9999, 12, 31, 23), None]).dt.cast_time_unit("us")
    frame = pl.DataFrame({"near": times, "far": times.dt.offset_by("1h")})
    assert showable(frame).rows() == [
        (datetime(9999, 12, 31, 23), "+10000-01-01 00:00:00.000000"),
        (None, None),
    ]
    assert showable(frame.select("near")).schema == frame.select("near").schema


def test_times_that_python_has_none_for_are_shown_as_text_however_deep() -> None:
    days = pl.Series("d", [3_000_000, 0], dtype=pl.Int32).cast(pl.Date)
    frame = pl.DataFrame({"n": [1, 2], "d": days}).select(
        within=pl.struct("n", "d"),
        many=pl.concat_list(pl.struct("d")),
        fixed=pl.concat_list("d").list.to_array(1),
        near=pl.struct(d=pl.lit(date(2024, 2, 29))),
    )
    assert showable(frame).to_dicts() == [
        {
            "within": {"n": 1, "d": "+10183-09-21"},
            "many": [{"d": "+10183-09-21"}],
            "fixed": ["+10183-09-21"],
            "near": {"d": date(2024, 2, 29)},
        },
        {
            "within": {"n": 2, "d": "1970-01-01"},
            "many": [{"d": "1970-01-01"}],
            "fixed": ["1970-01-01"],
            "near": {"d": date(2024, 2, 29)},
        },
    ]
