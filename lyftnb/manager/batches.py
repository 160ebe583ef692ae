"""The life of batches in a run: claimed, sent to the engine, tried again, committed in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lyftnb.clock import Clock
from lyftnb.engine import Engine, Work, units
from lyftnb.errors import LyftError, SetupError, StorageError, StorageFull, WorkflowError
from lyftnb.manager.action_states import holds_back
from lyftnb.manager.claims import misfit, replaced_channels, table_spools
from lyftnb.manager.emitter import Emitter
from lyftnb.manager.feeds import Piece, SourceFeed
from lyftnb.manager.programs import Programs, messages_of, window_of
from lyftnb.manager.queue_feed import QueueFeed, without
from lyftnb.manager.retries import is_lost
from lyftnb.manager.stage_run import InFlight, StageRun, refusal
from lyftnb.manager.variables import Variables
from lyftnb.model import (
    Answer,
    Claim,
    Commit,
    Committed,
    EmitPart,
    Ending,
    MessageDraft,
    Plan,
    Refused,
    Run,
    TableRef,
    TaskReport,
    digest,
    seconds,
)
from lyftnb.store import Ledger

Ended = tuple[Ending, tuple[MessageDraft, ...]]
"""What is to be noted at the end of a run, and the messages that go out with it."""


class Ready(NamedTuple):
    """A batch that may commit."""

    run: StageRun
    batch: InFlight
    commit: Commit


_REPEATABLE = ("schema", "files", "lock")
"""Refusals that another attempt at the same claim can meet: it stages anew, under what is known."""


@dataclass(slots=True)
class Batches:
    """Carries out what the stages' bookkeeping decides."""

    plan: Plan
    ledger: Ledger
    engine: Engine
    clock: Clock
    programs: Programs
    variables: Variables
    stages: Mapping[str, StageRun]
    emitters: Mapping[str, Emitter]
    ending: Callable[[StageRun, tuple[EmitPart, ...]], Ended | None]
    """How a stage's run ends with batches that leave such parts, if it ends with them."""
    defer: Callable[[Callable[[], None]], None]
    """Runs a function on the loop's thread."""

    def take_up(self) -> None:
        """Go on with batches with outside effects that were claimed and never ended: the same
        claims again. What the workflow, edited since, cannot carry out is given up.
        """
        for claim in self.ledger.open_claims(self.plan.deployment):
            run = self.stages.get(claim.stage)
            if run is None:
                self.ledger.abandon(claim.batch)
            elif not run.stage.paused:
                self._take_up(run, claim)

    def _take_up(self, run: StageRun, claim: Claim) -> None:
        if claim.leases:
            # Its items were given back at this start, and come again in a batch of their own.
            self.ledger.abandon(claim.batch)
            return
        why = misfit(claim, self.plan, run.stage, run.feed.places)
        if why is not None:
            self.ledger.abandon(claim.batch)
            run.problems.append(
                f"batch {claim.batch}, begun before the workflow was changed, is given up ({why}); "
                "its input is read again"
            )
            return
        run.feed.replay(claim.advances)
        batch = run.admit(claim)
        batch.floor = claim.floor
        # That was an earlier fire; this one takes what came after it.
        run.fired = False
        self.start_next_attempt(run, batch)

    def begin(self, run: StageRun, piece: Piece) -> None:
        """Claim a piece of input as the stage's next batch, and send it."""
        self._start(run, run.admit(self._claim(run, piece)))

    def begin_ending(self, run: StageRun) -> bool:
        """At the end of a stage's input: claim one more batch, which reads nothing, if actions
        still hold back what they are to let go of. Whether they do.
        """
        if run.let_go or not holds_back(self.plan, run.stage, self.ledger):
            return False
        run.let_go = True
        claim = self._claim(run, Piece((), ()))
        self._start(run, run.admit(replace(claim, ending=True)))
        return True

    def _claim(self, run: StageRun, piece: Piece) -> Claim:
        """What every attempt at the batch runs; its tables fixed at the present snapshot."""
        plan, stage, feed, ledger = self.plan, run.stage, run.feed, self.ledger
        fire = run.run
        assert fire is not None
        batch = f"{plan.deployment}/{stage.id}/{run.next_number}"
        tables = tuple(TableRef(s, ledger.segments(s)) for s in table_spools(plan, stage))
        replaced = tuple((name, piece.partitions) for name in replaced_channels(plan, stage))
        return Claim(
            batch=batch,
            attempt=1,
            run=fire.run,
            deployment=plan.deployment,
            stage=stage.id,
            splits=piece.splits,
            advances=piece.advances,
            tables=tables,
            snapshot=ledger.snapshot(),
            now=self.clock.now(),
            seed=int(digest("seed", batch), 16) % 2**31,
            floor=ledger.floor(feed.place.key) or feed.schema
            if isinstance(feed, SourceFeed)
            else None,
            replaces=replaced,
            fired_at=fire.fired_at,
            window=window_of(fire),
            variables=messages_of(fire) | self.variables.values(),
            frame=stage.frame,
            unit_bytes=piece.unit_bytes,
            leases=piece.leases,
            depth=max(fire.depth, _depth(piece)),
        )

    def start_next_attempt(self, run: StageRun, batch: InFlight) -> None:
        """Send the same claim again under a newer token."""
        run.next_attempt(batch)
        self._start(run, batch)

    def retry_due(self, run: StageRun, now: float) -> None:
        """Send again what has waited long enough."""
        for batch in run.batches:
            if batch.retries.is_due(now):
                self.start_next_attempt(run, batch)

    def due_times(self) -> Iterator[float]:
        """When failed batches are due again, by the monotonic clock."""
        for run in self.stages.values():
            for batch in run.batches:
                if batch.retries.due_at is not None:
                    yield batch.retries.due_at
                if batch.claim.leases:
                    yield batch.renew_at

    def cancel_all(self) -> None:
        """Give up what is in flight; the ledger knows where to go on."""
        for run in self.stages.values():
            for batch in run.batches:
                self.engine.cancel(batch.claim.batch)

    def _start(self, run: StageRun, batch: InFlight) -> None:
        """Send one attempt at a batch to the engine; older attempts can no longer commit.

        Where the ledger cannot note it, it waits: nobody but its stage knows of the batch.
        """
        claim = batch.claim
        try:
            self.ledger.claim(claim, durable=run.stage.external)
        except StorageError as error:
            run.note = batch.retries.wait_for(error, time.monotonic())
            return
        batch.started_at = self.clock.now()
        if isinstance(run.feed, QueueFeed):
            batch.renew_at = time.monotonic() + run.feed.lease_s / 3
        work = Work(
            claim.batch,
            claim.attempt,
            self.programs.programs(run.stage, claim, batch.schemas),
            units(claim, run.stage.frame, stateful=run.stage.stateful),
            max_deaths=run.stage.retry.attempts,
        )

        def unit_ended() -> None:
            batch.units_done += 1

        def ended(outcome: Any) -> None:
            self.defer(lambda: self._ended(run, claim, outcome))

        self.engine.start(work, unit_ended, ended)

    def _ended(self, run: StageRun, claim: Claim, outcome: Any) -> None:
        batch = run.find(claim.batch)
        if batch is None or batch.claim.attempt != claim.attempt:
            return
        if not isinstance(outcome, BaseException):
            outcome = self._reported(run, batch, outcome)
        if not isinstance(outcome, BaseException):
            return
        # Else the next attempt would wait for what this one has taken, until it runs out.
        self.ledger.locks_release_of(claim.batch)
        waits = isinstance(outcome, StorageFull) or is_lost(outcome)
        if claim.leases and not waits:
            self._give_back(run, batch, outcome)
        elif not run.failed(batch, outcome, time.monotonic()):
            self._block(run, batch, outcome)

    def _reported(
        self, run: StageRun, batch: InFlight, reports: tuple[TaskReport, ...]
    ) -> LyftError | None:
        """All tasks have reported: make the batch's messages. Gives what stands in the way."""
        claim = batch.claim
        fire = run.run or Run(claim.run, claim.deployment, claim.stage, fired_at=claim.fired_at)
        try:
            messages, emits = self.emitters[run.stage.id].of_batch(fire, claim, reports)
        except LyftError as error:
            return error.with_where(f"batch {claim.batch}, its messages")
        batch.reports, batch.messages, batch.emits = reports, messages, emits
        if isinstance(run.feed, SourceFeed):
            run.feed.pace.learn(len(claim.splits), sum(report.seconds for report in reports))
        return None

    def _give_back(self, run: StageRun, batch: InFlight, error: BaseException) -> None:
        """A batch of work items failed: they go back to their queue, in halves until the one that
        is to blame stands alone. Nothing is blocked by it, unless it is the workflow that is wrong:
        that must not make dead letters of a whole queue.
        """
        claim = batch.claim
        self.ledger.abandon(claim.batch)
        if isinstance(error, WorkflowError | SetupError):
            self.ledger.nack(claim.leases, failed=False)
            run.batches.remove(batch)
            run.error = run.error or error
            return
        delay_s = seconds(run.stage.retry.delay) if len(claim.leases) == 1 else 0.0
        self.ledger.nack(claim.leases, delay_s, reason=str(error), together=True)
        run.batches.remove(batch)
        run.note = f"{len(claim.leases)} items went back to their queue: {error}"

    def renew_leases(self, run: StageRun, now: float) -> None:
        """Renew the leases of batches in flight, in time."""
        if not isinstance(run.feed, QueueFeed):
            return
        for batch in run.batches:
            if batch.renew_at <= now:
                self.ledger.renew(batch.claim.leases, run.feed.lease_s)
                batch.renew_at = now + run.feed.lease_s / 3

    def _block(self, run: StageRun, batch: InFlight, error: BaseException) -> None:
        for dropped in run.give_up(batch, error):
            self.engine.cancel(dropped.claim.batch)

    # -- commits

    def ready(self) -> list[Ready]:
        """All that may commit now, over all stages."""
        return [
            Ready(run, batch, commit)
            for run in self.stages.values()
            for batch, commit in zip(run.ready_prefix(), self._commits(run), strict=True)
        ]

    def settle(self, ready: Iterable[Ready], answers: Iterable[Answer]) -> Iterator[Commit]:
        """Go on from the ledger's answers; the commits that went through, each at once: should the
        ledger fail for one that comes later, they are noted.
        """
        for (run, batch, commit), answer in zip(ready, answers, strict=True):
            if isinstance(answer, Committed):
                run.committed_batch(batch, commit)
                if commit.ends_run is not None:
                    run.close()
                yield commit
                for held in commit.claim.locks:
                    # A lock that cannot be released now runs out.
                    with suppress(StorageError):
                        self.ledger.lock_release(held.name, held.token)
            elif batch in run.batches if run.unordered else batch is run.batches[0]:
                self._refused(run, batch, commit, answer)

    def _without_lost(self, run: StageRun, batch: InFlight, answer: Refused) -> None:
        """Somebody else has taken items over: run again without them."""
        claim = without(batch.claim, answer.lost)
        if not claim.leases:
            self.ledger.abandon(claim.batch)
            run.batches.remove(batch)
            return
        batch.claim = claim
        self.start_next_attempt(run, batch)

    def _commits(self, run: StageRun) -> list[Commit]:
        """The commits of a stage's ready batches; the last one ends the run where it can."""
        prefix = run.ready_prefix()
        specs = self.programs.spool_specs(run.stage) if prefix else ()
        commits = [run.commit_of(batch, specs) for batch in prefix]
        if commits and len(prefix) == len(run.batches):
            emits = tuple(part for commit in commits for part in commit.emits)
            found = self.ending(run, emits)
            if found is not None:
                ends_run, drafts = found
                messages = (*commits[-1].messages, *drafts)
                commits[-1] = replace(commits[-1], ends_run=ends_run, messages=messages)
        return commits

    def _refused(self, run: StageRun, batch: InFlight, commit: Commit, answer: Refused) -> None:
        self.ledger.locks_release_of(batch.claim.batch)
        if answer.requirement == "schema":
            run.learn_schemas(batch, commit)
        if answer.requirement == "lease":
            self._without_lost(run, batch, answer)
            return
        if answer.requirement == "state":
            # Somebody else was first; the batch sees what they left. It is nobody's failure.
            self.start_next_attempt(run, batch)
            return
        batch.refusals += 1
        if answer.requirement in _REPEATABLE and batch.refusals < run.stage.retry.attempts:
            self.start_next_attempt(run, batch)
        else:
            self._block(run, batch, refusal(answer))


def _depth(piece: Piece) -> int:
    """How many messages led to what is read, where messages are read."""
    payloads = (split.payload for split in piece.splits)
    return max((p.get("depth", 0) for p in payloads if isinstance(p, dict)), default=0)
