"""Feeds: what a stage has yet to read, cut into claims.

A feed holds the position as it will be once all claims made so far are committed, so that the next
claim can be made while earlier ones are in flight. It is rebuilt from the ledger at every start.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from lyftnb import connectors
from lyftnb.connectors import Discovery, SourceSplit, parse_unfilled
from lyftnb.engine import DECODED
from lyftnb.model import (
    SMALL_UNIT_BYTES,
    Advance,
    InputSpec,
    JobInput,
    Lease,
    Position,
    Schema,
    SegmentRef,
    Split,
    Stage,
)
from lyftnb.store import Ledger


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large batches and splits are, and how many batches of a stage are in flight."""

    split_bytes: int = 24 * 2**20
    batch_bytes: int = 256 * 2**20
    batch_rows: int = 10_000_000
    in_flight: int = 3


_NO_END = 2**63 - 1
_SPLIT_ROWS = 131_072
"""A split of a spool holds no more, however small its rows: about as many as keep a worker busy for
a tenth of a second."""


@dataclass(slots=True)
class Ramp:
    """How large the next batch may be: they grow from one split to the limit, so that stages behind
    can start early. Starting smaller still costs more in batches than it gains.
    """

    limits: BatchLimits
    _next_bytes: int = 0

    def take(self) -> int:
        """Bytes of the next batch."""
        size = self._next_bytes or self.limits.split_bytes
        self._next_bytes = 2 * size
        return min(size, self.limits.batch_bytes)


AIM_S = 0.5
"""What a batch of an outside input is to take: its own cost (15 ms) does not show."""
AIM_FED_S = 0.25
"""The same where others wait for its rows, and work beside it. At 0.15 s they pay too often for a
batch of their own; more at a time than a few MB does not stay in the cache.
"""


