"""What fires the stages of a flow: messages, clocks, data, people. Each fire becomes one run.

A fire by message, clock or hand is a run row, written in the transaction that moves its trigger, so
that a restart neither doubles nor loses it. What a trigger holds back (because a run waits already)
is not stored: its state simply stays behind. Runs of a stage come one after the other.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from lyftnb import connectors
from lyftnb.manager.feeds import SourceFeed
from lyftnb.manager.flow import Flow
from lyftnb.manager.queue_feed import QueueFeed
from lyftnb.manager.stage_run import StageRun
from lyftnb.model import Cause, Message, MessageFilter, Run, Stage, TriggerSpec, seconds
from lyftnb.operators import Env, matches
from lyftnb.planning import due as schedule


@dataclass(slots=True)
class _Trigger:
    """One trigger of a stage, with where it stands."""

    key: str
    stage: str
    spec: TriggerSpec
    seen: int = 0
    """Of a message trigger: the id of the last message that it is done with."""
    schedule: schedule.ScheduleState | None = None
    """Of a time trigger."""

    def ended(self, run: Run) -> _Trigger:
        """The trigger after the end of a run that it fired."""
        if self.schedule is None or run.fired_at is None:
            return self
        fire = schedule.Fire(run.fired_at, run.window_start, run.window_end)
        return replace(self, schedule=schedule.ended(self.schedule, fire))

    def to_state(self) -> dict[str, Any]:
        """What a restart must know; with the trigger itself, so that a change of it is noticed."""
        state: dict[str, Any] = {"trigger": self.spec.model_dump(mode="json", exclude_unset=True)}
        if self.spec.message is not None:
            state["after"] = self.seen
        if self.schedule is not None:
            times = asdict(self.schedule)
            state |= {name: at.isoformat() for name, at in times.items() if at is not None}
        return state


@dataclass(slots=True)
class Due:
    """What is to fire and to begin now. Nothing of it has happened before the ledger says so."""

    at: datetime
    runs: list[Run] = field(default_factory=list)
    """Fires, without numbers."""
    states: dict[str, Any] = field(default_factory=dict)
    """Trigger → where it stands then."""
    begun: list[Run] = field(default_factory=list)
    """Runs that have waited for their turn, as they are once they have begun."""
    moved: list[tuple[_Trigger, _Trigger]] = field(default_factory=list)
    """Triggers as they are, and as they will be."""

    @property
    def empty(self) -> bool:
        """Whether the ledger has nothing to note."""
        return not (self.runs or self.states or self.begun)


@dataclass(slots=True)
class Firing:
    """The triggers of a flow, and the runs that wait for their turn.

    In a bounded run only messages fire; everything else has been fired by hand.
    """

    flow: Flow
    live: bool
    waiting: dict[str, deque[Run]] = field(default_factory=dict)
    """Stage → its runs that have fired and not begun, oldest first."""
    _triggers: list[_Trigger] = field(init=False)
    _ending: dict[str, Run] = field(default_factory=dict)
    """Stage → the run with a window whose end is on its way to the ledger."""
    _heard: dict[str, int] = field(default_factory=dict)
    """Stage that reads the bus → the newest message when it was looked at."""
    _looked_at: dict[str, datetime] = field(default_factory=dict)
    """Stage → when its input was last looked at (`watch`)."""
    _seen_until: datetime | None = None
    """What was due by then has been seen."""

    def __post_init__(self) -> None:
        deployment = self.flow.plan.deployment
        self._triggers = [
            _Trigger(f"{deployment}/{stage.id}/{index}", stage.id, spec)
            for stage in self.flow.plan.stages
            for index, spec in enumerate(stage.triggers)
            if spec.message is not None or (spec.timed and self.live)
        ]
        self.flow.moved_by = self._moved_by

    def awaited(self, stage: Stage) -> bool:
        """Whether a stage waits for messages, and for nothing else."""
        return bool(stage.triggers) and all(t.message is not None for t in stage.triggers)

    def begin(self) -> None:
        """Find out where triggers stand, and take up fires that were cut off.

        A trigger that is new begins with the next message, or the next time.
        """
        ledger, now = self.flow.env.ledger, self.flow.env.clock.now()
        fresh: dict[str, Any] = {}
        for trigger in self._triggers:
            state = ledger.trigger_state(trigger.key)
            _restore(trigger, state, ledger.newest_message(), now)
            if state is None or state != trigger.to_state():
                fresh[trigger.key] = trigger.to_state()
        if fresh:
            ledger.fire([], fresh)
        for run in ledger.open_runs(self.flow.plan.deployment):
            if run.stage in self.flow.stages and (self.live or run.cause == "message"):
                self._queue(run)
        if self.live:
            self._apply()

    def fire(self) -> bool:
        """Fire what is due, and open runs whose turn has come; whether one was opened."""
        due = self.due()
        made = [] if due.empty else self.flow.env.ledger.fire(due.runs, due.states, due.begun)
        return self.take(due, made)

    def due(self) -> Due:
        """What is to be noted in the ledger before it is taken."""
        due = Due(self.flow.env.clock.now())
        self._take_ends()
        self._look_at_messages(due)
        if self.live:
            self._look_at_clocks(due)
        due.runs = self._noted(due.runs, due.at)
        heads = [(run, self.waiting.get(id)) for id, run in self.flow.stages.items()]
        due.begun = [
            replace(waiting[0], status="running", started_at=due.at)
            for run, waiting in heads
            if waiting and waiting[0].status == "queued" and self._opens(run)
            if self._not_before(waiting[0]) <= due.at
        ]
        return due

    def take(self, due: Due, made: Sequence[Run]) -> bool:
        """Go on from what the ledger has noted, `made` for the fires; whether a run was opened."""
        for trigger, moved in due.moved:
            trigger.seen, trigger.schedule = moved.seen, moved.schedule
        for begun in due.begun:
            self.waiting[begun.stage or ""][0] = begun
        self._queue(*made)
        self._seen_until = due.at
        opened = False
        for id, run in self.flow.stages.items():
            if self._opens(run):
                opened = self._open_next(id, run, due.at) or opened
        return opened

    def by_hand(self, stage: str, payload: Mapping[str, Any] | None = None) -> Run:
        """Fire a stage now, whatever its triggers; `payload` is its `${msg}`."""
        messages = () if payload is None else (payload,)
        run = self._run(stage, "manual", self.flow.env.clock.now(), messages=messages)
        (made,) = self._fire([run], {})
        return made

    def next_look(self, now: datetime) -> datetime | None:
        """When time alone will bring the next fire; that may have come since the last look."""
        if not self.live:
            return None
        seen_until = self._seen_until or now
        times = [
            schedule.next_due(t.spec, t.schedule, now)
            for t in self._triggers
            if t.schedule is not None
        ]
        times += [self._not_before(run) for runs in self.waiting.values() for run in runs]
        times += [
            self._looked_at.get(id, now) + pause
            for id, run in self.flow.stages.items()
            if run.run is None and (pause := _watch(run.stage)) is not None
        ]
        times += [
            run.feed.next_at
            for run in self.flow.stages.values()
            if run.run is None and isinstance(run.feed, QueueFeed) and not run.stage.triggers
        ]
        return min((at for at in times if at is not None and at > seen_until), default=None)

    # -- what opens

    def _open_next(self, id: str, run: StageRun, now: datetime) -> bool:
        waiting = self.waiting.get(id)
        if waiting and waiting[0].status == "running" and self._not_before(waiting[0]) <= now:
            self.flow.open(id, waiting.popleft())
            return True
        if waiting or not self.live or not self._has_data(run, now):
            return False
        number = self.flow.env.ledger.number_run(self.flow.plan.deployment)
        cause: Cause = "watch" if isinstance(run.feed, SourceFeed) else "data"
        fire = Run(
            number,
            self.flow.plan.deployment,
            id,
            cause,
            status="running",
            fired_at=now,
            started_at=now,
        )
        self.flow.open(id, fire, begun=False)
        return True

    def _has_data(self, run: StageRun, now: datetime) -> bool:
        """Whether data alone fires a stage: rows on its spools, or a look at what it watches."""
        if isinstance(run.feed, SourceFeed):
            if connectors.SOURCES[run.feed.spec.kind].news == "messages":
                return self._has_news(run)
            pause = _watch(run.stage)
            if pause is None or now < self._looked_at.get(run.stage.id, now - pause) + pause:
                return False
            self._looked_at[run.stage.id] = now
            return True
        return not run.stage.triggers and not run.feed.drained

    def _has_news(self, run: StageRun) -> bool:
        """Whether there are messages that a stage which reads the bus has not looked at."""
        newest = self.flow.env.ledger.newest_message()
        if run.stage.triggers or self._heard.get(run.stage.id) == newest:
            return False
        self._heard[run.stage.id] = newest
        return True

    def _apply(self) -> None:
        """Inputs that end, and have no trigger, are read once for each apply."""
        ledger, plan = self.flow.env.ledger, self.flow.plan
        stamp = {"digest": plan.digest, "version": plan.version, "context": plan.context}
        stamp = json.loads(json.dumps(stamp, default=str))
        for id, run in self.flow.stages.items():
            key = f"{plan.deployment}/{id}/apply"
            if run.stage.triggers or not isinstance(run.feed, SourceFeed):
                continue
            if connectors.SOURCES[run.feed.spec.kind].news is not None:
                continue
            if ledger.trigger_state(key) != stamp:
                fire = self._run(id, "apply", self.flow.env.clock.now(), key=key)
                self._fire([fire], {key: stamp})

    # -- what fires

    def _look_at_clocks(self, due: Due) -> None:
        for trigger in self._triggers:
            if trigger.schedule is None:
                continue
            queued = len(self.waiting.get(trigger.stage, ()))
            queued += sum(run.stage == trigger.stage for run in due.runs)
            running = int(self.flow.stages[trigger.stage].run is not None)
            found, state = schedule.due(trigger.spec, trigger.schedule, due.at, running, queued)
            if state != trigger.schedule:
                self._move(trigger, replace(trigger, schedule=state), due)
            cause: Cause = "cron" if trigger.spec.cron is not None else "interval"
            due.runs += [
                self._run(
                    trigger.stage,
                    cause,
                    fire.at,
                    key=trigger.key,
                    window=(fire.window_start, fire.window_end),
                )
                for fire in found
            ]

    def _look_at_messages(self, due: Due) -> None:
        listening = [t for t in self._triggers if t.spec.message is not None]
        ledger = self.flow.env.ledger
        newest = ledger.newest_message()
        behind = min((t.seen for t in listening), default=newest)
        if newest <= behind:
            return
        found = ledger.messages(after=behind, until=newest)
        for trigger in listening:
            made, moved = self._fires(trigger, found)
            if made:
                self._move(trigger, moved, due)
                due.runs += made
            else:
                # Where it stands need not be written for messages that concern nobody here.
                trigger.seen = moved.seen

    def _move(self, trigger: _Trigger, moved: _Trigger, due: Due) -> None:
        due.moved.append((trigger, moved))
        due.states[trigger.key] = moved.to_state()

    def _fires(self, trigger: _Trigger, found: list[Message]) -> tuple[list[Run], _Trigger]:
        """The fires of a trigger, and where it stands then: past the messages, unless it holds
        them back.
        """
        assert trigger.spec.message is not None
        fresh = [m for m in found if m.id > trigger.seen]
        hits = [m for m in fresh if _matches(trigger.spec.message, m)]
        waits = bool(self.waiting.get(trigger.stage))
        if not fresh or (hits and waits and trigger.spec.overlapping == "coalesce"):
            return [], trigger
        groups = [[hit] for hit in hits]
        if trigger.spec.overlapping == "coalesce" and hits:
            groups = [hits]
        if trigger.spec.overlapping == "skip" and hits:
            busy = waits or self.flow.stages[trigger.stage].run is not None
            groups = [] if busy else [hits[:1]]
        made = [self._by_message(trigger, group) for group in groups]
        return made, replace(trigger, seen=fresh[-1].id)

    def _by_message(self, trigger: _Trigger, group: list[Message]) -> Run:
        last = group[-1]
        return self._run(
            trigger.stage,
            "message",
            last.at,
            key=trigger.key,
            messages=tuple(message.payload for message in group),
            correlation=last.correlation,
            depth=max(message.depth for message in group) + 1,
        )

    # -- runs

    def _run(
        self,
        stage: str,
        cause: Cause,
        at: datetime,
        *,
        key: str | None = None,
        window: tuple[datetime | None, datetime | None] = (None, None),
        messages: tuple[Any, ...] = (),
        correlation: str | None = None,
        depth: int = 0,
    ) -> Run:
        """A fire that takes what is there now."""
        return Run(
            "",
            self.flow.plan.deployment,
            stage,
            cause,
            trigger=key,
            fired_at=at,
            window_start=window[0],
            window_end=window[1],
            snapshot=self.flow.env.ledger.snapshot(),
            messages=messages,
            correlation=correlation,
            depth=depth,
        )

    def _fire(self, fires: Sequence[Run], states: Mapping[str, Any]) -> list[Run]:
        """Note fires with where their triggers stand."""
        noted = self._noted(fires, self.flow.env.clock.now())
        made = self.flow.env.ledger.fire(noted, states)
        self._queue(*made)
        return made

    def _noted(self, fires: Sequence[Run], now: datetime) -> list[Run]:
        """Fires as they are noted: one that can begin at once as begun, so that it takes one
        transaction and not two.
        """
        noted: list[Run] = []
        taken: set[str] = set()
        for fire in fires:
            stage = fire.stage or ""
            if stage not in taken and self._is_idle(stage) and self._not_before(fire) <= now:
                fire = replace(fire, status="running", started_at=now)
            taken.add(stage)
            noted.append(fire)
        return noted

    def _is_idle(self, stage: str) -> bool:
        """Whether a fire of a stage would begin at the next look."""
        return self._opens(self.flow.stages[stage]) and not self.waiting.get(stage)

    def _opens(self, run: StageRun) -> bool:
        return run.run is None and run.error is None and not run.stage.paused

    def _queue(self, *runs: Run) -> None:
        for run in runs:
            self.waiting.setdefault(run.stage or "", deque()).append(run)

    def _not_before(self, run: Run) -> datetime:
        """When a run may begin: its fire, and the jitter of its trigger."""
        assert run.fired_at is not None
        trigger = next((t for t in self._triggers if t.key == run.trigger), None)
        if trigger is None or trigger.schedule is None:
            return run.fired_at
        return run.fired_at + schedule.jitter(
            trigger.spec, run.deployment, trigger.stage, run.fired_at
        )

    def _moved_by(self, run: Run) -> Mapping[str, Any]:
        """The watermark of a window moves with the end of its run, once that is committed."""
        trigger = next((t for t in self._triggers if t.key == run.trigger), None)
        if trigger is None or run.window_end is None:
            return {}
        self._ending[run.stage or ""] = run
        return {trigger.key: trigger.ended(run).to_state()}

    def _take_ends(self) -> None:
        """Follow the ends that have been committed since."""
        for stage, run in list(self._ending.items()):
            now = self.flow.stages[stage].run
            if now is not None and now.run == run.run:
                continue
            del self._ending[stage]
            trigger = next(t for t in self._triggers if t.key == run.trigger)
            trigger.schedule = trigger.ended(run).schedule


def _restore(trigger: _Trigger, state: Any, newest: int, now: datetime) -> None:
    """Let a trigger stand where it stood; one that was changed goes on from there."""
    if trigger.spec.message is not None:
        trigger.seen = state["after"] if state and "after" in state else newest
        return
    times = {
        name: datetime.fromisoformat(state[name])
        for name in ("handled", "handed_out", "watermark")
        if state and name in state
    }
    known = schedule.ScheduleState(**times) if "handled" in times else None
    same = state is not None and state["trigger"] == trigger.to_state()["trigger"]
    trigger.schedule = known if same and known else schedule.start(trigger.spec, now, known)


def _watch(stage: Stage) -> timedelta | None:
    """How often a stage looks for new data."""
    every = [seconds(t.watch) for t in stage.triggers if t.watch is not None]
    return timedelta(seconds=min(every)) if every else None


def _matches(wanted: MessageFilter, message: Message) -> bool:
    pairs: Iterable[tuple[str | None, str | None]] = (
        (wanted.tag, message.tag),
        (wanted.type, message.type),
        (wanted.source, message.source),
        (wanted.job, message.job),
    )
    if any(expected is not None and expected != found for expected, found in pairs):
        return False
    return wanted.when is None or matches(wanted.when, message.payload, Env())
