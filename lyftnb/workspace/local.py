"""The workspace with its owner in this process."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from lyftnb import catalog, planning
from lyftnb.clock import Clock, SystemClock
from lyftnb.errors import InvalidWorkflow, NotFound, unknown
from lyftnb.model import (
    Plan,
    Problem,
    RunSummary,
    Schema,
    WorkflowSpec,
    has_errors,
    workflow_digest,
    worst_first,
)
from lyftnb.workspace.config import STATE_DIR, Config, folder_of
from lyftnb.workspace.progress import watching
from lyftnb.workspace.spool import Spool

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.engine import Cluster, Engine, GroupSize, Trace
    from lyftnb.manager import BatchLimits, Watcher
    from lyftnb.store import Damage, Ledger, SpoolInfo, SweepReport, Version

_REF = re.compile(r"^([a-z][a-z0-9_]*)(?:@(\d+))?$")


class HasSpec(Protocol):
    """A draft that people edit, such as `lyftnb.Workflow`."""

    @property
    def spec(self) -> WorkflowSpec:
        """What it says now."""
        ...


WorkflowLike = HasSpec | WorkflowSpec | str | Path
"""A draft, a document, a file's path, or a published reference (`flights`, `flights@3`)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow as given, read: what it says, and what is wrong with it."""

    spec: WorkflowSpec | None
    problems: tuple[Problem, ...] = ()
    file: str | None = None
    lines: catalog.Reading | None = None

    def placed(self, problem: Problem) -> Problem:
        """The problem with its place in the file, if it came from one."""
        if self.lines is None:
            return problem
        return problem.with_place(self.file, self.lines.line_of(problem.path))


