"""Verbs of the ledger: what the spools hold, now and at any snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from lyftnb.errors import NotFound, unknown
from lyftnb.model import (
    Schema,
    SegmentRef,
)
from lyftnb.store.database import queries
from lyftnb.store.engines import pl
from lyftnb.store.mirror import Spool
from lyftnb.store.records import NO_BACKLOG, Backlog, Listing, SpoolInfo
from lyftnb.store.scanning import cut
from lyftnb.store.session import Session

_ALL_SEQ = 2**63 - 1


class Spools(Session):
    """Spools, their schemas, segments and history."""

    def spools(self) -> list[SpoolInfo]:
        """All spools, by name."""
        with self.opened() as database:
            sizes = {row["spool"]: row for row in database.rows("sizes", spool=None)}
            return [_info(spool, sizes) for _name, spool in sorted(self.mirror.spools.items())]

    def spool(self, name: str) -> SpoolInfo:
        """The spool of that name: `DEPLOYMENT.CHANNEL`, or `CHANNEL` alone while it is unique.

        Raises:
            NotFound: there is none, or there are several; the message lists near or meant ones.
        """
        with self.opened() as database:
            spool = self.mirror.spools[resolve(name, self.mirror.spools)]
            sizes = {row["spool"]: row for row in database.rows("sizes", spool=spool.name)}
            return _info(spool, sizes)

    def schemas(self) -> dict[str, Schema]:
        """The present schema of each spool of which it is known, by full name; from memory."""
        with self.opened():
            return {name: s.schema for name, s in self.mirror.spools.items() if s.schema}

    def schema(self, spool: str, at: int | datetime | None = None) -> Schema | None:
        """A spool's schema, now or as of a snapshot or time; None while nothing is known of it."""
        with self.opened() as database:
            present = self.mirror.spools.get(spool)
            if at is None:
                return (present.schema or None) if present else None
            rows = database.rows("schema_at", spool=spool, at=self.as_of(at))
            return self._schemas().get(rows[0]["schema_id"])

    def next_seq(self, spool: str, at: int | None = None) -> int:
        """The sequence number that the next row of a spool (its full name) gets; from memory, but
        for a snapshot of the past.
        """
        with self.opened() as database:
            if at is not None and at < self.mirror.snapshot:
                return int(database.rows("next_seq", spool=spool, at=at)[0]["next_seq"])
            present = self.mirror.spools.get(spool)
            return present.next_seq if present else 0

    def history(self, spool: str) -> pl.DataFrame:
        """The snapshots that changed a spool, oldest first, with rows added and removed."""
        with self.opened() as database:
            return database.frame("history", spool=resolve(spool, self.mirror.spools))

    def scan(
        self,
        spool: str,
        *,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
    ) -> pl.LazyFrame:
        """A spool's rows as a lazy frame, in sequence order; arguments as for `segments`.

        Raises:
            NotFound: there is no such spool.
            SegmentMissing: a committed file is gone.
            SegmentDamaged: a committed file is not what was committed.
        """
        return self.listing(spool, since=since, until=until, at=at).scan()

    def listing(
        self,
        spool: str,
        *,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
    ) -> Listing:
        """Which files hold a spool's rows, for whoever reads them; arguments as for `segments`.

        Raises:
            NotFound: there is no such spool.
        """
        with self.opened():
            full = resolve(spool, self.mirror.spools)
            snapshot = self.mirror.snapshot if at is None else self.as_of(at)
            segments = self.segments(full, since=since, until=until, at=snapshot)
            schema = self.schema(full, None if at is None else snapshot) or Schema()
        return Listing(full, snapshot, str(self.root), schema, segments)

    def segments(
        self,
        spool: str,
        *,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
        partitions: Sequence[str] | None = None,
        events: tuple[datetime | None, datetime | None] = (None, None),
    ) -> tuple[SegmentRef, ...]:
        """Live segments of a spool in sequence order; none for a spool that does not exist yet.

        Args:
            spool: its full name.
            since: first sequence number wanted; a segment that begins earlier is cut.
            until: first sequence number no longer wanted.
            at: the snapshot, or a time, as of which to look; default now.
            partitions: only these; `""` stands for segments without a partition.
            events: only segments that may hold event times in [from, until).
        """
        low, high = since or 0, _ALL_SEQ if until is None else until
        with self.opened() as database:
            present = at is None and partitions is None and events == (None, None)
            newest = self.mirror.newest.get(spool) if present else None
            if newest is not None and (found := newest.between(low, high)) is not None:
                return tuple(cut(ref, low, high) for ref in found)
            rows = database.frame(
                "segments",
                spool=spool,
                since=low,
                until=high,
                at=self.mirror.snapshot if at is None else self.as_of(at),
                partitions=None if partitions is None else list(partitions),
                event_from=events[0],
                event_until=events[1],
            )
            schemas = self._schemas()
        refs = (
            SegmentRef(path, size_rows, size, first, schemas[schema_id], partition, checksum)
            for path, size_rows, size, first, schema_id, partition, checksum in rows.iter_rows()
        )
        return tuple(cut(ref, low, high) for ref in refs)

    def backlogs(self, behind: Sequence[tuple[str, int]]) -> list[Backlog]:
        """What spools (full names) hold from a sequence number on, for each pair in turn."""
        if not behind:
            return []
        spools, since = zip(*behind, strict=True)
        with self.opened() as database:
            rows = database.rows("backlogs", spools=list(spools), since=list(since))
        found = {row["at"]: Backlog(row["bytes"], row["committed_at"]) for row in rows}
        return [found.get(at, NO_BACKLOG) for at in range(len(behind))]

    def state(self, table: str) -> pl.DataFrame:
        """One of the ledger's tables as people read it (`sql.STATE_VIEWS`)."""
        query = f"state_{table}"
        # What has expired is not shown, even before maintenance removes it.
        known: dict[str, Any] = {"now": self.clock.now(), "queue": None}
        given = {name: value for name, value in known.items() if f"${name}" in queries()[query]}
        with self.opened() as database:
            return database.frame(query, **given)

    def _schemas(self) -> dict[int, Schema]:
        return {schema_id: schema for schema, schema_id in self.mirror.schemas.items()}


def resolve(name: str, spools: Mapping[str, object]) -> str:
    """The full name of the spool that `name` means.

    Raises:
        NotFound: none, or several.
    """
    if name in spools:
        return name
    meant = sorted(full for full in spools if full.partition(".")[2] == name)
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise NotFound(
            f"'{name}' names {len(meant)} spools",
            hint=f"write one of: {', '.join(meant)}",
            name=name,
        )
    raise unknown("spool", name, spools)


def _info(spool: Spool, sizes: Mapping[str, Mapping[str, Any]]) -> SpoolInfo:
    size = sizes.get(spool.name, {"rows": 0, "bytes": 0, "segments": 0})
    return SpoolInfo(
        **{name: size[name] for name in ("rows", "bytes", "segments")},
        **asdict(replace(spool.spec, schema=None)) | {"schema": spool.schema or None},
        next_seq=spool.next_seq,
    )
