"""DuckDB in memory, for what it does better than Polars: whole queries, and exact JSON.

Connections are locked down: no files, no network, no extensions, no settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import duckdb
import polars as pl

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
            connection.register(name, frame.to_arrow())
        yield connection
    finally:
        connection.close()


def fetched(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """The rows of a query."""
    made = pl.from_arrow(connection.sql(query).to_arrow_table())
    assert isinstance(made, pl.DataFrame)
    return made