@dataclass(slots=True)
class Pace:
    """How many splits make a batch of about `aim_s`, by how long those before have taken."""

    slots: Callable[[], int]
    """How many splits the stage may work on at the same time."""
    aim_s: float = AIM_S
    fed: bool = False
    """Whether others wait for the rows. Then batches begin small and at most treble, so that those
    get to work; and the last ones are smaller again, for behind them they work alone."""
    _split_s: float = 0.0
    _last: int = 0
    """How many splits the last batch had; 0: a run begins."""

    def learn(self, splits: int, seconds: float) -> None:
        """Take note of a batch: its splits, and the seconds that they took one after the other."""
        latest = seconds / splits
        self._split_s = (self._split_s + latest) / 2 if self._split_s else latest

    @property
    def splits(self) -> float:
        """How many the next batch may have: never fewer than there are slots."""
        slots = self.workers
        return max(slots, self.aim_s * slots / self._split_s) if self._split_s else math.inf

    def most(self, left: int) -> float:
        """How many of those that are left the next batch may have."""
        if not self.fed:
            return self.splits
        growing, shrinking = 3 * self._last, -(-2 * left // 3)
        return min(self.splits, max(self.workers, min(growing, shrinking)))

    def took(self, splits: int) -> None:
        """Take note of how many a batch has; 0 at the beginning of a run."""
        self._last = splits

    @property
    def workers(self) -> int:
        """How many splits are worked on at the same time."""
        return max(1, self.slots())


@dataclass(frozen=True, slots=True)
class Piece:
    """What a feed hands out for one claim."""

    splits: tuple[Split, ...]
    advances: tuple[Advance, ...]
    partitions: tuple[str, ...] | None = None
    """Partitions that are read whole (`frame: partition`)."""
    leases: tuple[Lease, ...] = ()
    """Work items that it holds."""
    unit_bytes: int = SMALL_UNIT_BYTES
    """Splits of an outside input share a task while they are not larger together."""


@dataclass(slots=True)
class Place:
    """A position with its version, moved ahead by claims in flight."""

    key: str
    version: int
    items: Position

    def advance(self, items: Position) -> Advance:
        """The advance of the next commit; the place moves ahead of it."""
        step = Advance(self.key, self.version, items)
        self.version += 1
        self.items = {k: v for k, v in {**self.items, **items}.items() if v is not None}
        return step


def place(ledger: Ledger, deployment: str, step: str, name: str) -> Place:
    """Where an input stands in the ledger."""
    key = f"{deployment}/{step}/{name}"
    version, items = ledger.position(key)
    return Place(key, version, dict(items))


class Feed(Protocol):
    """The input side of a stage."""

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each input stands, by the name that splits give it."""
        ...

    @property
    def drained(self) -> bool:
        """Whether nothing is left to hand out, as far as is known."""
        ...

    def next_piece(self) -> Piece | None:
        """The next claim's input, or None when there is nothing (yet)."""
        ...

    def replay(self, advances: Iterable[Advance]) -> None:
        """Move past a claim that was made before this start and is still open."""
        ...

    def reopen(self, snapshot: int | None) -> None:
        """Another run begins: it takes what was there in this snapshot, or all that comes."""
        ...


@dataclass(slots=True)
class SourceFeed:
    """An outside input. It must be told what was discovered."""

    spec: InputSpec
    place: Place
    limits: BatchLimits
    pace: Pace
    splits: deque[SourceSplit] = field(default_factory=deque)
    asked: bool = False
    more: bool = True
    """There is something to discover."""
    settled: bool = False
    """Schema and end positions are known, so that batches may follow each other in flight."""
    schema: Schema | None = None
    """What the first splits were said to have: the floor until one is committed."""
    ramp: Ramp = field(init=False)

    def __post_init__(self) -> None:
        self.ramp = Ramp(self.limits)

    @property
    def wants_discovery(self) -> bool:
        """Whether a worker should be asked what is new."""
        return self.more and not self.splits and not self.asked

    @property
    def places(self) -> Mapping[str, Place]:
        """The one place, under the name that its splits bear."""
        return {self.spec.kind: self.place}

    @property
    def drained(self) -> bool:
        """Whether nothing is left to read or to ask for."""
        return not (self.more or self.asked or self.splits)

    def discovered(self, found: Discovery) -> None:
        """Take what a worker found."""
        self.asked = False
        self.more = found.more and bool(found.splits)
        self.settled = self.settled or found.settled
        self.schema = self.schema or found.schema
        self.splits.extend(found.splits)

    def next_piece(self) -> Piece | None:
        """Splits in order up to a batch's size; a first one alone while the schema is open."""
        if not self.splits:
            return None
        taken: list[SourceSplit] = []
        size = rows = 0
        room, most = self.ramp.take(), self.pace.most(len(self.splits)) if self.settled else 1
        while self.splits and len(taken) < most:
            head = self.splits[0]
            if taken and (
                size + head.bytes > room or rows + (head.rows or 0) > self.limits.batch_rows
            ):
                break
            taken.append(self.splits.popleft())
            size += head.bytes
            rows += head.rows or 0
        self.pace.took(len(taken))
        payloads = [split.payload for split in taken]
        return Piece(
            tuple(
                Split(i, self.spec.kind, payload=s.payload, bytes=s.bytes, rows=s.rows)
                for i, s in enumerate(taken)
            ),
            (self.place.advance(self._moved(payloads)),),
            unit_bytes=self._unit_bytes(size),
        )

    def _unit_bytes(self, size: int) -> int:
        """Splits that one worker would read one after the other are one task, and one segment."""
        share = -(-size // self.pace.workers)
        return max(SMALL_UNIT_BYTES, min(share, self.limits.split_bytes))

    def _moved(self, payloads: list[object]) -> Position:
        source = connectors.SOURCES[self.spec.kind]
        params = parse_unfilled(source, self.spec.params)
        return source.advance(params, self.place.items, payloads)

    def replay(self, advances: Iterable[Advance]) -> None:
        """Move past an open claim."""
        for advance in advances:
            self.place.advance(advance.items)

    def reopen(self, snapshot: int | None) -> None:
        """Ask once more what there is."""
        self.more = True
        self.ramp = Ramp(self.limits)
        self.pace.took(0)


@dataclass(slots=True)
class SpoolFeed:
    """Stream inputs from spools, taken channel by channel in the order listed."""

    ledger: Ledger
    stage: Stage
    deployment: str
    places: Mapping[str, Place]
    """Stream name → place; its item `seq` is the first sequence number not yet read."""
    limits: BatchLimits
    _backlog: dict[str, deque[SegmentRef]] = field(default_factory=dict)
    """Segments that are known and not yet handed out; each is asked for once."""
    _known: dict[str, int] = field(default_factory=dict)
    """Stream name → the sequence number up to which the ledger was asked."""
    _ends: dict[str, int] = field(default_factory=dict)
    """Stream name → the sequence number at which the run ends; none: wherever the rows do."""
    ramp: Ramp = field(init=False)

    def __post_init__(self) -> None:
        self.ramp = Ramp(self.limits)

    @property
    def drained(self) -> bool:
        """Whether every row there is has been handed out."""
        for stream in self.stage.streams:
            self._look(stream)
        return not any(self._backlog.values())

    def replay(self, advances: Iterable[Advance]) -> None:
        """Move past an open claim."""
        by_key = {p.key: p for p in self.places.values()}
        for advance in advances:
            by_key[advance.input].advance(advance.items)

    def reopen(self, snapshot: int | None) -> None:
        """Let the run end where the streams stood in a snapshot."""
        self.ramp = Ramp(self.limits)
        self._ends = {}
        if snapshot is not None:
            self._ends = {
                s.name: self.ledger.next_seq(s.spool(self.deployment), at=snapshot)
                for s in self.stage.streams
            }

    @property
    def is_small(self) -> bool:
        """Whether what is there would not fill one split, and so may be left to grow."""
        room_bytes, room_rows = self.limits.split_bytes // DECODED, _SPLIT_ROWS
        for segment in chain.from_iterable(self._backlog.values()):
            room_bytes -= segment.bytes
            room_rows -= segment.rows
            if room_bytes <= 0 or room_rows <= 0:
                return False
        return True

    def next_piece(self) -> Piece | None:
        """New segments; for frames other than `batch`, all that the frame holds."""
        if self.drained:
            return None
        if self.stage.frame == "batch":
            return self._bounded()
        fresh = {name: tuple(found) for name, found in self._backlog.items()}
        self._backlog.clear()
        advances = tuple(self._advance(name, found) for name, found in fresh.items() if found)
        if self.stage.frame == "run":
            return Piece(_whole(fresh), advances)
        if self.stage.frame == "all":
            return Piece(_whole({s.name: self._live(s) for s in self.stage.streams}), advances)
        return self._partitions(fresh, advances)

    def _look(self, stream: JobInput) -> None:
        """Ask the ledger for what has come since it was asked last, if anything has."""
        spool = stream.spool(self.deployment)
        seq = self.places[stream.name].items.get("seq", 0)
        known = max(seq, self._known.get(stream.name, 0))
        ahead = min(self.ledger.next_seq(spool), self._ends.get(stream.name, _NO_END))
        backlog = self._backlog.setdefault(stream.name, deque())
        if ahead > known:
            backlog.extend(self.ledger.segments(spool, since=known, until=ahead))
            self._known[stream.name] = ahead

    def _live(
        self, stream: JobInput, partitions: tuple[str, ...] | None = None
    ) -> tuple[SegmentRef, ...]:
        return self.ledger.segments(stream.spool(self.deployment), partitions=partitions)

    def _advance(self, name: str, segments: tuple[SegmentRef, ...]) -> Advance:
        last = segments[-1]
        return self.places[name].advance({"seq": last.first_seq + last.rows})

    def _bounded(self) -> Piece:
        splits: list[Split] = []
        advances: list[Advance] = []
        room_bytes, room_rows = self.ramp.take() // DECODED, self.limits.batch_rows
        for stream in self.stage.streams:
            backlog = self._backlog[stream.name]
            taken: list[SegmentRef] = []
            while backlog:
                head = backlog[0]
                if (taken or splits) and (head.bytes > room_bytes or head.rows > room_rows):
                    break
                taken.append(backlog.popleft())
                room_bytes -= head.bytes
                room_rows -= head.rows
            if taken:
                splits += _grouped(
                    stream.name, taken, len(splits), self.limits.split_bytes // DECODED
                )
                advances.append(self._advance(stream.name, tuple(taken)))
            if backlog:
                break
        return Piece(tuple(splits), tuple(advances))

    def _partitions(
        self, fresh: Mapping[str, tuple[SegmentRef, ...]], advances: tuple[Advance, ...]
    ) -> Piece:
        """Every partition that got new rows, each whole."""
        touched = sorted({s.partition or "" for found in fresh.values() for s in found})
        live = {s.name: self._live(s, tuple(touched)) for s in self.stage.streams}
        splits: list[Split] = []
        for partition in touched:
            for name, segments in live.items():
                mine = tuple(s for s in segments if (s.partition or "") == partition)
                if mine:
                    splits.append(_split(len(splits), name, mine, partition))
        return Piece(tuple(splits), advances, tuple(touched))


def _whole(found: Mapping[str, tuple[SegmentRef, ...]]) -> tuple[Split, ...]:
    return tuple(_split(i, name, segments) for i, (name, segments) in enumerate(found.items()))


def _grouped(name: str, segments: list[SegmentRef], start: int, split_bytes: int) -> list[Split]:
    """Neighbouring small segments share a split."""
    groups: list[list[SegmentRef]] = []
    size = rows = 0
    for segment in segments:
        full = size + segment.bytes > split_bytes or rows + segment.rows > _SPLIT_ROWS
        if not groups or full:
            groups.append([])
            size = rows = 0
        groups[-1].append(segment)
        size += segment.bytes
        rows += segment.rows
    return [_split(start + i, name, tuple(group)) for i, group in enumerate(groups)]


def _split(
    index: int, name: str, segments: tuple[SegmentRef, ...], partition: str | None = None
) -> Split:
    return Split(
        index,
        name,
        segments=segments,
        bytes=sum(s.bytes for s in segments),
        rows=sum(s.rows for s in segments),
        partition=partition,
    )
