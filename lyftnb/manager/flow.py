"""A plan at work: its stages, and all that moves them on. Driven by a loop, one turn at a time.

A turn looks at what is, not at what happened: commit what is ready, send what is due, begin what
may begin, end what has come to its end. Answers of the engine come in by the loop's queue
(`defer`), so that everything here happens on one thread. What was cut off is taken up from the
ledger alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from lyftnb.clock import Clock
from lyftnb.engine import Engine, group_unavailable
from lyftnb.errors import LyftError, SetupError, StorageFull
from lyftnb.manager.batches import Batches, Ended, Ready
from lyftnb.manager.discovering import Discoverer
from lyftnb.manager.emitter import Emitter
from lyftnb.manager.feeds import (
    AIM_FED_S,
    AIM_S,
    BatchLimits,
    Feed,
    Pace,
    SourceFeed,
    SpoolFeed,
    place,
)
from lyftnb.manager.gates import Gates
from lyftnb.manager.programs import Programs
from lyftnb.manager.publishing import Publisher
from lyftnb.manager.queue_feed import QueueFeed
from lyftnb.manager.retries import Retries
from lyftnb.manager.stage_run import StageRun
from lyftnb.manager.upkeep import Retention
from lyftnb.manager.variables import Variables
from lyftnb.model import Answer, EmitPart, Ending, Plan, Run, Stage, secrets_of_plan
from lyftnb.redaction import marked
from lyftnb.store import Ledger

_log = logging.getLogger(__name__)

QUEUE = "queue"
"""The input whose rows are leased."""


@dataclass(frozen=True, slots=True)
class RunEnv:
    """What runs work with."""

    ledger: Ledger
    engine: Engine
    clock: Clock
    limits: BatchLimits
    storage_root: str
    base_path: str
    retention: Retention = field(default_factory=Retention)
    problems: tuple[str, ...] = ()
    """What people should know of how it was set up."""


class Flow:
    """The stages of one plan."""

    def __init__(
        self,
        plan: Plan,
        env: RunEnv,
        defer: Callable[[Callable[[], None]], None],
        *,
        bounded: bool,
    ) -> None:
        self.plan = plan
        self.bounded = bounded
        """Its runs end for good: actions let go of what they hold back, if they say so."""
        self.env = env
        self.defer = defer
        self.variables = Variables(env.ledger)
        self.moved_by: Callable[[Run], Mapping[str, Any]] = _nothing
        """Which triggers move with the end of a run, and to which state."""
        self.stages = {stage.id: self._stage_run(stage) for stage in plan.stages}
        self.emitters = {stage.id: Emitter(plan.deployment, stage) for stage in plan.stages}
        self.gates = Gates(plan, env.ledger, self.stages)
        self.publisher = self._publisher()
        self.discoverers = {
            id: self._discoverer(run, run.feed)
            for id, run in self.stages.items()
            if isinstance(run.feed, SourceFeed)
        }
        self.batches = Batches(
            plan=plan,
            ledger=env.ledger,
            engine=env.engine,
            clock=env.clock,
            programs=Programs(plan, env.ledger, env.storage_root, env.base_path),
            variables=self.variables,
            stages=self.stages,
            emitters=self.emitters,
            ending=self._ending_with,
            defer=defer,
        )

    def begin(self) -> None:
        """Take up what an earlier owner has left: publications, batches with outside effects.

        From here on workers may have the secrets that the plan names, and what was left.
        """
        ledger, deployment = self.env.ledger, self.plan.deployment
        left = ledger.pending_publications(deployment)
        given_up = ledger.unswept_publications(self.env.clock.now())
        payloads = [p.payload for p in (*left, *self.publisher.reachable(given_up))]
        payloads += [s.payload for claim in ledger.open_claims(deployment) for s in claim.splits]
        ledger.lend_secrets(deployment, secrets_of_plan(self.plan) | marked(payloads))
        self.publisher.add(left)
        if given_up:
            self.sweep()
        self.batches.take_up()

    def sweep(self) -> None:
        """Have removed what is staged for outputs that were passed by, after its retention; of any
        deployment: one that was destroyed has nobody else.
        """
        before = self.env.clock.now() - timedelta(seconds=self.env.retention.skipped_s)
        self.publisher.sweep(self.env.ledger.unswept_publications(before))

    def open(self, stage: str, run: Run, *, begun: bool = True) -> None:
        """Let a stage work on a run."""
        steps = self.emitters[stage].steps
        kept = [part for step in steps for part in self.env.ledger.emit_parts(step)]
        self.stages[stage].open(run, begun=begun, kept=kept)

    def turn(self, now: float) -> None:
        """One look at everything."""
        ready = self.batches.ready()
        if ready:
            self.settle(ready, self.env.ledger.commit([entry.commit for entry in ready]))
        self.advance(now)

    def settle(self, ready: Sequence[Ready], answers: Sequence[Answer]) -> None:
        """Go on from the ledger's answers to what was ready (`batches.ready`)."""
        for commit in self.batches.settle(ready, answers):
            self.publisher.add(commit.publications)

    def advance(self, now: float) -> None:
        """Send what is due, begin what may begin, end what has come to its end.

        A stage that ends may let those behind it end or start, so that it goes round until none
        ends: nothing would wake the loop for them.
        """
        self.variables.follow()
        self.publisher.send_due(now)
        while self._advance_stages(now):
            pass

    def _advance_stages(self, now: float) -> bool:
        """One look at each stage; whether any came to its end, well or not."""
        ended: list[tuple[StageRun, Ended]] = []
        blocked = False
        for id, run in self.stages.items():
            self.batches.retry_due(run, now)
            self.batches.renew_leases(run, now)
            if not run.closed and not self.gates.reason(run):
                self._begin_due(id, run, now)
            if not (run.closed or run.batches or self.gates.waits_for(run)) and run.drained:
                if self.bounded and self.batches.begin_ending(run):
                    continue
                ending = self._ending(run, (), has_row=run.begun)
                if ending is not None:
                    ended.append((run, ending))
                blocked = blocked or ending is None
        self._end(ended)
        return blocked or bool(ended)

    @property
    def busy(self) -> bool:
        """Whether anything is left to wait for."""
        return self.publisher.busy or not self.stages_over

    @property
    def stages_over(self) -> bool:
        """Whether no stage has anything left to do, outputs still to be revealed aside."""
        return all(run.over for run in self.stages.values())

    def due_times(self) -> Iterator[float]:
        """When something is to be tried again, by the monotonic clock."""
        yield from self.batches.due_times()
        yield from self.publisher.due_times()
        for discoverer in self.discoverers.values():
            if discoverer.retries.due_at is not None:
                yield discoverer.retries.due_at

    def workers_found(self, slots: dict[str, int]) -> None:
        """Take note of which groups have workers."""
        for run in self.stages.values():
            missing = sorted(run.stage.groups - slots.keys())
            run.lacks = group_unavailable(missing[0], slots).message if missing else ""

    def full(self, run: StageRun) -> StorageFull | None:
        """The disk that a stage waits for; None: it waits for none."""
        found = [batch.retries.full for batch in run.batches if batch.reports is None]
        if run.stage.id in self.discoverers:
            found.append(self.discoverers[run.stage.id].retries.full)
        found += self.publisher.full([job.step for job in run.stage.jobs])
        return next((full for full in found if full is not None), None)

    def retry(self, stage: str, *, skip: bool = False) -> None:
        """Let a blocked stage try again, from where its positions stand; with `skip`, pass by the
        batch that fails again, or of whose output something cannot be revealed once more.

        Raises:
            SetupError: it is not blocked.
        """
        blocked = self.stages[stage]
        if blocked.error is None:
            raise SetupError(
                f"stage '{self.plan.deployment}/{stage}' is not blocked",
                hint=f"see what it does: lyftnb jobs ls {self.plan.deployment}",
            )
        steps = [job.step for job in blocked.stage.jobs]
        unrevealed = self.publisher.errors(steps)
        self.publisher.retry(steps, skip=skip)
        if blocked.error in unrevealed and not blocked.gave_up:
            # Its batches are none the worse for it.
            blocked.error, blocked.note = None, ""
            return
        self._begin_again(blocked, skip=skip and blocked.error not in unrevealed)

    def _begin_again(self, blocked: StageRun, *, skip: bool) -> None:
        stage = blocked.stage.id
        blocked.passes_next, blocked.gave_up = skip, False
        for claim in self.env.ledger.open_claims(self.plan.deployment):
            if claim.stage == stage:
                # Its input is claimed anew, and perhaps cut otherwise.
                self.env.ledger.abandon(claim.batch)
        fresh = self._stage_run(blocked.stage)
        blocked.feed, blocked.next_number, blocked.error = fresh.feed, fresh.next_number, None
        if stage in self.discoverers and isinstance(fresh.feed, SourceFeed):
            self.discoverers[stage] = self._discoverer(blocked, fresh.feed)
        if blocked.run is not None:
            blocked.feed.reopen(blocked.run.snapshot)
            blocked.fired = False

    def cancel(self) -> None:
        """Give up what is in flight; the ledger knows where to go on."""
        self.batches.cancel_all()
        self.env.ledger.lend_secrets(self.plan.deployment, ())

    # -- a run's end

    def _begin_due(self, id: str, run: StageRun, now: float) -> None:
        if id in self.discoverers:
            self.discoverers[id].ask_if_due(now)
        while run.may_claim and (piece := run.feed.next_piece()) is not None:
            self.batches.begin(run, piece)

    def _ending_with(self, run: StageRun, emits: tuple[EmitPart, ...]) -> Ended | None:
        """How a run ends with its last batches, if they are known to be the last."""
        if run.run is None or not run.drained or self.gates.waits_for(run):
            return None
        if self.bounded and any(state.spec.at_end for state in run.stage.states):
            return None
        return self._ending(run, emits, has_row=True)

    def _ending(self, run: StageRun, emits: tuple[EmitPart, ...], *, has_row: bool) -> Ended | None:
        """How a stage's run ends; None if a message cannot be made, which blocks the stage."""
        assert run.run is not None
        emitter = self.emitters[run.stage.id]
        kept = [*run.kept, *emits]
        try:
            messages = emitter.of_run(run.run, kept)
        except LyftError as error:
            run.error = error.with_where(f"stage '{run.stage.id}', messages at the end of its run")
            return None
        own_row = has_row and run.run.stage is not None
        done = replace(run.run, status="done") if own_row else None
        states = self.moved_by(run.run) if own_row else {}
        return Ending(done, emitter.steps if kept else (), states), messages

    def _end(self, ended: list[tuple[StageRun, Ended]]) -> None:
        """Note ends that no commit carries."""
        told = [(e, ms) for _, (e, ms) in ended if e.run is not None or e.emitted or ms]
        if told:
            drafts = [draft for _, messages in told for draft in messages]
            self.env.ledger.end_runs([ending for ending, _ in told], drafts)
        for run, (_, messages) in ended:
            if run.run is not None and not (run.begun or run.fired or messages):
                # A look that has found nothing.
                self.env.ledger.return_number(run.run)
            run.close()

    # -- parts

    def _stage_run(self, stage: Stage) -> StageRun:
        number = self.env.ledger.next_batch(self.plan.deployment, stage.id)
        slots = self._slots(stage)
        feed = self._feed(stage, slots)
        return StageRun(stage, feed, number, self.env.limits.in_flight, slots)

    def _slots(self, stage: Stage) -> Callable[[], int]:
        """How many units of a stage are worked on at the same time: as many as its narrowest group
        has slots, none while it has no workers.
        """
        engine = self.env.engine
        return lambda: min(engine.slots.get(group, 1) for group in stage.groups)

    def _feed(self, stage: Stage, slots: Callable[[], int]) -> Feed:
        ledger, limits = self.env.ledger, self.env.limits
        deployment, step = self.plan.deployment, stage.root.step
        if stage.source is not None and stage.source.kind == QUEUE:
            feed = QueueFeed(ledger, stage.source, deployment, f"{deployment}/{stage.id}")
            feed.begin()
            return feed
        if stage.source is not None:
            where = place(ledger, deployment, step, stage.source.kind)
            settled = ledger.floor(where.key) is not None
            read = {s.channel for other in self.plan.stages for s in other.streams}
            fed = not read.isdisjoint(stage.spools)
            pace = Pace(slots, AIM_FED_S if fed else AIM_S, fed=fed)
            return SourceFeed(stage.source, where, limits, pace, settled=settled)
        places = {s.name: place(ledger, deployment, step, s.name) for s in stage.streams}
        return SpoolFeed(ledger, stage, deployment, places, limits)

    def _publisher(self) -> Publisher:
        jobs = [(stage, job) for stage in self.plan.stages for job in stage.jobs]
        return Publisher(
            self.plan.deployment,
            self.env.ledger,
            self.env.engine,
            self.env.clock,
            retries={job.step: stage.retry for stage, job in jobs},
            groups={job.step: job.group for _stage, job in jobs},
            defer=self.defer,
            tell=self._publication_told,
            give_up=self._publication_failed,
            pass_by=self._publication_passed,
        )

    def _discoverer(self, run: StageRun, feed: SourceFeed) -> Discoverer:
        return Discoverer(
            run,
            feed,
            Retries(run.stage.retry),
            self.env.engine,
            self.env.ledger,
            self.env.clock,
            self.env.base_path,
            self.plan.deployment,
            self.defer,
        )

    def _run_of(self, step: str) -> StageRun | None:
        runs = self.stages.values()
        return next((r for r in runs if any(job.step == step for job in r.stage.jobs)), None)

    def _publication_told(self, step: str, note: str) -> None:
        run = self._run_of(step)
        if run is not None:
            run.note = note

    def _publication_passed(self, step: str, problem: str) -> None:
        run = self._run_of(step)
        _log.warning("%s: %s", self.plan.deployment, problem)
        if run is not None:
            run.problems.append(problem)

    def _publication_failed(self, step: str, error: BaseException) -> None:
        run = self._run_of(step)
        if run is not None:
            if self.bounded and isinstance(error, LyftError):
                error = error.with_advice("a run with `--fresh` starts over and gives it up")
            run.error = run.error or error
            return
        # The step is gone from the workflow; nothing that is there may suffer from it.
        first = next(iter(self.stages.values()))
        first.problems.append(f"output of the former step '{step}' could not be revealed: {error}")


def _nothing(run: Run) -> Mapping[str, Any]:
    return {}
