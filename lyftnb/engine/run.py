"""What a worker does with a program: read, run the fused jobs as lazy plans, stage, report.

Nothing here has an effect that anyone sees: segments are files that no row names, publications are
staged under names that no reader takes. Running a task twice, or on a worker that was given up, is
harmless; only the owner's commit makes one of the runs count.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from lyftnb import connectors, operators, store
from lyftnb.connectors import Discovery, SourceEnv
from lyftnb.engine.action_states import States
from lyftnb.engine.answers import answering, unforeseen
from lyftnb.engine.owner_state import state_of_owner
from lyftnb.engine.parcels import Freight, opened, opened_once, unpacked
from lyftnb.engine.program import Program, TaskResult, Unit
from lyftnb.engine.secrets import (
    as_variables,
    put_back,
    redacted_discovery,
    redacted_result,
    secrets_of_owner,
)
from lyftnb.engine.staging import Staging
from lyftnb.errors import LyftError, StepFailed, StorageError
from lyftnb.model import (
    EmitPart,
    InputSpec,
    Job,
    JobInput,
    Position,
    Publication,
    SegmentRef,
    Split,
    StagedSegment,
    StagedState,
    StepCount,
    TaskReport,
    secrets_named,
    secrets_of_job,
)
from lyftnb.operators import INPUT, Chain, Env, Held, RejectedRow, Scratch, StateChanges
from lyftnb.redaction import redact

_PIECE_BYTES = 32 * 2**20
"""In memory; a segment of about a quarter of that, and several are on their way at a time."""


def discover_source(
    spec: InputSpec,
    position: Position,
    env: SourceEnv,
    variables: Mapping[str, Any],
    storage_root: str,
) -> Discovery:
    """Ask an outside input what is new. Runs on a worker of the step's group."""
    source = connectors.SOURCES[spec.kind]
    secrets = secrets_of_owner(storage_root, secrets_named(spec.params))
    variables = {**variables, **as_variables(secrets)}
    params = connectors.parse_filled(source, spec.params, variables, ("input", spec.kind))
    env = replace(env, state=state_of_owner(storage_root))
    found = source.discover(params, put_back(position, storage_root), env)
    return redacted_discovery(found)


def publish(
    lots: Iterable[Sequence[Publication]], storage_root: str
) -> list[tuple[str, ...] | LyftError]:
    """Reveal what was staged, a lot for each step, each in order; gives the texts that sinks want
    shown. What fails ends its lot, and is an answer like the others.
    """
    answers: list[tuple[str, ...] | LyftError] = []
    for lot in lots:
        try:
            answers.append(answering(_reveal, lot, storage_root))
        except LyftError as error:
            answers.append(error)
    return answers


def _reveal(lot: Sequence[Publication], storage_root: str) -> tuple[str, ...]:
    texts = (
        connectors.SINKS[item.kind].publish(
            replace(item, payload=put_back(item.payload, storage_root))
        )
        for item in lot
    )
    return tuple(redact(text) for text in texts if text)


def discard(publications: Iterable[Publication], storage_root: str) -> list[str]:
    """Remove what was staged and is never revealed; gives the ids of those where that was done."""
    done = []
    for item in publications:
        with suppress(LyftError):
            answering(_discard, item, storage_root)
            done.append(item.id)
    return done


def _discard(item: Publication, storage_root: str) -> None:
    filled = replace(item, payload=put_back(item.payload, storage_root))
    connectors.SINKS[item.kind].discard(filled)


def run_together(work: Iterable[tuple[bytes, bytes]]) -> list[TaskResult | LyftError]:
    """Run several small tasks, one after the other; what fails is an answer like the others."""
    answers: list[TaskResult | LyftError] = []
    for program, unit in work:
        try:
            answers.append(answering(run_task, program, unit, None))
        except LyftError as error:
            answers.append(error)
    return answers


def run_task(
    program_parcel: bytes, unit_parcel: bytes, hops: Path | None, *upstream: TaskResult
) -> TaskResult:
    """Run one fused task over one unit of its stage's input. Where an outside file turns out to be
    damaged only when its rows are wanted, it is run once more, with the file as a reject.

    Args:
        program_parcel: the task's program, sealed.
        unit_parcel: the unit that it reads, sealed.
        hops: a folder for rows on their way to tasks of other groups; without one they travel.
        upstream: results of the tasks of other groups that it reads.
    """
    program: Program = opened_once(program_parcel)
    unit: Unit = opened(unit_parcel)
    changes = StateChanges()
    try:
        return _run_task(program, unit, hops, upstream, changes, careful=False)
    except StorageError as error:
        # A lock that was taken would be in the way of a second run within the same attempt.
        if program.source is None or not error.facts.get("damaged") or changes.locks:
            raise
    return _run_task(program, unit, hops, upstream, StateChanges(), careful=True)


