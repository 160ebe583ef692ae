"""The ledger: the one book of a workspace. What is not in it has not happened."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from lyftnb.clock import Clock
from lyftnb.errors import CommitRefused, LedgerError, NotFound, unknown
from lyftnb.model import (
    Answer,
    Claim,
    Commit,
    Position,
    Publication,
    Schema,
    SegmentRef,
)
from lyftnb.store.commits import carry_out, committed_before
from lyftnb.store.database import Database
from lyftnb.store.mirror import Fence, Mirror, Spool, Standing, load, stage_of
from lyftnb.store.owner import Ownership
from lyftnb.store.records import Run, SpoolInfo, Version
from lyftnb.store.scan import cut, scan

SPOOLS = "spools"
_ALL_SEQ = 2**63 - 1
_CLAIM = TypeAdapter(Claim)


class Ledger:
    """Owns the DuckDB file of a workspace: the only one to open it, and its only writer.

    Verbs may be called from any thread; one lock orders them. Each verb that writes is one
    transaction: it is done when it returns, and nothing has changed when it raises.
    """

    def __init__(self, root: Path, clock: Clock, ownership: Ownership, database: Database) -> None:
        self.root = root
        """The storage root: where segments' paths start."""
        self.clock = clock
        self.state_dir = database.file.parent
        self._ownership = ownership
        self._database = database
        self._lock = threading.RLock()
        self._mirror: Mirror = load(database)
        self._closed = False

    @classmethod
    def open(
        cls, state_dir: Path, clock: Clock, command: str = "", storage_root: Path | None = None
    ) -> Ledger:
        """Take ownership of a state directory, made if need be, and open its ledger.

        Args:
            state_dir: the workspace's `.lyftnb`.
            clock: tells the time of snapshots.
            command: what this process is, for those who find the workspace busy.
            storage_root: where segments' files stand; default `spools` in the state directory.

        Raises:
            WorkspaceBusy: another process, or another ledger of this one, is the owner.
            LedgerError: the ledger was written by a newer lyftnb.
            StorageError: the ledger is damaged.
        """
        root = storage_root or state_dir / SPOOLS
        state_dir.mkdir(parents=True, exist_ok=True)
        root.mkdir(parents=True, exist_ok=True)
        ownership = Ownership(state_dir, command, clock.now())
        try:
            database = Database(state_dir, clock.now())
            try:
                return cls(root, clock, ownership, database)
            except BaseException:
                database.close()
                raise
        except BaseException:
            ownership.release()
            raise

    def close(self) -> None:
        """Close the file and let the next owner in; may be called twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._database.close()
                self._ownership.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"snapshot {self._mirror.snapshot}"
        return f"Ledger({str(self.state_dir)!r}, {state})"

    # -- versions

    def publish_version(
        self, workflow: str, document: Mapping[str, Any], digest: str, now: datetime
    ) -> Version:
        """Store a workflow document for good; with the digest of the newest version, that version
        comes back and nothing is stored.
        """
        with self._open() as database:
            newest = self.version(workflow)
            if newest is not None and newest.digest == digest:
                return newest
            number = newest.number + 1 if newest else 1
            version = Version(workflow, number, digest, dict(document), now)
            database.append("versions", [asdict(version)])
            return version

    def version(self, workflow: str, number: int | None = None) -> Version | None:
        """A published version, the newest without `number`; None if there is none."""
        with self._open() as database:
            rows = database.rows("version", workflow=workflow, number=number)
        return _version(rows[0]) if rows else None

    def versions(self, workflow: str | None = None) -> list[Version]:
        """Published versions, by workflow and number."""
        with self._open() as database:
            return [_version(row) for row in database.rows("versions", workflow=workflow)]

    # -- runs

    def begin_run(self, deployment: str, now: datetime) -> str:
        """Note that a run has started; its id, `DEPLOYMENT-NUMBER`."""
        with self._open() as database:
            number = int(database.rows("last_run", deployment=deployment)[0]["number"]) + 1
            row = {
                "run": f"{deployment}-{number}",
                "deployment": deployment,
                "number": number,
                "status": "running",
                "started_at": now,
            }
            database.append("runs", [row])
            return str(row["run"])

    def end_run(self, run: str, status: str, now: datetime) -> None:
        """Note how a run ended."""
        with self._open() as database:
            database.run("end_run", run=run, status=status, instant=now)

    def runs(self, deployment: str | None = None, limit: int = 100) -> list[Run]:
        """Runs, newest first."""
        with self._open() as database:
            rows = database.rows("runs", deployment=deployment, limit=limit)
        return [Run(**row) for row in rows]

    # -- where things stand

    def position(self, key: str) -> tuple[int, Position]:
        """Version and items of a position (`DEPLOYMENT/STEP/INPUT`); (0, {}) before the first."""
        with self._open():
            standing = self._mirror.positions.get(key) or Standing()
            return standing.version, dict(standing.items)

    def floor(self, key: str) -> Schema | None:
        """What the outside input at that position has been seen to look like."""
        with self._open():
            return self._mirror.floors.get(key)

    def schema(self, spool: str, at: int | datetime | None = None) -> Schema | None:
        """A spool's schema, now or as of a snapshot or time; None while nothing is known of it."""
        with self._open() as database:
            present = self._mirror.spools.get(spool)
            if at is None:
                return (present.schema or None) if present else None
            rows = database.rows("schema_at", spool=spool, at=self.as_of(at))
            return self._schemas().get(rows[0]["schema_id"])

    def snapshot(self) -> int:
        """The newest snapshot; 0 before the first commit."""
        with self._open():
            return self._mirror.snapshot

    def snapshot_at(self, instant: datetime) -> int:
        """The newest snapshot that was committed at `instant` or before; 0 if there was none."""
        with self._open() as database:
            return int(database.rows("snapshot_at", instant=instant)[0]["snapshot"])

    def as_of(self, at: int | datetime) -> int:
        """The snapshot that a number or a time (aware; UTC if not) means.

        Raises:
            NotFound: there is no such snapshot yet.
        """
        if isinstance(at, datetime):
            return self.snapshot_at(at if at.tzinfo else at.replace(tzinfo=UTC))
        newest = self.snapshot()
        if not 0 <= at <= newest:
            raise NotFound(
                f"there is no snapshot {at}",
                where=str(self.state_dir),
                hint=f"the newest is {newest}",
            )
        return at

    def state(self, table: str) -> pl.DataFrame:
        """One of the ledger's tables as people read it (`sql.STATE_VIEWS`)."""
        with self._open() as database:
            return database.frame(f"state_{table}")

    # -- spools

    def spools(self) -> list[SpoolInfo]:
        """All spools, by name."""
        with self._open() as database:
            sizes = {row["spool"]: row for row in database.rows("sizes", spool=None)}
            return [_info(spool, sizes) for _name, spool in sorted(self._mirror.spools.items())]

    def spool(self, name: str) -> SpoolInfo:
        """The spool of that name: `DEPLOYMENT.CHANNEL`, or `CHANNEL` alone while it is unique.

        Raises:
            NotFound: there is none, or there are several; the message lists near or meant ones.
        """
        with self._open() as database:
            spool = self._mirror.spools[resolve(name, self._mirror.spools)]
            sizes = {row["spool"]: row for row in database.rows("sizes", spool=spool.name)}
            return _info(spool, sizes)

    def history(self, spool: str) -> pl.DataFrame:
        """The snapshots that changed a spool, oldest first, with rows added and removed."""
        with self._open() as database:
            return database.frame("history", spool=resolve(spool, self._mirror.spools))

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
        with self._open():
            full = resolve(spool, self._mirror.spools)
            segments = self.segments(full, since=since, until=until, at=at)
            schema = self.schema(full, at) or Schema()
        return scan(segments, schema, self.root)

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
        with self._open() as database:
            rows = database.frame(
                "segments",
                spool=spool,
                since=low,
                until=high,
                at=self._mirror.snapshot if at is None else self.as_of(at),
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

    # -- batches

    def next_batch(self, deployment: str, stage: str) -> int:
        """The number after the highest that was claimed or committed; the first is 1."""
        with self._open():
            key = f"{deployment}/{stage}"
            claimed, committed = self._mirror.claimed, self._mirror.committed
            return max(claimed.get(key, 0), committed.get(key, 0)) + 1

    def claim(self, claim: Claim, durable: bool = True) -> None:
        """Make this attempt the newest of its batch: a commit of an older one will be refused.

        A durable claim is a row: `open_claims` gives it back after a restart. Without, it lasts as
        long as this owner, which is enough for a batch whose only effect is its commit.

        Raises:
            CommitRefused: the batch is committed or abandoned, or a newer attempt was claimed.
        """
        with self._open() as database:
            self._require_open(claim)
            if durable:
                row = {
                    "batch": claim.batch,
                    "attempt": claim.attempt,
                    "deployment": claim.deployment,
                    "stage": claim.stage,
                    "document": _CLAIM.dump_python(claim, mode="json"),
                    "claimed_at": self.clock.now(),
                }
                with database.transaction():
                    database.run("forget_claims", batches=[claim.batch])
                    database.append("claims", [row])
            stage, number = stage_of(claim.batch)
            self._mirror.claimed[stage] = max(number, self._mirror.claimed.get(stage, 0))
            self._mirror.fences[claim.batch] = Fence(claim.attempt, durable=durable)

    def open_claims(self, deployment: str | None = None) -> tuple[Claim, ...]:
        """Durable claims that were neither committed nor abandoned, by stage and number."""
        with self._open() as database:
            rows = database.rows("claims", deployment=deployment)
        claims = [_CLAIM.validate_json(row["document"]) for row in rows if not row["abandoned"]]
        return tuple(sorted(claims, key=lambda claim: stage_of(claim.batch)))

    def abandon(self, batch: str) -> None:
        """Give a batch up: no attempt of it can commit any more. Its durable claim is kept, marked.

        Raises:
            CommitRefused: the batch is committed already.
        """
        with self._open() as database:
            if committed_before(database, self._mirror, batch) is not None:
                raise CommitRefused(
                    "the batch is committed, it cannot be abandoned",
                    where=f"batch {batch}",
                    requirement="claim",
                )
            database.run("abandon", batch=batch, instant=self.clock.now())
            fence = self._mirror.fences.get(batch) or Fence(0)
            self._mirror.fences[batch] = replace(fence, abandoned=True)

    def commit(self, commits: Sequence[Commit]) -> list[Answer]:
        """Make batches visible, all in one transaction, each as its own snapshot, in order.

        A commit whose requirement does not hold is refused and changes nothing; the others go
        through. A batch may start from the position that an earlier one of the same call leaves.
        The same attempt committed again gets its old snapshot.

        Raises:
            StorageError: the transaction failed; nothing was committed.
        """
        with self._open() as database:
            return carry_out(database, self._mirror, commits, self.clock.now())

    # -- publications

    def pending_publications(self, deployment: str) -> tuple[Publication, ...]:
        """Publications of committed batches that are not recorded as done, in commit order."""
        with self._open() as database:
            rows = database.rows("pending_publications", deployment=deployment)
        return tuple(
            Publication(
                row["publication"],
                row["step"],
                row["kind"],
                row["group_name"],
                json.loads(row["payload"]),
            )
            for row in rows
        )

    def published(self, ids: Sequence[str], now: datetime) -> None:
        """Record publications as done."""
        if ids:
            with self._open() as database:
                database.run("published", ids=list(ids), instant=now)

    # -- within

    @contextmanager
    def _open(self) -> Iterator[Database]:
        """The database, for as long as the lock is held."""
        with self._lock:
            if self._closed:
                raise LedgerError(
                    "the ledger is closed", where=str(self.state_dir), hint="open it again"
                )
            yield self._database

    def _schemas(self) -> dict[int, Schema]:
        return {schema_id: schema for schema, schema_id in self._mirror.schemas.items()}

    def _require_open(self, claim: Claim) -> None:
        mirror = self._mirror
        fence = mirror.fences.get(claim.batch) or Fence(0)
        if fence.abandoned:
            found = "the batch was abandoned"
        elif claim.attempt <= fence.attempt:
            found = f"attempt {fence.attempt} was claimed before"
        elif committed_before(self._database, mirror, claim.batch) is not None:
            found = "the batch is committed"
        else:
            return
        raise CommitRefused(
            f"attempt {claim.attempt} cannot be claimed: {found}",
            where=f"batch {claim.batch}",
            requirement="claim",
        )


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


def _version(row: Mapping[str, Any]) -> Version:
    return Version(**{**row, "document": json.loads(row["document"])})


def _info(spool: Spool, sizes: Mapping[str, Mapping[str, Any]]) -> SpoolInfo:
    size = sizes.get(spool.name, {"rows": 0, "bytes": 0, "segments": 0})
    return SpoolInfo(
        **{name: size[name] for name in ("rows", "bytes", "segments")},
        **asdict(replace(spool.spec, schema=None)) | {"schema": spool.schema or None},
        next_seq=spool.next_seq,
    )
