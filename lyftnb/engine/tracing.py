"""Run & trace: a whole draft on a sample, in this process, with the events after every action.

It runs the same sources, chains and routing as a worker does, one action at a time. Nothing is
staged, published or committed, and no cluster is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from lyftnb import connectors, operators
from lyftnb.connectors import SourceEnv
from lyftnb.dtypes import to_schema
from lyftnb.engine.answers import answering
from lyftnb.engine.row_numbers import (
    NUMBER,
    Numbers,
    Seen,
    numbers_at,
    numbers_of,
    paired,
    way,
    without,
)
from lyftnb.engine.secrets import as_variables, redacted_frame
from lyftnb.errors import LyftError, NotFound, TryAgain, unknown
from lyftnb.model import ActionSpec, InputSpec, Job, JobInput, Plan, Schema, StateReader
from lyftnb.operators import Chain, Env, RejectedRow, no_rejects
from lyftnb.redaction import redact

_SAMPLE_BYTES = 256 * 2**10

SpoolReader = Callable[[str], pl.LazyFrame]
"""Gives the rows of a spool that another deployment owns, by its full name."""


@dataclass(frozen=True, slots=True)
class TracedAction:
    """The events after one action of one step."""

    step: str
    action: str
    """The action's name; `input` for what came in, `→ PORT` for what a port got."""
    rows: pl.DataFrame
    rejects: pl.DataFrame
    error: str | None = None
    index: int | None = None
    """Of the action in its step."""
    channel: str | None = None
    """The channel that the rows went into, of what a port got."""
    seconds: float = 0.0
    numbers: pl.Series = field(default_factory=lambda: numbers_of(pl.DataFrame()), repr=False)
    """The number of each row: rows with one number came of one row."""
    rejected: pl.Series = field(default_factory=lambda: numbers_of(pl.DataFrame()), repr=False)
    """The number of the row behind each reject; null where it is not known."""
    numbers_before: pl.Series = field(
        default_factory=lambda: numbers_of(pl.DataFrame()), repr=False
    )
    mixes: bool = False
    """Whether its rows are made of several, so that their numbers begin anew."""

    before: pl.DataFrame | None = None
    """The rows that went into the action; None where there is none: what came in, or a port."""

    def __repr__(self) -> str:
        return f"TracedAction({self.step} {self.action}: {self.told})"

    @property
    def schema(self) -> pl.Schema:
        """The columns after the action."""
        return self.rows.schema

    @property
    def columns_changed(self) -> str:
        """What the action did to the columns: `+speed, -raw, ~price`."""
        if self.before is None or self.error is not None:
            return ""
        old, new = self.before.schema, self.rows.schema
        marked = [
            *(f"+{name}" for name in new if name not in old),
            *(f"-{name}" for name in old if name not in new),
            *(f"~{name}" for name in new if name in old and new[name] != old[name]),
        ]
        return ", ".join(marked)

    @property
    def told(self) -> str:
        """What the action did, in a line."""
        if self.error is not None:
            return f"error: {self.error}"
        came = "" if self.before is None else f"{self.before.height} → "
        count = self.rejects.height
        rejects = f", {count} reject{'' if count == 1 else 's'}" if count else ""
        changed = f", columns {self.columns_changed}" if self.columns_changed else ""
        return f"{came}{self.rows.height} rows{rejects}{changed}"

    def pairs(self) -> pl.DataFrame:
        """Rows before and after the action side by side: what each `became` (kept, changed, left
        out or rejected) and the `reason` of a reject, its columns before, and as `NAME_after` those
        that are not the same after.

        Raises:
            NotFound: it is no action, or makes rows of several.
        """
        if self.before is None or self.mixes:
            why = "may make rows of several" if self.mixes else "is no action"
            raise NotFound(
                f"'{self.action}' {why}: there are no pairs",
                where=f"step '{self.step}'",
                hint="look at `before`, `rows` and `rejects` by themselves",
            )
        return paired(
            (self.before, self.numbers_before),
            (self.rows, self.numbers),
            (self.rejects, self.rejected),
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """What a draft did to a sample, action by action, in the order of the graph."""

    workflow: str
    steps: tuple[TracedAction, ...]

    def follow(self, traced: TracedAction, row: int) -> tuple[Seen, ...]:
        """Where the row of one place is at all places, itself included: those that came of it, and
        those that it came of, as far as no action between them mixes rows.
        """
        places = [(place.numbers, place.rejected) for place in self.steps]
        return way(places, traced.numbers[row])

    def step(self, name: str) -> tuple[TracedAction, ...]:
        """The trace of one step."""
        return tuple(t for t in self.steps if t.step == name)

    @property
    def errors(self) -> tuple[TracedAction, ...]:
        """Where it failed."""
        return tuple(t for t in self.steps if t.error is not None)

    def __repr__(self) -> str:
        lines = (f"  {t.step:<16} {t.action:<24} {t.told}" for t in self.steps)
        return "\n".join([f"Trace({self.workflow})", *lines])


def trace(
    plan: Plan,
    *,
    rows: int,
    base_path: Path,
    now: datetime,
    read_spool: SpoolReader,
    state: StateReader | None = None,
    secrets: Mapping[str, str] | None = None,
    until: str | None = None,
    stopped: Callable[[], bool] | None = None,
) -> Trace:
    """Trace a plan on at most `rows` rows of each input, over the state as it is.

    Args:
        plan: what to trace.
        rows: of each input, at most.
        base_path: the workspace's folder.
        now: the time of the batch.
        read_spool: gives rows of other deployments' spools.
        state: the owner's; None: there is none to ask.
        secrets: values of those that the plan names; what is kept of the trace shows none.
        until: trace only this step, and what it needs.
        stopped: asked before each action; the trace ends when it says so.

    Raises:
        NotFound: there is no such step.
        TryAgain: it was stopped.
    """
    wanted = None if until is None else _needed(plan, until)
    tracer = _Tracer(plan, rows, base_path, now, read_spool, state, secrets or {})
    return answering(tracer.run, wanted, stopped or (lambda: False))


def look(spec: InputSpec, *, base_path: Path, now: datetime) -> Schema | None:
    """The columns that the first rows of an outside input have; None where they cannot be seen."""
    source = connectors.SOURCES[spec.kind]
    env = SourceEnv(base_path=base_path, now=now, split_bytes=_SAMPLE_BYTES)
    place = ("input", spec.kind)
    try:
        params = connectors.parse_filled(source, spec.params, {"run.fire": now}, place)
        splits = source.discover(params, {}, env).splits
        if not splits:
            return None
        return to_schema(source.read(params, splits[0].payload, None, env).frame.collect_schema())
    except (LyftError, pl.exceptions.PolarsError):
        return None


def _needed(plan: Plan, step: str) -> frozenset[str]:
    """The step, and all that its rows come from."""
    jobs = {job.step: job for stage in plan.stages for job in stage.jobs}
    if step not in jobs:
        raise unknown("step", step, jobs)
    producers = {channel.name: channel.producer for channel in plan.channels}
    found: set[str] = set()
    open_ones = [step]
    while open_ones:
        name = open_ones.pop()
        if name in found or name not in jobs:
            continue
        found.add(name)
        inputs = (i.channel for i in jobs[name].inputs if i.deployment is None)
        open_ones += [producers[channel] for channel in inputs if channel in producers]
    return frozenset(found)


class _Tracer:
    def __init__(
        self,
        plan: Plan,
        rows: int,
        base_path: Path,
        now: datetime,
        read_spool: SpoolReader,
        state: StateReader | None,
        secrets: Mapping[str, str],
    ) -> None:
        self.plan = plan
        self.rows = rows
        self.read_spool = read_spool
        variables = {"run.id": "trace", "run.fire": now, **as_variables(secrets)}
        self.env = Env(
            now=now,
            batch="trace",
            base_path=str(base_path),
            variables=variables,
            state=state,
            ending=True,
        )
        self.source_env = SourceEnv(
            base_path=base_path, now=now, split_bytes=_SAMPLE_BYTES, state=state
        )
        self.numbers = Numbers()
        self.samples: dict[str, pl.DataFrame] = {}
        self.traced: list[TracedAction] = []
        self.stopped: Callable[[], bool] = lambda: False

    def run(self, wanted: frozenset[str] | None, stopped: Callable[[], bool]) -> Trace:
        self.stopped = stopped
        for stage in self.plan.stages:
            for job in stage.jobs:
                if wanted is None or job.step in wanted:
                    self._trace(job)
        return Trace(self.plan.workflow, tuple(self.traced))

    def _trace(self, job: Job) -> None:
        missing = [
            i.channel for i in job.inputs if not i.deployment and i.channel not in self.samples
        ]
        if missing:
            self._failed(job, "input", f"nothing came over channel '{missing[0]}'")
            return
        at, index = "input", None
        try:
            self._go_on()
            began = time.perf_counter()
            tables = self._tables(job)
            frame = self._input(job)
            self._note(job, at, frame, seconds=time.perf_counter() - began)
            env = replace(self.env, tables=tables)
            for index, action in enumerate(job.actions):
                at = job.action_name(index)
                self._go_on()
                frame = self._act(job, index, action, frame, env)
            at, index = "dispatch", None
            self._route(job, frame)
        except (LyftError, pl.exceptions.PolarsError) as error:
            if self.stopped():
                raise
            self._failed(job, at, str(error), index)

    def _go_on(self) -> None:
        if self.stopped():
            raise TryAgain("the trace was stopped", hint="trace again")

    def _act(
        self, job: Job, index: int, action: ActionSpec, frame: pl.DataFrame, env: Env
    ) -> pl.DataFrame:
        """Apply one action; numbers of rows go along where it keeps rows."""
        name = job.action_name(index)
        began = time.perf_counter()
        shown = without(frame)
        kept = frame if _keeps_rows(action) else shown
        chain = Chain(kept.lazy(), shown.schema, env)
        chain.step(job.step, [action], "reject", [name], env=env)
        done = chain.collect()
        mixes = NUMBER not in done.frame.columns
        out = self.numbers.on(done.frame) if mixes else done.frame
        self._note(
            job,
            name,
            out,
            done.rejects,
            index=index,
            seconds=time.perf_counter() - began,
            rejected=numbers_at(frame, done.rejects["position"]),
            mixes=mixes,
            before=redacted_frame(shown),
            numbers_before=numbers_of(frame),
        )
        return out

    def _input(self, job: Job) -> pl.DataFrame:
        if job.input is not None and not job.inputs:
            return self._read(job)
        inputs = [i for i in job.inputs if not i.table]
        streams = [self._sample(i) for i in (inputs[:1] if job.named_inputs else inputs)]
        return streams[0] if len(streams) == 1 else pl.concat(streams, how="diagonal_relaxed")

    def _tables(self, job: Job) -> dict[str, pl.LazyFrame]:
        named = (i for i in job.inputs if i.table or job.named_inputs)
        return {i.name: without(self._sample(i)).lazy() for i in named}

    def _sample(self, spec: JobInput) -> pl.DataFrame:
        if spec.deployment:
            rows = self.read_spool(spec.spool(self.plan.deployment)).head(self.rows)
            return self.numbers.on(rows.collect())
        return self.samples[spec.channel]

    def _read(self, job: Job) -> pl.DataFrame:
        """The first rows of an outside input; its bad rows show as rejects of `input`."""
        assert job.input is not None
        source = connectors.SOURCES[job.input.kind]
        place = ("input", job.input.kind)
        params = connectors.parse_filled(source, job.input.params, self.env.variables, place)
        found = source.discover(params, {}, self.source_env)
        parts: list[pl.DataFrame] = []
        left = self.rows
        for split in found.splits:
            read = source.read(params, split.payload, None, self.source_env)
            if read.rejects:
                bad = [
                    RejectedRow(r.row, job.step, "input", r.code, r.reason, r.position)
                    for r in read.rejects[: self.rows]
                ]
                frame = operators.rejects_frame(bad, self.env)
                self._note(job, "input", read.frame.head(0).collect(), frame)
            parts.append(read.frame.head(left).collect())
            left -= parts[-1].height
            if left <= 0:
                break
        if not parts:
            why = "; ".join(found.problems) or "the input is empty"
            raise LyftError(
                why, where=f"step '{job.step}'", hint="check the path, or add sample data"
            )
        return self.numbers.on(pl.concat(parts, how="diagonal_relaxed"))

    def _route(self, job: Job, frame: pl.DataFrame) -> None:
        if not job.ports:
            return
        routed = operators.route(frame, job.dispatch, job.ports, self.env, "trace")
        for port, channel in job.ports:
            self.samples[channel] = routed.by_port[port]
            if len(job.ports) > 1:
                self._note(job, f"→ {port}", routed.by_port[port], channel=channel)

    def _note(
        self,
        job: Job,
        action: str,
        rows: pl.DataFrame,
        rejects: pl.DataFrame | None = None,
        **known: Any,
    ) -> None:
        refused = no_rejects() if rejects is None else rejects
        shown = redacted_frame(without(rows)), redacted_frame(refused)
        numbers = numbers_of(rows)
        self.traced.append(TracedAction(job.step, action, *shown, numbers=numbers, **known))

    def _failed(self, job: Job, action: str, error: str, index: int | None = None) -> None:
        empty = pl.DataFrame()
        why = redact(error)
        self.traced.append(TracedAction(job.step, action, empty, no_rejects(), why, index))


def _keeps_rows(action: ActionSpec) -> bool:
    """Whether the rows that come out are some of those that go in."""
    kind = operators.action(action.kind)
    try:
        return kind.keeps_rows(kind.parse(action.params))
    except ValidationError:
        return False  # the chain says what is wrong
