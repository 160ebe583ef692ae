"""What is due: fires handed out once each, over restarts and clocks that jump.

The caller keeps a `ScheduleState` for each time trigger in the ledger. It asks `due`, and writes
the run rows of the fires and the new state in one transaction: killed before it, nothing has been
handed out; killed after it, the run rows are there to go on with. `due` looks only at nominal times
after `handled`, which never moves back, so no clock can make it hand out a fire twice; and it hands
out few at a time, so no clock can make it flood the ledger. What it holds back is not stored: it
lies between `handled` and now.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lyftnb.model import TriggerSpec, WindowSpec, seconds
from lyftnb.planning.due.fires import Timetable, fire_before, newest_fire, timetable, to_utc

BACKLOG = 100
"""At most so many runs of one trigger wait in the ledger; further fires wait for room."""
LATE = timedelta(minutes=1)
"""A window counts as missed if it could not be handed out within this time after its fire."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Fire:
    """One fire of a time trigger, to become exactly one run. All times are UTC."""

    at: datetime
    """The nominal time, whatever the jitter and however late; with the trigger its identity."""
    window_start: datetime | None = None
    window_end: datetime | None = None
    """The window is [start, end)."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """What a time trigger must remember. All times are UTC."""

    handled: datetime
    """Nominal fires up to here have been decided: handed out, coalesced or dropped."""
    handed_out: datetime | None = None
    """With a window: the end of the last one that was handed out."""
    watermark: datetime | None = None
    """With a window: the end of the last one whose run has ended."""


def start(
    trigger: TriggerSpec, now: datetime, replaced: ScheduleState | None = None
) -> ScheduleState:
    """The state of a trigger that is new or changed: fires up to `now` do not count.

    Its first window is a whole one, also where that began before `now`. `replaced` is the state of
    the trigger before a change, whose windows the new one goes on from.
    """
    now = to_utc(now)
    if replaced is not None:
        now = max(now, replaced.handled)
    if trigger.window is None:
        return ScheduleState(now)
    if replaced is not None and replaced.handed_out is not None:
        return replace(replaced, handled=now)
    table = timetable(trigger)
    before = None if table is None else fire_before(table, now + _TICK)
    mark = (before or now) - _offset(trigger.window)
    return ScheduleState(now, handed_out=mark, watermark=mark)


def due(
    trigger: TriggerSpec, state: ScheduleState, now: datetime, running: int = 0, queued: int = 0
) -> tuple[tuple[Fire, ...], ScheduleState]:
    """The fires to hand out at `now`, oldest first, and the state after that.

    Ask when `next_due` says, when a run of the trigger has ended, and at a start of the manager.

    Args:
        trigger: any trigger; one that no clock fires is never due here.
        state: what the last call returned, or `start`.
        now: the present instant; may lie before an earlier one.
        running: runs of this trigger that have begun and not ended.
        queued: runs of this trigger that have not begun.
    """
    table = timetable(trigger)
    newest = None if table is None else newest_fire(table, state.handled, to_utc(now))
    if table is None or newest is None:
        return (), state
    since = _since(trigger.window, state, newest, to_utc(now))
    skipped = replace(state, handled=newest)
    if since >= newest:
        return (), skipped
    match trigger.overlapping:
        case "queue" if queued >= BACKLOG:
            return (), state
        case "queue":
            groups = [[at] for at in _first(table, since, newest, BACKLOG - queued)]
        case "skip" if running or queued:
            return (), skipped
        case "skip":
            groups = [[newest]]
        case "coalesce" if queued:
            # The run that waits takes all there is when it begins, but only its own window.
            return (), (skipped if trigger.window is None else state)
        case "coalesce":
            groups = [[table.after(since) or newest, newest]]
    return _hand_out(trigger, table, state, groups)


def ended(state: ScheduleState, fire: Fire) -> ScheduleState:
    """The state after the run of a fire: for its last commit. Runs of a trigger end in order."""
    if state.watermark is None or fire.window_end is None:
        return state
    return replace(state, watermark=max(state.watermark, fire.window_end))


def reopened(trigger: TriggerSpec, state: ScheduleState) -> ScheduleState:
    """The state that hands out anew, under the same times, the windows whose runs have not ended.

    For runs that are gone from the ledger (cancelled, or forgotten with their deployment): those
    that are still in it must not come again.
    """
    if trigger.window is None or state.watermark is None or state.watermark == state.handed_out:
        return state
    fired = state.watermark + _offset(trigger.window)
    handled = min(state.handled, fired)
    return replace(state, handled=handled, handed_out=state.watermark)


def next_due(trigger: TriggerSpec, state: ScheduleState, now: datetime) -> datetime | None:
    """When time alone makes the trigger due again, once `due` has been asked at `now`.

    What `due` holds back is not waited for here: it can go when a run ends.
    """
    table = timetable(trigger)
    return None if table is None else table.after(max(state.handled, to_utc(now)))


def jitter(trigger: TriggerSpec, deployment: str, step: str, at: datetime) -> timedelta:
    """How long after its nominal time a run begins: from 0 up to, not including, `jitter`.

    A hash of deployment, step and nominal time, so that a restart does not draw again.
    """
    longest = timedelta(seconds=seconds(trigger.jitter or 0)) // _TICK
    text = f"{deployment}/{step}/{to_utc(at).isoformat()}"
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return (drawn * longest >> 64) * _TICK


def _since(
    window: WindowSpec | None, state: ScheduleState, newest: datetime, now: datetime
) -> datetime:
    """Fires after this one count; those before it were missed and are not caught up."""
    if window is None or window.catch_up == "all":
        return state.handled
    on_time = max(state.handled, now - LATE)
    if window.catch_up == "last":
        return min(on_time, newest - _TICK)
    return on_time


def _first(table: Timetable, after: datetime, until: datetime, n: int) -> list[datetime]:
    """The first `n` fires after one instant and not after another."""
    found: list[datetime] = []
    at = table.after(after)
    while at is not None and at <= until and len(found) < n:
        found.append(at)
        at = table.after(at)
    return found


def _hand_out(
    trigger: TriggerSpec, table: Timetable, state: ScheduleState, groups: list[list[datetime]]
) -> tuple[tuple[Fire, ...], ScheduleState]:
    """One fire for each group of nominal times, at the group's last."""
    window = trigger.window
    if window is None:
        return tuple(Fire(at) for *_, at in groups), replace(state, handled=groups[-1][-1])
    unbroken = window.catch_up == "all" and trigger.overlapping != "skip"
    fires: list[Fire] = []
    for group in groups:
        state = replace(state, handled=group[-1])
        begin = _window_start(window, table, state, group[0], unbroken)
        end = group[-1] - _offset(window)
        if begin < end:
            fires.append(Fire(group[-1], begin, end))
            state = replace(state, handed_out=end)
    return tuple(fires), state


def _window_start(
    window: WindowSpec, table: Timetable, state: ScheduleState, at: datetime, unbroken: bool
) -> datetime:
    """Where the window of a nominal time begins.

    Windows of the cadence's size lie end to end, also over changes of the clocks and of the
    trigger: each begins where the last one ended, unless windows may be dropped.
    """
    offset = _offset(window)
    size = None if window.size is None else timedelta(seconds=seconds(window.size))
    if size is not None and size != table.cadence:
        return at - offset - size
    last = state.handed_out
    if last is not None and unbroken:
        return last
    before = fire_before(table, at)
    begin = (before or at) - offset
    return begin if last is None else max(last, begin)


def _offset(window: WindowSpec) -> timedelta:
    return timedelta(seconds=seconds(window.offset))
