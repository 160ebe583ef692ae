"""DuckDB in memory, for what it does better than Polars: whole queries, and exact JSON.

Connections are locked down: no files, no network, no extensions, no settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
import polars as pl
from duckdb.sqltypes import DuckDBPyType

from lyftnb.dtypes import element, huge_as_text, instance, to_text
from lyftnb.errors import ExpressionError
from lyftnb.model import quoted

_FOREIGN = re.compile(r"\b(INTERVAL|MAP|UNION|BIT|UHUGEINT|VARIANT)\b")
_CONFIG = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One database per process: opening one takes longer than most queries."""
    database = duckdb.connect(":memory:", config=_CONFIG)
    database.execute(f"SET threads = {pl.thread_pool_size()}")
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    database.execute("SET lock_configuration = true")
    return database


@contextmanager
def session(tables: Mapping[str, pl.DataFrame]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees these frames as tables, and nothing else of the world."""
    connection = _database().cursor()
    try:
        for name, frame in tables.items():
            _show(connection, name, frame)
        yield connection
    finally:
        connection.close()


def _show(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Have a connection see a frame as a table."""
    texts = huge_as_text(frame.schema)
    if not texts:
        connection.register(name, frame.to_arrow())
        return
    shown = f"texts:{name}"
    connection.register(shown, frame.with_columns(texts).to_arrow())
    # Names that differ in case only are one to DuckDB, which gives the second another.
    called = dict(zip(frame.columns, connection.sql(f"FROM {quoted(shown)}").columns, strict=True))
    huge = {called[c]: to_text(frame.schema[c]) for c in (t.meta.output_name() for t in texts)}
    casts = ", ".join(f"{quoted(c)}::{kind} AS {quoted(c)}" for c, kind in huge.items())
    connection.execute(
        f"CREATE TEMP VIEW {quoted(name)} AS SELECT * REPLACE ({casts}) FROM {quoted(shown)}"
    )


def fetched(
    connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """The rows of a query. `values` are its parameters (`$name`).

    Raises:
        duckdb.Error: the query fails.
        ExpressionError: a column is of a type that frames do not have.
    """
    relation = connection.sql(query, params=dict(values or {}))
    kinds = dict(zip(relation.columns, relation.types, strict=True))
    for name, kind in kinds.items():
        if _FOREIGN.search(str(kind)):
            raise ExpressionError(
                f"'{name}' is {kind}, which rows of a batch cannot hold",
                hint="CAST it: to VARCHAR, or an INTERVAL to seconds by epoch(…)",
                text=query,
            )
    made = pl.from_arrow(relation.to_arrow_table())
    assert isinstance(made, pl.DataFrame)
    # Arrow has no 128-bit integers: DuckDB hands them over as decimals.
    huge = [name for name, kind in kinds.items() if "HUGEINT" in str(kind)]
    return made.with_columns(
        pl.col(name).cast(_with_huge(made.schema[name], kinds[name])) for name in huge
    )


def _with_huge(dtype: pl.DataType, kind: DuckDBPyType) -> pl.DataType:
    """The type of a column, with whole numbers where its query has HUGEINT."""
    match dtype:
        case pl.Struct():
            inner = dict(kind.children)
            return pl.Struct(
                {f.name: _with_huge(instance(f.dtype), inner[f.name]) for f in dtype.fields}
            )
        case pl.List():
            return pl.List(_with_huge(element(dtype), kind.children[0][1]))
        case pl.Array():
            return pl.Array(_with_huge(element(dtype), kind.children[0][1]), dtype.shape[0])
    return pl.Int128() if kind.id == "hugeint" else dtype
