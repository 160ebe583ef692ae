"""The `sql` action speaks DuckDB's words, and knows where in the query they belong."""

from __future__ import annotations

import polars as pl
import pytest

from lyftnb.errors import ExpressionError
from lyftnb.operators import Env, action
from lyftnb.operators.actions.sql import _ran, _tree

SCHEMA = pl.Schema({"a": pl.Int64, "name": pl.String})


@pytest.mark.parametrize(
    ("query", "place", "why", "at"),
    [
        ("SELECT a FRM batch", "line 1, character 14", 'syntax error at or near "batch"', "batch"),
        ("SELECT a,\nFROM batch\nWHERE (a > 1", "line 3, character 12", "syntax error", "1"),
        ("SELEC a FROM batch", "line 1, character 1", 'near "SELEC"', "SELEC"),
        (f"SELECT {'a + ' * 60}a FRM batch", "character 254", "syntax error", "batch"),
    ],
)
def test_what_cannot_be_parsed_is_told_by_duckdb(query: str, place: str, why: str, at: str) -> None:
    with pytest.raises(ExpressionError, match="cannot be parsed at") as caught:
        _tree(query)
    message = caught.value.message
    assert place in message and why in message and "sqlglot" not in message
    assert query[caught.value.facts["offset"] :].startswith(at)


def test_the_error_of_a_form_is_that_of_duckdb() -> None:
    with pytest.raises(ValueError, match='line 1, character 14: syntax error at or near "batch"'):
        action("sql").parse("SELECT a FRM batch")


@pytest.mark.parametrize("query", ["SELECT 1; SELECT 2", "UPDATE batch SET a = 1", ""])
def test_one_select_is_wanted(query: str) -> None:
    with pytest.raises(ExpressionError, match="must be one SELECT"):
        _tree(query)


def test_places_are_those_of_the_query_as_it_was_written() -> None:
    query = "SELECT ${run.id} AS id, a FRM batch"
    place = query.index("batch") + 1
    with pytest.raises(ValueError, match=f"line 1, character {place}:"):
        action("sql").parse(query)


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    sql = action("sql")
    with pytest.raises(ExpressionError, match="nope") as caught:
        sql.bind(sql.parse("SELECT nope FROM batch"), SCHEMA, Env())
    assert caught.value.hint == 'Candidate bindings: "name"'


def test_numbers_of_128_bits_are_read_at_any_depth() -> None:
    huge = pl.Series("w", [2**100, None, -1], dtype=pl.Int128)
    batch = pl.DataFrame({"N": [3, 2, 1], "n": huge, "w": huge})
    batch = batch.with_columns(l=pl.concat_list("w", "w"))
    query = "SELECT n_1 AS other, w + 1 AS w, l[2] AS second FROM batch ORDER BY n DESC"
    made = _ran(query, {}, {"batch": batch})
    assert made.schema == {"other": pl.Int128, "w": pl.Int128, "second": pl.Int128}
    assert made["other"].equals(huge)
    assert made["w"].to_list() == [2**100 + 1, None, 0]
    assert made["second"].to_list() == [2**100, None, -1]
    query = """SELECT l, array_value(w, w) AS a, {'x': [w], 'd': 1.5::DECIMAL(38, 2)} AS s,
               3::DECIMAL(38, 0) AS d FROM batch WHERE w > 0"""
    nested = _ran(query, {}, {"batch": batch})
    assert nested.schema == {
        "l": pl.List(pl.Int128),
        "a": pl.Array(pl.Int128, 2),
        "s": pl.Struct({"x": pl.List(pl.Int128), "d": pl.Decimal(38, 2)}),
        "d": pl.Decimal(38, 0),
    }
    assert nested["l"].to_list() == [[2**100] * 2] and nested["s"][0]["x"] == [2**100]
