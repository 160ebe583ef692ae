"""Bounded runs on threads of their own: begun by one process, followed by others.

What they have told and how they ended is kept for a while after their end, in memory: all that must
not be lost is in the ledger.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from lyftnb.errors import LyftError, SetupError, TryAgain, unknown
from lyftnb.model import Run, RunSummary

if TYPE_CHECKING:
    from lyftnb.manager import AtWork, BoundedRun, Progress, RunEnv
    from lyftnb.model import Plan
    from lyftnb.workspace.given import WorkflowLike

    Planned: TypeAlias = Callable[[WorkflowLike, str | None, bool], Plan]
    """Workflow, context, fresh → the plan that is to run."""
    Readied: TypeAlias = Callable[[Plan, bool], RunEnv]
    """Plan, fresh → what it runs with, what is in its way being removed."""

_KEPT_RUNS = 100
_KEPT_TEXTS = 10_000


class BackgroundRun:
    """One run, as those see it who follow it. Thread-safe."""

    def __init__(self, work: BoundedRun, run: Run) -> None:
        self.run = run.run
        self.deployment = work.plan.deployment
        self.progress: Progress | None = None
        """Its newest numbers, without texts."""
        self.summary: RunSummary | None = None
        self.error: BaseException | None = None
        self.work = work
        self._over = threading.Event()
        self._texts: deque[str] = deque(maxlen=_KEPT_TEXTS)
        self._told = 0

    @property
    def over(self) -> bool:
        """Whether it has ended: then it has a summary or an error."""
        return self._over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; whether it has."""
        return self._over.wait(timeout)

    def cancel(self) -> None:
        """End it as Ctrl-C would: what is committed stays."""
        self.work.stop()

    def since(self, told: int) -> tuple[Progress | None, int]:
        """Its newest numbers, with the texts behind the first `told`, and how many texts that
        makes.
        """
        progress, count, texts = self.progress, self._told, tuple(self._texts)
        if progress is None:
            return None, told
        fresh = max(0, count - told)
        return replace(progress, texts=texts[len(texts) - min(fresh, len(texts)) :]), count

    def watch(self, progress: Progress) -> None:
        """Take numbers down: the run's own watcher."""
        self._texts.extend(progress.texts)
        self._told += len(progress.texts)
        self.progress = replace(progress, texts=())

    def end(self, summary: RunSummary | None, error: BaseException | None) -> None:
        """Say how it ended."""
        self.summary, self.error = summary, error
        self._over.set()


class Background:
    """The bounded runs that this process carries out for others."""

    def __init__(self, planned: Planned, readied: Readied) -> None:
        self._planned = planned
        self._readied = readied
        self._lock = threading.Lock()
        self._runs: dict[str, BackgroundRun] = {}
        """Run → itself, those that ended last at the end."""
        self._taken: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._closed = False

    @property
    def deployments(self) -> tuple[str, ...]:
        """Those that run now, or are about to."""
        with self._lock:
            return tuple(self._taken)

    @property
    def at_work(self) -> dict[str, AtWork]:
        """The same, with their plans and numbers."""
        from lyftnb.manager import AtWork

        return {
            run.deployment: AtWork(run.work.plan, run.work.progress)
            for run in list(self._runs.values())
            if not run.over
        }

    def get(self, run: str) -> BackgroundRun:
        """A run that is under way, or has ended here a while ago.

        Raises:
            NotFound: there is none.
        """
        found = self._runs.get(run)
        if found is None:
            raise unknown("run under way", run, self._runs)
        return found

    def begin(self, workflow: WorkflowLike, context: str | None, fresh: bool) -> BackgroundRun:
        """Begin a run; returns as soon as it has a number.

        Raises:
            LyftError: as for `Workspace.run`; nothing has begun.
        """
        beginning = _Beginning(self, workflow, context, fresh)
        with self._lock:
            if self._closed:
                raise TryAgain("the manager is ending", hint="connect again in a moment")
            thread = threading.Thread(target=beginning.run, name="lyftnb-run", daemon=True)
            self._threads = {t for t in self._threads if t.is_alive()} | {thread}
            thread.start()
        return beginning.begun()

    def close(self) -> None:
        """Cut off what runs, and see it recorded; nothing begins any more."""
        with self._lock:
            self._closed = True
            threads = self._threads
        for run in list(self._runs.values()):
            if not run.over:
                run.cancel()
        for thread in threads:
            thread.join()

    # -- on the thread of a run

    def plan(self, workflow: WorkflowLike, context: str | None, fresh: bool) -> Plan:
        """What is to run, its deployment taken until `release`."""
        plan = self._planned(workflow, context, fresh)
        with self._lock:
            if plan.deployment in self._taken:
                raise SetupError(
                    f"deployment '{plan.deployment}' is running already",
                    hint="wait until it is at its end",
                )
            self._taken.add(plan.deployment)
        return plan

    def ready(self, plan: Plan, fresh: bool) -> RunEnv:
        """What it runs with."""
        return self._readied(plan, fresh)

    def enter(self, run: BackgroundRun) -> None:
        """A run has got its number."""
        with self._lock:
            self._runs[run.run] = run
            over = [name for name, other in self._runs.items() if other.over]
            for name in over[: max(0, len(over) - _KEPT_RUNS)]:
                del self._runs[name]
            if self._closed:
                run.cancel()

    def release(self, deployment: str) -> None:
        """A run has ended."""
        with self._lock:
            self._taken.discard(deployment)


class _Beginning:
    """A run before it has a number, and the thread that carries it out."""

    def __init__(
        self, home: Background, workflow: WorkflowLike, context: str | None, fresh: bool
    ) -> None:
        self._home = home
        self._given = (workflow, context, fresh)
        self._known = threading.Event()
        self._run: BackgroundRun | None = None
        self._error: BaseException | None = None

    def begun(self) -> BackgroundRun:
        """The run, once it has a number."""
        self._known.wait()
        if self._run is not None:
            return self._run
        assert self._error is not None
        raise self._error

    def run(self) -> None:
        """Carry it out, to its end."""
        try:
            plan = self._home.plan(*self._given)
        except BaseException as error:
            self._fail(error)
            return
        summary: RunSummary | None = None
        failure: BaseException | None = None
        try:
            summary = self._work(plan).run()
        except KeyboardInterrupt:
            failure = _cut_off(self._run)
        except BaseException as error:
            failure = error
        self._home.release(plan.deployment)
        if self._run is not None:
            self._run.end(summary, failure)
        elif failure is not None:
            self._fail(failure)

    def _work(self, plan: Plan) -> BoundedRun:
        from lyftnb.manager import BoundedRun

        env = self._home.ready(plan, self._given[2])

        def begin() -> Run:
            run = env.ledger.begin_run(plan.deployment, env.clock.now())
            self._run = BackgroundRun(work, run)
            self._home.enter(self._run)
            self._known.set()
            return run

        work = BoundedRun(plan, env, self._watch, begin=begin)
        return work

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._known.set()

    def _watch(self, progress: Progress) -> None:
        if self._run is not None:
            self._run.watch(progress)


def _cut_off(run: BackgroundRun | None) -> LyftError:
    return TryAgain(
        "the run was cut off; what it had committed stays",
        where=f"run {run.run}" if run else None,
        hint="run it again: it goes on from there",
    )