def _run_task(
    program: Program,
    unit: Unit,
    hops: Path | None,
    upstream: tuple[TaskResult, ...],
    changes: StateChanges,
    *,
    careful: bool,
) -> TaskResult:
    secrets = secrets_of_owner(
        program.storage_root, frozenset[str]().union(*map(secrets_of_job, program.task.jobs))
    )
    env = Env(
        now=program.now,
        seed=program.seed,
        batch=program.batch,
        split=unit.index,
        base_path=program.base_path,
        variables={**program.variables, **as_variables(secrets)},
        deployment=program.deployment,
        changes=changes,
        state=state_of_owner(program.storage_root),
        ending=program.ending,
    )
    with _scratch(program) as scratch, Staging(program, unit, env, scratch) as staging:
        run = _TaskRun(program, unit, upstream, env, staging, scratch, careful=careful)
        return redacted_result(run.result(hops))


@contextmanager
def _scratch(program: Program) -> Iterator[Scratch | None]:
    """A folder for rows that may be more than memory holds, on the worker's own scratch disk; None
    where a task sees a split only.
    """
    if program.frame == "batch":
        yield None
        return
    from distributed import get_worker

    with tempfile.TemporaryDirectory(
        prefix="frame-", dir=get_worker().local_directory, ignore_cleanup_errors=True
    ) as folder:
        yield Scratch(Path(folder), _piece_bytes())


