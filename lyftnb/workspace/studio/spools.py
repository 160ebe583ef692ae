"""Spools to browse: what they hold now and held before, and the rest that the ledger keeps.

Rows are read from the files themselves; the owner only says which.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl

from lyftnb.errors import SetupError
from lyftnb.model import Schema
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.spools import (
    ListSpools,
    RunSql,
    SchemaVersion,
    SegmentInfo,
    SnapshotInfo,
    SpoolName,
    SpoolRows,
    SpoolView,
    StateQuery,
)
from lyftnb.workspace.studio.protocol.tables import ColumnFacts, Table
from lyftnb.workspace.studio.shapes import listed
from lyftnb.workspace.studio.tables import facts_of, table_of

if TYPE_CHECKING:
    from lyftnb.store import SpoolInfo
    from lyftnb.workspace.entering import AnyWorkspace

_SNAPSHOTS = 1000
_SEGMENTS = 1000
_FACTS_ROWS = 1_000_000
"""Columns are counted over so many rows at most."""


class SpoolBrowser:
    """Spools, SQL over them, and state."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def spools(self, asked: ListSpools) -> tuple[SpoolInfo, ...]:
        """All of them, or a deployment's."""
        found = self._home.workspace().spools()
        return tuple(
            info for info in found if asked.deployment in (None, info.spool.partition(".")[0])
        )

    def spool(self, asked: SpoolName) -> SpoolView:
        """One of them, with its history."""
        workspace = self._home.workspace()
        spool = workspace.spool(asked.spool)
        history = spool.history().tail(_SNAPSHOTS)
        listing = spool.listing(at=asked.at)
        return SpoolView(
            info=spool.info,
            columns=listed(listing.schema.fields),
            snapshots=_snapshots(history, _kinds(workspace, spool.name)),
            schemas=_schemas(workspace, spool.name),
            segments=_segments(workspace, spool.name, listing.snapshot),
        )

    def rows(self, asked: SpoolRows) -> Table:
        """Rows at a snapshot."""
        spool = self._home.workspace().spool(asked.spool)
        listing = spool.listing(at=asked.at)
        total = sum(segment.rows for segment in listing.segments)
        page = listing.scan().slice(asked.offset, asked.limit).collect()
        return table_of(page, asked.offset, total)

    def facts(self, asked: SpoolName) -> tuple[ColumnFacts, ...]:
        """Its columns in numbers."""
        scan = self._home.workspace().spool(asked.spool).scan(at=asked.at)
        return facts_of(scan.head(_FACTS_ROWS).collect())

    def sql(self, asked: RunSql) -> Table:
        """The answer of a query."""
        frame = self._home.workspace().sql(asked.text, limit=asked.limit)
        return table_of(frame, 0, frame.height if frame.height < asked.limit else None)

    def state(self, asked: StateQuery) -> Table:
        """What the ledger keeps beside spools."""
        workspace = self._home.workspace()
        frame = _STATE[asked.what](workspace, asked)
        if asked.prefix:
            first = frame.columns[0]
            frame = frame.filter(pl.col(first).str.starts_with(asked.prefix))
        page = frame.slice(asked.offset, asked.limit)
        return table_of(page, asked.offset, frame.height)


# -- spools


def _snapshots(history: pl.DataFrame, kinds: dict[int, str]) -> tuple[SnapshotInfo, ...]:
    added = history["rows_added"] - history["rows_removed"]
    found = []
    total = 0
    for row, rows in zip(history.iter_rows(named=True), added, strict=True):
        total += rows
        found.append(
            SnapshotInfo(
                snapshot=row["snapshot"],
                committed_at=row["committed_at"],
                batch=row["batch"],
                kind=kinds.get(row["snapshot"], "remove"),
                rows=rows,
                total=total,
            )
        )
    return tuple(found)


def _kinds(workspace: AnyWorkspace, spool: str) -> dict[int, str]:
    """Snapshot → how it changed the spool: `append`, `compact`, `replace`."""
    text = f"""SELECT added_snapshot, any_value(kind) FROM lyftnb.segments
               WHERE spool = {_quoted(spool)} GROUP BY added_snapshot"""
    return dict(workspace.sql(text).iter_rows())


