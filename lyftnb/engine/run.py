"""What a worker does with a program: read, run the fused jobs as lazy plans, stage, report.

Nothing here has an effect that anyone sees: segments are files that no row names, publications are
staged under names that no reader takes. Running a task twice, or on a worker that was given up, is
harmless; only the owner's commit makes one of the runs count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from lyftnb import connectors, operators, store
from lyftnb.connectors import Discovery, SinkEnv, SourceEnv
from lyftnb.engine.program import Program, TaskResult, Unit
from lyftnb.engine.states import States
from lyftnb.errors import BadData, LyftError, StepFailed
from lyftnb.model import (
    InputSpec,
    Job,
    JobInput,
    Position,
    Publication,
    Schema,
    SegmentRef,
    Split,
    StagedSegment,
    StepCount,
    TaskReport,
)
from lyftnb.operators import INPUT, Chain, Env, RejectedRow

_WRITERS = 4
"""Segments that one task writes at a time."""


def discover_source(spec: InputSpec, position: Position, env: SourceEnv) -> Discovery:
    """Ask an outside input what is new. Runs on a worker of the step's group."""
    source = connectors.SOURCES[spec.kind]
    return source.discover(source.parse(spec.params), position, env)


def publish(publications: Iterable[tuple[str, Publication]]) -> tuple[str, ...]:
    """Reveal what was staged, in order; gives the texts that sinks want shown."""
    texts = (connectors.SINKS[kind].publish(item) for kind, item in publications)
    return tuple(text for text in texts if text)


def run_task(program: Program, unit: Unit, *upstream: TaskResult) -> TaskResult:
    """Run one fused task over one unit of its stage's input."""
    return _TaskRun(program, unit, upstream).result()


