"""What a task makes of the rows that its jobs give: routed, conformed and staged, piece by piece.

Segments are encoded and flushed beside whatever the task does next; few are on their way at a time,
so that a frame that is larger than memory passes through in pieces.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import polars as pl

from lyftnb import connectors, operators, store
from lyftnb.connectors import SinkEnv, StateSink
from lyftnb.engine.parcels import packed
from lyftnb.engine.program import Program, Target, Unit
from lyftnb.engine.secrets import redacted_frame
from lyftnb.errors import BadData
from lyftnb.model import FileRead, Job, Publication, Schema, StagedSegment, StepCount
from lyftnb.operators import Env, Held, Pile, Scratch

_WRITERS = 4
"""Segments that one task writes at a time: they wait for the disk more than they compute."""
_ON_THE_WAY_BYTES = 64 * 2**20
"""In memory, of frames that wait to be written; more, and the task waits for the disk."""


class Staging:
    """The output side of one task. Use as a context manager: it ends with no writer at work."""

    def __init__(self, program: Program, unit: Unit, env: Env, scratch: Scratch | None) -> None:
        self.frames: dict[str, pl.LazyFrame] = {}
        """Channels in memory → their rows, for the jobs behind."""
        self.sent: dict[str, Any] = {}
        """Channels that go to tasks of other groups → their rows, packed."""
        self.schemas: dict[str, Schema] = {}
        """Spools of which nothing was known → columns."""
        self.publications: list[Publication] = []
        self.counts: dict[str, StepCount] = {}
        self.files: list[FileRead] = []
        self._program = program
        self._unit = unit
        self._env = env
        self._scratch = scratch
        self._partition = unit.partition if program.frame == "partition" else None
        self._writers = _Writers(program, unit)
        self._spools: dict[str, _SpoolOutput] = {}
        self._piles: dict[str, Pile] = {}
        self._rejects: dict[str, Pile] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writers.close(keep=kind is None)

    def deliver(self, job: Job, good: Held) -> None:
        """Send what a job gave to its ports and its output."""
        first = 0
        for piece in good.pieces() if job.ports else ():
            routed = operators.route(
                piece,
                job.dispatch,
                job.ports,
                self._env,
                f"{self._program.batch}/{self._unit.index}",
                first,
            )
            first += piece.height
            if not routed.unrouted.is_empty():
                self.refuse(job, self._unrouted(job, routed), gone=True)
            for port, channel in job.ports:
                self._send(job, channel, routed.by_port[port])
        self._end_channels(job)
        if job.output is not None:
            sink = connectors.SINKS[job.output.kind]
            place = ("output", job.output.kind)
            params = connectors.parse_filled(sink, job.output.params, self._env.variables, place)
            if isinstance(sink, StateSink) and self._env.changes is not None:
                for piece in good.pieces():
                    changes = sink.changes(params, piece, self._sink_env(job))
                    self._env.changes.add(sink.family, changes)
            self.publications += sink.stage(params, good.pieces(), self._sink_env(job))

    def deliver_nothing(self, job: Job) -> None:
        """No column of the input was ever seen (its first lines are all torn, say): there are no
        rows, and nothing that actions could be bound to.
        """
        for _, channel in job.ports:
            self._send(job, channel, pl.DataFrame())
        self._end_channels(job)

    def refuse(self, job: Job, rejects: pl.DataFrame, *, gone: bool = False) -> None:
        """Deal with rows that were refused outside the chain as the step's `on_error` says.

        Args:
            job: the step.
            rejects: the rows.
            gone: whether the chain has counted them as going out, and they go nowhere.
        """
        if rejects.is_empty():
            return
        if job.on_error == "fail":
            first = rejects.row(0, named=True)
            raise BadData(
                f"{first['reason']}; the first such row: {first['_row']}",
                where=f"action {first['action']}",
                hint="repair the data, or choose on_error: reject or drop",
            )
        out = -rejects.height if gone else None
        if job.on_error == "drop":
            self.count(StepCount(job.step, rows_out=out, dropped=rejects.height))
            return
        self.count(StepCount(job.step, rows_out=out, rejects=rejects.height))
        self.keep_rejects(rejects)

    def keep_rejects(self, rejects: pl.DataFrame) -> None:
        """Put rejects (counted already) into the rejects spools of their steps."""
        if rejects.is_empty():
            return
        shown = redacted_frame(rejects)
        for (step,), part in shown.partition_by("step", as_dict=True).items():
            name = str(step)
            if name not in self._rejects:
                self._rejects[name] = Pile(operators.REJECTS_SCHEMA, self._scratch)
            self._rejects[name].add(part)

    def count(self, count: StepCount) -> None:
        """Add to what is known of a step."""
        known = self.counts.get(count.step)
        self.counts[count.step] = known + count if known else count

    def segments(self) -> tuple[StagedSegment, ...]:
        """All that was staged, on disk; in the order in which its rows are to be numbered."""
        for output in self._spools.values():
            output.end()
        for job in self._program.task.jobs:
            if job.step in self._rejects:
                for piece in self._rejects[job.step].held().pieces():
                    self._writers.write(job.rejects_channel, piece, self._partition)
        return self._writers.segments()

    # -- channels

    def _send(self, job: Job, channel: str, frame: pl.DataFrame) -> None:
        target = self._program.targets.get(channel)
        if target is None:
            if channel not in self._piles:
                self._piles[channel] = Pile(frame.schema, self._scratch)
            self._piles[channel].add(frame)
            return
        kept = store.conform(frame, target.schema, target.spec.policy)
        refused = (
            {} if kept.refused.is_empty() else kept.refused.partition_by(store.REASON, as_dict=True)
        )
        copied = len(job.ports) > 1 and (job.dispatch is None or job.dispatch.mode == "clone")
        for (reason,), rows in refused.items():
            self.refuse(
                job,
                operators.rejected(
                    rows.drop(store.REASON),
                    self._env,
                    step=job.step,
                    action=f"channel {channel}",
                    code="schema_clash",
                    reason=str(reason),
                ),
                gone=not copied,
            )
        if channel not in self._spools:
            self._spools[channel] = self._spool_output(channel, target)
        self._spools[channel].add(kept.frame)
        if target.schema is None and kept.frame.width:
            self.schemas[target.spec.spool] = kept.schema

    def _end_channels(self, job: Job) -> None:
        """A job gives all its rows at once: what its channels hold is complete."""
        for _, channel in job.ports:
            if channel not in self._piles:
                continue
            held = self._piles.pop(channel).held()
            self.frames[channel] = held.lazy()
            if channel in self._program.task.sends:
                self.sent[channel] = packed(held.whole())

    def _spool_output(self, channel: str, target: Target) -> _SpoolOutput:
        scattered = target.spec.partition is not None and self._partition is None
        if self._scratch is not None and scattered:
            return _PartitionedOutput(self._writers, channel, target, self._scratch)
        return _SpoolOutput(self._writers, channel, self._partition)

    def _unrouted(self, job: Job, routed: operators.Routed) -> pl.DataFrame:
        return operators.rejected(
            routed.unrouted,
            self._env,
            step=job.step,
            action="dispatch",
            code=operators.NO_ROUTE,
            reason="no case of the dispatch takes the row, and there is no default",
            positions=routed.unrouted_positions,
        )

    def _sink_env(self, job: Job) -> SinkEnv:
        return SinkEnv(
            batch=self._program.batch,
            attempt=self._program.attempt,
            step=job.step,
            group=job.group,
            split=self._unit.index,
            base_path=Path(self._program.base_path),
            now=self._program.now,
            state=self._env.state,
        )


class _SpoolOutput:
    """Rows on their way into one spool: each frame is written as it comes."""

    def __init__(self, writers: _Writers, channel: str, partition: str | None) -> None:
        self._writers = writers
        self._channel = channel
        self._partition = partition

    def add(self, frame: pl.DataFrame) -> None:
        self._writers.write(self._channel, frame, self._partition)

    def end(self) -> None:
        """There is nothing left to write."""


class _PartitionedOutput(_SpoolOutput):
    """Pieces of a large frame on their way into a partitioned spool: rows are collected by
    partition, so that a partition has few segments however its rows lie in the frame.
    """

    def __init__(self, writers: _Writers, channel: str, target: Target, scratch: Scratch) -> None:
        super().__init__(writers, channel, None)
        self._target = target
        self._scratch = scratch
        self._piles: dict[str | None, Pile] = {}

    def add(self, frame: pl.DataFrame) -> None:
        for label, rows in store.parts(frame, self._target.spec):
            if label not in self._piles:
                self._piles[label] = Pile(rows.schema, self._scratch)
            self._piles[label].add(rows)
        if sum(pile.bytes for pile in self._piles.values()) > self._scratch.piece_bytes:
            for pile in self._piles.values():
                pile.spill()

    def end(self) -> None:
        for label, pile in self._piles.items():
            for piece in pile.held().pieces():
                self._writers.write(self._channel, piece, label)


class _Writers:
    """Writes segments beside the task's own work, in bounded memory."""

    def __init__(self, program: Program, unit: Unit) -> None:
        self._program = program
        self._unit = unit
        self._pool = ThreadPoolExecutor(_WRITERS)
        self._pending: deque[tuple[int, Future[tuple[StagedSegment, ...]]]] = deque()
        self._pending_bytes = 0
        self._staged: list[StagedSegment] = []

    def write(self, channel: str, frame: pl.DataFrame, partition: str | None) -> None:
        """Stage a frame, soon. `partition` names the one of all its rows, if there is one."""
        size = int(frame.estimated_size())
        while self._pending and self._pending_bytes + size > _ON_THE_WAY_BYTES:
            self._take_first()
        future = self._pool.submit(
            store.write_segments,
            frame,
            Path(self._program.storage_root),
            self._program.targets[channel].spec,
            batch=self._program.batch,
            attempt=self._program.attempt,
            task=self._program.task.id,
            split=self._unit.index,
            partition=partition,
        )
        self._pending.append((size, future))
        self._pending_bytes += size

    def segments(self) -> tuple[StagedSegment, ...]:
        """All that was staged, once it is on disk, numbered in the order of writing."""
        while self._pending:
            self._take_first()
        return tuple(
            replace(segment, order=(self._unit.index, number))
            for number, segment in enumerate(self._staged)
        )

    def close(self, *, keep: bool) -> None:
        """Wait for the writers. What a task that failed has staged is removed at once: nobody will
        ever name it, and it may be a full disk that the task failed for.
        """
        self._pool.shutdown(cancel_futures=True)
        if keep:
            return
        done = [f for _, f in self._pending if not f.cancelled() and f.exception() is None]
        staged = self._staged + [segment for future in done for segment in future.result()]
        for segment in staged:
            (Path(self._program.storage_root) / segment.path).unlink(missing_ok=True)

    def _take_first(self) -> None:
        size, future = self._pending.popleft()
        self._pending_bytes -= size
        self._staged += future.result()
