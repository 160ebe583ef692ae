"""Every operator and function of the dialect gives what DuckDB gives on the same rows.

Where DuckDB stops with an error (`TRY` makes that a null), lyftnb names the row as failed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.operators.base import Env
from lyftnb.operators.expressions import compile
from lyftnb.operators.expressions.docs import function_table
from lyftnb.operators.expressions.registry import FUNCTIONS, table
from tests.unit.operators.expression_rows import ROWS

# Documented as different, or (now, today) as taken from the batch; tested on their own.
DIFFERENT = {"random", "hash", "now", "today", "approx_count_distinct"}


def cases(kind: str) -> dict[str, list[str]]:
    """Name → expressions, from the headings `-- kind name` of the file."""
    text = (Path(__file__).parent / "expressions.sql").read_text()
    sections = re.findall(rf"^-- {kind} (.+)\n((?:(?!--).*\n?)*)", text, re.MULTILINE)
    return {name: [t.strip() for t in body.split(";") if t.strip()] for name, body in sections}


ROW_WISE = {**cases("operator"), **cases("function")}
GROUPED = cases("aggregate")


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        # The optimizer moves terms over comparisons, where they no longer overflow.
        connection.execute("PRAGMA disable_optimizer")
        connection.register("source", ROWS.to_arrow())
        # Whole numbers are computed as BIGINT.
        connection.execute(
            "CREATE TABLE rows AS SELECT * REPLACE (n::BIGINT AS n), row_number() OVER () AS rn "
            "FROM source"
        )
        connection.unregister("source")
        yield connection


def duckdb_columns(duck: duckdb.DuckDBPyConnection, texts: list[str], rest: str) -> list[list[Any]]:
    columns = ", ".join(f"{text} AS r{i}" for i, text in enumerate(texts))
    result = pl.from_arrow(duck.sql(f"SELECT {columns} {rest}").to_arrow_table())
    assert isinstance(result, pl.DataFrame)
    return [column.to_list() for column in result.get_columns()]


def lyftnb_columns(texts: list[str], frame: pl.DataFrame) -> list[list[Any]]:
    """Values, null where the row failed; the type must be the one that was announced."""
    found = [compile(text, frame.schema, Env()) for text in texts]
    exprs = [c.expr.alias(f"r{i}") for i, c in enumerate(found)]
    for i, compiled in enumerate(found):
        failed = [f.expr.fill_null(False) for f in compiled.failures]
        exprs.append((pl.any_horizontal(failed) if failed else pl.lit(False)).alias(f"failed{i}"))
    out = frame.lazy().with_columns(exprs).collect()
    assert [out.schema[f"r{i}"] for i in range(len(texts))] == [c.dtype for c in found]
    return [
        [None if bad else v for v, bad in out.select(f"r{i}", f"failed{i}").iter_rows()]
        for i in range(len(texts))
    ]


def same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
        return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def assert_same(texts: list[str], ours: list[list[Any]], theirs: list[list[Any]]) -> None:
    for text, mine, other in zip(texts, ours, theirs, strict=True):
        rows = enumerate(zip(mine, other, strict=True))
        differing = [(row, a, b) for row, (a, b) in rows if not same(a, b)]
        assert not differing, f"{text}: (row, lyftnb, DuckDB) {differing[:3]}"


@pytest.mark.parametrize("name", ROW_WISE)
def test_row_wise_expressions_agree(name: str, duck: duckdb.DuckDBPyConnection) -> None:
    texts = ROW_WISE[name]
    theirs = duckdb_columns(duck, [f"TRY({text})" for text in texts], "FROM rows ORDER BY rn")
    assert_same(texts, lyftnb_columns(texts, ROWS), theirs)


@pytest.mark.parametrize("name", GROUPED)
def test_aggregates_agree_per_group_and_over_all(
    name: str, duck: duckdb.DuckDBPyConnection
) -> None:
    texts = GROUPED[name]
    found = [compile(text, ROWS.schema, Env()) for text in texts]
    assert all(c.aggregate for c in found)
    exprs = [c.expr.alias(f"r{i}") for i, c in enumerate(found)]
    grouped = ROWS.lazy().group_by("g", maintain_order=True).agg(exprs).collect().drop("g")
    whole = ROWS.lazy().select(exprs).collect()
    assert grouped.dtypes == whole.dtypes == [c.dtype for c in found]
    rows = "FROM (SELECT * FROM rows ORDER BY rn)"
    for ours, rest in ((grouped, f"{rows} GROUP BY g ORDER BY g"), (whole, rows)):
        columns = [column.to_list() for column in ours.get_columns()]
        assert_same(texts, columns, duckdb_columns(duck, texts, rest))


def test_every_function_is_held_against_duckdb() -> None:
    held = {name: " ".join(texts) for name, texts in {**ROW_WISE, **GROUPED}.items()}
    for function in table():
        if function.name in DIFFERENT:
            continue
        names = (function.name, *function.aliases)
        assert any(f"{name}(" in held[function.name] for name in names), function.name


def test_every_documented_difference_is_named() -> None:
    assert all(FUNCTIONS[name].note or name in ("now", "today") for name in DIFFERENT)


def test_every_alias_is_the_function_itself() -> None:
    for function in table():
        assert all(FUNCTIONS[alias] is function for alias in function.aliases)


def test_the_page_holds_the_table_as_it_is() -> None:
    page = Path(__file__).parents[3] / "docs" / "expressions.md"
    assert function_table() in page.read_text(), "write function_table() into docs/expressions.md"


whole_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-10, 10),
    st.sampled_from([2**63 - 1, -(2**63), 2**62, -(2**62), 3037000500, -3037000500]),
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} + {p[1]})"),
        pair.map(lambda p: f"({p[0]} - {p[1]})"),
        pair.map(lambda p: f"({p[0]} * {p[1]})"),
        pair.map(lambda p: f"({p[0]} // {p[1]})"),
        st.tuples(inner, st.integers(2, 99)).map(lambda p: f"({p[0]} % {p[1]})"),
        st.tuples(inner, inner, inner).map(
            lambda p: f"(CASE WHEN {p[0]} > {p[1]} THEN {p[2]} ELSE {p[0]} END)"
        ),
        pair.map(lambda p: f"coalesce({p[0]}, {p[1]})"),
        inner.map(lambda p: f"CAST({p} AS SMALLINT)::BIGINT"),
    )


arithmetic = st.recursive(
    st.one_of(st.sampled_from(["a", "b"]), whole_numbers.map(lambda n: f"({n})::BIGINT")),
    _combined,
    max_leaves=6,
)
values = st.lists(st.one_of(st.none(), whole_numbers), min_size=4, max_size=4)


@settings(max_examples=150, deadline=None)
@given(text=arithmetic, a=values, b=values)
def test_whole_numbers_never_wrap(
    duck: duckdb.DuckDBPyConnection, text: str, a: list[int | None], b: list[int | None]
) -> None:
    frame = pl.DataFrame({"a": a, "b": b}, schema={"a": pl.Int64, "b": pl.Int64})
    rows = ", ".join(
        f"({i}, {'NULL' if x is None else x}, {'NULL' if y is None else y})"
        for i, (x, y) in enumerate(zip(a, b, strict=True))
    )
    source = (
        f"FROM (VALUES {rows}) AS t(rn, x, y), "
        "LATERAL (SELECT x::BIGINT AS a, y::BIGINT AS b) ORDER BY rn"
    )
    assert_same(
        [text], lyftnb_columns([text], frame), duckdb_columns(duck, [f"TRY({text})"], source)
    )
