"""The one commit: a group of batches becomes visible in one transaction, each as its own snapshot.

    for each commit      requirements hold?  →  rows to write, and the next state, in an overlay
    then, at once        the rows of all commits, table by table
    then                 COMMIT, and the overlay becomes the present state

Later commits of a group see the earlier ones through the overlay, so batch 2 may start from the
position that batch 1 leaves. A refused commit adds nothing to either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lyftnb.model import (
    NULL,
    Advance,
    Answer,
    Commit,
    Committed,
    Refused,
    Schema,
    SegmentRef,
    SpoolSpec,
    StagedSegment,
    united,
)
from lyftnb.store.claims import to_document
from lyftnb.store.database import Database
from lyftnb.store.families import Setting, StateFamily
from lyftnb.store.key_changes import KeyChanges
from lyftnb.store.locks import HeldLocks
from lyftnb.store.marks import MarkChanges
from lyftnb.store.messages import StagedMessages
from lyftnb.store.mirror import Mirror, Spool, Standing, stage_of, to_json
from lyftnb.store.newest import Newest
from lyftnb.store.queue_items import StagedItems
from lyftnb.store.runs import RunRows

Row = dict[str, Any]

FAMILIES: tuple[Callable[[Setting], StateFamily], ...] = (
    HeldLocks,
    KeyChanges,
    MarkChanges,
    StagedItems,
    StagedMessages,
    RunRows,
)
"""In the order in which they are asked and write."""


@dataclass(frozen=True, slots=True)
class _Removal:
    """Live segments of a spool that a commit replaces (of those partitions, or all)."""

    spool: str
    partitions: tuple[str, ...] | None
    snapshot: int

    def covers(self, segment: Row) -> bool:
        return segment["spool"] == self.spool and (
            self.partitions is None or (segment["partition"] or "") in self.partitions
        )


@dataclass
class Group:
    """The commits of one transaction. Collects rows; `write` sends them.

    `state` is an overlay of the present state: the caller absorbs it after COMMIT.
    """

    state: Mirror
    database: Database
    root: Path
    now: datetime
    news: set[str] = field(default_factory=set)
    """See `Setting.news`."""
    _rows: dict[str, list[Row]] = field(default_factory=dict)
    _removals: list[_Removal] = field(default_factory=list)
    _done: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Batches of this group → (attempt, snapshot)."""
    _families: tuple[StateFamily, ...] = field(init=False)

    def __post_init__(self) -> None:
        setting = Setting(self.database, self.state, self.root, self.now, self.news)
        self._families = tuple(family(setting) for family in FAMILIES)

    def add(self, commit: Commit) -> Answer:
        """Take a commit into the group, or say which requirement does not hold."""
        settled = self._settled(commit)
        if settled is not None:
            return settled
        refused = (
            self._unfenced(commit) or self._out_of_place(commit) or self._without_files(commit)
        )
        if refused is not None:
            return refused
        for family in self._families:
            refused = family.refused(commit)
            if refused is not None:
                return refused
        schemas = self._united_schemas(commit)
        if isinstance(schemas, Refused):
            return schemas
        snapshot = self._begin_snapshot(commit)
        self._move_positions(commit, snapshot)
        self._raise_floor(commit, snapshot)
        self._write_spools(commit, schemas, snapshot)
        self._list_publications(commit, snapshot)
        for family in self._families:
            family.take(commit, snapshot)
        return Committed(commit.claim.batch, snapshot)

    def write(self) -> None:
        """Write the rows of all commits that were taken."""
        for removal in self._removals:
            self.database.run(
                "remove_segments",
                spools=[removal.spool],
                partitions=None if removal.partitions is None else list(removal.partitions),
                snapshot=removal.snapshot,
            )
        for table, rows in self._rows.items():
            self.database.append(table, rows)
        for family in self._families:
            family.write()
        durable = [b for b in self._done if b in self.state.fences and self.state.fences[b].durable]
        if durable:
            self.database.run("forget_claims", batches=durable)

    # -- requirements

    def _settled(self, commit: Commit) -> Answer | None:
        """The answer to a batch that is committed already."""
        claim = commit.claim
        found = self._done.get(claim.batch)
        found = found or committed_before(self.database, self.state, claim.batch)
        if found is None:
            return None
        attempt, snapshot = found
        if attempt == claim.attempt:
            return Committed(claim.batch, snapshot, repeated=True)
        return _refused(
            commit, "attempt", f"attempt {attempt}, in snapshot {snapshot}", claim.attempt
        )

    def _unfenced(self, commit: Commit) -> Refused | None:
        claim = commit.claim
        fence = self.state.fences.get(claim.batch)
        if fence is None or (claim.attempt == fence.attempt and not fence.abandoned):
            return None
        if fence.abandoned:
            return _refused(commit, "claim", "an open claim", "the batch was abandoned")
        return _refused(commit, "attempt", f"attempt {fence.attempt}", claim.attempt)

    def _out_of_place(self, commit: Commit) -> Refused | None:
        for advance in commit.claim.advances:
            version = self._standing(advance).version
            if version != advance.expected:
                return _refused(
                    commit,
                    "position",
                    f"{advance.input} at version {advance.expected}",
                    f"version {version}",
                )
        return None

    def _without_files(self, commit: Commit) -> Refused | None:
        # A sweep may have taken the files of a batch that ran longer than its grace.
        paths = [segment.path for segment in commit.segments]
        for path in [*paths, *(staged.path for staged in commit.state)]:
            if not (self.root / path).exists():
                return _refused(commit, "files", path, "no such file")
        return None

    def _united_schemas(self, commit: Commit) -> dict[str, Schema] | Refused:
        """Spool → the schema it has after this commit."""
        specs = {spec.spool: spec for spec in commit.spools}
        schemas: dict[str, Schema] = {}
        for spool, segments in _by_spool(commit).items():
            present = self._spool(spool, specs).schema
            spec = specs.get(spool)
            whole = present or (spec.schema if spec and spec.schema else present)
            for segment in segments:
                whole, clashes = united(whole, segment.schema)
                if clashes:
                    column, (expected, found) = next(iter(clashes.items()))
                    return _refused(
                        commit,
                        "schema",
                        f"{spool}.{column} {expected}",
                        found,
                    )
            if not _allowed(self._spec(spool, specs).policy, present, whole):
                return _refused(commit, "schema", f"{spool} with {present}", f"{whole}")
            schemas[spool] = whole
        return schemas

    # -- changes

    def _begin_snapshot(self, commit: Commit) -> int:
        claim = commit.claim
        self.state.snapshot += 1
        # The clock may be set back; the order of snapshots in time must not be.
        self.state.committed_at = max(self.now, self.state.committed_at)
        snapshot = self.state.snapshot
        stage, number = stage_of(claim.batch)
        self._append(
            "batches",
            batch=claim.batch,
            attempt=claim.attempt,
            number=number,
            run=claim.run,
            deployment=claim.deployment,
            stage=claim.stage,
            snapshot=snapshot,
            committed_at=self.state.committed_at,
            claimed_at=claim.now,
            started_at=commit.started_at,
            bytes_read=commit.bytes_read,
            counts=[asdict(count) for count in commit.counts],
            files=[asdict(file) for file in commit.files],
            skipped=commit.skipped,
            claim=None if commit.skipped is None else to_document(claim),
        )
        self._done[claim.batch] = (claim.attempt, snapshot)
        self.state.committed[stage] = max(number, self.state.committed.get(stage, 0))
        return snapshot

    def _move_positions(self, commit: Commit, snapshot: int) -> None:
        for advance in commit.claim.advances:
            version = advance.expected + 1
            items = {**self._standing(advance).items, **advance.items}
            kept = {item: value for item, value in items.items() if value is not None}
            self.state.positions[advance.input] = Standing(version, kept)
            self._append(
                "positions",
                key=advance.input,
                version=version,
                snapshot=snapshot,
                items=advance.items,
            )

    def _raise_floor(self, commit: Commit, snapshot: int) -> None:
        if commit.floor is None or not commit.claim.advances:
            return
        # A stage with an outside input has that one input only.
        key = commit.claim.advances[0].input
        present = self.state.floors.get(key)
        floor = commit.floor if present is None else united(present, commit.floor)[0]
        if floor != present:
            self.state.floors[key] = floor
            self._append("floors", key=key, snapshot=snapshot, fields=to_json(floor))

    def _write_spools(self, commit: Commit, schemas: dict[str, Schema], snapshot: int) -> None:
        if commit.skipped is not None:
            return
        replaced = {
            f"{commit.claim.deployment}.{channel}": partitions
            for channel, partitions in (*commit.claim.replaces, *commit.replaces)
        }
        for name, partitions in replaced.items():
            self._remove(_Removal(name, partitions, snapshot))
        specs = {spec.spool: spec for spec in commit.spools}
        for name, segments in _by_spool(commit).items():
            spool = self._with_spec(self._spool(name, specs), specs.get(name), snapshot)
            spool = self._with_schema(spool, schemas[name], snapshot)
            kind = "replace" if name in replaced else "append"
            self.state.spools[name] = self._with_segments(
                spool, segments, commit.claim.batch, kind, snapshot
            )

    def _with_spec(self, spool: Spool, spec: SpoolSpec | None, snapshot: int) -> Spool:
        known = self.state.spools.get(spool.name)
        wanted = replace(spec or spool.spec, schema=None)
        if known is not None and wanted == replace(known.spec, schema=None):
            return spool
        row = asdict(wanted)
        del row["schema"]
        self._append("spools", snapshot=snapshot, **row)
        return replace(spool, spec=replace(wanted, schema=spool.spec.schema))

    def _with_schema(self, spool: Spool, schema: Schema, snapshot: int) -> Spool:
        known = self.state.spools.get(spool.name)
        if not schema or (known is not None and known.schema == schema):
            return spool
        version = spool.schema_version + 1
        self._append(
            "spool_schemas",
            spool=spool.name,
            version=version,
            schema_id=self._schema_id(schema),
            snapshot=snapshot,
        )
        return replace(spool, spec=replace(spool.spec, schema=schema), schema_version=version)

    def _with_segments(
        self, spool: Spool, segments: list[StagedSegment], batch: str, kind: str, snapshot: int
    ) -> Spool:
        seq = spool.next_seq
        refs: list[SegmentRef] = []
        for segment in sorted(segments, key=lambda s: s.order):
            self._append(
                "segments",
                path=segment.path,
                spool=spool.name,
                batch=batch,
                kind=kind,
                partition=segment.partition,
                rows=segment.rows,
                bytes=segment.bytes,
                schema_id=self._schema_id(segment.schema),
                checksum=segment.checksum,
                first_seq=seq,
                event_min=segment.event_min,
                event_max=segment.event_max,
                added_snapshot=snapshot,
                removed_snapshot=None,
            )
            refs.append(_ref(segment, seq))
            seq += segment.rows
        known = self.state.newest.get(spool.name) or Newest()
        self.state.newest[spool.name] = known.with_more(tuple(refs))
        return replace(spool, next_seq=seq)

    def _list_publications(self, commit: Commit, snapshot: int) -> None:
        for publication in commit.publications:
            self._append(
                "publications",
                publication=publication.id,
                batch=commit.claim.batch,
                snapshot=snapshot,
                step=publication.step,
                kind=publication.kind,
                group_name=publication.group,
                payload=publication.payload,
            )

    def _remove(self, removal: _Removal) -> None:
        self._removals.append(removal)
        self.state.newest[removal.spool] = Newest(whole=removal.partitions is None)
        # Segments of earlier commits of this group are not in the table yet.
        for row in self._rows.get("segments", ()):
            if row["removed_snapshot"] is None and removal.covers(row):
                row["removed_snapshot"] = removal.snapshot

    # -- the state as this commit finds it

    def _standing(self, advance: Advance) -> Standing:
        return self.state.positions.get(advance.input) or Standing()

    def _spool(self, name: str, specs: dict[str, SpoolSpec]) -> Spool:
        return self.state.spools.get(name) or Spool(specs.get(name) or SpoolSpec(name))

    def _spec(self, name: str, specs: dict[str, SpoolSpec]) -> SpoolSpec:
        return specs.get(name) or self._spool(name, specs).spec

    def _schema_id(self, schema: Schema) -> int:
        known = self.state.schemas.get(schema)
        if known is not None:
            return known
        schema_id = len(self.state.schemas) + 1
        self.state.schemas[schema] = schema_id
        self._append("schemas", schema_id=schema_id, fields=to_json(schema))
        return schema_id

    def _append(self, table: str, **row: Any) -> None:
        self._rows.setdefault(table, []).append(row)


