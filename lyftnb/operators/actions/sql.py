"""The action that runs any DuckDB query over the rows: sql."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import duckdb
import polars as pl
import sqlglot
from pydantic import Field, field_validator
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lyftnb.errors import ExpressionError
from lyftnb.model import Params
from lyftnb.operators.base import (
    HIDDEN,
    Action,
    ActionError,
    EagerBound,
    Env,
    Example,
    Made,
)
from lyftnb.operators.binding import scalar
from lyftnb.operators.duckdb_session import fetched, session

BATCH = "batch"
"""The table that stands for the rows that reach the action."""

_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\{[^{}]*\})")
_KIND = re.compile(r"^(\w+ )+Error:\s*")
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"(?P<head>LINE (?P<line>\d+): )(?P<text>.*)\n(?P<mark> *)\^")
_SPANNING = (
    exp.Join,
    exp.Group,
    exp.AggFunc,
    exp.Order,
    exp.Limit,
    exp.Offset,
    exp.Distinct,
    exp.Window,
    exp.SetOperation,
    exp.Subquery,
    exp.CTE,
    exp.TableSample,
)


class SqlParams(Params):
    """A query."""

    short = {str: "query"}

    query: str = Field(
        json_schema_extra={"format": "sql"},
        min_length=1,
        description="one SELECT over `batch` (the rows that reach the action) and over the step's "
        "named inputs",
    )

    @field_validator("query")
    @classmethod
    def _is_one_select(cls, query: str) -> str:
        try:
            _tree(_prepared(query)[0])
        except ExpressionError as error:
            raise ValueError(error.message) from error
        return query


class SqlQuery(Action[SqlParams]):
    """Runs one DuckDB query over the rows: all of DuckDB's functions, joins and windows.

    It sees `batch` and the step's named inputs, and nothing outside. Values come in as
    `${run.id}`. A query that looks at one row at a time is row-wise; with aggregates, joins,
    windows, an order, a limit or a subquery it works on the step's frame. An error in it (a failed
    CAST) fails the batch, so use TRY_CAST.
    """

    name = "sql"
    Params = SqlParams
    example = Example(
        params="SELECT id, list_transform(tags, lambda t: upper(t)) AS tags FROM batch",
        rows=[{"id": 1, "tags": ["a", "b"]}],
        result=[{"id": 1, "tags": ["A", "B"]}],
    )

    def rowwise(self, params: SqlParams) -> bool:
        """Whether the query takes one table, row by row."""
        tree = _tree(_prepared(params.query)[0])
        aggregates = _aggregates()
        return not any(
            isinstance(node, _SPANNING)
            or (isinstance(node, exp.Func) and node.name.lower() in aggregates)
            or (isinstance(node, exp.From) and _name(node.this) != BATCH)
            for node in tree.walk()
        )

    def tables(self, params: SqlParams) -> tuple[str, ...]:
        """The tables of the query that are neither `batch` nor made by the query itself."""
        tree = _tree(_prepared(params.query)[0])
        made = {cte.alias for cte in tree.find_all(exp.CTE)}
        named = dict.fromkeys(t.name for t in tree.find_all(exp.Table) if t.name)
        return tuple(name for name in named if name not in {BATCH, *made})

    def bind(self, params: SqlParams, schema: pl.Schema, env: Env) -> EagerBound:
        """Run the query over no rows, which tells its errors and its columns."""
        query, places = _prepared(params.query)
        unknown = env.checking and bool(places)
        values = {} if unknown else {f"v{i}": _value(p, env) for i, p in enumerate(places)}
        names = self.tables(params)
        missing = [name for name in names if name not in env.tables]
        if missing:
            known = ", ".join((BATCH, *env.tables))
            raise ActionError(f"there is no table '{missing[0]}'", hint=f"there is: {known}")
        empty = {name: env.tables[name].head(0).collect() for name in names}

        def run(frame: pl.DataFrame) -> Made:
            tables = {name: env.tables[name].collect() for name in names}
            return Made(_ran(query, values, {BATCH: frame, **tables}))

        if unknown:
            return EagerBound(run, None)
        out = _ran(query, values, {BATCH: pl.DataFrame(schema=schema), **empty})
        return EagerBound(run, out.schema)


def _ran(query: str, values: dict[str, Any], tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    try:
        with session(tables) as connection:
            made = fetched(connection, query, values)
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise _told("the query fails", query, error) from error
    kept = [name for name in made.columns if name.startswith(HIDDEN)]
    if kept:
        raise ActionError(f"the query makes a column '{kept[0]}'", hint="rename it")
    return made


def _prepared(query: str) -> tuple[str, tuple[str, ...]]:
    """The query with parameters in the stead of `${…}`, and those."""
    places: list[str] = []

    def parameter(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        places.append(match[1])
        # As long as what it stands for, so that DuckDB's places in the query are the author's.
        return f"$v{len(places) - 1}".ljust(len(match[0]))

    return _PLACEHOLDER.sub(parameter, query), tuple(places)


def _value(place: str, env: Env) -> Any:
    return pl.select(scalar(place, pl.Schema(), env).expr).item()


def _tree(query: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(query, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise _unparsed(query, error) from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise ExpressionError("the query must be one SELECT", text=query)
    return trees[0]


def _unparsed(query: str, error: Exception) -> ExpressionError:
    """What DuckDB says of a query that cannot be parsed."""
    try:
        with session({}) as connection:
            connection.extract_statements(query)
    except duckdb.Error as said:
        return _told("the query cannot be parsed", query, said)
    why = _PAINT.sub("", str(error).split("\n", 1)[0])
    return ExpressionError(
        f"DuckDB takes the query, but lyftnb cannot tell which tables it reads: {why}",
        hint="write it more simply, or report it with its text",
        text=query,
    )


def _told(what: str, query: str, error: Exception) -> ExpressionError:
    """An error of DuckDB's in its own words, with its place in the query where it names one."""
    text, _, shown = str(error).partition("\n\n")
    why, _, hint = _KIND.sub("", text).partition("\n")
    offset = _offset(query, shown)
    if offset is None:
        return ExpressionError(f"{what}: {why}", hint=hint or None, text=query)
    line = query.count("\n", 0, offset) + 1
    column = offset - query.rfind("\n", 0, offset)
    return ExpressionError(
        f"{what} at line {line}, character {column}: {why}",
        hint=hint or None,
        text=query,
        offset=offset,
    )


def _offset(query: str, shown: str) -> int | None:
    """Where the mark in an error of DuckDB's points to: a line of the query, with `^` below it."""
    found = _PLACE.match(shown)
    if found is None:
        return None
    lines = query.splitlines(keepends=True)
    number, text = int(found["line"]) - 1, found["text"]
    # Of a long line only a part is shown.
    clipped = text.removeprefix("...")
    start = lines[number].find(clipped.removesuffix("...")) if number < len(lines) else -1
    if start < 0:
        return None
    inside = len(found["mark"]) - len(found["head"]) - (len(text) - len(clipped))
    return sum(map(len, lines[:number])) + start + max(0, inside)


def _name(node: object) -> str | None:
    return node.name if isinstance(node, exp.Table) else None


@cache
def _aggregates() -> frozenset[str]:
    query = "SELECT function_name AS f FROM duckdb_functions() WHERE function_type = 'aggregate'"
    with session({}) as connection:
        return frozenset(fetched(connection, query)["f"].to_list())
