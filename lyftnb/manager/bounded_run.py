"""A bounded run: every stage of a plan to the end of its inputs, then stop.

One thread turns the loop; the engine's answers come in by a queue. Each turn looks at what is, not at
what happened: start what is due, commit what is ready, see whether anything is left. A run that was
killed anywhere is taken up by the next one from the ledger alone.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lyftnb.clock import Clock
from lyftnb.connectors import Discovery, SourceEnv
from lyftnb.engine import Engine, Work, group_unavailable, units
from lyftnb.errors import InternalError, LyftError, StageBlocked
from lyftnb.manager.feeds import BatchLimits, Feed, Piece, SourceFeed, SpoolFeed, place
from lyftnb.manager.programs import Programs
from lyftnb.manager.progress import Progress, Watcher
from lyftnb.manager.stage_run import InFlight, StageRun, refusal, summed
from lyftnb.model import (
    Claim,
    Commit,
    Committed,
    Plan,
    Publication,
    Refused,
    RunSummary,
    Stage,
    TableRef,
    digest,
)
from lyftnb.store import Ledger

_IDLE_CHECK_S = 5.0
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
        self.ledger = env.ledger
        self.watcher = watcher
        self.programs = Programs(plan, env.ledger, env.storage_root, env.base_path)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.stages = {stage.id: self._stage_run(stage) for stage in plan.stages}
        self.publishing = 0
        self.texts: list[str] = []
        self.started = time.monotonic()
        self.shown = 0.0
        self.run_id = ""

    # -- the loop

    def run(self) -> RunSummary:
        """Run to the end.

        Raises:
            StageBlocked: a stage used up its attempts; the others were driven to their ends first.
        """
        self.run_id = self.ledger.begin_run(self.plan.deployment, self.env.clock.now())
        status = "failed"
        try:
            self._publish(self.ledger.pending_publications(self.plan.deployment))
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
            self._settle(run)
        self._show()
        busy = any(run.batches and run.error is None for run in self.stages.values())
        return busy or self.publishing > 0 or any(not r.over for r in self.stages.values())

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
            batch = InFlight(claim, len(units(claim, run.stage.frame)), floor=claim.floor)
            run.batches.append(batch)
            run.next_attempt(batch)
            self._start(run, batch)

    def _start_due(self, run: StageRun) -> None:
        if not self._may_fire(run):
            return
        feed = run.feed
        if isinstance(feed, SourceFeed) and feed.wants_discovery and not run.over:
            self._discover(run, feed)
        while run.may_claim:
            piece = feed.next_piece()
            if piece is None:
                break
            claim = self._claim(run, piece)
            batch = InFlight(claim, len(units(claim, run.stage.frame)))
            run.batches.append(batch)
            run.fired = True
            self._start(run, batch)

    def _may_fire(self, run: StageRun) -> bool:
        """Frames other than `batch`, and stages with tables, wait for those before them."""
        return run.stage.frame == "batch" and not run.stage.tables or not self._waits_for(run)

    def _waits_for(self, run: StageRun) -> list[str]:
        return [up for up in run.stage.upstream if not self.stages[up].over]

    def _discover(self, run: StageRun, feed: SourceFeed) -> None:
        feed.asked = True
        env = SourceEnv(
            now=self.env.clock.now(),
            split_bytes=self.env.limits.split_bytes,
            **self._source_paths(),
        )

        def answered(found: Discovery | BaseException) -> None:
            self.events.put(lambda: self._discovered(run, feed, found))

        self.env.engine.discover(
            feed.spec, dict(feed.place.items), env, run.stage.root.group, answered
        )

    def _source_paths(self) -> dict[str, Any]:
        from pathlib import Path

        return {"base_path": Path(self.env.base_path)}

    def _discovered(
        self, run: StageRun, feed: SourceFeed, found: Discovery | BaseException
    ) -> None:
        if isinstance(found, BaseException):
            run.error = found
            return
        feed.discovered(found)
        if found.problems:
            run.note = "; ".join(found.problems)

    def _claim(self, run: StageRun, piece: Piece) -> Claim:
        stage, deployment = run.stage, self.plan.deployment
        batch = f"{deployment}/{stage.id}/{run.next_number}"
        run.next_number += 1
        floor = None
        if isinstance(run.feed, SourceFeed):
            floor = self.ledger.floor(run.feed.place.key)
        spools = {t.spool(deployment): None for t in stage.tables}
        claim = Claim(
            batch=batch,
            attempt=1,
            run=self.run_id,
            deployment=deployment,
            stage=stage.id,
            splits=piece.splits,
            advances=piece.advances,
            tables=tuple(TableRef(spool, self.ledger.segments(spool)) for spool in spools),
            snapshot=self.ledger.snapshot(),
            now=self.env.clock.now(),
            seed=int(digest("seed", batch), 16) % 2**31,
            floor=floor,
            replaces=self._replaced(stage, piece),
        )
        return claim

    def _replaced(
        self, stage: Stage, piece: Piece
    ) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
        replaced = [c for c in stage.spools if self.plan.channel(c).replaced]
        return tuple((channel, piece.partitions) for channel in replaced)

    def _start(self, run: StageRun, batch: InFlight) -> None:
        claim = batch.claim
        attempt = claim.attempt
        self.ledger.claim(claim, durable=run.stage.external)
        batch.started_at = self.env.clock.now()
        work = Work(
            claim.batch,
            attempt,
            self.programs.programs(run.stage, claim, batch.schemas),
            units(claim, run.stage.frame),
            max_deaths=run.stage.retry.attempts,
        )

        def unit_ended() -> None:
            batch.units_done += 1

        def ended(outcome: Any) -> None:
            self.events.put(lambda: self._ended(run, claim.batch, attempt, outcome))

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
            self._drop(run.batches.pop())
        run.batches.remove(batch)
        self._drop(batch)
        run.error = error

    def _drop(self, batch: InFlight) -> None:
        self.env.engine.cancel(batch.claim.batch)

    def _retry_due(self, run: StageRun) -> None:
        now = time.monotonic()
        for batch in run.batches:
            if batch.retry_at is not None and batch.retry_at <= now:
                self._again(run, batch)

    def _again(self, run: StageRun, batch: InFlight) -> None:
        run.next_attempt(batch)
        self._start(run, batch)

    def _commit_ready(self) -> None:
        """Everything that is ready, over all stages, in one transaction."""
        ready = [
            (run, batch, run.commit_of(batch, self.programs.spool_specs(run.stage)))
            for run in self.stages.values()
            if run.error is None
            for batch in run.ready_prefix()
        ]
        if not ready:
            return
        answers = self.ledger.commit([commit for _, _, commit in ready])
        for (run, batch, commit), answer in zip(ready, answers, strict=True):
            if isinstance(answer, Committed):
                run.committed_batch(commit)
                self._publish(commit.publications)
            elif batch.reports is not None:
                self._refused(run, batch, commit, answer)

    def _refused(
        self, run: StageRun, batch: InFlight, commit: Commit, answer: Refused
    ) -> None:
        if answer.requirement == "schema":
            run.learn_schemas(batch, commit)
            self._again(run, batch)
        elif batch is run.batches[0]:
            self._block(run, batch, refusal(batch.claim.batch, answer.requirement, answer.expected, answer.found))

    def _publish(self, publications: Iterable[Publication]) -> None:
        by_step: dict[str, list[Publication]] = {}
        for publication in publications:
            by_step.setdefault(publication.step, []).append(publication)
        for items in by_step.values():
            self.publishing += 1
            self._publish_step(items)

    def _publish_step(self, items: Sequence[Publication]) -> None:
        def answered(outcome: Any) -> None:
            self.events.put(lambda: self._published(items, outcome))

        self.env.engine.publish([(p.kind, p) for p in items], items[0].group, answered)

    def _published(self, items: Sequence[Publication], outcome: Any) -> None:
        self.publishing -= 1
        if isinstance(outcome, BaseException):
            run = next((r for r in self.stages.values() if any(j.step == items[0].step for j in r.stage.jobs)), None)
            if run is None:
                raise outcome
            run.error = run.error or outcome
            return
        self.texts += outcome
        self.ledger.published([p.id for p in items], self.env.clock.now())

    def _settle(self, run: StageRun) -> None:
        """See whether a stage has come to its end."""
        if run.over or run.batches or self._waits_for(run):
            return
        feed = run.feed
        if isinstance(feed, SourceFeed) and (feed.more or feed.asked or feed.splits):
            return
        if run.stage.frame == "batch" and isinstance(feed, SpoolFeed):
            self._start_due(run)
        run.exhausted = not run.batches

    def _check_groups(self) -> None:
        """Nothing came for a while: a group may have lost its last worker."""
        waiting = [r for r in self.stages.values() if r.batches]
        groups = {g for r in waiting for g in r.stage.groups}
        missing = self.env.engine.missing_groups(sorted(groups))
        for run in waiting:
            for group in missing:
                if group in run.stage.groups:
                    run.note = str(group_unavailable(group, self.env.engine.slots).message)

    def _cancel_all(self) -> None:
        for run in self.stages.values():
            for batch in run.batches:
                self._drop(batch)

    # -- what people see

    def _blocked(self) -> list[StageRun]:
        return [run for run in self.stages.values() if run.error is not None]

    def _blocked_error(self) -> LyftError:
        blocked = self._blocked()
        first = blocked[0].error
        if len(blocked) == 1 and isinstance(first, LyftError):
            return first
        causes = "\n".join(f"stage '{r.stage.id}': {r.error}" for r in blocked)
        if isinstance(first, LyftError):
            return StageBlocked(f"{len(blocked)} stages are blocked\n{causes}")
        return InternalError(f"{type(first).__name__}: {first}", where=f"stage '{blocked[0].stage.id}'")

    def _show(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self.watcher is None or (now - self.shown < _PROGRESS_S and not force):
            return
        self.shown = now
        elapsed = now - self.started
        texts, self.texts = tuple(self.texts), []
        stages = tuple(r.progress(elapsed, self._waits_for(r)) for r in self.stages.values())
        self.watcher(Progress(self.plan.deployment, elapsed, stages, texts))

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