def carry_out(
    database: Database, mirror: Mirror, commits: Sequence[Commit], root: Path, now: datetime
) -> tuple[list[Answer], set[str]]:
    """Carry out commits in one transaction; answers in their order, and the news for listeners.

    Raises:
        StorageError: the transaction failed; none of the commits took place.
    """
    group = Group(mirror.overlay(), database, root, now)
    with database.transaction():
        answers = [group.add(commit) for commit in commits]
        group.write()
    mirror.absorb(group.state)
    for answer in answers:
        if isinstance(answer, Committed):
            mirror.fences.pop(answer.batch, None)
    return answers, group.news


def committed_before(database: Database, mirror: Mirror, batch: str) -> tuple[int, int] | None:
    """(attempt, snapshot) of a batch that is committed; the table is asked only if it may be."""
    stage, number = stage_of(batch)
    if number > mirror.committed.get(stage, 0):
        return None
    rows = database.rows("committed_batches", batches=[batch])
    return (rows[0]["attempt"], rows[0]["snapshot"]) if rows else None


def _ref(staged: StagedSegment, first_seq: int) -> SegmentRef:
    """A segment as its readers will need it."""
    return SegmentRef(
        staged.path,
        staged.rows,
        staged.bytes,
        first_seq,
        staged.schema,
        staged.partition,
        staged.checksum,
    )


def _by_spool(commit: Commit) -> dict[str, list[StagedSegment]]:
    """Every spool the commit names → its segments."""
    found: dict[str, list[StagedSegment]] = {spec.spool: [] for spec in commit.spools}
    for segment in commit.segments:
        found.setdefault(segment.spool, []).append(segment)
    return found


def _allowed(policy: str, present: Schema, whole: Schema) -> bool:
    """Whether a spool of that policy may go from one schema to the other."""
    if policy == "evolve" or not present:
        return True
    return present.names == whole.names and all(
        a.type in (b.type, NULL) for a, b in zip(present.fields, whole.fields, strict=True)
    )


def _refused(commit: Commit, requirement: str, expected: str, found: object) -> Refused:
    return Refused(commit.claim.batch, requirement, expected, f"{found}")
