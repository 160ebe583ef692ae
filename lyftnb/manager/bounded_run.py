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
from pathlib import Path
from typing import Any

from lyftnb.clock import Clock
from lyftnb.connectors import Discovery, SourceEnv
from lyftnb.engine import Engine, Work, group_unavailable, units
from lyftnb.errors import InternalError, LyftError, StageBlocked
from lyftnb.manager.claims import make_claim
from lyftnb.manager.feeds import BatchLimits, Feed, Piece, SourceFeed, SpoolFeed, place
from lyftnb.manager.programs import Programs
from lyftnb.manager.progress import Progress, Watcher
from lyftnb.manager.publishing import Publisher
from lyftnb.manager.stage_run import InFlight, StageRun, refusal, summed
from lyftnb.model import Commit, Committed, Plan, Refused, RunSummary, Stage
from lyftnb.store import Ledger

_IDLE_CHECK_S = 5.0
_PROGRESS_S = 0.1

_REPEATABLE = ("schema", "files")
"""Refusals that another attempt at the same claim can meet: it stages anew, under what is known."""

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
        self.ledger = env.ledger
        self.watcher = watcher
        self.programs = Programs(plan, env.ledger, env.storage_root, env.base_path)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.stages = {stage.id: self._stage_run(stage) for stage in plan.stages}
        self.publisher = Publisher(
            env.ledger, env.engine, env.clock, self.events.put, self._publication_failed
        )
        self.started = time.monotonic()
        self.shown = 0.0
        self.run_id = ""

    # -- the loop

    def run(self) -> RunSummary:
        """Run to the end.

        Raises:
            StageBlocked: a stage used up its attempts; the others were driven to their ends first.
                A stage that failed alone raises its own error.
        """
        self.run_id = self.ledger.begin_run(self.plan.deployment, self.env.clock.now())
        status = "failed"
        try:
            self.publisher.add(self.ledger.pending_publications(self.plan.deployment))
            self._take_up_open_claims()
            while self._turn():
                self._wait()
            status = "blocked" if self._blocked() else "done"
        except KeyboardInterrupt:
            status = "cancelled"
            raise
        finally:
            self._cancel_all()
            self.ledger.end_run(self.run_id, status, self.env.clock.now())
            self._show(force=True)
        if status == "blocked":
            raise self._blocked_error()
        return self._summary(status)

    def _turn(self) -> bool:
        """One look at everything; whether anything is left to wait for."""
        self._commit_ready()
        for run in self.stages.values():
            self._retry_due(run)
            self._start_due(run)
        for run in self.stages.values():
            self._settle(run)
        self._show()
        return self.publisher.busy or any(not run.over for run in self.stages.values())

    def _wait(self) -> None:
        """Take what came in; sleep until something does, or a retry is due."""
        retries = [b.retry_at for r in self.stages.values() for b in r.batches if b.retry_at]
        pause = min([_IDLE_CHECK_S, *(max(0.0, at - time.monotonic()) for at in retries)])
        if self.watcher is not None:
            pause = min(pause, _PROGRESS_S)
        try:
            self.events.get(timeout=pause)()
        except queue.Empty:
            if pause >= _IDLE_CHECK_S:
                self._check_groups()
        while True:
            try:
                self.events.get_nowait()()
            except queue.Empty:
                return

    # -- starting work

    def _stage_run(self, stage: Stage) -> StageRun:
        number = self.ledger.next_batch(self.plan.deployment, stage.id)
        return StageRun(stage, self._feed(stage), number, self.env.limits.in_flight)

    def _feed(self, stage: Stage) -> Feed:
        deployment, step = self.plan.deployment, stage.root.step
        if stage.source is not None:
            where = place(self.ledger, deployment, step, stage.source.kind)
            settled = self.ledger.floor(where.key) is not None
            return SourceFeed(stage.source, where, self.env.limits, settled=settled)
        places = {s.name: place(self.ledger, deployment, step, s.name) for s in stage.streams}
        return SpoolFeed(self.ledger, stage, deployment, places, self.env.limits)

    def _take_up_open_claims(self) -> None:
        """Batches with outside effects that were claimed and never ended: the same claims again."""
        for claim in self.ledger.open_claims(self.plan.deployment):
            run = self.stages.get(claim.stage)
            if run is None:
                self.ledger.abandon(claim.batch)
                continue
            run.feed.replay(claim.advances)
            run.next_number = max(run.next_number, claim.number + 1)
            run.fired = True
            batch = InFlight(claim, len(units(claim, run.stage.frame)), floor=claim.floor)
            run.batches.append(batch)
            run.next_attempt(batch)
            self._start(run, batch)

    def _start_due(self, run: StageRun) -> None:
        if run.over or not self._may_fire(run):
            return
        if isinstance(run.feed, SourceFeed) and run.feed.wants_discovery:
            self._discover(run, run.feed)
        while run.may_claim and (piece := run.feed.next_piece()) is not None:
            self._begin(run, piece)

    def _begin(self, run: StageRun, piece: Piece) -> None:
        feed = run.feed
        claim = make_claim(
            self.plan,
            run.stage,
            piece,
            self.ledger,
            number=run.next_number,
            run=self.run_id,
            floor=self.ledger.floor(feed.place.key) if isinstance(feed, SourceFeed) else None,
            now=self.env.clock.now(),
        )
        run.next_number += 1
        run.fired = True
        batch = InFlight(claim, len(units(claim, run.stage.frame)))
        run.batches.append(batch)
        self._start(run, batch)

    def _may_fire(self, run: StageRun) -> bool:
        """Frames other than `batch`, and stages with tables, wait for those before them."""
        at_once = run.stage.frame == "batch" and not run.stage.tables
        return at_once or not self._waits_for(run)

    def _waits_for(self, run: StageRun) -> list[str]:
        return [up for up in run.stage.upstream if not self.stages[up].over]

    def _discover(self, run: StageRun, feed: SourceFeed) -> None:
        feed.asked = True
        env = SourceEnv(
            base_path=Path(self.env.base_path),
            now=self.env.clock.now(),
            split_bytes=self.env.limits.split_bytes,
        )

        def answered(found: Discovery | BaseException) -> None:
            self.events.put(lambda: self._discovered(run, feed, found))

        self.env.engine.discover(
            feed.spec, dict(feed.place.items), env, run.stage.root.group, answered
        )

    def _discovered(
        self, run: StageRun, feed: SourceFeed, found: Discovery | BaseException
    ) -> None:
        if isinstance(found, BaseException):
            run.error = found
            return
        feed.discovered(found)
        run.note = "; ".join(found.problems)

    def _start(self, run: StageRun, batch: InFlight) -> None:
        """Send one attempt at a batch to the engine; older attempts can no longer commit."""
        claim = batch.claim
        self.ledger.claim(claim, durable=run.stage.external)
        batch.started_at = self.env.clock.now()
        work = Work(
            claim.batch,
            claim.attempt,
            self.programs.programs(run.stage, claim, batch.schemas),
            units(claim, run.stage.frame),
            max_deaths=run.stage.retry.attempts,
        )

        def unit_ended() -> None:
            batch.units_done += 1

        def ended(outcome: Any) -> None:
            self.events.put(lambda: self._ended(run, claim.batch, claim.attempt, outcome))

        self.env.engine.start(work, unit_ended, ended)

    # -- what came back

    def _ended(self, run: StageRun, name: str, attempt: int, outcome: Any) -> None:
        batch = run.find(name)
        if batch is None or batch.claim.attempt != attempt:
            return
        if not isinstance(outcome, BaseException):
            batch.reports = outcome
        elif not run.failed(batch, outcome, time.monotonic()):
            self._block(run, batch, outcome)

    def _block(self, run: StageRun, batch: InFlight, error: BaseException) -> None:
        """Give up on a stage: what was prepared behind the failed batch is dropped."""
        while run.batches and run.batches[-1] is not batch:
            self.env.engine.cancel(run.batches.pop().claim.batch)
        self.env.engine.cancel(run.batches.pop().claim.batch)
        run.error = error

    def _retry_due(self, run: StageRun) -> None:
        now = time.monotonic()
        for batch in run.batches:
            if batch.retry_at is not None and batch.retry_at <= now:
                run.next_attempt(batch)
                self._start(run, batch)

    def _commit_ready(self) -> None:
        """Everything that is ready, over all stages, in one transaction."""
        ready = [
            (run, batch, run.commit_of(batch, self.programs.spool_specs(run.stage)))
            for run in self.stages.values()
            for batch in run.ready_prefix()
        ]
        if not ready:
            return
        answers = self.ledger.commit([commit for _, _, commit in ready])
        for (run, batch, commit), answer in zip(ready, answers, strict=True):
            if isinstance(answer, Committed):
                run.committed_batch(commit)
                self.publisher.add(commit.publications)
            elif run.batches and batch is run.batches[0]:
                self._refused(run, batch, commit, answer)

    def _refused(self, run: StageRun, batch: InFlight, commit: Commit, answer: Refused) -> None:
        if answer.requirement == "schema":
            run.learn_schemas(batch, commit)
        if answer.requirement in _REPEATABLE:
            run.next_attempt(batch)
            self._start(run, batch)
        else:
            self._block(run, batch, refusal(answer))

    def _publication_failed(self, step: str, error: BaseException) -> None:
        for run in self.stages.values():
            if any(job.step == step for job in run.stage.jobs):
                run.error = run.error or error
                return
        raise error

    def _settle(self, run: StageRun) -> None:
        """See whether a stage has come to its end."""
        if run.over or run.batches or self._waits_for(run):
            return
        # What came before is over by now, so one last look is enough; it may also have ended in this
        # very turn, and then nothing else would start what waited for it.
        self._start_due(run)
        drained = not isinstance(run.feed, SourceFeed) or run.feed.drained
        run.exhausted = drained and not run.batches

    def _check_groups(self) -> None:
        """Nothing came for a while: a group may have lost its last worker."""
        waiting = [run for run in self.stages.values() if run.batches]
        groups = sorted({group for run in waiting for group in run.stage.groups})
        for group in self.env.engine.missing_groups(groups):
            for run in waiting:
                if group in run.stage.groups:
                    run.note = group_unavailable(group, self.env.engine.slots).message

    def _cancel_all(self) -> None:
        for run in self.stages.values():
            for batch in run.batches:
                self.env.engine.cancel(batch.claim.batch)

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
        if self.watcher is None or (now - self.shown < _PROGRESS_S and not force):
            return
        self.shown = now
        elapsed = now - self.started
        stages = tuple(r.progress(elapsed, self._waits_for(r)) for r in self.stages.values())
        self.watcher(Progress(self.plan.deployment, elapsed, stages, self.publisher.take_texts()))

    def _summary(self, status: str) -> RunSummary:
        runs = self.stages.values()
        return RunSummary(
            run=self.run_id,
            deployment=self.plan.deployment,
            status=status,
            seconds=time.monotonic() - self.started,
            batches=sum(r.committed for r in runs),
            counts=summed(c for r in runs for c in r.counts.values()),
            problems=tuple(r.note for r in runs if r.note),
        )
