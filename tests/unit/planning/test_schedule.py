"""What is due: never twice, never lost, never a flood, whatever clocks and processes do."""

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lyftnb.model import TriggerSpec
from lyftnb.planning.due import (
    BACKLOG,
    Fire,
    ScheduleState,
    cadence,
    due,
    ended,
    jitter,
    next_due,
    next_fires,
    reopened,
    start,
)

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the night after it is an hour short in Berlin
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=UTC)


def hourly(**rest: Any) -> TriggerSpec:
    return TriggerSpec(interval="1h", **rest)


def ats(fires: tuple[Fire, ...]) -> list[datetime]:
    return [fire.at for fire in fires]


def windows(fires: tuple[Fire, ...]) -> list[tuple[str, str]]:
    def text(at: datetime | None) -> str:
        return "" if at is None else at.strftime("%d %H:%M")

    return [(text(fire.window_start), text(fire.window_end)) for fire in fires]


TRIGGERS: list[dict[str, Any]] = [
    {"interval": "1h"},
    {"interval": "7m"},
    {"cron": "30 2 * * *", "zone": "Europe/Berlin"},
    {"cron": "*/20 * * * *", "zone": "Australia/Lord_Howe"},
    {"cron": "0 0 * * MON-FRI", "zone": "America/New_York"},
]
WINDOWS: list[dict[str, Any] | None] = [None, {}, {"offset": "10m"}]


class Manager(RuleBasedStateMachine):
    """A manager in small: its ledger is a state and the runs, changed in one transaction."""

    trigger: TriggerSpec
    state: ScheduleState

    def __init__(self) -> None:
        super().__init__()
        self.now = self.latest = NOON
        self.fires: list[Fire] = []
        self.begun = 0
        self.done = 0

    @initialize(
        base=st.sampled_from(TRIGGERS),
        window=st.sampled_from(WINDOWS),
        overlap=st.sampled_from([None, "queue", "coalesce", "skip"]),
    )
    def apply(
        self, base: dict[str, Any], window: dict[str, Any] | None, overlap: str | None
    ) -> None:
        self.trigger = TriggerSpec.model_validate(base | {"window": window, "overlap": overlap})
        self.first = self.state = start(self.trigger, self.now)

    @property
    def running(self) -> int:
        return self.begun - self.done

    @property
    def queued(self) -> int:
        return len(self.fires) - self.begun

    @rule(
        minutes=st.integers(0, 90) | st.integers(-3000, 3000) | st.just(60 * 24 * 400),
        killed=st.booleans(),
    )
    def look(self, minutes: int, killed: bool) -> None:
        self.now += timedelta(minutes=minutes)
        self.latest = max(self.latest, self.now)
        found, state = due(self.trigger, self.state, self.now, self.running, self.queued)
        assert (found, state) == due(self.trigger, self.state, self.now, self.running, self.queued)
        if killed:
            return
        busy = self.queued or (self.running and self.trigger.overlapping == "skip")
        if self.trigger.overlapping != "queue":
            assert len(found) == (0 if busy or state.handled == self.state.handled else 1)
        if not busy:
            self.check_none_left(found, state)
        self.fires += found
        self.state = state

    def check_none_left(self, found: tuple[Fire, ...], state: ScheduleState) -> None:
        """With room, everything due goes out, or as much of it as the ledger may hold."""
        [following] = next_fires(self.trigger, state.handled)
        assert following > self.now or len(found) == BACKLOG

    @precondition(lambda self: self.queued and not self.running)
    @rule()
    def begin(self) -> None:
        self.begun += 1

    @precondition(lambda self: self.running)
    @rule()
    def end(self) -> None:
        self.state = ended(self.state, self.fires[self.done])
        self.done += 1

    @rule()
    def restart(self) -> None:
        self.state = pickle.loads(pickle.dumps(self.state))

    @precondition(lambda self: self.trigger.window and not self.running)
    @rule()
    def cancel_what_waits(self) -> None:
        del self.fires[self.begun :]
        self.state = reopened(self.trigger, self.state)

    @invariant()
    def never_twice(self) -> None:
        assert all(a.at < b.at for a, b in pairwise(self.fires))
        assert all(NOON < fire.at <= self.latest for fire in self.fires)

    @invariant()
    def never_a_flood(self) -> None:
        assert self.queued <= (BACKLOG if self.trigger.overlapping == "queue" else 1)

    @invariant()
    def never_lost(self) -> None:
        if self.trigger.overlapping == "queue":
            wanted = next_fires(self.trigger, NOON, len(self.fires) + 1)
            assert tuple(ats(tuple(self.fires))) == wanted[:-1]
            assert wanted[-1] > self.state.handled

    @invariant()
    def windows_lie_end_to_end(self) -> None:
        if self.trigger.window is None or self.trigger.overlapping == "skip":
            return
        marks = [self.first.watermark, *(fire.window_end for fire in self.fires)]
        assert [fire.window_start for fire in self.fires] == marks[:-1]
        assert self.state.handed_out == marks[-1]
        assert self.state.watermark == marks[self.done]


