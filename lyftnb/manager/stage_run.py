"""One stage within a run: its feed, its batches in flight, and what to do when one fails.

Pure bookkeeping: it decides, `BoundedRun` talks to the engine and the ledger.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from lyftnb.engine import units
from lyftnb.errors import BadData, CommitRefused, LyftError, SetupError, StorageFull
from lyftnb.manager.feeds import Feed, SourceFeed, SpoolFeed
from lyftnb.manager.progress import StageProgress, StageState
from lyftnb.manager.queue_feed import QueueFeed
from lyftnb.manager.retries import Retries
from lyftnb.model import (
    Claim,
    Commit,
    EmitPart,
    MessageDraft,
    Refused,
    Run,
    Schema,
    SpoolSpec,
    Stage,
    StepCount,
    TaskReport,
    united,
)


@dataclass(slots=True)
class InFlight:
    """A batch from its claim to its commit."""

    claim: Claim
    units: int
    retries: Retries
    units_done: int = 0
    reports: tuple[TaskReport, ...] | None = None
    started_at: datetime | None = None
    floor: Schema | None = None
    schemas: dict[str, Schema] = field(default_factory=dict)
    """Output schemas to hold to, learnt from a refused commit."""
    renew_at: float = 0.0
    """When its leases are due for renewal, by the monotonic clock."""
    messages: tuple[MessageDraft, ...] = ()
    emits: tuple[EmitPart, ...] = ()
    refusals: int = 0
    """Commits of it that were refused; at each, another attempt has learnt something."""
    skipped: str | None = None
    """Why it is given up and passed by."""

    @property
    def ready(self) -> bool:
        """All its tasks have reported, or nobody waits for them any more."""
        return self.reports is not None or self.skipped is not None


@dataclass(slots=True)
class StageRun:
    """The state of one stage in a run."""

    stage: Stage
    feed: Feed
    next_number: int
    depth: int
    """How many batches may be in flight once the stage may pipeline."""
    slots: Callable[[], int]
    """How many units the stage may work on at the same time."""
    run: Run | None = None
    """What it works on; None: it waits for its next fire."""
    begun: bool = True
    """Whether the run has a row yet; one that data brought about gets it with its first commit."""
    dormant: bool = False
    """It may still be woken in a bounded run; those behind it wait for that."""
    kept: list[EmitPart] = field(default_factory=list)
    """What the run's batches so far add to the messages at its end."""
    batches: deque[InFlight] = field(default_factory=deque)
    fired: bool = False
    passes_next: bool = False
    """Somebody has said that the batch which blocks it is to be passed by if it fails once more."""
    let_go: bool = False
    """The batch that lets go of what actions hold back at the end of a run was begun."""
    error: BaseException | None = None
    gave_up: bool = False
    """A batch was dropped: the feed stands behind input that nobody has read."""
    note: str = ""
    """What it is doing about a failure, or what it waits for."""
    lacks: str = ""
    """Which of its groups has no workers at the moment."""
    problems: list[str] = field(default_factory=list)
    """What people should still know when the run is over."""
    input_problems: tuple[str, ...] = ()
    """What the last look at its outside input found wrong there."""
    rejects: int = 0
    """Rows that were rejected in the last run with rows."""
    committed: int = 0
    skipped: int = 0
    counts: dict[str, StepCount] = field(default_factory=dict)
    rows_out: int = 0
    ended: bool = False
    """A run has come to its end here."""
    _counted: bool = False
    """`rejects` counts those of this run."""

    @property
    def closed(self) -> bool:
        """No batch will begin here, before another fire at least."""
        return self.stage.paused or self.run is None or self.error is not None

    @property
    def over(self) -> bool:
        """Nothing more will happen here."""
        return self.closed and not self.batches and not self.dormant

    def open(self, run: Run, *, begun: bool = True, kept: Iterable[EmitPart] = ()) -> None:
        """Work on a run.

        Args:
            run: the fire.
            begun: whether it has a row.
            kept: what batches of runs that were cut off have left for its end.
        """
        self.run, self.begun, self.kept = run, begun, list(kept)
        self.fired = self.dormant = self.let_go = self._counted = False
        self.feed.reopen(run.snapshot)

    def close(self) -> None:
        """The run has come to its end."""
        self.run, self.kept = None, []
        self.ended = True

    @property
    def may_claim(self) -> bool:
        """Whether one more batch may be in flight."""
        if self.closed:
            return False
        if self.stage.frame != "batch":
            return not self.batches and not self.fired
        if self.stage.stateful:
            return not self.batches
        settled = not isinstance(self.feed, SourceFeed) or self.feed.settled
        return len(self.batches) < (self.depth if settled else 1) and not self._only_queues

    @property
    def _only_queues(self) -> bool:
        """Whether another batch would be small and find all slots taken by this stage: then what
        waits is left to grow meanwhile (as Nagle's algorithm does with small packets, RFC 896).
        """
        ahead = sum(batch.units - batch.units_done for batch in self.batches)
        if not ahead or ahead < self.slots() * len(self.stage.groups):
            return False
        return isinstance(self.feed, SpoolFeed) and not self.feed.drained and self.feed.is_small

    @property
    def drained(self) -> bool:
        """Whether no more batch can begin, as far as is known."""
        return self.feed.drained or (self.stage.frame != "batch" and self.fired)

    def admit(self, claim: Claim) -> InFlight:
        """A batch is in flight."""
        count = len(units(claim, self.stage.frame, stateful=self.stage.stateful))
        batch = InFlight(claim, count, Retries(self.stage.retry))
        self.next_number = max(self.next_number, claim.number + 1)
        self.fired = True
        self.batches.append(batch)
        return batch

    def find(self, batch: str) -> InFlight | None:
        """The batch in flight of that id."""
        return next((b for b in self.batches if b.claim.batch == batch), None)

    @property
    def unordered(self) -> bool:
        """Whether its batches may commit in any order: those of a queue share no position."""
        return isinstance(self.feed, QueueFeed)

    def ready_prefix(self) -> list[InFlight]:
        """Batches that may commit now: ready, with none before them that is not."""
        if self.unordered:
            return [batch for batch in self.batches if batch.ready]
        ready: list[InFlight] = []
        for batch in self.batches:
            if not batch.ready:
                break
            ready.append(batch)
        return ready

    def commit_of(self, batch: InFlight, spools: tuple[SpoolSpec, ...]) -> Commit:
        """Everything that a ready batch makes visible."""
        if batch.skipped is not None:
            return Commit(
                batch.claim,
                started_at=batch.started_at,
                skipped=batch.skipped,
                begins_run=None if self.begun else self.run,
            )
        reports = batch.reports or ()
        return Commit(
            claim=replace(batch.claim, locks=tuple(held for r in reports for held in r.locks)),
            segments=tuple(s for r in reports for s in r.segments),
            spools=with_schemas(spools, reports),
            replaces=tuple(piece for r in reports for piece in r.replaces),
            publications=tuple(p for r in reports for p in r.publications),
            state=tuple(s for r in reports for s in r.state),
            messages=batch.messages,
            emits=batch.emits,
            begins_run=None if self.begun else self.run,
            counts=summed(c for r in reports for c in r.counts),
            floor=floor_of(batch.claim.floor, reports),
            files=tuple(dict.fromkeys(f for r in reports for f in r.files)),
            bytes_read=sum(r.bytes_read for r in reports),
            started_at=batch.started_at,
        )

    def committed_batch(self, batch: InFlight, commit: Commit) -> None:
        """A batch is visible: count it and let it go."""
        self.batches.remove(batch)
        self.committed += 1
        self.begun = True
        self.kept += commit.emits
        self.note = ""
        self.passes_next = False
        if commit.skipped is not None:
            self.skipped += 1
            self.problems.append(f"batch {commit.claim.batch} was skipped: {commit.skipped}")
        rejected = sum(count.rejects for count in commit.counts)
        self.rejects = rejected + (self.rejects if self._counted else 0)
        self._counted = True
        for count in commit.counts:
            known = self.counts.get(count.step)
            self.counts[count.step] = known + count if known else count
        aside = {spec.spool for spec in commit.spools if spec.rejects or spec.state}
        self.rows_out += sum(s.rows for s in commit.segments if s.spool not in aside)
        if isinstance(self.feed, SourceFeed) and commit.floor is not None:
            self.feed.settled = True

    def failed(self, batch: InFlight, error: BaseException, now: float) -> bool:
        """A batch failed: plan its retry, or that it is passed by.

        Returns:
            False if the stage is blocked by it.
        """
        batch.reports = None
        own = _is_its_own(error)
        note = None if self.passes_next and own else batch.retries.failed(error, now)
        if note is not None:
            self.note = note
            return True
        if own and (self.passes_next or self.stage.on_fail == "skip"):
            batch.skipped = str(error)
            return True
        return False

    def give_up(self, batch: InFlight, error: BaseException) -> list[InFlight]:
        """The stage is blocked by a batch: drop it, and what was prepared behind it."""
        self.error, self.gave_up = self.error or error, True
        dropped: list[InFlight] = []
        while batch in self.batches:
            dropped.append(self.batches.pop())
        return dropped

    def learn_schemas(self, batch: InFlight, commit: Commit) -> None:
        """Two pieces of a refused batch disagreed about columns: the first one's word holds."""
        for segment in commit.segments:
            channel = segment.spool.split(".", 1)[1]
            known = batch.schemas.get(channel)
            batch.schemas[channel] = united(known, segment.schema)[0] if known else segment.schema
        batch.floor = commit.floor

    def next_attempt(self, batch: InFlight) -> Claim:
        """The same claim under a newer token."""
        batch.claim = replace(
            batch.claim.with_attempt(batch.claim.attempt + 1),
            floor=batch.floor or batch.claim.floor,
        )
        batch.reports = None
        batch.retries.begin()
        batch.units_done = 0
        return batch.claim

    def progress(self, seconds_so_far: float, waits: str) -> StageProgress:
        """The stage's numbers, as of now; `waits` says why no batch may begin."""
        first = self.counts.get(self.stage.root.step)
        rows_in = (first.rows_in or 0) if first else 0
        retrying = any(batch.retries.due_at is not None for batch in self.batches)
        note = self.note if retrying or not self.batches else ""
        if self.error is not None:
            note = str(self.error)
        elif self.stage.paused:
            note = "paused"
        elif self.lacks and not self.over:
            note = self.lacks
        elif waits and not self.batches:
            note = waits
        return StageProgress(
            stage=self.stage.id,
            state=self._state(),
            rows_in=rows_in,
            rows_out=self.rows_out,
            rejects=sum(c.rejects for c in self.counts.values()),
            batches=self.committed,
            skipped=self.skipped,
            rows_per_s=rows_in / seconds_so_far if seconds_so_far > 0 else 0.0,
            units_done=sum(b.units_done for b in self.batches),
            units=sum(b.units for b in self.batches),
            note=note,
            counts=tuple(self.counts.values()),
        )

    def _state(self) -> StageState:
        if self.error is not None:
            return "blocked"
        if self.stage.paused:
            return "paused"
        if self.ended and self.run is None:
            return "done"
        if any(b.retries.due_at is not None for b in self.batches):
            return "retrying"
        return "running" if self.batches or self.committed else "waiting"


