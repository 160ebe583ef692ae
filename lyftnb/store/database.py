"""The DuckDB file: its migrations, its named queries, and sets of rows in and out.

SQL stands in `queries.sql` and `migrations/`. Rows travel as sets: a set is appended by one flush
of the table's appender (about 0.5 ms, for one row as for a hundred), a set read is a frame.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lyftnb.errors import LedgerError, SetupError, StorageError, StorageFull, is_full
from lyftnb.store.engines import duckdb, pl
from lyftnb.store.owner import busy

FILE = "ledger.duckdb"
# The ledger is small rows in few tables; the data plane needs the memory, and the cores: a second
# thread makes each small statement a fifth dearer, and only look-ups among millions of rows faster.
_SETTINGS = {"threads": 1, "memory_limit": "1GB", "preserve_insertion_order": False}
_FEW = 100
_FORWARD = "the ledger was written by a newer lyftnb (migration {found}, this one knows {known})"


@cache
def queries() -> Mapping[str, str]:
    """Name → text of every query in `queries.sql`."""
    text = resources.files("lyftnb.store").joinpath("queries.sql").read_text()
    parts = (part.partition("\n") for part in text.split("-- name: ")[1:])
    return {name.strip(): body.strip() for name, _newline, body in parts}


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """(number, SQL) of every migration, in order."""
    folder = resources.files("lyftnb.store").joinpath("migrations")
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple((int(name[:4]), folder.joinpath(name).read_text()) for name in files)


class Database:
    """One connection to the ledger's file. Not thread-safe: the ledger holds the lock."""

    def __init__(self, state_dir: Path, now: datetime) -> None:
        """Open the file, making or migrating it first.

        Raises:
            WorkspaceBusy: another process has the file open.
            LedgerError: the file is from a newer lyftnb.
            StorageError: the file is damaged or cannot be opened.
        """
        self.file = state_dir / FILE
        self.invalid = False
        """Whether DuckDB takes no statement any more, until the file is opened anew."""
        self._tables: dict[str, _Table] = {}
        self._open(lambda: self._migrate(now))

    def reopen(self) -> None:
        """Open the file anew, after DuckDB has declared it invalid: what was committed is in it.

        Raises:
            StorageError: the file is damaged or cannot be opened.
        """
        self._tables = {}
        with suppress(duckdb.Error):
            self.connection.close()
        self._open()
        self.invalid = False

    def _open(self, prepare: Callable[[], None] | None = None) -> None:
        try:
            self.connection = duckdb.connect(str(self.file), config=dict(_SETTINGS))
        except duckdb.Error as error:
            raise _unopened(self.file, error) from error
        try:
            self.connection.execute("SET TimeZone = 'UTC'")
            if prepare is not None:
                prepare()
            self._tables = self._find_tables()
        except BaseException as error:
            self.connection.close()
            if isinstance(error, duckdb.Error):
                raise _unopened(self.file, error) from error
            raise

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file, and give back what deleted rows have taken."""
        with self._statement():
            self.connection.execute("CHECKPOINT")

    def close(self) -> None:
        """Close the file; DuckDB folds its write-ahead log into it."""
        self.connection.close()

    def frame(
        self, name: str, given: pl.DataFrame | None = None, **parameters: Any
    ) -> pl.DataFrame:
        """The rows of a named query; it may read a set of rows as the table `given`."""
        # DuckDB finds `given` among the variables here. To register it would leave a view behind,
        # and to drop that in a transaction that has failed is an error which hides the first one.
        with self._statement():
            found = self.connection.sql(queries()[name], params=parameters).to_arrow_table()
        frame = pl.from_arrow(found)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def rows(
        self, name: str, given: pl.DataFrame | None = None, **parameters: Any
    ) -> list[dict[str, Any]]:
        """The rows of a named query, as dicts: half the cost of a frame, for few rows."""
        with self._statement():
            answer = self.connection.execute(queries()[name], parameters)
            names = [column[0] for column in answer.description]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def run(self, name: str, given: pl.DataFrame | None = None, **parameters: Any) -> None:
        """Carry out a named statement; it may read a set of rows as the table `given`."""
        with self._change():
            self.connection.execute(queries()[name], parameters).fetchall()

    def insert(self, table: str, given: pl.DataFrame) -> None:
        """Insert the rows of a frame by its columns' names; columns left out are null.

        The way for what may be many rows: from about a hundred on, a statement over the whole frame
        is faster than the appender.
        """
        if given.height <= _FEW:
            self.append(table, given.to_dicts())
        else:
            with self._change():
                self.connection.execute(f"INSERT INTO {table} BY NAME FROM given").fetchall()

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows, given as column → value; columns left out are null."""
        if not rows:
            return
        with self._change():
            target = self._tables[table]
            target.appender.append_rows([target.values(row) for row in rows])
            target.appender.flush()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing: an exception inside rolls back."""
        with self._statement():
            self.connection.execute("BEGIN")
        try:
            yield
            with self._change():
                self.connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def _statement(self) -> Iterator[None]:
        """Errors of the engine as ours, and a note of those after which it takes nothing more."""
        try:
            with storage_errors(self.file):
                yield
        except StorageError as error:
            self.invalid |= isinstance(error.__cause__, _invalidating())
            raise

    @contextmanager
    def _change(self) -> Iterator[None]:
        """As `_statement`. A change is made also where DuckDB could not, after its commit, fold the
        write-ahead log into the file (there is no room, say): it must not look like a failure.
        """
        try:
            with self._statement():
                yield
        except StorageError as error:
            if _DURABLE not in str(error.__cause__):
                raise

    def _roll_back(self) -> None:
        try:
            for table in self._tables.values():
                table.clear()
            self.connection.execute("ROLLBACK")
        except duckdb.Error:
            # A COMMIT that failed has ended the transaction itself, and a database that DuckDB has
            # declared invalid takes no statement at all: the error that led here says why.
            return

    def _migrate(self, now: datetime) -> None:
        con = self.connection
        con.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER, applied_at TIMESTAMPTZ)"
        )
        (done,) = con.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
        known = migrations()[-1][0]
        if done > known:
            raise LedgerError(
                _FORWARD.format(found=done, known=known),
                where=str(self.file),
                hint="update lyftnb",
            )
        due = [step for step in migrations() if step[0] > done]
        # A new ledger is made in one step, whole or not at all.
        for steps in [due] if done == 0 else [[step] for step in due]:
            with self.transaction():
                for number, text in steps:
                    con.execute(text)
                    con.execute("INSERT INTO migrations VALUES (?, ?)", [number, now])
            # Schema changes must not wait in the write-ahead log for a crash to replay them.
            con.execute("CHECKPOINT")

    def _find_tables(self) -> dict[str, _Table]:
        columns = self.connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = 'main' AND NOT internal ORDER BY table_oid, column_index"
        ).fetchall()
        found: dict[str, dict[str, bool]] = {}
        for table, column, dtype in columns:
            found.setdefault(table, {})[column] = dtype == "JSON"
        return {table: _Table(self.connection, table, columns) for table, columns in found.items()}


@dataclass(slots=True)
class _Table:
    """What rows of a table are appended by."""

    connection: Any
    name: str
    columns: Mapping[str, bool]
    """Column → whether it holds JSON, in the table's order."""
    _appender: Any = None

    @property
    def appender(self) -> Any:
        """Made with the first use, and kept open: making one costs more than using it."""
        if self._appender is None:
            self._appender = self.connection.appender(self.name)
        return self._appender

    def clear(self) -> None:
        """Forget the rows that were not flushed."""
        if self._appender is not None:
            self._appender.clear()

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        return [
            json.dumps(row[name]) if is_json and row.get(name) is not None else row.get(name)
            for name, is_json in self.columns.items()
        ]


