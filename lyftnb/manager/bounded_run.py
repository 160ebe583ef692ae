"""A bounded run: every stage of a plan to the end of its inputs, then stop.

One thread turns the loop; the engine's answers come in by a queue. Each turn looks at what is, not
at what happened: start what is due, commit what is ready, see whether anything is left. A run that
was killed anywhere is taken up by the next one from the ledger alone.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lyftnb.clock import Clock
from lyftnb.engine import Engine, group_unavailable
from lyftnb.errors import InternalError, LyftError, StageBlocked
from lyftnb.manager.batches import Batches
from lyftnb.manager.discovering import Discoverer
from lyftnb.manager.feeds import BatchLimits, Feed, SourceFeed, SpoolFeed, place
from lyftnb.manager.gates import Gates
from lyftnb.manager.interrupts import deferred_interrupts
from lyftnb.manager.programs import Programs
from lyftnb.manager.progress import Progress, Watcher
from lyftnb.manager.publishing import Publisher
from lyftnb.manager.retries import Retries
from lyftnb.manager.stage_run import StageRun, summed
from lyftnb.manager.states import check_states
from lyftnb.model import Plan, RunSummary, Stage
from lyftnb.store import Ledger

_WORKERS_CHECK_S = 2.0
_PROGRESS_S = 0.1

Event = Callable[[], None]
"""What the engine's thread leaves for the loop to do."""


@dataclass(frozen=True, slots=True)
class RunEnv:
    """What a run works with."""

    ledger: Ledger
    engine: Engine
    clock: Clock
    limits: BatchLimits
    storage_root: str
    base_path: str


