"""`duckdb`: a table in the user's own DuckDB file.

Rows are staged as Parquet beside the file. Publishing inserts them and a ledger row with the
publication's id in one transaction at the destination, so a repeat finds the ledger row and does
nothing. How the columns of rows and table come together stands in `duckdb_columns`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import duckdb
import polars as pl
from pydantic import Field, field_validator

from lyftnb.connectors.base import Sink, SinkEnv
from lyftnb.connectors.duckdb_columns import fit, spelled
from lyftnb.connectors.publishing import remove_staged, stage_file
from lyftnb.dtypes import to_schema, without_empty_structs
from lyftnb.errors import BadData, StorageError, Temporary
from lyftnb.model import Params, Publication, seconds

LEDGER = "_lyftnb_published"
_PAUSE_S = 0.05


class DuckdbParams(Params):
    """A table of a DuckDB file."""

    path: str = Field(min_length=1, description="the file; relative to the workspace")
    table: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="made where it does not exist; columns that are new are added, and types widen "
        "as in a spool (BIGINT to DOUBLE, a STRUCT by fields)",
    )
    mode: Literal["append"] = Field("append", description="rows are added to the table")
    wait: str | float = Field(
        "10s", description="how long to wait for a file that another process has open"
    )

    @field_validator("wait")
    @classmethod
    def _duration(cls, value: str | float) -> str | float:
        seconds(value)
        return value


class DuckdbTable(Sink[DuckdbParams]):
    """Appends rows to a table."""

    name: ClassVar[str] = "duckdb"
    Params: ClassVar[type[DuckdbParams]] = DuckdbParams
    delivery: ClassVar[str] = (
        f"exactly once: the rows and a row in `{LEDGER}` are one transaction of the file"
    )

    def stage(
        self, params: DuckdbParams, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """A Parquet file beside the database for each frame that has rows."""
        filled = (frame for frame in frames if frame.height)
        return tuple(self._stage(params, frame, env, part) for part, frame in enumerate(filled))

    def _stage(
        self, params: DuckdbParams, frame: pl.DataFrame, env: SinkEnv, part: int
    ) -> Publication:
        database = env.base_path.absolute() / params.path
        staged = stage_file(
            env,
            self.name,
            database.parent,
            ".parquet",
            part,
            lambda path: spelled(frame).write_parquet(path),
        )
        payload = {
            "staged": staged.payload["staged"],
            "rivals": staged.payload["rivals"],
            "database": str(database),
            "table": params.table,
            "columns": to_schema(without_empty_structs(frame).schema).to_mapping(),
            "wait_s": seconds(params.wait),
        }
        return Publication(staged.id, staged.step, staged.kind, staged.group, payload)

    def publish(self, publication: Publication) -> str | None:
        """Insert the staged rows, unless the ledger row says that it was done.

        Raises:
            Temporary: another process has the file open for longer than `wait`.
            BadData: the rows do not fit the table.
            StorageError: the staged file is gone, or the database cannot be opened.
        """
        payload = publication.payload
        with _opened(payload["database"], payload["wait_s"]) as connection:
            try:
                connection.begin()
                if _is_new(connection, publication.id):
                    _append(connection, payload, publication.id)
                connection.commit()
            except duckdb.TransactionException as error:
                raise Temporary(f"another writer was first: {error}") from error
        remove_staged(payload)
        return None

    def discard(self, publication: Publication) -> None:
        """Remove the staged file."""
        remove_staged(publication.payload)


def _opened(database: str, wait_s: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            connection = duckdb.connect(database)
            connection.execute("set TimeZone = 'UTC'")
            return connection
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise StorageError(
                    f"the database cannot be opened: {error}", where=database
                ) from error
            if time.monotonic() >= deadline:
                raise Temporary(
                    "another process has the database open",
                    where=database,
                    hint="close it there; publishing is tried again",
                ) from error
        time.sleep(_PAUSE_S)


def _is_new(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    connection.execute(f"create table if not exists {LEDGER} (id varchar, published_at timestamp)")
    found = connection.execute(f"select count(*) from {LEDGER} where id = ?", [name]).fetchone()
    return bool(found == (0,))


def _append(connection: duckdb.DuckDBPyConnection, payload: Any, name: str) -> None:
    staged, table = payload["staged"], payload["table"]
    if not os.path.exists(staged):
        raise StorageError(
            "the rows that were staged for this table are gone",
            where=staged,
            hint="they were committed; write them again with a backfill of the step",
        )
    try:
        fit(connection, table, staged, payload["columns"])
    except (
        duckdb.ConversionException,
        duckdb.BinderException,
        duckdb.ConstraintException,
        duckdb.CatalogException,
        duckdb.DependencyException,
    ) as error:
        raise BadData(
            f"the rows do not fit the table '{table}': {error}",
            where=payload["database"],
            hint="change the table: a cast before the output helps later rows only, these are "
            "committed",
        ) from error
    except BadData as error:
        raise error.with_where(payload["database"]) from None
    connection.execute(f"insert into {LEDGER} values (?, now())", [name])