def _schemas(workspace: AnyWorkspace, spool: str) -> tuple[SchemaVersion, ...]:
    text = f"""SELECT h.snapshot, s.committed_at, h.fields FROM lyftnb.schemas AS h
               LEFT JOIN lyftnb.snapshots AS s USING (snapshot)
               WHERE h.spool = {_quoted(spool)} ORDER BY h.version"""
    return tuple(
        SchemaVersion(
            snapshot=snapshot, committed_at=committed_at, columns=listed(_fields(fields).fields)
        )
        for snapshot, committed_at, fields in workspace.sql(text).iter_rows()
    )


def _fields(text: str) -> Schema:
    """The schema that the ledger's JSON spells."""
    return Schema.from_mapping([(name, kind) for name, kind in json.loads(text)])


def _segments(workspace: AnyWorkspace, spool: str, at: int) -> tuple[SegmentInfo, ...]:
    text = f"""SELECT path AS segment, kind, rows, bytes, first_seq, "partition", batch,
                      added_snapshot AS added, removed_snapshot AS removed,
                      event_min::VARCHAR AS event_min, event_max::VARCHAR AS event_max
               FROM lyftnb.segments
               WHERE spool = {_quoted(spool)} AND added_snapshot <= {at}
                 AND (removed_snapshot IS NULL OR removed_snapshot > {at})
               ORDER BY first_seq LIMIT {_SEGMENTS}"""
    return tuple(SegmentInfo(**row) for row in workspace.sql(text).iter_rows(named=True))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# -- state


def _namespaces(workspace: AnyWorkspace, _asked: StateQuery) -> pl.DataFrame:
    found = workspace.kv_namespaces()
    return pl.DataFrame({"namespace": list(found), "keys": list(found.values())})


def _keys(workspace: AnyWorkspace, asked: StateQuery) -> pl.DataFrame:
    if not asked.name:
        raise SetupError("keys of which namespace?", hint="name one")
    text = f"""SELECT key, value::VARCHAR AS value, version, expires_at FROM lyftnb.kv
               WHERE namespace = {_quoted(asked.name)}"""
    return workspace.sql(text)


def _queues(workspace: AnyWorkspace, _asked: StateQuery) -> pl.DataFrame:
    return workspace.sql("SELECT * FROM lyftnb.queues")


def _items(workspace: AnyWorkspace, asked: StateQuery) -> pl.DataFrame:
    if not asked.name:
        raise SetupError("items of which queue?", hint="name one")
    name = _quoted(asked.name)
    return workspace.sql(
        f"""SELECT id,
                   CASE WHEN available_at <= now() THEN 'ready' WHEN token IS NULL THEN 'delayed'
                        ELSE 'leased' END AS state,
                   payload::VARCHAR AS payload, priority, attempts, enqueued_at,
                   CASE WHEN state = 'leased' THEN holder END AS holder, reason
            FROM lyftnb.queue_items WHERE queue = {name}
            UNION ALL
            SELECT id, 'dead', payload::VARCHAR, priority, attempts, enqueued_at, NULL, reason
            FROM lyftnb.dead_letters WHERE queue = {name}"""
    )


def _locks(workspace: AnyWorkspace, _asked: StateQuery) -> pl.DataFrame:
    return workspace.sql("SELECT * FROM lyftnb.locks")


def _contexts(workspace: AnyWorkspace, asked: StateQuery) -> pl.DataFrame:
    from lyftnb.model import flattened

    rows = [
        (context.layer, context.parent, name, json.dumps(value, ensure_ascii=False, default=str))
        for context in workspace.contexts.list()
        if asked.name in (None, context.layer)
        for name, value in flattened(context.values).items()
    ]
    names = ("context", "parent", "variable", "value")
    return pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")


def _secrets(workspace: AnyWorkspace, _asked: StateQuery) -> pl.DataFrame:
    return workspace.sql("SELECT * FROM lyftnb.secrets")


_STATE: dict[str, Callable[[Any, StateQuery], pl.DataFrame]] = {
    "namespaces": _namespaces,
    "keys": _keys,
    "queues": _queues,
    "items": _items,
    "locks": _locks,
    "contexts": _contexts,
    "secrets": _secrets,
}