def test_a_manager() -> None:
    run_state_machine_as_test(Manager, settings=settings(max_examples=150, stateful_step_count=40))


def test_nothing_is_due_before_the_first_fire() -> None:
    state = start(hourly(), NOON + HOUR / 2)
    assert next_due(hourly(), state, NOON) == NOON + HOUR
    assert due(hourly(), state, NOON + HOUR - timedelta(microseconds=1)) == ((), state)
    assert ats(due(hourly(), state, NOON + HOUR)[0]) == [NOON + HOUR]


def test_triggers_that_no_clock_fires_are_never_due() -> None:
    for trigger in (TriggerSpec(manual=True), TriggerSpec(watch="5s"), TriggerSpec(message={})):
        state = start(trigger, NOON)
        assert due(trigger, state, NOON + 99 * HOUR) == ((), state)
        assert next_due(trigger, state, NOON) is None
        assert next_fires(trigger, NOON, 5) == ()


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("queue", ["28 13:00", "28 14:00", "28 15:00"]),
        ("coalesce", ["28 15:00"]),
        ("skip", ["28 15:00"]),
        (None, ["28 15:00"]),
    ],
)
def test_missed_fires_without_a_window(overlap: Any, expected: list[str]) -> None:
    trigger = hourly(overlap=overlap)
    found, state = due(trigger, start(trigger, NOON), utc("28T15:20"))
    assert [at.strftime("%d %H:%M") for at in ats(found)] == expected
    assert state.handled == utc("28T15:00")
    assert next_due(trigger, state, utc("28T15:20")) == utc("28T16:00")


@pytest.mark.parametrize(
    ("overlap", "running", "queued", "expected"),
    [
        ("queue", 1, 7, ["28 13:00"]),
        ("coalesce", 1, 0, ["28 13:00"]),
        ("coalesce", 1, 1, []),
        ("skip", 1, 0, []),
        ("skip", 0, 1, []),
    ],
)
def test_fires_while_a_run_is_going_on(
    overlap: Any, running: int, queued: int, expected: list[str]
) -> None:
    trigger = hourly(overlap=overlap)
    found, state = due(trigger, start(trigger, NOON), utc("28T13:05"), running, queued)
    assert [at.strftime("%d %H:%M") for at in ats(found)] == expected
    assert state.handled == utc("28T13:00")


