"""From a stage and a claim to the programs that workers run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lyftnb.dtypes import to_schema
from lyftnb.engine import Program, Target
from lyftnb.model import Claim, Job, JobInput, Plan, Run, Schema, SpoolSpec, Stage, Task, united
from lyftnb.operators import REJECTS_SCHEMA
from lyftnb.store import Ledger

_REJECTS = to_schema(REJECTS_SCHEMA)


@dataclass(slots=True)
class Programs:
    """Makes the programs of a plan's stages; knows where its spools stand."""

    plan: Plan
    ledger: Ledger
    storage_root: str
    base_path: str

    def spool_specs(self, stage: Stage) -> tuple[SpoolSpec, ...]:
        """Specs of all spools that a stage writes, rejects included."""
        return tuple(t.spec for task in stage.tasks for t in self._targets(task, {}).values())

    def programs(
        self, stage: Stage, claim: Claim, schemas: Mapping[str, Schema]
    ) -> tuple[Program, ...]:
        """One program per task. `schemas` overrides what is known of output channels (after a
        commit was refused because two splits disagreed).
        """
        streams = self._stream_schemas(stage)
        table_schemas = {t.spool: self.ledger.schema(t.spool) or Schema() for t in claim.tables}
        return tuple(
            Program(
                task=task,
                frame=stage.frame,
                source=stage.source if task is stage.tasks[0] else None,
                batch=claim.batch,
                attempt=claim.attempt,
                now=claim.now,
                seed=claim.seed,
                floor=claim.floor,
                streams=streams,
                tables=claim.tables,
                table_schemas=table_schemas,
                targets=self._targets(task, schemas),
                storage_root=self.storage_root,
                base_path=self.base_path,
                ending=claim.ending,
                variables=variables_of(claim),
            )
            for task in stage.tasks
        )

    def _stream_schemas(self, stage: Stage) -> dict[str, Schema]:
        """Schemas of stream inputs; those that are merged share the union of all."""
        own = {s.name: self._stream_schema(s) for s in stage.streams}
        if stage.root.named_inputs:
            return own
        union = Schema()
        for schema in own.values():
            union, _ = united(union, schema)
        return dict.fromkeys(own, union)

    def _stream_schema(self, stream: JobInput) -> Schema:
        return self.ledger.schema(stream.spool(self.plan.deployment)) or Schema()

    def _targets(self, task: Task, schemas: Mapping[str, Schema]) -> dict[str, Target]:
        targets: dict[str, Target] = {}
        for job in task.jobs:
            for channel in self._spools_of(job):
                planned = self.plan.channel(channel)
                spool = f"{self.plan.deployment}.{channel}"
                spec = SpoolSpec(
                    spool,
                    event_time=planned.spec.event_time,
                    partition=planned.spec.partition,
                    policy=planned.spec.schema_policy,
                    replaced=planned.replaced,
                    rejects=planned.rejects,
                    schema=_REJECTS if planned.rejects else None,
                )
                targets[channel] = Target(spec, schemas.get(channel) or self.ledger.schema(spool))
            for state in job.states:
                spool = f"{self.plan.deployment}.{state.channel}"
                spec = SpoolSpec(spool, state=state.spec.digest)
                targets[state.channel] = Target(spec, self.ledger.schema(spool))
        return targets

    def _spools_of(self, job: Job) -> list[str]:
        written = [
            channel for _, channel in job.ports if self.plan.channel(channel).transport == "spool"
        ]
        return [*written, job.rejects_channel]


def variables_of_run(run: Run) -> dict[str, Any]:
    """What `${…}` stands for where a run looks for its input, and in the messages at its end."""
    return _variables(run.run, run.fired_at, window_of(run), messages_of(run))


def variables_of(claim: Claim) -> dict[str, Any]:
    """What `${…}` stands for in a batch: all of it fixed by the claim, so that a retry sees the
    same.
    """
    return _variables(claim.run, claim.fired_at or claim.now, claim.window, claim.variables)


def _variables(
    run: str,
    fired_at: datetime | None,
    window: tuple[datetime, datetime] | None,
    others: Mapping[str, Any],
) -> dict[str, Any]:
    found: dict[str, Any] = {"run.id": run, "run.fire": fired_at}
    if window is not None:
        found["run.window_start"], found["run.window_end"] = window
    for name, value in others.items():
        found |= _paths(name, value)
    return found


def messages_of(run: Run) -> dict[str, Any]:
    """The payloads that fired a run: the newest as `msg`, all of them as `msgs`."""
    if not run.messages:
        return {}
    return {"msg": run.messages[-1], "msgs": list(run.messages)}


def window_of(run: Run) -> tuple[datetime, datetime] | None:
    """The stretch of time that a run covers."""
    if run.window_start is None or run.window_end is None:
        return None
    return run.window_start, run.window_end


def _paths(name: str, value: Any) -> dict[str, Any]:
    """A value and, for an object, each part of it by its dotted path."""
    found = {name: value}
    if isinstance(value, Mapping):
        for key, part in value.items():
            found |= _paths(f"{name}.{key}", part)
    return found
