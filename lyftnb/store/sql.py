"""SQL for people over spools and the ledger: read-only, in a DuckDB of its own.

Each query gets an in-memory database with views of what it mentions. That database may read files
under the storage root and nothing else, may change nothing, and its settings are locked. The ledger
itself is never handed out.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import groupby

import duckdb
import polars as pl

from lyftnb.dtypes import huge_as_text
from lyftnb.errors import ExpressionError, LyftError, NotFound, SegmentDamaged, near
from lyftnb.model import NULL, Schema, SegmentRef, quoted, text_literal
from lyftnb.store.intervals import with_durations
from lyftnb.store.ledger import Ledger
from lyftnb.store.scanning import check_file, scan

STATE_VIEWS = (
    "versions",
    "contexts",
    "context_changes",
    "secrets",
    "secret_changes",
    "runs",
    "batches",
    "steps",
    "snapshots",
    "positions",
    "spools",
    "schemas",
    "segments",
    "publications",
    "triggers",
    "queues",
    "queue_items",
    "dead_letters",
    "messages",
    "subscriptions",
    "issues",
    "kv",
    "sets",
    "marks",
    "locks",
    "runbooks",
    "invocations",
    "deployments",
    "revisions",
    "plans",
    "audit",
)
"""What can be read under `lyftnb.`."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPOOL_CALL = re.compile(
    r"""\bspool\s*\(\s*'(?P<name>[^']+)'\s*
        (?:,\s*at\s*=>\s*(?:TIMESTAMP(?:TZ)?\s*)?(?P<at>'[^']+'|\d+)\s*)?\)""",
    re.IGNORECASE | re.VERBOSE,
)
_EXPLAIN = re.compile(r"^\s*EXPLAIN(\s+ANALYZE)?(\s*\([^)]*\))?\s", re.IGNORECASE)
_NAMELESS = re.compile(r"""[(,]\s*"" """)
"""A field without a name within a STRUCT."""
_NO_TABLE = re.compile(r"(?:Table with name|View with name) \"?([\w.:/@ -]+?)\"? does not exist")
# Errors that a statement brings about; others may come of a damaged file.
_BY_STATEMENT = (
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.BinderException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.OutOfMemoryException,
    duckdb.PermissionException,
)
_RESERVED = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
# `query_table` reads a dot as a separator.
_SPOOL_MACRO = """
CREATE MACRO spool(name, "at" := NULL) AS TABLE
SELECT * FROM query_table(replace('spool:' || name || coalesce('@' || "at", ''), '.', '/'))
"""


