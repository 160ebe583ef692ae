"""Run & trace: a whole draft on a sample, in this process, with the events after every action.

It runs the same sources, chains and routing as a worker does, one action at a time. Nothing is
staged, published or committed, and no cluster is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from lyftnb import connectors, operators
from lyftnb.connectors import SourceEnv
from lyftnb.engine.answers import answering
from lyftnb.engine.secrets import as_variables, redacted_frame
from lyftnb.errors import LyftError
from lyftnb.model import Job, JobInput, Plan, StateReader
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

    @property
    def schema(self) -> pl.Schema:
        """The columns after the action."""
        return self.rows.schema


@dataclass(frozen=True, slots=True)
class Trace:
    """What a draft did to a sample, action by action, in the order of the graph."""

    workflow: str
    steps: tuple[TracedAction, ...]

    def step(self, name: str) -> tuple[TracedAction, ...]:
        """The trace of one step."""
        return tuple(t for t in self.steps if t.step == name)

    @property
    def errors(self) -> tuple[TracedAction, ...]:
        """Where it failed."""
        return tuple(t for t in self.steps if t.error is not None)

    def __repr__(self) -> str:
        lines = [f"Trace({self.workflow})"]
        for t in self.steps:
            rejects = f", {t.rejects.height} rejects" if t.rejects.height else ""
            what = f"error: {t.error}" if t.error else f"{t.rows.height} rows{rejects}"
            lines.append(f"  {t.step:<16} {t.action:<24} {what}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        parts = [f"<h4>Trace of {escape(self.workflow)}</h4>"]
        for t in self.steps:
            note = f" · {t.rejects.height} rejects" if t.rejects.height else ""
            body = f"<pre>{escape(t.error)}</pre>" if t.error else t.rows._repr_html_()
            parts.append(
                f"<details><summary><b>{escape(t.step)}</b> {escape(t.action)}: "
                f"{t.rows.height} rows{note}</summary>{body}</details>"
            )
        return "".join(parts)


def trace(
    plan: Plan,
    *,
    rows: int,
    base_path: Path,
    now: datetime,
    read_spool: SpoolReader,
    state: StateReader | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Trace:
    """Trace a plan on at most `rows` rows of each input, over the state as it is.

    `secrets` are the values of those that the plan names; what is kept of the trace shows none.
    """
    tracer = _Tracer(plan, rows, base_path, now, read_spool, state, secrets or {})
    return answering(tracer.run)


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
        self.samples: dict[str, pl.DataFrame] = {}
        self.traced: list[TracedAction] = []

    def run(self) -> Trace:
        for stage in self.plan.stages:
            for job in stage.jobs:
                self._trace(job)
        return Trace(self.plan.workflow, tuple(self.traced))

    def _trace(self, job: Job) -> None:
        missing = [
            i.channel for i in job.inputs if not i.deployment and i.channel not in self.samples
        ]
        if missing:
            self._failed(job, "input", f"nothing came over channel '{missing[0]}'")
            return
        at = "input"
        try:
            tables = self._tables(job)
            frame = self._input(job)
            self._note(job, at, frame, no_rejects())
            env = replace(self.env, tables=tables)
            for index, action in enumerate(job.actions):
                at = job.action_name(index)
                chain = Chain(frame.lazy(), frame.schema, env)
                chain.step(job.step, [action], "reject", [at], env=env)
                done = chain.collect()
                frame = done.frame
                self._note(job, at, frame, done.rejects)
            at = "dispatch"
            self._route(job, frame)
        except (LyftError, pl.exceptions.PolarsError) as error:
            self._failed(job, at, str(error))

    def _input(self, job: Job) -> pl.DataFrame:
        if job.input is not None and not job.inputs:
            return self._read(job)
        streams = [self._sample(i) for i in job.inputs if not i.table]
        return streams[0] if len(streams) == 1 else pl.concat(streams, how="diagonal_relaxed")

    def _tables(self, job: Job) -> dict[str, pl.LazyFrame]:
        return {i.name: self._sample(i).lazy() for i in job.inputs if i.table or job.named_inputs}

    def _sample(self, spec: JobInput) -> pl.DataFrame:
        if spec.deployment:
            return self.read_spool(spec.spool(self.plan.deployment)).head(self.rows).collect()
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
        return pl.concat(parts, how="diagonal_relaxed")

    def _route(self, job: Job, frame: pl.DataFrame) -> None:
        if not job.ports:
            return
        routed = operators.route(frame, job.dispatch, job.ports, self.env, "trace")
        for port, channel in job.ports:
            self.samples[channel] = routed.by_port[port]
            if len(job.ports) > 1:
                self._note(job, f"→ {port}", routed.by_port[port], no_rejects())

    def _note(self, job: Job, action: str, rows: pl.DataFrame, rejects: pl.DataFrame) -> None:
        shown = redacted_frame(rows), redacted_frame(rejects)
        self.traced.append(TracedAction(job.step, action, *shown))

    def _failed(self, job: Job, action: str, error: str) -> None:
        empty = pl.DataFrame()
        self.traced.append(TracedAction(job.step, action, empty, no_rejects(), redact(error)))
