"""The workspace with its owner in this process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lyftnb.clock import Clock, SystemClock
from lyftnb.errors import NotFound, SetupError, unknown
from lyftnb.model import (
    Plan,
    Problem,
    Run,
    RunSummary,
    Schema,
    WorkflowSpec,
    seconds,
    secrets_of_plan,
    workflow_digest,
)
from lyftnb.planning import Explanation, explain, parse_ref
from lyftnb.workspace.background import Background
from lyftnb.workspace.bus import Bus
from lyftnb.workspace.compute import Compute
from lyftnb.workspace.config import STATE_DIR, Config, root_of
from lyftnb.workspace.contexts import Contexts, user
from lyftnb.workspace.given import Given, WorkflowLike, World
from lyftnb.workspace.next_fires import NextFires, next_fires
from lyftnb.workspace.progress import watching
from lyftnb.workspace.reconciling import Reconciling
from lyftnb.workspace.runbooks import Home, Runbooks
from lyftnb.workspace.secrets import Secrets
from lyftnb.workspace.spool import Spool
from lyftnb.workspace.state_access import State

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.engine import Trace
    from lyftnb.manager import (
        AtWork,
        BatchLimits,
        Manager,
        Progress,
        Requests,
        RunEnv,
        Watcher,
    )
    from lyftnb.store import Damage, Ledger, SpoolInfo, SweepReport, Version
    from lyftnb.store.remote import Desk

_open: dict[Path, Workspace] = {}
"""Workspaces that this process holds, so that `connect` gives the same one again."""


class Workspace(Reconciling, State):
    """A folder with `lyftnb.toml`, workflows, and the state directory `.lyftnb/`.

    Holds the ledger while it is open: one process at a time. Use it as a context manager, or
    `close` it. The cluster starts with the first run and stays up until then.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        clock: Clock | None = None,
        *,
        serve: bool = True,
        command: str | None = None,
    ) -> None:
        from lyftnb.store import Ledger, MasterKeys

        self.path = path
        self.config = config
        self._clock = clock or SystemClock()
        self._storage = (path / config.storage.root).resolve()
        folder = config.secrets.key_folder
        key_folder = path / Path(folder).expanduser() if folder else None
        self._ledger: Ledger = Ledger.open(
            path / STATE_DIR,
            self._clock,
            command=command or " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            storage_root=self._storage,
            keys=MasterKeys(key_folder),
        )
        self._compute = Compute(path, config, self._ledger, self._desk)
        self._manager: Manager | None = None
        self._serves = False
        self._begun: set[str] = set()
        self._deploys = threading.RLock()
        self.secrets = Secrets(self._ledger)
        self.contexts = Contexts(self._ledger, config.context.default, self._explained)
        if serve:
            self._compute.serve_soon()
        _open[path] = self

    # -- workflows

    def validate(
        self, workflow: WorkflowLike, *, context: str | None = None
    ) -> tuple[Problem, ...]:
        """All problems of a workflow (a `Workflow`, a file, or a published reference).

        Args:
            workflow: what to look at.
            context: as for `run`.
        """
        given = self._given(workflow)
        return given.problems(self._world(given, context))

    def publish(self, workflow: WorkflowLike, *, context: str | None = None) -> Version:
        """Freeze a workflow as its next version; unchanged, the same version comes back.

        Args:
            workflow: what to publish.
            context: the one that it is checked in. The version knows none, and runs in any.

        Raises:
            InvalidWorkflow: it has errors; nothing is stored.
        """
        given = self._given(workflow)
        spec = given.checked(self._world(given, context))
        return self._ledger.publish_version(
            spec.workflow, spec.to_document(), workflow_digest(spec), self._clock.now(), user()
        )

    def versions(self, workflow: str | None = None) -> list[Version]:
        """Published versions, oldest first."""
        return self._ledger.versions(workflow)

    def version(self, ref: str) -> Version:
        """A published version: `NAME` (its newest) or `NAME@3`.

        Raises:
            NotFound: there is none.
        """
        parsed = parse_ref(ref)
        found = self._ledger.version(*parsed) if parsed else None
        if found is None:
            known = {v.workflow for v in self.versions()} | {v.ref for v in self.versions()}
            error = unknown("workflow version", ref, known)
            if not known:
                error.hint = "nothing is published yet: lyftnb publish FILE"
            raise error
        return found

    def run(
        self,
        workflow: WorkflowLike,
        *,
        context: str | None = None,
        fresh: bool = False,
        on_progress: Watcher | None = None,
    ) -> RunSummary:
        """Run a workflow to the end of its inputs, going on from its checkpoint.

        Args:
            workflow: a `Workflow` or file (runs as deployment `NAME_draft`), or a published
                reference `NAME` or `NAME@3` (runs as deployment `NAME`).
            context: the set of variables to run with, instead of the default one. A published
                version then runs as deployment `NAME_CONTEXT`.
            fresh: forget the deployment's checkpoints and data first.
            on_progress: called a few times a second with numbers per stage; without one, a bar is
                shown in terminals and notebooks.

        Raises:
            InvalidWorkflow: it has errors.
            GroupUnavailable: a step asks for a worker group that has no workers.
            SetupError: another version is applied as that deployment.
            StageBlocked: a stage used up its attempts; what it had committed stays.
        """
        from lyftnb.manager import BoundedRun

        plan = self._to_run(workflow, context, fresh)
        env = self._readied(plan, fresh)
        if on_progress is not None:
            return BoundedRun(plan, env, on_progress).run()
        with watching() as watcher:
            return BoundedRun(plan, env, watcher).run()

    def start(self, workflow: WorkflowLike, *, context: str | None = None) -> str:
        """Run a workflow from now on: follow its inputs and fire its triggers until `stop`, or
        until the workspace is closed. Gives the name of its deployment.

        Started again, it goes on where it stood; fires that were due meanwhile are caught up as
        their triggers say. `context` is as for `run`.

        Raises:
            InvalidWorkflow: it has errors.
            GroupUnavailable: a step asks for a worker group that has no workers.
            SetupError: it is applied, and so has a revision to run, not whatever is newest.
        """
        given = self._given(workflow)
        plan = given.plan(self._world(given, context), self._compute.group_sizes)
        _refuse_running(plan.deployment, (*self.runbooks.deployments, *self.background.deployments))
        if self._ledger.deployment(plan.deployment) is not None:
            raise SetupError(
                f"deployment '{plan.deployment}' is applied",
                hint="apply what is to run from now on: lyftnb apply REF",
            )
        self._begun.add(plan.deployment)
        self._manager_for(self._run_env(plan)).start(plan)
        return plan.deployment

    def stop(self, deployment: str, drain: float = 30.0) -> None:
        """Stop a deployment at a batch boundary, after `drain` seconds at the latest."""
        if self._manager is not None:
            self._manager.stop(deployment, drain)
        self._begun.discard(deployment)

    @property
    def running(self) -> tuple[str, ...]:
        """The deployments at work here: those that `start` has set going, those of runbooks, and
        those that run to the end of their inputs for other processes.
        """
        return (*self._started(), *self.runbooks.deployments, *self.background.deployments)

    def fire(self, deployment: str, step: str, payload: Mapping[str, Any] | None = None) -> Run:
        """Fire a step of a running deployment by hand; `payload` becomes its `${msg}`.

        Raises:
            NotFound: the deployment does not run here, or the step is not the first of a stage.
        """
        return self._managing().fire(deployment, step, payload)

    def progress(self, deployment: str) -> Progress:
        """The numbers of a running deployment, as of now.

        Raises:
            NotFound: it does not run here.
        """
        if deployment in self._started():
            return self._managing().progress(deployment)
        return self.numbers(deployment)

    def numbers(self, deployment: str) -> Progress:
        """As `progress`, but what outputs want shown is left for those who follow it."""
        work = self._at_work().get(deployment)
        if work is None:
            raise unknown("running deployment", deployment, self.running)
        return work.progress()

    def plan_to_trace(self, workflow: WorkflowLike, *, context: str | None = None) -> Plan:
        """What a workflow compiles to, for a trace in another process: that is lent the secrets
        which the plan names.
        """
        given = self._given(workflow)
        plan = given.plan(self._world(given, context), groups=None)
        self._ledger.lend_secrets(f"{plan.deployment}/trace", secrets_of_plan(plan))
        return plan

    def trace(self, workflow: WorkflowLike, rows: int = 20, *, context: str | None = None) -> Trace:
        """Run a workflow on a sample, here and now, and keep the events after each action.

        Nothing is stored, nothing is published, no checkpoint moves. `context` is as for `run`.
        """
        from lyftnb.engine import trace

        given = self._given(workflow)
        plan = given.plan(self._world(given, context), groups=None)
        return trace(
            plan,
            rows=rows,
            base_path=self.path,
            now=self._clock.now(),
            read_spool=lambda name: self.spool(name).scan(),
            state=self._ledger,
            secrets=self._ledger.secret_values(secrets_of_plan(plan)),
        )

    # -- asking and invoking

    @property
    def bus(self) -> Bus:
        """The message bus: publish, subscribe, look back, and ask workers, jobs or the manager."""
        return Bus(self._ledger, self._requests)

    @cached_property
    def runbooks(self) -> Runbooks:
        """Published workflows with parameters, to be run now: publish, invoke, look back."""
        home = Home(
            ledger=self._ledger,
            folder=self.path,
            published=self._published,
            world=self._world_of,
            groups=lambda: self._compute.group_sizes,
            env=self._run_env,
            started=self._started,
        )
        return Runbooks(home)

    @cached_property
    def background(self) -> Background:
        """Runs that go on while nobody waits for them: what the manager does for its clients."""
        return Background(self._to_run, self._readied)

    def next_fires(self, workflow: WorkflowLike, n: int = 5) -> NextFires:
        """When the clock will fire the steps of a workflow: `n` times for each time trigger.

        Raises:
            InvalidWorkflow: it has errors.
        """
        given = self._given(workflow)
        spec = given.checked(self._world(given, None))
        return next_fires(spec, self._clock.now(), n)

    # -- data

    @property
    def snapshot(self) -> int:
        """The newest snapshot; 0 before the first commit."""
        return self._ledger.snapshot()

    def spools(self) -> list[SpoolInfo]:
        """All spools, with rows, bytes and segments."""
        return list(self._ledger.spools())

    def spool(self, name: str) -> Spool:
        """A spool by its full name, or by its channel's while that is unique.

        Raises:
            NotFound: there is none, or the bare name is ambiguous (the candidates are listed).
        """
        return Spool(self._ledger, self._ledger.spool(name))

    def sql(self, text: str, *, limit: int | None = None) -> pl.DataFrame:
        """Query the spools by name, and the state tables under `lyftnb.`: read-only SQL; at most
        `limit` rows of the answer.

        >>> ws.sql("SELECT origin, count(*) FROM flights_draft.clean GROUP BY 1")  # doctest: +SKIP
        """
        from lyftnb.store import query

        return query(self._ledger, text, limit=limit, memory_bytes=self.config.limits.memory)

    def verify(self) -> list[Damage]:
        """Check every live segment's file; what is missing or damaged."""
        return self._ledger.verify()

    def sweep(self) -> SweepReport:
        """Remove staged files that no commit names."""
        return self._ledger.sweep()

    # -- life

    @property
    def asked_at(self) -> float:
        """When another process has wanted something of our state last (`time.monotonic`)."""
        return self._compute.asked_at

    def close(self) -> None:
        """Stop what runs and the cluster, and let the ledger go."""
        self._serve_no_more()
        self.background.close()
        self.runbooks.close()
        if self._manager is not None:
            self._manager.close(self.config.manager.drain)
            self._manager = None
        self._compute.close()
        self._ledger.close()
        if _open.get(self.path) is self:
            del _open[self.path]

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r}, {len(self.spools())} spools)"

    # -- inside

    @property
    def _state(self) -> Ledger:
        return self._ledger

    def _desk(self) -> Desk:
        from lyftnb.workspace.desk import OwnersDesk

        return OwnersDesk(self._requests, self.fire)

    def _to_run(self, workflow: WorkflowLike, context: str | None, fresh: bool) -> Plan:
        """The plan of a run to the end of its inputs."""
        self._compute.warm()
        given = self._given(workflow)
        world = self._world(given, context, fresh=fresh)
        _refuse_running(world.deployment, self.running)
        plan = given.plan(world, self._compute.group_sizes)
        self._refuse_another(plan)
        return plan

    def _readied(self, plan: Plan, fresh: bool) -> RunEnv:
        """What a run to the end of its inputs runs with, once nothing is in its way."""
        if any(run.status != "done" for run in self._ledger.runs(plan.deployment, limit=1)):
            # What the last run had staged when it was cut off is of no use to anyone.
            self._ledger.sweep()
        if fresh:
            self._ledger.forget(plan.deployment)
        return self._run_env(plan)

    def _run_env(self, plan: Plan) -> RunEnv:
        """What a plan runs with, a worker in each of its groups."""
        from lyftnb.manager import Retention, RunEnv

        return RunEnv(
            ledger=self._ledger,
            engine=self._compute.engine(frozenset().union(*(s.groups for s in plan.stages))),
            clock=self._clock,
            limits=self._limits(),
            storage_root=str(self._storage),
            base_path=str(self.path),
            retention=Retention(
                seconds(self.config.retention.messages), seconds(self.config.retention.issues)
            ),
        )

    def _requests(self) -> Requests:
        from lyftnb.manager import Requests

        return Requests(
            ledger=self._ledger,
            engine=lambda: self._compute.engine(frozenset()),
            at_work=self._at_work,
            base_path=str(self.path),
        )

    def _at_work(self) -> dict[str, AtWork]:
        managed = self._manager.at_work if self._manager is not None else {}
        return {**self.background.at_work, **self.runbooks.at_work, **managed}

    def _started(self) -> tuple[str, ...]:
        return self._manager.deployments if self._manager is not None else ()

    def _manager_for(self, env: RunEnv) -> Manager:
        from lyftnb.manager import Manager

        if self._manager is None:
            self._manager = Manager(env)
        return self._manager

    def _managing(self) -> Manager:
        if self._manager is None:
            raise NotFound("no deployment runs here", hint="start one: ws.start(workflow)")
        return self._manager

    def _world(self, given: Given, context: str | None, *, fresh: bool = False) -> World:
        """What to hold a workflow against; `fresh`: without what its deployment has made."""
        chosen = self.contexts.chosen(context)
        other = chosen if chosen != self.contexts.default else None
        deployment = given.deployment(other)
        if given.spec is not None and given.version is not None and deployment is not None:
            published = {version.workflow for version in self.versions()}
            self.contexts.require_own_name(deployment, given.spec.workflow, other, published)
        layers = self.contexts.layers(deployment, chosen)
        known = self._known(but=deployment if fresh else None)
        return World(deployment, known, layers, self._secret_names())

    def _world_of(self, deployment: str) -> World:
        """What a deployment of a name of its own is held against, in the default context."""
        layers = self.contexts.layers(deployment, self.contexts.chosen(None))
        return World(deployment, self._known(), layers, self._secret_names())

    def _secret_names(self) -> frozenset[str]:
        return frozenset(secret.name for secret in self._ledger.secrets())

    def _explained(self, workflow: WorkflowLike, context: str | None) -> tuple[Explanation, ...]:
        """See `Contexts.explain`."""
        given = self._given(workflow)
        world = self._world(given, context)
        plan = given.plan(world, groups=None)
        assert given.spec is not None
        return explain(plan.context, world.context, given.spec.context)

    def _given(self, workflow: WorkflowLike) -> Given:
        return Given.of(workflow, self.path, self._published)

    def _published(self, name: str, number: int | None) -> tuple[WorkflowSpec, int]:
        version = self.version(name if number is None else f"{name}@{number}")
        return WorkflowSpec.model_validate(version.document), version.number

    def _known(self, but: str | None = None) -> dict[str, Schema]:
        """Schemas of spools that exist, by full name; without those of the deployment `but`."""
        return {
            info.spool: info.schema
            for info in self.spools()
            if info.schema is not None and info.spool.partition(".")[0] != but
        }

    def _limits(self) -> BatchLimits:
        from lyftnb.manager import BatchLimits

        batch = self.config.batch
        return BatchLimits(batch.split_bytes, batch.batch_bytes, batch.batch_rows, batch.in_flight)


def open(path: str | Path = ".", *, clock: Clock | None = None, serve: bool = True) -> Workspace:
    """Open the workspace that `path` lies in (the nearest folder above with a `lyftnb.toml` or a
    state directory), or make one of the folder itself.

    While it is open, other processes of this user reach its state through this one (`state`). What
    opens it for a moment only may do without (`serve=False`).

    Raises:
        WorkspaceBusy: another process holds it.
        ConfigError: `lyftnb.toml` has errors.
    """
    root = root_of(path)
    return Workspace(root, Config.load(root), clock, serve=serve)


def held(root: Path) -> Workspace | None:
    """The workspace of this folder, if this process has it open."""
    return _open.get(root)


def _refuse_running(deployment: str | None, running: Collection[str]) -> None:
    if deployment in running:
        raise SetupError(
            f"deployment '{deployment}' is running already",
            hint="stop it first, or wait until it is at its end",
        )