@pytest.mark.parametrize(
    ("catch_up", "now", "expected"),
    [
        ("all", "28T15:20", [("28 12:00", "28 13:00"), ("28 13:00", "28 14:00"),
                             ("28 14:00", "28 15:00")]),
        ("last", "28T15:20", [("28 14:00", "28 15:00")]),
        ("none", "28T15:20", []),
        ("none", "28T15:00", [("28 14:00", "28 15:00")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [None, "60m"])
def test_missed_windows(
    size: str | None, catch_up: str, now: str, expected: list[tuple[str, str]]
) -> None:
    trigger = hourly(window={"size": size, "catch_up": catch_up})
    found, state = due(trigger, start(trigger, NOON), utc(now))
    assert windows(found) == expected
    assert state.handled == utc("28T15:00")
    later, _ = due(trigger, state, utc("28T16:00"))
    assert windows(later) == [("28 15:00", "28 16:00")]


def test_a_short_stall_is_not_a_gap_in_the_windows() -> None:
    trigger = TriggerSpec(interval="10s", window={"catch_up": "last"})
    found, _ = due(trigger, start(trigger, NOON), NOON + timedelta(seconds=35))
    assert ats(found) == [NOON + timedelta(seconds=s) for s in (10, 20, 30)]


def test_windows_that_must_wait_become_one() -> None:
    trigger = hourly(window={"offset": "10m"}, overlap="coalesce")
    first, state = due(trigger, start(trigger, NOON), utc("28T13:00"))
    waits, state = due(trigger, state, utc("28T14:00"), running=1)
    held, state = due(trigger, state, utc("28T17:30"), running=1, queued=1)
    assert (windows(first), windows(waits)) == (
        [("28 11:50", "28 12:50")],
        [("28 12:50", "28 13:50")],
    )
    assert held == ()
    assert next_due(trigger, state, utc("28T17:30")) == utc("28T18:00")
    found, _ = due(trigger, state, utc("28T17:40"), running=1)
    assert windows(found) == [("28 13:50", "28 16:50")]


def test_windows_of_another_size_end_at_each_fire() -> None:
    trigger = hourly(window={"size": "1d", "offset": "10m"})
    found, _ = due(trigger, start(trigger, NOON), utc("28T14:00"))
    assert windows(found) == [("27 12:50", "28 12:50"), ("27 13:50", "28 13:50")]
    merged = hourly(window={"size": "1d"}, overlap="coalesce")
    found, _ = due(merged, start(merged, NOON), utc("28T14:00"))
    assert windows(found) == [("27 13:00", "28 14:00")]


@pytest.mark.parametrize("size", [None, "1d"])
def test_days_of_a_zone_have_as_many_hours_as_they_have(size: str | None) -> None:
    daily = TriggerSpec(cron="0 0 * * *", zone="Europe/Berlin", window={"size": size})
    found, _ = due(daily, start(daily, NOON), utc("30T12:00"))
    assert windows(found) == [("27 23:00", "28 23:00"), ("28 23:00", "29 22:00")]


def test_what_has_no_room_waits_and_is_not_lost() -> None:
    trigger = TriggerSpec(interval="1s", overlap="queue")
    state, now = start(trigger, NOON), NOON + timedelta(days=400)
    found, state = due(trigger, state, now)
    assert len(found) == BACKLOG
    assert due(trigger, state, now, queued=BACKLOG) == ((), state)
    more, _ = due(trigger, state, now, running=1, queued=BACKLOG - 1)
    assert ats(more) == [found[-1].at + timedelta(seconds=1)]


def test_a_clock_set_back_fires_nothing_again() -> None:
    found, state = due(hourly(), start(hourly(), NOON), utc("28T15:00"))
    assert due(hourly(), state, utc("28T13:00")) == ((), state)
    assert next_due(hourly(), state, utc("28T13:00")) == utc("28T16:00")
    assert ats(found + due(hourly(), state, utc("28T16:00"))[0]) == [
        utc("28T15:00"),
        utc("28T16:00"),
    ]


def test_a_window_counts_when_its_run_has_ended() -> None:
    trigger = hourly(window={})
    fires, state = due(trigger, start(trigger, NOON), utc("28T15:00"))
    assert (state.handed_out, state.watermark) == (utc("28T15:00"), NOON)
    state = ended(state, fires[0])
    assert state.watermark == utc("28T13:00")
    again, after = due(trigger, reopened(trigger, state), utc("28T15:00"))
    assert again == fires[1:]
    for fire in again:
        after = ended(after, fire)
    assert reopened(trigger, after) == after


def test_a_changed_trigger_goes_on_where_the_windows_ended() -> None:
    daily = TriggerSpec(cron="0 0 * * *", window={})
    _, old = due(daily, start(daily, utc("27T12:00")), utc("28T00:00"))
    changed = hourly(window={"offset": "10m"})
    state = start(changed, utc("28T15:30"), replaced=old)
    found, state = due(changed, state, utc("28T17:00"))
    assert windows(found) == [("28 00:00", "28 15:50"), ("28 15:50", "28 16:50")]
    later = start(hourly(window={"offset": "2h"}), utc("28T17:30"), replaced=state)
    found, _ = due(hourly(window={"offset": "2h"}), later, utc("28T19:00"))
    assert windows(found) == [("28 16:50", "28 17:00")], "the fire at 18:00 had nothing to cover"
    newest = hourly(window={"offset": "20m", "catch_up": "last"})
    found, _ = due(newest, start(newest, utc("28T17:30"), replaced=later), utc("28T18:00"))
    assert windows(found) == [("28 16:50", "28 17:40")], "never from before the watermark"
    assert start(hourly(), NOON, replaced=state) == ScheduleState(state.handled)


@given(st.sampled_from(["10s", "1h", "250ms"]), st.integers(0, 10**6))
def test_jitter_is_drawn_once(longest: str, n: int) -> None:
    trigger = hourly(jitter=longest)
    at = NOON + n * HOUR
    late = jitter(trigger, "flights", "clean", at)
    bound = {"10s": 10, "1h": 3600, "250ms": 0.25}[longest]
    assert timedelta(0) <= late < timedelta(seconds=bound)
    assert late == jitter(trigger, "flights", "clean", at)
    assert jitter(hourly(), "flights", "clean", at) == timedelta(0)


def test_jitter_spreads() -> None:
    trigger = hourly(jitter="1h")
    steps = [f"step{i}" for i in range(200)]
    drawn = sorted(jitter(trigger, "flights", step, NOON) / HOUR for step in steps)
    assert all(abs(x - i / 200) < 0.15 for i, x in enumerate(drawn))
    assert len({jitter(trigger, "flights", "clean", NOON + i * HOUR) for i in range(50)}) == 50


def test_defaults() -> None:
    assert hourly().overlapping == "coalesce"
    assert hourly(window={}).overlapping == "queue"
    assert cadence(hourly()) == HOUR
