"""Triggers in words, for plans and listings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import time
from itertools import islice, pairwise

from lyftnb.model import MessageFilter, TriggerSpec, WindowSpec, seconds
from lyftnb.planning.due.cron import LAST, Cron, CronField, parse_cron
from lyftnb.planning.due.fires import zone_of

_UNITS = ((604800, "week", "weeks"), (86400, "day", "days"), (3600, "h", "h"), (60, "min", "min"),
          (1, "s", "s"))  # fmt: skip
_ONE = {"h": "hour", "min": "minute", "s": "second"}
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
_MANY_TIMES = 4
"""More times of day than this are told as a rule or not at all."""


def describe_trigger(trigger: TriggerSpec) -> str:
    """What wakes a step up, as a phrase that follows "fires".

    >>> describe_trigger(TriggerSpec(cron="0 6 * * *", zone="Europe/Berlin"))
    'every day at 06:00 Europe/Berlin'
    >>> describe_trigger(TriggerSpec(interval="5m", jitter="10s"))
    'every 5 min, up to 10 s late'
    """
    parts = [_kind(trigger)]
    if trigger.jitter is not None:
        parts.append(f"up to {describe_length(seconds(trigger.jitter))} late")
    if trigger.window is not None:
        parts.append(_window(trigger.window))
    if trigger.overlap is not None:
        parts.append(f"overlap: {trigger.overlap}")
    return ", ".join(parts)


def _kind(trigger: TriggerSpec) -> str:
    if trigger.interval is not None:
        return _every(seconds(trigger.interval))
    if trigger.cron is not None:
        return _cron(trigger.cron, zone_of(trigger))
    if trigger.watch is not None:
        return f"as data arrives, looking {_every(seconds(trigger.watch))}"
    if trigger.message is not None:
        return _message(trigger.message)
    return "by hand"


def _message(message: MessageFilter) -> str:
    given = {name: value for name, value in message if value is not None}
    tag = given.pop("tag", None)
    head = "on any message" if tag is None else f"on message '{tag}'"
    rest = " and ".join(f"{name} {value}" for name, value in given.items())
    return f"{head} with {rest}" if rest else head


def _window(window: WindowSpec) -> str:
    size = None if window.size is None else describe_length(seconds(window.size))
    covers = "one window after the other" if size is None else f"window of {size}"
    offset = seconds(window.offset)
    behind = f", {describe_length(offset)} behind" if offset else ""
    missed = {"all": "", "last": ", only the last one missed", "none": ", none that was missed"}
    return f"{covers}{behind}{missed[window.catch_up]}"


def _cron(text: str, zone: str) -> str:
    cron, _ = parse_cron(text)
    days = None if cron is None else _days(cron)
    if cron is None or days is None:
        return f"at cron '{text}' {zone}"
    cadence = cron.cadence
    if cadence is not None and cadence.total_seconds() <= 3600:
        every = _every(cadence.total_seconds())
        first = next(cron.times())
        return every if first == time() else f"{every} from {_clock(first)} {zone}"
    if len(times := list(islice(cron.times(), _MANY_TIMES + 1))) <= _MANY_TIMES:
        return f"{days or 'every day'} at {_listed(map(_clock, times))} {zone}"
    rhythm = _rhythm(cron)
    if rhythm is None:
        return f"at cron '{text}' {zone}"
    return f"{rhythm} {zone}" + (f", {days}" if days else "")


def _rhythm(cron: Cron) -> str | None:
    """Evenly spaced times within hours that lie in a row: "every 15 min from 08:00 to 18:45"."""
    minutes, hours = cron.minutes.values, cron.hours.values
    step = 60 // len(minutes)
    even = 60 % len(minutes) == 0 and _in_steps(minutes, step) and minutes[0] < step
    if len(cron.seconds.values) > 1 or not even or not _in_steps(hours, 1):
        return None
    second = cron.seconds.values[0]
    first, last = time(hours[0], minutes[0], second), time(hours[-1], minutes[-1], second)
    return f"{_every(step * 60)} from {_clock(first)} to {_clock(last)}"


def _days(cron: Cron) -> str | None:
    """Which days: "" for all of them, None if there is no short way to say it."""
    if cron.days.nth and cron.days.values:
        return None
    monthdays, weekdays = _monthdays(cron), _weekdays(cron.weekdays)
    if weekdays is None or (monthdays and weekdays):
        return None
    months = "" if cron.months.whole else _listed(_MONTHS[m - 1] for m in cron.months.values)
    if monthdays:
        return f"on {monthdays} of {months or 'every month'}"
    if not months:
        return weekdays
    return f"{weekdays or 'every day'} in {months}"


def _monthdays(cron: Cron) -> str:
    if cron.days.whole:
        return ""
    if cron.days.nth:
        return "the last day"
    days = cron.days.values
    return f"day {days[0]}" if len(days) == 1 else f"days {_listed(map(str, days))}"


def _weekdays(field: CronField) -> str | None:
    if field.whole:
        return ""
    if field.nth:
        if field.values or len(field.nth) > 1:
            return None
        [(day, which)] = field.nth
        return f"every {_NTH[which]} {_WEEKDAYS[day]} of the month"
    days = sorted(field.values, key=lambda day: day or 7)
    names = [_WEEKDAYS[day] for day in days]
    if len(days) > 2 and _in_steps([day or 7 for day in days], 1):
        return f"{names[0]} to {names[-1]}"
    return f"every {_listed(names)}"


def _in_steps(values: Sequence[int], step: int) -> bool:
    return all(b - a == step for a, b in pairwise(values))


def _every(length_s: float) -> str:
    length = describe_length(length_s)
    number, _, unit = length.partition(" ")
    return f"every {_ONE.get(unit, unit)}" if number == "1" else f"every {length}"


def describe_length(length_s: float) -> str:
    """A duration in the largest unit that divides it.

    >>> describe_length(5400), describe_length(0.25)
    ('90 min', '250 ms')
    """
    for size, one, many in _UNITS:
        if length_s >= size and length_s % size == 0:
            count = int(length_s // size)
            return f"{count} {one if count == 1 else many}"
    return f"{length_s * 1000:g} ms"


def _clock(at: time) -> str:
    return at.strftime("%H:%M:%S" if at.second else "%H:%M")


def _listed(names: Iterable[str]) -> str:
    """Names as people list them: `a`, `a and b`, `a, b and c`."""
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last