class Workspace:
    """A folder with `lyftnb.toml`, workflows, and the state directory `.lyftnb/`.

    Holds the ledger while it is open: one process at a time. Use it as a context manager, or
    `close` it. The cluster starts with the first run and stays up until then.
    """

    def __init__(self, path: Path, config: Config, clock: Clock | None = None) -> None:
        from lyftnb.store import Ledger

        self.path = path
        self.config = config
        self._clock = clock or SystemClock()
        self._storage = (path / config.storage.root).resolve()
        self._ledger: Ledger = Ledger.open(
            path / STATE_DIR,
            self._clock,
            command=" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            storage_root=self._storage,
        )
        self._cluster: Cluster | None = None
        self._engine: Engine | None = None

    # -- workflows

    def validate(self, workflow: WorkflowLike) -> tuple[Problem, ...]:
        """All problems of a workflow (a `Workflow`, a file, or a published reference)."""
        draft = self._draft(workflow)
        return self._problems(draft)

    def publish(self, workflow: WorkflowLike) -> Version:
        """Freeze a workflow as its next version; unchanged, the same version comes back.

        Raises:
            InvalidWorkflow: it has errors; nothing is stored.
        """
        spec = self._valid(self._draft(workflow))
        return self._ledger.publish_version(
            spec.workflow, spec.to_document(), workflow_digest(spec), self._clock.now()
        )

    def versions(self, workflow: str | None = None) -> list[Version]:
        """Published versions, oldest first."""
        return self._ledger.versions(workflow)

    def plan(self, workflow: WorkflowLike) -> Plan:
        """What a workflow compiles to: stages, tasks, groups, channels with their transports.

        Raises:
            InvalidWorkflow: it has errors.
        """
        return self._plan(workflow)

    def run(
        self, workflow: WorkflowLike, *, fresh: bool = False, on_progress: Watcher | None = None
    ) -> RunSummary:
        """Run a workflow to the end of its inputs, going on from its checkpoint.

        Args:
            workflow: a `Workflow` or file (runs as deployment `NAME_draft`), or a published
                reference `NAME` or `NAME@3` (runs as deployment `NAME`).
            fresh: forget the deployment's checkpoints and data first.
            on_progress: called a few times a second with numbers per stage; without one, a bar is
                shown in terminals and notebooks.

        Raises:
            InvalidWorkflow: it has errors.
            GroupUnavailable: a step asks for a worker group that has no workers.
            StageBlocked: a stage used up its attempts; what it had committed stays.
        """
        from lyftnb.manager import BoundedRun, RunEnv

        plan = self._plan(workflow, groups=self._group_sizes())
        if fresh:
            self._ledger.forget(plan.deployment)
        engine = self._started(frozenset().union(*(s.groups for s in plan.stages)))
        env = RunEnv(
            ledger=self._ledger,
            engine=engine,
            clock=self._clock,
            limits=self._limits(),
            storage_root=str(self._storage),
            base_path=str(self.path),
        )
        if on_progress is not None:
            return BoundedRun(plan, env, on_progress).run()
        with watching() as watcher:
            return BoundedRun(plan, env, watcher).run()

    def trace(self, workflow: WorkflowLike, rows: int = 20) -> Trace:
        """Run a workflow on a sample, here and now, and keep the events after each action.

        Nothing is stored, nothing is published, no checkpoint moves.
        """
        from lyftnb.engine import trace

        return trace(
            self._plan(workflow),
            rows=rows,
            base_path=self.path,
            now=self._clock.now(),
            read_spool=lambda name: self.spool(name).scan(),
        )

    # -- data

    def spools(self) -> list[SpoolInfo]:
        """All spools, with rows, bytes and segments."""
        return list(self._ledger.spools())

    def spool(self, name: str) -> Spool:
        """A spool by its full name, or by its channel's while that is unique.

        Raises:
            NotFound: there is none, or the bare name is ambiguous (the candidates are listed).
        """
        return Spool(self._ledger, self._ledger.spool(name))

    def sql(self, text: str) -> pl.DataFrame:
        """Query the spools by name, and the state tables under `lyftnb.`: read-only SQL.

        >>> ws.sql("SELECT origin, count(*) FROM flights_draft.clean GROUP BY 1")  # doctest: +SKIP
        """
        from lyftnb.store import query

        return query(self._ledger, text, memory_bytes=self.config.limits.memory)

    def verify(self) -> list[Damage]:
        """Check every live segment's file; what is missing or damaged."""
        return self._ledger.verify()

    def sweep(self) -> SweepReport:
        """Remove staged files that no commit names."""
        return self._ledger.sweep()

    # -- life

    def close(self) -> None:
        """Stop the cluster and let the ledger go."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = self._engine = None
        self._ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r}, {len(self.spools())} spools)"

    # -- inside

    def _draft(self, workflow: WorkflowLike) -> Draft:
        if isinstance(workflow, WorkflowSpec):
            return Draft(workflow)
        if not isinstance(workflow, str | Path):
            return Draft(workflow.spec)
        text = str(workflow)
        path = Path(text) if Path(text).is_absolute() else self.path / text
        for candidate in (Path(text), path):
            if candidate.is_file():
                reading = catalog.read(candidate.read_text(encoding="utf-8"), file=text)
                return Draft(reading.spec, tuple(reading.problems), text, reading)
        match = _REF.match(text)
        if match is None:
            raise NotFound(
                f"there is no file {text}", hint="name a *.workflow.yaml file, or NAME or NAME@3"
            )
        return Draft(self._published(match[1], int(match[2]) if match[2] else None)[0])

    def _published(self, name: str, number: int | None) -> tuple[WorkflowSpec, int]:
        version = self._ledger.version(name, number)
        if version is None:
            known = {v.workflow for v in self.versions()} | {v.ref for v in self.versions()}
            ref = name if number is None else f"{name}@{number}"
            raise unknown("workflow version", ref, known)
        return WorkflowSpec.model_validate(version.document), version.number

    def _problems(self, draft: Draft) -> tuple[Problem, ...]:
        from lyftnb.workspace.checker import checker

        found = list(draft.problems)
        if draft.spec is not None:
            more = planning.validate(draft.spec, checker(), known=self._known())
            found += [draft.placed(problem) for problem in more]
        return worst_first(found)

    def _valid(self, draft: Draft) -> WorkflowSpec:
        problems = self._problems(draft)
        if draft.spec is None or has_errors(problems):
            errors = [p for p in problems if p.severity == "error"]
            raise InvalidWorkflow(
                f"{len(errors)} problem{'s' if len(errors) != 1 else ''}:\n"
                + "\n".join(f"  {p}" for p in errors),
                where=draft.file,
                problems=problems,
            )
        return draft.spec

    def _plan(self, workflow: WorkflowLike, groups: Mapping[str, int] | None = None) -> Plan:
        from lyftnb.workspace.checker import checker

        draft = self._draft(workflow)
        spec = self._valid(draft)
        text = str(workflow)
        is_ref = draft.file is None and isinstance(workflow, str) and _REF.match(text) is not None
        version = self._published(*self._ref(text))[1] if is_ref else None
        return planning.plan(
            spec,
            deployment=spec.workflow if is_ref else f"{spec.workflow}_draft",
            version=version,
            checker=checker(),
            groups=groups,
            known=self._known(),
        )

    @staticmethod
    def _ref(text: str) -> tuple[str, int | None]:
        match = _REF.match(text)
        assert match is not None
        return match[1], int(match[2]) if match[2] else None

    def _known(self) -> dict[str, Schema]:
        """Schemas of spools that exist, by full name."""
        found = ((info.spool, self._ledger.schema(info.spool)) for info in self.spools())
        return {name: schema for name, schema in found if schema is not None}

    def _group_sizes(self) -> dict[str, int] | None:
        """Groups with their workers; None where an existing scheduler must be asked."""
        if self.config.cluster.scheduler is not None:
            return None
        return {name: group.workers for name, group in self.config.groups.items()}

    def _limits(self) -> BatchLimits:
        from lyftnb.manager import BatchLimits

        batch = self.config.batch
        return BatchLimits(batch.split_bytes, batch.batch_bytes, batch.batch_rows, batch.in_flight)

    def _started(self, groups: frozenset[str]) -> Engine:
        """The engine, with its cluster up and a worker in every group that is needed."""
        from lyftnb.engine import Cluster, Engine

        timeout = self.config.cluster.start_timeout
        if self._cluster is None:
            address = self.config.cluster.scheduler
            self._cluster = (
                Cluster.connect(address, timeout_s=timeout)
                if address
                else Cluster.embedded(
                    self._embedded_groups(),
                    scratch=self.path / STATE_DIR / "tmp",
                    environment=self._worker_environment(),
                    start_timeout_s=timeout,
                )
            )
        slots = self._cluster.wait_for(groups, timeout)
        if self._engine is None:
            self._engine = Engine(self._cluster, slots)
        return self._engine

    def _embedded_groups(self) -> dict[str, GroupSize]:
        from lyftnb.engine import GroupSize

        return {
            name: GroupSize(group.workers, group.threads, group.memory or 0)
            for name, group in self.config.groups.items()
        }

    def _worker_environment(self) -> dict[str, str]:
        """Bounds of Polars in the workers: above them it spills to the workspace's disk."""
        budget = self.config.limits.memory // 2**20
        spill = self.path / STATE_DIR / "tmp"
        return {"POLARS_OOC_MEMORY_BUDGET_MB": str(budget), "POLARS_OOC_SPILL_DIR": str(spill)}


def open(path: str | Path = ".", *, clock: Clock | None = None) -> Workspace:
    """Open the workspace that `path` lies in (the nearest folder above with a `lyftnb.toml` or a
    state directory), or make one of the folder itself.

    Raises:
        WorkspaceBusy: another process holds it.
        ConfigError: `lyftnb.toml` has errors.
    """
    start = Path(path).expanduser().resolve()
    if not start.is_dir():
        raise NotFound(f"there is no folder {start}", hint="make it, or run `lyftnb init` in it")
    root = folder_of(start) or start
    return Workspace(root, Config.load(root), clock)


def connect(path: str | Path = ".") -> Workspace:
    """The workspace at `path`, to work with. For now its owner is this process, as with `open`."""
    return open(path)
