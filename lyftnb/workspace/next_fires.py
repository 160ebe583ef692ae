"""When the clock will fire the steps of a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from lyftnb.model import TriggerSpec, WorkflowSpec
from lyftnb.planning import due
from lyftnb.workspace.tabular import Table, View

COLUMNS = ("step", "fires at", "window", "trigger")


@dataclass(frozen=True, slots=True)
class NextFire:
    """One fire to come, in the zone of its trigger."""

    step: str
    trigger: str
    """In words."""
    at: datetime
    """The nominal time; `jitter` begins the run a little later."""
    window_start: datetime | None = None
    window_end: datetime | None = None
    """What the run is for, not including the end; as it is while no window is missed."""


def next_fires(spec: WorkflowSpec, now: datetime, n: int) -> NextFires:
    """The next `n` fires of each time trigger, soonest first.

    Raises:
        WorkflowError: a cron expression or a zone is wrong.
    """
    found = NextFires(
        _fire(step, trigger, at)
        for step, body in spec.steps.items()
        for trigger in body.triggers
        if trigger.timed
        for at in due.next_fires(trigger, now, n)
    )
    found.sort(key=lambda fire: (fire.at, fire.step))
    return found


def _fire(step: str, trigger: TriggerSpec, at: datetime) -> NextFire:
    zone = ZoneInfo(trigger.zone or "UTC")
    start, end = _window(trigger, at) or (None, None)
    times = (None if t is None else t.astimezone(zone) for t in (start, end))
    return NextFire(step, due.describe_trigger(trigger), at.astimezone(zone), *times)


def _window(trigger: TriggerSpec, at: datetime) -> tuple[datetime, datetime] | None:
    """The window of a fire, as `due` hands it out to a trigger that begins just before."""
    if trigger.window is None:
        return None
    before = at - timedelta(microseconds=1)
    (fire,), _ = due.due(trigger, due.start(trigger, before), at)
    assert fire.window_start is not None and fire.window_end is not None
    return fire.window_start, fire.window_end


def cells(fire: NextFire) -> tuple[str, str, str, str]:
    """A fire under `COLUMNS`."""
    window = ""
    if fire.window_start is not None and fire.window_end is not None:
        window = f"{fire.window_start:%F %H:%M} to {fire.window_end:%F %H:%M}"
    return fire.step, f"{fire.at:%a %F %H:%M:%S %Z}", window, fire.trigger


FIRES: Final[View[NextFire]] = View("no clock fires this workflow", COLUMNS, cells)


class NextFires(Table[NextFire]):
    """Fires to come, soonest first; shown as a table."""

    view = FIRES