class _TaskRun:
    """One run of a task: the frames on their way, and what has been staged so far."""

    def __init__(self, program: Program, unit: Unit, upstream: tuple[TaskResult, ...]) -> None:
        self.program = program
        self.unit = unit
        self.upstream = upstream
        self.root = Path(program.storage_root)
        self.started = time.perf_counter()
        self.frames: dict[str, pl.LazyFrame] = {
            channel: pl.from_arrow(table).lazy()  # type: ignore[union-attr]
            for result in upstream
            for channel, table in result.tables.items()
        }
        self.chains: dict[str, Chain] = {}
        self.sent: dict[str, Any] = {}
        self.rejects: dict[str, list[pl.DataFrame]] = {}
        self.written: list[tuple[str, pl.DataFrame]] = []
        self.segments: list[StagedSegment] = []
        self.schemas: dict[str, Schema] = {}
        self.publications: list[Publication] = []
        self.counts: dict[str, StepCount] = {}
        self.floor = program.floor
        self.rechecks: list[Callable[[], None]] = []
        self.bytes_read = 0
        self.rows_read = 0
        self.states = States(program)
        self.env = Env(
            now=program.now,
            seed=program.seed,
            batch=program.batch,
            split=unit.index,
            base_path=program.base_path,
            variables=program.variables,
            ending=program.ending,
        )

    def result(self) -> TaskResult:
        for job in self.program.task.jobs:
            try:
                self._run(job)
            except LyftError as error:
                batch = f"batch {self.program.batch}"
                placed = (error.where or "").startswith("step ")
                where = batch if placed else f"{batch}, step '{job.step}'"
                raise error.with_where(where) from error
            except pl.exceptions.PolarsError as error:
                raise StepFailed(
                    f"Polars could not run the step: {error}",
                    where=f"step '{job.step}', batch {self.program.batch}",
                    hint="trace the workflow on a sample to see which action it is",
                ) from error
        for recheck in self.rechecks:
            recheck()
        self._stage_rejects()
        self._write_all()
        return TaskResult(self._report(), self.sent)

    def _run(self, job: Job) -> None:
        tables = self._tables(job)
        chain = self._chain(job, tables)
        if not chain.schema:
            self._deliver_nothing(job)
            return
        names = [job.action_name(i) for i in range(len(job.actions))]
        chain.step(job.step, job.actions, job.on_error, names, env=self._env_of(job, tables))
        heir = self._sole_heir(job)
        if heir is not None:
            self.chains[heir] = chain
            return
        done = chain.collect()
        for count in done.counts:
            self._count(count)
        self._reject(done.rejects)
        self.states.take(done.kept)
        self._deliver(job, done.frame)

    def _env_of(self, job: Job, tables: Mapping[str, pl.LazyFrame]) -> Env:
        merged = () if job.named_inputs else tuple(i.name for i in job.inputs if not i.table)
        remembered = self.states.remembered(job)
        return replace(self.env, tables=tables, inputs=merged, remembered=remembered)

    def _sole_heir(self, job: Job) -> str | None:
        """The channel through which the plan goes on lazily: read by one job of this task only."""
        if job.output is not None or len(job.ports) != 1:
            return None
        channel = job.ports[0][1]
        task = self.program.task
        if channel in self.program.targets or channel in task.sends:
            return None
        readers = [j for j in task.jobs if any(i.channel == channel for i in j.inputs)]
        alone = len(readers) == 1 and len(readers[0].inputs) == 1
        return channel if alone and not readers[0].named_inputs else None

    # -- input side

    def _tables(self, job: Job) -> dict[str, pl.LazyFrame]:
        """Frames that the body may name: table inputs, and named streams."""
        tables: dict[str, pl.LazyFrame] = {}
        by_spool = {ref.spool: ref.segments for ref in self.program.tables}
        for spec in job.inputs:
            if spec.table:
                spool = spec.spool(self.program.deployment)
                lf = self._scan(by_spool[spool], spool, self.program.table_schemas)
                if spec.key:
                    lf = lf.unique(subset=list(spec.key), keep="last", maintain_order=True)
                tables[spec.name] = lf
        if job.named_inputs:
            tables |= {i.name: self._stream(i) for i in job.inputs if not i.table}
        return tables

    def _chain(self, job: Job, tables: Mapping[str, pl.LazyFrame]) -> Chain:
        streams = [i for i in job.inputs if not i.table]
        if job.input is not None and not streams:
            return self._read(job)
        if len(streams) == 1 and streams[0].channel in self.chains:
            return self.chains.pop(streams[0].channel)
        frames = [tables[i.name] if job.named_inputs else self._stream(i) for i in streams]
        if self.rows_read:
            self._count(StepCount(job.step, rows_in=self.rows_read))
            self.rows_read = 0
        if job.states and len(frames) > 1 and not job.named_inputs:
            by_input = zip(frames, streams, strict=True)
            frames = [f.with_columns(pl.lit(i.name).alias(INPUT)) for f, i in by_input]
        frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
        schema = frame.collect_schema()
        schema.pop(INPUT, None)
        return Chain(frame, schema, self.env, streaming=self.program.frame != "batch")

    def _read(self, job: Job) -> Chain:
        frames = [self._read_split(job, split) for split in self.unit.splits]
        frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
        return Chain(frame, frame.collect_schema(), self.env)

    def _read_split(self, job: Job, split: Split) -> pl.LazyFrame:
        assert self.program.source is not None
        source = connectors.SOURCES[self.program.source.kind]
        params = source.parse(self.program.source.params)
        read = source.read(params, split.payload, self.floor, self.source_env)
        self.floor = read.schema or self.floor
        if read.recheck is not None:
            self.rechecks.append(read.recheck)
        self.bytes_read += read.bytes
        before = self.counts.get(job.step, StepCount(job.step)).rows_in or 0
        rows = read.frame.select(pl.len()).collect().item() + len(read.rejects)
        self._count(StepCount(job.step, rows_in=rows))
        if read.rejects:
            rejects = [
                RejectedRow(r.row, job.step, "input", r.code, r.reason, before + r.position)
                for r in read.rejects
            ]
            self._refuse(job, operators.rejects_frame(rejects, self.env))
        return read.frame

    @property
    def source_env(self) -> SourceEnv:
        program = self.program
        return SourceEnv(
            base_path=Path(program.base_path),
            now=program.now,
            seed=program.seed,
            bounded=program.bounded,
        )

    def _stream(self, spec: JobInput) -> pl.LazyFrame:
        """A stream input: from memory if this stage made it, else from its spool."""
        if spec.channel in self.frames:
            return self.frames[spec.channel]
        segments = tuple(
            s for split in self.unit.splits if split.input == spec.name for s in split.segments
        )
        self.bytes_read += sum(s.bytes for s in segments)
        self.rows_read += sum(s.rows for s in segments)
        return self._scan(segments, spec.name, self.program.streams)

    def _scan(
        self, segments: tuple[SegmentRef, ...], name: str, schemas: Mapping[str, Any]
    ) -> pl.LazyFrame:
        return store.scan(segments, schemas[name], self.root)

    # -- output side

    def _deliver(self, job: Job, frame: pl.DataFrame) -> None:
        if job.ports:
            routed = operators.route(
                frame, job.dispatch, job.ports, self.env, f"{self.program.batch}/{self.unit.index}"
            )
            if not routed.unrouted.is_empty():
                self._refuse(job, self._unrouted(job, routed))
            for port, channel in job.ports:
                self._send(job, channel, routed.by_port[port])
        if job.output is not None:
            sink = connectors.SINKS[job.output.kind]
            self.publications += sink.stage(
                sink.parse(job.output.params), frame, self._sink_env(job)
            )

    def _unrouted(self, job: Job, routed: operators.Routed) -> pl.DataFrame:
        return operators.rejected(
            routed.unrouted,
            self.env,
            step=job.step,
            action="dispatch",
            code=operators.NO_ROUTE,
            reason="no case of the dispatch takes the row, and there is no default",
            positions=routed.unrouted_positions,
        )

    def _deliver_nothing(self, job: Job) -> None:
        """No column of the input was ever seen (its first lines are all torn, say): there are no
        rows, and nothing that actions could be bound to.
        """
        for _, channel in job.ports:
            self._send(job, channel, pl.DataFrame())

    def _send(self, job: Job, channel: str, frame: pl.DataFrame) -> None:
        target = self.program.targets.get(channel)
        if target is not None:
            kept = store.conform(frame, target.schema, target.spec.policy)
            for (reason,), rows in kept.refused.partition_by(store.REASON, as_dict=True).items():
                self._refuse(
                    job,
                    operators.rejected(
                        rows.drop(store.REASON),
                        self.env,
                        step=job.step,
                        action=f"channel {channel}",
                        code="schema_clash",
                        reason=str(reason),
                    ),
                )
            self.written.append((channel, kept.frame))
            if target.schema is None and kept.frame.width:
                self.schemas[target.spec.spool] = kept.schema
            return
        self.frames[channel] = frame.lazy()
        if channel in self.program.task.sends:
            self.sent[channel] = frame.to_arrow()

    def _write_all(self) -> None:
        """Stage everything at once: the waits for the disk overlap."""
        with ThreadPoolExecutor(_WRITERS) as pool:
            for segments in pool.map(self._write, self.written):
                self.segments += segments
            for segments in pool.map(self.states.write, self.states.changes):
                self.segments += segments

    def _write(self, item: tuple[str, pl.DataFrame]) -> tuple[StagedSegment, ...]:
        channel, frame = item
        return store.write_segments(
            frame,
            self.root,
            self.program.targets[channel].spec,
            batch=self.program.batch,
            attempt=self.program.attempt,
            task=self.program.task.id,
            split=self.unit.index,
            partition=self.unit.partition if self.program.frame == "partition" else None,
        )

    def _sink_env(self, job: Job) -> SinkEnv:
        return SinkEnv(
            batch=self.program.batch,
            attempt=self.program.attempt,
            step=job.step,
            group=job.group,
            split=self.unit.index,
            base_path=Path(self.program.base_path),
            now=self.program.now,
        )

    # -- rejects and counts

    def _refuse(self, job: Job, rejects: pl.DataFrame) -> None:
        """Deal with rows that were refused outside the chain as the step's `on_error` says."""
        if rejects.is_empty():
            return
        if job.on_error == "fail":
            first = rejects.row(0, named=True)
            raise BadData(
                f"{first['reason']}; the first such row: {first['_row']}",
                where=f"action {first['action']}",
                hint="repair the data, or choose on_error: reject or drop",
            )
        if job.on_error == "drop":
            self._count(StepCount(job.step, dropped=rejects.height))
            return
        self._count(StepCount(job.step, rejects=rejects.height))
        self._reject(rejects)

    def _reject(self, frame: pl.DataFrame) -> None:
        for (step,), part in frame.partition_by("step", as_dict=True).items():
            self.rejects.setdefault(str(step), []).append(part)

    def _stage_rejects(self) -> None:
        for job in self.program.task.jobs:
            if job.step in self.rejects:
                self.written.append((job.rejects_channel, pl.concat(self.rejects[job.step])))

    def _count(self, count: StepCount) -> None:
        known = self.counts.get(count.step)
        self.counts[count.step] = known + count if known else count

    def _report(self) -> TaskReport:
        return TaskReport(
            task=f"{self.program.task.id}/{self.unit.index}",
            segments=tuple(self.segments),
            publications=tuple(self.publications),
            counts=tuple(self.counts.values()),
            schemas=tuple(self.schemas.items()),
            replaces=tuple(self.states.replaces),
            floor=self.floor if self.program.source is not None else None,
            bytes_read=self.bytes_read,
            seconds=time.perf_counter() - self.started,
            upstream=tuple(r.report for r in self.upstream),
        )