def query(
    ledger: Ledger,
    text: str,
    *,
    at: int | datetime | None = None,
    limit: int | None = None,
    memory_bytes: int = 2 * 2**30,
    timeout_s: float = 300.0,
) -> pl.DataFrame:
    """Answer one `SELECT` (also `WITH`, `FROM`, `DESCRIBE`, `SUMMARIZE`, `EXPLAIN`).

    Spools go by `deployment.channel`, or `channel` while it is unique, or `spool('name', at => N)`
    as of a snapshot (or time, as text); the ledger's tables by `lyftnb.NAME` (`STATE_VIEWS`).

    Args:
        ledger: the ledger to read.
        text: one statement.
        at: read all spools as of this snapshot or time.
        limit: at most so many rows of the answer.
        memory_bytes: bound of the query's memory; it spills to disk beyond.
        timeout_s: the query is stopped after so many seconds.

    Raises:
        ExpressionError: the statement is wrong, not allowed, too slow or too large.
        NotFound: it names a table that does not exist, or that several spools are called.
        StorageError: a spool's file is gone or damaged.
    """
    config = {
        "memory_limit": f"{max(memory_bytes >> 20, 64)}MiB",
        "temp_directory": str(ledger.state_dir / "tmp" / "sql"),
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        with _explained(ledger, text):
            _require_reading(connection, text)
            _Views(ledger, connection, text, at).create()
            _shut_in(connection, ledger)
            return _answer(connection, text, limit, timeout_s)
    finally:
        connection.close()


def _require_reading(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    statements = connection.extract_statements(text)
    explained = _EXPLAIN.match(text)
    if explained and len(statements) == 1:
        # EXPLAIN ANALYZE carries its statement out.
        statements = connection.extract_statements(text[explained.end() :])
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        found = ", ".join(kinds) or "none"
        raise ExpressionError(
            f"expected one statement that reads, found {found}",
            hint="write a single SELECT; a PIVOT must name its values with IN (…)",
            text=text,
        )


def _shut_in(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    root = str(ledger.root).replace("'", "''")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = ['{root}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _answer(
    connection: duckdb.DuckDBPyConnection, text: str, limit: int | None, timeout_s: float
) -> pl.DataFrame:
    stop = threading.Timer(timeout_s, connection.interrupt)
    stop.start()
    try:
        relation = connection.sql(text)
        if limit is not None:
            relation = relation.limit(limit)
        frame = pl.from_arrow(with_durations(relation.to_arrow_table()))
    except duckdb.InterruptException as error:
        raise ExpressionError(
            f"the query was stopped after {timeout_s:g} s",
            hint="ask for less: a filter, fewer columns, or a range of time",
            text=text,
        ) from error
    except pl.exceptions.PolarsError as error:
        raise ExpressionError(
            f"a column of the answer has a type that no frame has: {error}",
            hint="cast it with ::VARCHAR",
            text=text,
        ) from error
    finally:
        stop.cancel()
    assert isinstance(frame, pl.DataFrame)
    return frame


class _Views:
    """Makes views of the spools and state tables whose names occur in a query."""

    def __init__(
        self,
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        text: str,
        at: int | datetime | None,
    ) -> None:
        self.ledger = ledger
        self.connection = connection
        self.text = text
        self.words = {word.lower() for word in _WORD.findall(text)}
        # All views of one query show one snapshot.
        self.at = ledger.snapshot() if at is None else ledger.as_of(at)

    def create(self) -> None:
        """Make the views; a name that only looks like a table's costs one view too many."""
        names = [info.spool for info in self.ledger.spools()]
        channels = [name.partition(".")[2] for name in names]
        for name, channel in zip(names, channels, strict=True):
            if channel not in self.words:
                continue
            deployment = name.partition(".")[0]
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(deployment)}")
            self._spool_view(f"{quoted(deployment)}.{quoted(channel)}", name, self.at)
            if channels.count(channel) == 1:
                source = f"{quoted(deployment)}.{quoted(channel)}"
                self.connection.execute(f"CREATE VIEW main.{quoted(channel)} AS FROM {source}")
        self._past_views()
        self._state_views()

    def _past_views(self) -> None:
        self.connection.execute(_SPOOL_MACRO)
        calls = {(call["name"], call["at"]) for call in _SPOOL_CALL.finditer(self.text)}
        for name, at in calls:
            spool = self.ledger.spool(name).spool
            snapshot = self.at if at is None else self.ledger.as_of(_instant(at))
            shown = f"spool:{name}" + ("" if at is None else f"@{at.strip(chr(39))}")
            self._spool_view(f"main.{quoted(shown.replace('.', '/'))}", spool, snapshot)

    def _state_views(self) -> None:
        self.connection.execute("CREATE SCHEMA lyftnb")
        for name in STATE_VIEWS:
            if name in self.words and "lyftnb" in self.words:
                self.connection.register(f"state:{name}", self.ledger.state(name).to_arrow())
                self.connection.execute(
                    f"CREATE VIEW lyftnb.{name} AS FROM {quoted(f'state:{name}')}"
                )

    def _spool_view(self, view: str, spool: str, at: int) -> None:
        segments = self.ledger.segments(spool, at=at)
        schema = self.ledger.schema(spool, at) or Schema()
        if any("HUGEINT" in f.type for f in schema.fields):
            self._copied_view(view, segments, schema)
            return
        for segment in segments:
            check_file(segment, self.ledger.root)
        selects = [
            self._files(list(run), schema)
            for _own, run in groupby(
                sorted(segments, key=lambda s: str(s.schema)), key=lambda s: s.schema
            )
        ]
        if not selects:
            nulls = ", ".join(
                f"{_cast('NULL', f.type)} AS {quoted(shown)}"
                for shown, f in zip(_shown(schema), schema.fields, strict=True)
            )
            selects = [f"SELECT {nulls or 'NULL AS _empty'} WHERE false"]
        self.connection.execute(f"CREATE VIEW {view} AS {' UNION ALL '.join(selects)}")

    def _copied_view(self, view: str, segments: Sequence[SegmentRef], schema: Schema) -> None:
        """A view of rows in memory: DuckDB cannot read Polars' 128-bit integers from Parquet."""
        rows = scan(segments, schema, self.ledger.root)
        rows = rows.with_columns(huge_as_text(rows.collect_schema()))
        rows = rows.select(pl.col(f.name).alias(f"c{i}") for i, f in enumerate(schema.fields))
        copied = f"copy:{view}"
        self.connection.register(copied, rows.collect().to_arrow())
        columns = ", ".join(
            f"{_cast(f'c{i}', f.type)} AS {quoted(shown)}"
            for i, (shown, f) in enumerate(zip(_shown(schema), schema.fields, strict=True))
        )
        self.connection.execute(f"CREATE VIEW {view} AS SELECT {columns} FROM {quoted(copied)}")

    def _files(self, segments: list[SegmentRef], schema: Schema) -> str:
        """A SELECT over files of one schema, in the columns of the spool's."""
        own = segments[0].schema.to_mapping()
        # By their places: to DuckDB `a` and `A` are one name, and there is none that is empty.
        numbered = {name: f"c{i}" for i, name in enumerate(own)}
        columns = ", ".join(
            f"{_column(numbered.get(f.name, ''), f.type, own.get(f.name))} AS {quoted(shown)}"
            for shown, f in zip(_shown(schema), schema.fields, strict=True)
        )
        paths = ", ".join(text_literal(str(self.ledger.root / s.path)) for s in segments)
        files = f"read_parquet([{paths}], hive_partitioning = false)"
        return f"SELECT {columns} FROM {files} AS files({', '.join(numbered.values())})"


def _column(name: str, wanted: str, found: str | None) -> str:
    if found is None or NULL in (found, wanted):
        return _cast("NULL", wanted)
    if found == "INTERVAL":
        # In Parquet a duration is whole microseconds.
        return f"to_microseconds({name})"
    return _cast(name, wanted)


def _shown(schema: Schema) -> list[str]:
    """The columns' names in answers; one without a name gets that of its place, as from CSV."""
    return [f.name or f"column_{place}" for place, f in enumerate(schema.fields, start=1)]


def _cast(value: str, dtype: str) -> str:
    if _NAMELESS.search(dtype):
        return value  # SQL has no word for the type; DuckDB takes it from the files
    return f"{value}::{'VARCHAR' if dtype == NULL else dtype}"


def _instant(text: str) -> int | datetime:
    if text.isdigit():
        return int(text)
    value = text.strip("'")
    try:
        return int(value) if value.isdigit() else datetime.fromisoformat(value)
    except ValueError:
        raise ExpressionError(
            f"'{value}' is neither a snapshot nor a time",
            hint="write a number, or a time such as '2026-05-01T12:00:00+00:00'",
        ) from None


@contextmanager
def _explained(ledger: Ledger, text: str) -> Iterator[None]:
    """DuckDB's errors as ours, with the names that were probably meant."""
    try:
        yield
    except LyftError:
        raise
    except duckdb.CatalogException as error:
        raise _unknown_table(ledger, text, str(error)) from error
    except duckdb.Error as error:
        first, _blank, rest = str(error).partition("\n\n")
        if not isinstance(error, _BY_STATEMENT):
            _refuse_damage(ledger, text, error)
        hint = rest.strip() or "check the statement"
        if isinstance(error, duckdb.ParserException | duckdb.SyntaxException):
            hint = _unquoted_column(ledger, text) or hint
        raise ExpressionError(first, hint=hint, text=text) from error


def _unquoted_column(ledger: Ledger, text: str) -> str | None:
    """The advice to quote a column whose name is a word of SQL, if that makes the text SQL."""
    words = {word.lower() for word in _WORD.findall(text)}
    with duckdb.connect(":memory:") as connection:
        found = connection.sql(_RESERVED).fetchall()
        reserved = words & {word for (word,) in found}
        for info in ledger.spools():
            if info.spool.partition(".")[2] not in words or info.schema is None:
                continue
            for column in info.schema.to_mapping():
                if column.lower() not in reserved:
                    continue
                name = quoted(column)
                mended = re.sub(rf'(?i)(?<!["\w]){column}(?!["\w])', name, text)
                with suppress(duckdb.Error):
                    connection.extract_statements(mended)
                    return f"'{column}' is a column of {info.spool} and a word of SQL: write {name}"
    return None


def _refuse_damage(ledger: Ledger, text: str, error: duckdb.Error) -> None:
    """Blame a damaged file, not the statement, where a spool that it names has one."""
    words = {word.lower() for word in _WORD.findall(text)}
    for info in ledger.spools():
        if info.spool.partition(".")[2] not in words:
            continue
        for damage in ledger.verify(info.spool):
            raise SegmentDamaged(
                str(damage),
                hint="restore the file from a backup; `lyftnb spool verify` names all such files",
            ) from error


def _unknown_table(ledger: Ledger, text: str, message: str) -> LyftError:
    missing = _NO_TABLE.search(message)
    if missing is None:
        return ExpressionError(message.partition("\n\n")[0], text=text, hint="check the names")
    name = missing[1].removeprefix("spool:")
    if missing[1].startswith("spool:"):
        return ExpressionError(
            "spool(…) takes literals only",
            hint="write spool('name') or spool('name', at => 12)",
            text=text,
        )
    known = [info.spool for info in ledger.spools() if info.state is None]
    meant = [full for full in known if full.partition(".")[2] == name]
    if len(meant) > 1:
        return NotFound(
            f"'{name}' names {len(meant)} spools", hint=f"write one of: {', '.join(meant)}"
        )
    return NotFound(f"there is no table '{name}'", hint=_suggestion(name, known), text=text)


def _suggestion(name: str, spools: Iterable[str]) -> str:
    states = [f"lyftnb.{view}" for view in STATE_VIEWS]
    known = [*spools, *(full.partition(".")[2] for full in spools), *states, *STATE_VIEWS]
    guess = near(name, known)
    if guess in STATE_VIEWS:
        guess = f"lyftnb.{guess}"
    return f"did you mean '{guess}'?" if guess else f"there is: {', '.join([*spools, *states])}"
