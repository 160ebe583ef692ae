"""What actions keep from batch to batch, as a worker sees it: chunks of rows that are partitions of
a spool. They are read as of the claim, and what changes is staged with the rest of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import polars as pl

from lyftnb import store
from lyftnb.engine.program import Program
from lyftnb.model import Job, JobState, SegmentRef, StagedSegment
from lyftnb.operators import Kept, Remembered

_CHUNK_SEGMENTS = 32
"""A chunk in so many segments is written as one when more comes to it."""

_WRITERS = 4

Change = tuple[str, str, pl.DataFrame]
"""Channel, label of the chunk, rows that come to it."""


class States:
    """What the actions of one task keep: before its batch, and after it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.root = Path(program.storage_root)
        self.changes: list[Change] = []
        self.replaces: list[tuple[str, tuple[str, ...]]] = []
        self._jobs = {job.step: job for job in program.task.jobs}

    def remembered(self, job: Job) -> dict[str, Remembered]:
        """What each action of a job kept, by the action's name."""
        return {
            job.action_name(state.index): {
                label: self._scan(state, segments)
                for label, segments in self._chunks(state).items()
            }
            for state in job.states
        }

    def take(self, kept: Mapping[tuple[str, str], Kept]) -> None:
        """Note what changes: of each (step, action)."""
        for (step, action), change in kept.items():
            job = self._jobs[step]
            state = next(s for s in job.states if job.action_name(s.index) == action)
            chunks = self._chunks(state)
            dropped = set(change.dropped) & chunks.keys()
            for label, rows in change.added.items():
                old = chunks.get(label, ())
                if label not in dropped and len(old) >= _CHUNK_SEGMENTS:
                    dropped.add(label)
                    before = self._scan(state, old).select(rows.columns).collect()
                    rows = pl.concat([before, rows], how="vertical_relaxed")
                self.changes.append((state.channel, label, rows))
            if dropped:
                self.replaces.append((state.channel, tuple(sorted(dropped))))

    def segments(self) -> tuple[StagedSegment, ...]:
        """Stage all changes; the waits for the disk overlap."""
        with ThreadPoolExecutor(_WRITERS) as pool:
            return tuple(s for staged in pool.map(self._write, self.changes) for s in staged)

    def _write(self, change: Change) -> tuple[StagedSegment, ...]:
        channel, label, rows = change
        return store.write_segments(
            rows,
            self.root,
            self.program.targets[channel].spec,
            batch=self.program.batch,
            attempt=self.program.attempt,
            task=self.program.task.id,
            split=0,
            partition=label,
        )

    def _spool(self, state: JobState) -> str:
        return self.program.targets[state.channel].spec.spool

    def _chunks(self, state: JobState) -> dict[str, tuple[SegmentRef, ...]]:
        spool = self._spool(state)
        found = next(table.segments for table in self.program.tables if table.spool == spool)
        by_label = groupby(sorted(found, key=_label), _label)
        return {label: tuple(segments) for label, segments in by_label}

    def _scan(self, state: JobState, segments: tuple[SegmentRef, ...]) -> pl.LazyFrame:
        schema = self.program.table_schemas[self._spool(state)]
        return store.scan(segments, schema, self.root)


def _label(segment: SegmentRef) -> str:
    return segment.partition or ""