_RESTORE = "restore the file from a backup; the data of the spools stand beside it, unharmed"
_ROOM = "make room there; nothing was changed by this"
_DURABLE = "COMMIT succeeded and is durable"
"""What DuckDB says where all that failed was to tidy up after a commit."""


@cache
def _invalidating() -> tuple[type[BaseException], ...]:
    """Errors after which a database takes no statement any more."""
    return (duckdb.FatalException, duckdb.InternalException)


@contextmanager
def storage_errors(file: Path) -> Iterator[None]:
    """Turn errors of the engine under the ledger into errors that say what to do."""
    try:
        yield
    except duckdb.Error as error:
        if "cannot encode str" in str(error):
            raise SetupError(
                "a text holds half of a character", hint="use whole characters"
            ) from error
        if is_full(error):
            raise StorageFull(
                "the ledger cannot be written: there is no room on its disk",
                where=str(file),
                hint=_ROOM,
            ) from error
        corrupt = "Corrupt" in str(error)
        raise StorageError(
            f"the ledger could not carry out a statement: {error}",
            where=str(file),
            hint=_RESTORE if corrupt else "see that its disk works; nothing was changed by this",
        ) from error


def _unopened(file: Path, error: duckdb.Error) -> LedgerError | StorageError:
    text = str(error)
    if "could not set lock" in text.lower():
        return busy(file.parent)
    if is_full(error):
        return StorageFull(
            "the ledger cannot be opened: there is no room on its disk",
            where=str(file),
            hint="make room there; what the ledger holds is unharmed",
        )
    return StorageError(
        f"the ledger cannot be opened: {text}",
        where=str(file),
        hint=_RESTORE,
    )