def summed(counts: Iterable[StepCount]) -> tuple[StepCount, ...]:
    """Counts added up per step."""
    total: dict[str, StepCount] = {}
    for count in counts:
        total[count.step] = total[count.step] + count if count.step in total else count
    return tuple(total.values())


def with_schemas(
    spools: tuple[SpoolSpec, ...], reports: Iterable[TaskReport]
) -> tuple[SpoolSpec, ...]:
    """The spools, with the columns of those that may have got no row."""
    found = {spool: schema for report in reports for spool, schema in report.schemas}
    return tuple(replace(s, schema=found[s.spool]) if s.spool in found else s for s in spools)


def floor_of(floor: Schema | None, reports: Iterable[TaskReport]) -> Schema | None:
    """What an outside input is now known to hold: the floor and all that was seen."""
    for report in reports:
        if report.floor is not None:
            floor = united(floor, report.floor)[0] if floor else report.floor
    return floor


def _is_its_own(error: BaseException) -> bool:
    """Whether a failure lies with the batch, so that the next one may fare better."""
    if isinstance(error, BadData):
        return True
    return not isinstance(error, SetupError | CommitRefused | StorageFull)


_MOVED_ON = "another run of the same deployment has moved on; run again"
_HINTS = {
    "change": "correct what stands under that key, or the step that changes it, and run again",
    "lock": "whoever holds the lock now may have gone on; run again under a new token",
}


def refusal(answer: Refused) -> LyftError:
    """The error for a commit that was refused for good."""
    return CommitRefused(
        f"requirement '{answer.requirement}' did not hold: expected {answer.expected}, "
        f"found {answer.found}",
        where=f"batch {answer.batch}",
        hint=_HINTS.get(answer.requirement, _MOVED_ON),
        requirement=answer.requirement,
    )
