"""The part of a workspace that runs workflows: to their end, from now on, or on a sample."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lyftnb.clock import Clock
from lyftnb.errors import NotFound, SetupError, unknown
from lyftnb.model import Plan, Run, RunSummary, seconds, secrets_of_plan
from lyftnb.workspace.applying import Applying
from lyftnb.workspace.background import Background
from lyftnb.workspace.config import Config
from lyftnb.workspace.given import WorkflowLike
from lyftnb.workspace.progress import watching
from lyftnb.workspace.runbooks import Runbooks
from lyftnb.workspace.spool import Spool
from lyftnb.workspace.wire import Begun

if TYPE_CHECKING:
    from lyftnb.engine import Trace
    from lyftnb.manager import AtWork, BatchLimits, Manager, Progress, RunEnv, Watcher


_LOOK_S = 0.1


class Running(Applying):
    """What runs, drafts and published versions alike."""

    path: Path
    config: Config
    _clock: Clock
    _storage: Path

    # -- what the rest of the workspace gives

    @property
    @abstractmethod
    def runbooks(self) -> Runbooks: ...

    @abstractmethod
    def spool(self, name: str) -> Spool: ...

    # -- running

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
            context: the set of variables to run with, or `none`; without it the one that the
                deployment is in, or the default one. A published version runs as deployment
                `NAME_CONTEXT` in one that is not the default.
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

    def begin(
        self, workflow: WorkflowLike, *, context: str | None = None, fresh: bool = False
    ) -> Begun:
        """Begin a run to the end of the inputs, which goes on by itself; see `follow`."""
        run = self.background.begin(workflow, context, fresh)
        return Begun(run=run.run, deployment=run.deployment)

    def follow(self, begun: Begun, watcher: Watcher) -> RunSummary:
        """Hand the numbers of a run that was begun to a watcher, until it ends.

        Raises:
            LyftError: as the run did.
        """
        run = self.background.get(begun.run)
        told = 0
        while True:
            over = run.wait(_LOOK_S)
            progress, told = run.since(told)
            if progress is not None:
                watcher(progress)
            if over:
                break
        if run.error is not None:
            raise run.error
        assert run.summary is not None
        return run.summary

    def cancel(self, run: str) -> None:
        """End a run that was begun as Ctrl-C would: what is committed stays."""
        self.background.get(run).cancel()

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
        self._refuse_foreign(plan)
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

    def retry(self, deployment: str, step: str) -> None:
        """Let a blocked stage, named by its first step, try again.

        Raises:
            NotFound: the deployment does not run here, or has no such stage.
            SetupError: the stage is not blocked, or the deployment only runs to the end of its
                inputs, and so tries again by itself.
        """
        self._refuse_bounded(deployment)
        self._managing().retry(deployment, step)

    def skip(self, deployment: str, step: str) -> None:
        """Let a blocked stage try again, and pass the batch by that fails once more: its input is
        left out. Where it is an output that cannot be revealed, that is passed by. The ledger keeps
        what was skipped and why.

        Raises:
            NotFound: the deployment does not run here, or has no such stage.
            SetupError: as for `retry`.
        """
        self._refuse_bounded(deployment)
        self._managing().retry(deployment, step, skip=True)

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

    def trace(
        self,
        workflow: WorkflowLike,
        rows: int = 20,
        *,
        context: str | None = None,
        until: str | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Trace:
        """Run a workflow on a sample, here and now, and keep the events after each action.

        Nothing is stored, nothing is published, no checkpoint moves. `context` is as for `run`.

        Args:
            workflow: what to run.
            rows: of each input, at most.
            context: as for `run`.
            until: trace only this step, and what it needs.
            stopped: asked before each action; the trace ends with `TryAgain` when it says so.
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
            until=until,
            stopped=stopped,
        )

    @cached_property
    def background(self) -> Background:
        """Runs that go on while nobody waits for them: what the manager does for its clients."""
        return Background(self._to_run, self._readied)

    # -- inside

    def _to_run(self, workflow: WorkflowLike, context: str | None, fresh: bool) -> Plan:
        """The plan of a run to the end of its inputs."""
        given = self._given(workflow)
        if given.is_read:
            self._compute.warm()
        world = self._world(given, context, fresh=fresh)
        plan = given.plan(world, self._compute.group_sizes)
        self._refuse_foreign(plan)
        _refuse_running(plan.deployment, self.running)
        self._refuse_another(plan)
        return plan

    def _readied(self, plan: Plan, fresh: bool) -> RunEnv:
        """What a run to the end of its inputs runs with, once nothing is in its way."""
        if any(run.status != "done" for run in self._ledger.runs(plan.deployment, limit=1)):
            # What the last run had staged when it was cut off is of no use to anyone.
            self._ledger.sweep()
        problems = _given_up(self._ledger.forget(plan.deployment)) if fresh else ()
        return self._run_env(plan, problems)

    def _run_env(self, plan: Plan, problems: tuple[str, ...] = ()) -> RunEnv:
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
                messages_s=seconds(self.config.retention.messages),
                issues_s=seconds(self.config.retention.issues),
                plans_s=seconds(self.config.retention.plans),
                skipped_s=seconds(self.config.retention.skipped),
            ),
            problems=problems,
        )

    def _refuse_bounded(self, deployment: str) -> None:
        """Nothing waits for a word of ours where nothing goes on."""
        if deployment in self._started() or self._ledger.deployment(deployment) is not None:
            return
        if self._ledger.runs(deployment, limit=1):
            raise SetupError(
                f"'{deployment}' does not run on, so that nothing of it waits to be told",
                hint="run it again, which tries again what failed; with `--fresh` it starts over, "
                "and gives up outputs that could not be revealed",
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
            raise NotFound(
                "no deployment runs here", hint="start one: `lyftnb apply`, or ws.start(workflow)"
            )
        return self._manager

    def _limits(self) -> BatchLimits:
        from lyftnb.manager import BatchLimits

        batch = self.config.batch
        return BatchLimits(batch.split_bytes, batch.batch_bytes, batch.batch_rows, batch.in_flight)


def _refuse_running(deployment: str, running: Collection[str]) -> None:
    if deployment in running:
        raise SetupError(
            f"deployment '{deployment}' is running already",
            hint="stop it first, or wait until it is at its end",
        )


def _given_up(publications: Sequence[str]) -> tuple[str, ...]:
    """What to tell of outputs that nobody will see, because their run starts over."""
    if not publications:
        return ()
    first, *others = publications
    more = f" and {len(others):,} more" if others else ""
    return (f"starting over has given up output that was not revealed yet: {first}{more}",)
