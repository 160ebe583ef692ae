"""What is sent to a worker: a program (one fused task of a stage), and what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lyftnb import operators
from lyftnb.engine.parcels import Freight
from lyftnb.model import (
    Claim,
    Frame,
    InputSpec,
    Job,
    Schema,
    Split,
    SpoolSpec,
    TableRef,
    Task,
    TaskReport,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A spool that a task writes, with its schema as known at the claim (None: still empty)."""

    spec: SpoolSpec
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """One fused task of a stage, fixed for one attempt at one batch."""

    task: Task
    frame: Frame
    source: InputSpec | None
    """The outside input, if this task reads one."""
    batch: str
    attempt: int
    now: datetime
    seed: int
    floor: Schema | None
    streams: Mapping[str, Schema]
    """Stream inputs from spools: name → schema. Those that are merged share one union."""
    tables: tuple[TableRef, ...]
    table_schemas: Mapping[str, Schema]
    """Spool → schema, of the tables."""
    targets: Mapping[str, Target]
    """Channel → the spool it is written to. Channels that are not here stay in memory."""
    storage_root: str
    base_path: str
    bounded: bool = True
    ending: bool = False
    """The run is at its end: actions let go of what they hold back."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """What `${…}` stands for, but for secrets: those a worker asks for itself."""

    @property
    def deployment(self) -> str:
        """The deployment that the batch belongs to."""
        return self.batch.split("/", 1)[0]

    @property
    def key(self) -> str:
        """What Dask keys of this attempt have in common."""
        return f"{self.batch}~{self.attempt}~{self.task.id}"

    @property
    def prompt(self) -> bool:
        """Whether it takes time by its rows alone: it waits for nobody outside, reads nothing but
        its stream, and runs no code of the user's.
        """
        return self.source is None and not self.tables and all(map(_is_prompt, self.task.jobs))


DECODED = 8
"""A byte of Parquet is about so many in memory; limits speak of what is read into memory."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one run of a task reads: one split, neighbouring small ones, or all of one frame."""

    index: int
    splits: tuple[Split, ...]
    partition: str | None = None

    @property
    def bytes(self) -> int:
        """About how much it is in memory."""
        return sum(s.bytes * (DECODED if s.segments else 1) for s in self.splits)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task's report, and the rows that it hands to tasks of other groups."""

    report: TaskReport
    tables: Freight | None = None
    """Channel → rows, `packed`."""


def units(claim: Claim, frame: Frame, *, stateful: bool = False) -> tuple[Unit, ...]:
    """Cut a claim into what tasks run: splits (small ones together) under `frame: batch`,
    partitions whole under `frame: partition`, everything at once otherwise, and where the stage is
    stateful.

    It looks at the claim alone, so every attempt is cut alike.
    """
    if stateful:
        return (Unit(0, claim.splits),)
    if frame == "batch":
        groups = _small_together(claim.splits, claim.unit_bytes)
        return tuple(Unit(i, tuple(group)) for i, group in enumerate(groups))
    if frame == "partition":
        parts: dict[str | None, list[Split]] = {}
        for split in claim.splits:
            parts.setdefault(split.partition, []).append(split)
        return tuple(Unit(i, tuple(g), p) for i, (p, g) in enumerate(parts.items()))
    return (Unit(0, claim.splits),)


def _small_together(splits: Iterable[Split], most_bytes: int) -> Iterator[list[Split]]:
    """Splits of outside inputs by the group; those of spools are grouped segments already."""
    group: list[Split] = []
    size = 0
    for split in splits:
        alone = bool(split.segments) or size + split.bytes > most_bytes
        if group and alone:
            yield group
            group, size = [], 0
        group.append(split)
        size += split.bytes
    if group:
        yield group


def _is_prompt(job: Job) -> bool:
    return job.output is None and all(operators.is_prompt(action.kind) for action in job.actions)
