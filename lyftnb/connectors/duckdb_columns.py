"""How rows come into a DuckDB table without a change of their values.

DuckDB rounds, cuts and drops without a word where the types of rows and table differ: 1.5 becomes
2 in a BIGINT column, a time of day is lost in a DATE, a new field of a STRUCT is left out. So a
column of the table is widened first where that holds both, by the rules of spools; otherwise the
values must come back from the table's type as they were.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import polars as pl

from lyftnb import model
from lyftnb.dtypes import from_text, holds, rebuilt, to_text, without_empty_structs
from lyftnb.errors import BadData, WorkflowError
from lyftnb.model import quoted, widened


def spelled(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as they are staged: what DuckDB cannot read from Polars' Parquet stands as text.

    These are numbers of 128 bits, which it takes for bytes, and intervals, which it takes for
    numbers.
    """
    frame = without_empty_structs(frame)
    odd = [name for name, dtype in frame.schema.items() if holds(dtype, pl.Int128, pl.Duration)]
    return frame.with_columns(
        rebuilt(pl.col(name), frame.schema[name], _as_text).alias(name) for name in odd
    )


def _as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if isinstance(dtype, pl.Int128):
        return value.cast(pl.String)
    if isinstance(dtype, pl.Duration):
        return pl.format("{} microseconds", value.dt.total_microseconds())
    return None


def fit(
    connection: duckdb.DuckDBPyConnection, table: str, staged: str, columns: Mapping[str, str]
) -> None:
    """Append the rows of a staged file, whose columns have these types, to a table.

    The table is made, gets the columns that it does not have, and wider types where these hold
    both.

    Raises:
        BadData: values of a column would change.
        duckdb.Error: DuckDB does not take them.
    """
    _check_names(table, columns)
    into = quoted(table)
    made = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"create table if not exists {into} ({made})")
    items = ", ".join(f"{quoted(name)}::{kind} as {quoted(name)}" for name, kind in columns.items())
    rows = f"(select {items} from read_parquet(?))"
    there = _types(connection, into)
    for name, kind in columns.items():
        have = there.get(name.lower())
        if have is None:
            connection.execute(f"alter table {into} add column {quoted(name)} {kind}")
            continue
        wide = widened(have, kind)
        if wide is None:
            _check_values(connection, rows, staged, table, model.Field(name, kind), have)
        elif wide != have:
            connection.execute(f"alter table {into} alter {quoted(name)} type {wide}")
    connection.execute(f"insert into {into} by name select * from {rows}", [staged])


def _check_names(table: str, columns: Mapping[str, str]) -> None:
    """DuckDB's names are the same in upper and lower case; a frame's are not."""
    seen: dict[str, str] = {}
    for name in columns:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise BadData(
                f"the rows do not fit the table '{table}': to DuckDB their columns '{other}' and "
                f"'{name}' have one name",
                hint="rename one of them before the output",
            )


def _types(connection: duckdb.DuckDBPyConnection, into: str) -> dict[str, str]:
    """The columns of a table by their names in lower case, with types as schemas write them."""
    found = connection.execute(f"describe {into}").fetchall()
    return {name.lower(): _written(kind) for name, kind, *_rest in found}


def _written(kind: str) -> str:
    try:
        return to_text(from_text(kind))
    except WorkflowError:
        return kind  # one that frames do not have, such as UUID or an ENUM


def _check_values(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    staged: str,
    table: str,
    column: model.Field,
    have: str,
) -> None:
    """Text is meant to be read; values of any other type must come back as they were."""
    if column.type == "VARCHAR":
        return
    name = quoted(column.name)
    back = f"try_cast(try_cast({name} as {have}) as {column.type})"
    changed = connection.execute(
        f"select {name}::varchar from {rows} where {back} is distinct from {name} limit 1", [staged]
    ).fetchone()
    if changed is not None:
        raise BadData(
            f"the rows do not fit the table '{table}': its column '{column.name}' is {have}, which "
            f"cannot hold {changed[0]} ({column.type}) as it is",
            hint=f"alter table {quoted(table)} alter {name} type {column.type}; a cast before the "
            "output helps later rows only, these are committed",
        )