def _piece_bytes() -> int:
    """Pieces keep below what Polars may hold in this worker before it spills, twice."""
    budget = int(os.environ.get("POLARS_OOC_MEMORY_BUDGET_MB", "0")) * 2**20
    return min(_PIECE_BYTES, budget // 2) if budget else _PIECE_BYTES


class _TaskRun:
    """One run of a task: its input, and its jobs as lazy plans over it."""

    def __init__(
        self,
        program: Program,
        unit: Unit,
        upstream: tuple[TaskResult, ...],
        env: Env,
        staging: Staging,
        scratch: Scratch | None,
        *,
        careful: bool,
    ) -> None:
        self.program = program
        self.unit = unit
        self.upstream = upstream
        self.env = env
        self.staging = staging
        self.scratch = scratch
        self.careful = careful
        self.root = Path(program.storage_root)
        self.started = time.perf_counter()
        self.received: dict[str, pl.LazyFrame] = {
            channel: unpacked(rows).lazy()
            for result in upstream
            if result.tables is not None
            for channel, rows in result.tables.unloaded().items()
            if channel in program.task.receives
        }
        self.chains: dict[str, Chain] = {}
        self.emits: list[EmitPart] = []
        self.floor = program.floor
        self.rechecks: list[Callable[[], None]] = []
        self.bytes_read = 0
        self.rows_read = 0
        self.states = States(program)

    def result(self, hops: Path | None) -> TaskResult:
        for job in self.program.task.jobs:
            try:
                self._run(job)
            except LyftError as error:
                batch = f"batch {self.program.batch}"
                placed = (error.where or "").startswith("step ")
                where = batch if placed else f"{batch}, step '{job.step}'"
                raise error.with_where(where) from error
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
                # A panic is no `Exception`: unnamed it would pass for a worker that is broken.
                raise StepFailed(
                    f"Polars could not run the step: {error}",
                    where=f"step '{job.step}', batch {self.program.batch}",
                    hint="trace the workflow on a sample to see which action it is",
                ) from error
            except BaseException as error:
                # Code of the step may raise anything; no signal comes to a task's thread.
                where = f"batch {self.program.batch}, step '{job.step}'"
                raise unforeseen(error).with_where(where) from error
        for recheck in self.rechecks:
            recheck()
        segments = self.staging.segments() + self.states.segments()
        report = self._report(segments, self._state_changes())
        sent = self.staging.sent
        return TaskResult(report, Freight.loaded(sent, hops) if sent else None)

    def _run(self, job: Job) -> None:
        tables = self._tables(job)
        chain = self._chain(job, tables)
        if not chain.schema:
            self.staging.deliver_nothing(job)
            return
        names = [job.action_name(i) for i in range(len(job.actions))]
        chain.step(job.step, job.actions, job.on_error, names, env=self._env_of(job, tables))
        heir = self._sole_heir(job)
        if heir is not None:
            self.chains[heir] = chain
            return
        done = chain.collect()
        for count in done.counts:
            self.staging.count(count)
        self.staging.files += done.files
        for rejects in done.refused.pieces():
            self.staging.keep_rejects(rejects)
        self.states.take(done.kept)
        self._emit(job, done.good)
        self.staging.deliver(job, done.good)

    def _env_of(self, job: Job, tables: Mapping[str, pl.LazyFrame]) -> Env:
        merged = () if job.named_inputs else tuple(i.name for i in job.inputs if not i.table)
        remembered = self.states.remembered(job)
        return replace(self.env, tables=tables, inputs=merged, remembered=remembered)

    def _sole_heir(self, job: Job) -> str | None:
        """The channel through which the plan goes on lazily: read by one job of this task only."""
        if job.output is not None or job.emits or len(job.ports) != 1:
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
        # A body that tells its streams apart begins with the rows of the first.
        if job.named_inputs:
            frames = [tables[i.name] for i in streams[:1]]
        else:
            frames = [self._stream(i) for i in streams]
        if self.rows_read:
            self.staging.count(StepCount(job.step, rows_in=self.rows_read))
            self.rows_read = 0
        if job.states and len(frames) > 1:
            by_input = zip(frames, streams, strict=True)
            frames = [f.with_columns(pl.lit(i.name).alias(INPUT)) for f, i in by_input]
        frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
        schema = frame.collect_schema()
        schema.pop(INPUT, None)
        return Chain(frame, schema, self.env, scratch=self.scratch)

    def _read(self, job: Job) -> Chain:
        frames = [self._read_split(job, split) for split in self.unit.splits]
        frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
        return Chain(frame, frame.collect_schema(), self.env)

    def _read_split(self, job: Job, split: Split) -> pl.LazyFrame:
        assert self.program.source is not None
        source = connectors.SOURCES[self.program.source.kind]
        spec = self.program.source
        place = ("input", spec.kind)
        params = connectors.parse_filled(source, spec.params, self.env.variables, place)
        payload = put_back(split.payload, self.program.storage_root)
        read = source.read(params, payload, self.floor, self.source_env)
        self.floor = read.schema or self.floor
        if read.recheck is not None:
            self.rechecks.append(read.recheck)
        self.bytes_read += read.bytes
        if read.reads is not None and self.env.changes is not None:
            self.env.changes.add("kv", read.reads)
        before = self.staging.counts.get(job.step, StepCount(job.step)).rows_in or 0
        rows = read.frame.select(pl.len()).collect().item() + len(read.rejects)
        self.staging.count(StepCount(job.step, rows_in=rows))
        if read.rejects:
            rejects = [
                RejectedRow(r.row, job.step, "input", r.code, r.reason, before + r.position)
                for r in read.rejects
            ]
            self.staging.refuse(job, operators.rejects_frame(rejects, self.env))
        return read.frame

    @property
    def source_env(self) -> SourceEnv:
        program = self.program
        return SourceEnv(
            base_path=Path(program.base_path),
            now=program.now,
            seed=program.seed,
            bounded=program.bounded,
            deployment=program.deployment,
            careful=self.careful,
            state=self.env.state,
        )

    def _stream(self, spec: JobInput) -> pl.LazyFrame:
        """A stream input: from memory if this stage made it, else from its spool."""
        for frames in (self.staging.frames, self.received):
            if spec.channel in frames:
                return frames[spec.channel]
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

    def _emit(self, job: Job, good: Held) -> None:
        """Leave what the rows add to the step's messages; pieces without rows add nothing."""
        for index, spec in enumerate(job.emits):
            for piece in good.pieces():
                if not piece.is_empty():
                    partial = operators.emission(spec.fields).partial(piece, self.env)
                    self.emits.append(EmitPart(job.step, index, piece.height, partial))

    def _state_changes(self) -> tuple[StagedState, ...]:
        """Stage what actions change of the state."""
        frames = self.env.changes.frames() if self.env.changes is not None else {}
        return tuple(
            staged
            for family, frame in frames.items()
            for staged in store.stage_state(
                frame,
                self.root,
                family,
                batch=self.program.batch,
                attempt=self.program.attempt,
                task=self.program.task.id,
                split=self.unit.index,
            )
        )

    def _report(
        self, segments: tuple[StagedSegment, ...], state: tuple[StagedState, ...]
    ) -> TaskReport:
        return TaskReport(
            task=f"{self.program.task.id}/{self.unit.index}",
            segments=segments,
            publications=tuple(self.staging.publications),
            counts=tuple(self.staging.counts.values()),
            schemas=tuple(self.staging.schemas.items()),
            replaces=tuple(self.states.replaces),
            floor=self.floor if self.program.source is not None else None,
            state=state,
            emits=tuple(self.emits),
            locks=tuple(self.env.changes.locks) if self.env.changes is not None else (),
            files=tuple(self.staging.files),
            bytes_read=self.bytes_read,
            seconds=time.perf_counter() - self.started,
            upstream=tuple(r.report for r in self.upstream),
        )