class BoundedRun:
    """Drives one plan to the end of its inputs. Use once: `BoundedRun(plan, env).run()`."""

    def __init__(self, plan: Plan, env: RunEnv, watcher: Watcher | None = None) -> None:
        self.plan = plan
        self.env = env
        self.watcher = watcher
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.stages = {stage.id: self._stage_run(stage) for stage in plan.stages}
        self.gates = Gates(plan, env.ledger, self.stages)
        self.publisher = self._publisher()
        self.discoverers = {
            id: self._discoverer(run, run.feed)
            for id, run in self.stages.items()
            if isinstance(run.feed, SourceFeed)
        }
        self.started = time.monotonic()
        self.shown_at = 0.0
        self.checked_at = self.started

    # -- the loop

    def run(self) -> RunSummary:
        """Run to the end.

        Raises:
            StateChanged: what an action has kept from earlier runs does not fit it any more.
            StageBlocked: a stage used up its attempts; the others were driven to their ends first.
                A stage that failed alone raises its own error.
            KeyboardInterrupt: what is committed stays, the rest is for the next run.
        """
        ledger, clock = self.env.ledger, self.env.clock
        check_states(self.plan, ledger)
        fired_at = clock.now()
        run_id = ledger.begin_run(self.plan.deployment, fired_at)
        batches = self._batches(run_id, fired_at)
        status = "failed"
        try:
            with deferred_interrupts(lambda: self.events.put(_interrupted)):
                self.publisher.add(ledger.pending_publications(self.plan.deployment))
                batches.take_up()
                while self._turn(batches):
                    self._wait(batches)
            status = "blocked" if self._blocked() else "done"
        except KeyboardInterrupt:
            status = "cancelled"
            raise
        finally:
            batches.cancel_all()
            if status == "cancelled":
                self.env.engine.interrupt()
            ledger.end_run(run_id, status, clock.now())
            self._show(force=True)
        if status == "blocked":
            raise self._blocked_error()
        return self._summary(run_id, status)

    def _turn(self, batches: Batches) -> bool:
        """One look at everything; whether anything is left to wait for.

        Stages come in topological order, so that one that ends lets those behind it start in the
        same turn.
        """
        for commit in batches.commit_ready():
            self.publisher.add(commit.publications)
        now = time.monotonic()
        self.publisher.send_due(now)
        for id, run in self.stages.items():
            batches.retry_due(run, now)
            if not run.closed and not self.gates.reason(run):
                self._begin_due(id, run, batches, now)
            self._settle(run, batches)
        return self.publisher.busy or any(not run.over for run in self.stages.values())

    def _begin_due(self, id: str, run: StageRun, batches: Batches, now: float) -> None:
        if id in self.discoverers:
            self.discoverers[id].ask_if_due(now)
        while run.may_claim and (piece := run.feed.next_piece()) is not None:
            batches.begin(run, piece)

    def _settle(self, run: StageRun, batches: Batches) -> None:
        """See whether a stage has come to its end."""
        if not (run.closed or run.batches or self.gates.waits_for(run)) and run.drained:
            run.exhausted = not batches.begin_ending(run)

    def _wait(self, batches: Batches) -> None:
        """Sleep until something comes in or a retry is due; then take all that came in."""
        due = min([*batches.due_times(), *self._due_times()], default=float("inf"))
        event: Event | None = None
        while event is None and time.monotonic() < due:
            self._show()
            self._look_for_workers()
            try:
                event = self.events.get(timeout=self._pause(due))
            except queue.Empty:
                continue
        while event is not None:
            event()
            try:
                event = self.events.get_nowait()
            except queue.Empty:
                event = None

    def _due_times(self) -> list[float]:
        asked = (d.retries.due_at for d in self.discoverers.values())
        return [*self.publisher.due_times(), *(at for at in asked if at is not None)]

    def _pause(self, due: float) -> float:
        now = time.monotonic()
        pause = min(due - now, self.checked_at + _WORKERS_CHECK_S - now)
        if self.watcher is not None:
            pause = min(pause, self.shown_at + _PROGRESS_S - now)
        return max(0.0, pause)

    def _look_for_workers(self) -> None:
        """Now and then: a group may have lost its last worker, or workers may have joined."""
        now = time.monotonic()
        if now - self.checked_at < _WORKERS_CHECK_S:
            return
        self.checked_at = now
        self.env.engine.look_for_workers(
            lambda slots: self.events.put(lambda: self._workers_found(slots))
        )

    def _workers_found(self, slots: dict[str, int]) -> None:
        for run in self.stages.values():
            missing = sorted(run.stage.groups - slots.keys())
            run.lacks = group_unavailable(missing[0], slots).message if missing else ""

    # -- parts

    def _batches(self, run_id: str, fired_at: datetime) -> Batches:
        env = self.env
        return Batches(
            plan=self.plan,
            ledger=env.ledger,
            engine=env.engine,
            clock=env.clock,
            programs=Programs(self.plan, env.ledger, env.storage_root, env.base_path),
            stages=self.stages,
            defer=self.events.put,
            run_id=run_id,
            fired_at=fired_at,
        )

    def _stage_run(self, stage: Stage) -> StageRun:
        number = self.env.ledger.next_batch(self.plan.deployment, stage.id)
        return StageRun(stage, self._feed(stage), number, self.env.limits.in_flight)

    def _feed(self, stage: Stage) -> Feed:
        ledger, limits = self.env.ledger, self.env.limits
        deployment, step = self.plan.deployment, stage.root.step
        if stage.source is not None:
            where = place(ledger, deployment, step, stage.source.kind)
            settled = ledger.floor(where.key) is not None
            return SourceFeed(stage.source, where, limits, settled=settled)
        places = {s.name: place(ledger, deployment, step, s.name) for s in stage.streams}
        return SpoolFeed(ledger, stage, deployment, places, limits)

    def _publisher(self) -> Publisher:
        jobs = [(stage, job) for stage in self.plan.stages for job in stage.jobs]
        return Publisher(
            self.env.ledger,
            self.env.engine,
            self.env.clock,
            retries={job.step: stage.retry for stage, job in jobs},
            groups={job.step: job.group for _stage, job in jobs},
            defer=self.events.put,
            tell=self._publication_told,
            give_up=self._publication_failed,
        )

    def _discoverer(self, run: StageRun, feed: SourceFeed) -> Discoverer:
        return Discoverer(
            run,
            feed,
            Retries(run.stage.retry),
            self.env.engine,
            self.env.clock,
            self.env.base_path,
            self.events.put,
        )

    def _run_of(self, step: str) -> StageRun | None:
        runs = self.stages.values()
        return next((r for r in runs if any(job.step == step for job in r.stage.jobs)), None)

    def _publication_told(self, step: str, note: str) -> None:
        run = self._run_of(step)
        if run is not None:
            run.note = note

    def _publication_failed(self, step: str, error: BaseException) -> None:
        run = self._run_of(step)
        if run is not None:
            run.error = run.error or error
            return
        # The step is gone from the workflow; nothing that is there may suffer from it.
        first = next(iter(self.stages.values()))
        first.problems.append(f"output of the former step '{step}' could not be revealed: {error}")

    # -- what people see

    def _blocked(self) -> list[StageRun]:
        return [run for run in self.stages.values() if run.error is not None]

    def _blocked_error(self) -> LyftError:
        blocked = self._blocked()
        causes = [f"stage '{run.stage.id}': {run.error}" for run in blocked]
        first = blocked[0].error
        if len(blocked) > 1:
            return StageBlocked(f"{len(blocked)} stages are blocked:\n" + "\n".join(causes))
        if isinstance(first, LyftError):
            return first
        return InternalError(
            f"{type(first).__name__}: {first}", where=f"stage '{blocked[0].stage.id}'"
        )

    def _show(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self.watcher is None or (now - self.shown_at < _PROGRESS_S and not force):
            return
        self.shown_at = now
        elapsed = now - self.started
        stages = tuple(r.progress(elapsed, self.gates.reason(r)) for r in self.stages.values())
        self.watcher(Progress(self.plan.deployment, elapsed, stages, self.publisher.take_texts()))

    def _summary(self, run_id: str, status: str) -> RunSummary:
        runs = self.stages.values()
        return RunSummary(
            run=run_id,
            deployment=self.plan.deployment,
            status=status,
            seconds=time.monotonic() - self.started,
            batches=sum(r.committed for r in runs),
            counts=summed(c for r in runs for c in r.counts.values()),
            problems=tuple(problem for r in runs for problem in r.problems),
            skipped=sum(r.skipped for r in runs),
        )


def _interrupted() -> None:
    raise KeyboardInterrupt
