"""Cron expressions: what is written in their fields, and which wall times match.

Five fields (minute, hour, day of the month, month, day of the week), or six with the seconds first.
Zones and their changes of time are none of this module's business: its times are naive.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise, product

from lyftnb.errors import near

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LAST = -1
"""The last one of the month, where the others are counted from 1."""
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# Whatever matches at all matches again within 40 years (29 February on one day of the week).
_HORIZON_YEARS = 41
LAST_YEAR = 9990
"""Nothing matches after this: sums of times stay far from the end of the calendar."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one field may hold."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    """Names of values, counted from `low`."""
    extra: str = ""

    @property
    def allowed(self) -> str:
        span = f"{self.low}-{self.high}"
        words = f" or {self.words[0]}-{self.words[-1]}" if self.words else ""
        return f"allowed: {span}{words}, `*`, lists `a,b`, ranges `a-b`, steps `*/n`{self.extra}"


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHDAY = _Kind("day of the month", 1, 31, extra=", `L` for the last")
_WEEKDAY = _Kind(
    "day of the week", 0, 7, _WEEKDAYS, ", `FRI#2` for the second, `FRIL` for the last of a month"
)
_KINDS = (
    _Kind("second", 0, 59),
    _Kind("minute", 0, 59),
    _Kind("hour", 0, 23),
    _MONTHDAY,
    _Kind("month", 1, 12, _MONTHS),
    _WEEKDAY,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a cron expression."""

    offset: int | None
    """The character in the text, from 0; None: it is wrong as a whole."""
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CronField:
    """What is written in one field."""

    values: tuple[int, ...]
    """In ascending order; days of the week from 0 (Sunday) to 6."""
    nth: frozenset[tuple[int, int]] = frozenset()
    """(day of the week, which one of the month); `L` as day of the month is (0, LAST)."""
    starred: bool = False
    """It begins with `*`."""
    whole: bool = False
    """It takes every value there is."""

    @property
    def wild(self) -> bool:
        """Whether it follows the clock's cadence, rather than to pick a time."""
        return self.starred or self.whole


@dataclass(frozen=True)
class Cron:
    """A cron expression; it matches naive wall times, whole seconds."""

    seconds: CronField
    minutes: CronField
    hours: CronField
    days: CronField
    months: CronField
    weekdays: CronField

    @property
    def fixed(self) -> bool:
        """Whether it names times of day: then a change of the clocks neither drops nor doubles one.

        Debian's cron draws the same line: neither the minute nor the hour is a wildcard.
        """
        return not (self.minutes.wild or self.hours.wild)

    @property
    def daily(self) -> bool:
        """Whether every day matches."""
        return self.days.whole and self.weekdays.whole and self.months.whole

    def times(self) -> Iterator[time]:
        """The times of a matching day, in order."""
        for hour, minute, second in product(
            self.hours.values, self.minutes.values, self.seconds.values
        ):
            yield time(hour, minute, second)

    @cached_property
    def cadence(self) -> timedelta | None:
        """The time between two matches on a clock that is never changed; None if it varies."""
        count = len(self.hours.values) * len(self.minutes.values) * len(self.seconds.values)
        if self.daily:
            return timedelta(seconds=86400 // count) if self._even(86400 / count) else None
        weekly = self.days.whole and self.months.whole and not self.weekdays.nth
        return 7 * _DAY if weekly and count == len(self.weekdays.values) == 1 else None

    def _even(self, step: float) -> bool:
        clock = product(self.hours.values, self.minutes.values, self.seconds.values)
        times = [hour * 3600 + minute * 60 + second for hour, minute, second in clock]
        return all(b - a == step for a, b in pairwise(times))

    def following(self, after: datetime) -> datetime | None:
        """The first matching wall time strictly after a wall time; None if there is none."""
        begin = after.replace(microsecond=0) + _SECOND
        day = self._day_from(begin.date())
        if day == begin.date():
            found = self._time_from(begin.time())
            if found is not None:
                return datetime.combine(day, found)
            day = self._day_from(day + _DAY)
        return None if day is None else datetime.combine(day, next(self.times()))

    def _time_from(self, begin: time) -> time | None:
        """The first time of day that is not before `begin`."""
        first = next(self.times())
        for hour in _from(self.hours.values, begin.hour):
            if hour > begin.hour:
                return first.replace(hour=hour)
            for minute in _from(self.minutes.values, begin.minute):
                if minute > begin.minute:
                    return time(hour, minute, first.second)
                for second in _from(self.seconds.values, begin.second):
                    return time(hour, minute, second)
        return None

    def _day_from(self, begin: date) -> date | None:
        """The first matching day that is not before `begin`."""
        day, last_year = begin, min(begin.year + _HORIZON_YEARS, LAST_YEAR)
        while day.year <= last_year:
            if day.month not in self.months.values:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            elif self._matches(day):
                return day
            else:
                day += _DAY
        return None

    def _matches(self, day: date) -> bool:
        """As cron has always had it: if both fields of days say something, either will do."""
        left = calendar.monthrange(day.year, day.month)[1] - day.day
        monthday = day.day in self.days.values or (left == 0 and bool(self.days.nth))
        number = day.isoweekday() % 7
        weekday = (
            number in self.weekdays.values
            or (number, (day.day + 6) // 7) in self.weekdays.nth
            or (left < 7 and (number, LAST) in self.weekdays.nth)
        )
        if self.days.starred or self.weekdays.starred:
            return monthday and weekday
        return monthday or weekday


def _from(values: tuple[int, ...], low: int) -> tuple[int, ...]:
    return values[bisect_left(values, low) :]


@lru_cache(maxsize=1024)
def parse_cron(text: str) -> tuple[Cron | None, tuple[Fault, ...]]:
    """The expression, or everything that is wrong with it.

    >>> parse_cron("0 25 * * MOM")[1][0].message
    "hour: '25' is above 23"
    """
    if text.strip().startswith("@"):
        return _alias(text)
    words = [(m.start(), m[0]) for m in re.finditer(r"\S+", text)]
    if len(words) not in (5, 6):
        form = "minute hour day-of-month month day-of-week, with seconds first if there are six"
        message = f"expected 5 or 6 fields, found {len(words)}"
        return None, (Fault(None, message, form),)
    kinds = _KINDS[6 - len(words) :]
    faults: list[Fault] = []
    fields = [_field(kind, *word, faults) for kind, word in zip(kinds, words, strict=True)]
    if faults:
        return None, tuple(faults)
    if len(fields) == 5:
        fields.insert(0, CronField((0,)))
    cron = Cron(*fields)
    if cron.following(datetime(2000, 1, 1)) is None:
        return None, (Fault(None, "no day ever matches", "look at day and month together"),)
    return cron, ()


def _alias(text: str) -> tuple[Cron | None, tuple[Fault, ...]]:
    written = text.strip()
    if written.lower() in ALIASES:
        return parse_cron(ALIASES[written.lower()])
    guess = near(written, ALIASES)
    hint = f"did you mean '{guess}'?" if guess else "there is: " + ", ".join(ALIASES)
    return None, (Fault(text.index("@"), f"unknown short form '{written}'", hint),)


class _Wrong(Exception):
    """Ends the reading of one item of a list."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _field(kind: _Kind, offset: int, text: str, faults: list[Fault]) -> CronField:
    values: set[int] = set()
    nth: set[tuple[int, int]] = set()
    place = offset
    for item in text.split(","):
        try:
            _item(kind, item.upper(), values, nth)
        except _Wrong as wrong:
            faults.append(Fault(place, f"{kind.name}: {wrong.message}", wrong.hint or kind.allowed))
        place += len(item) + 1
    if kind is _WEEKDAY:
        values = {value % 7 for value in values}
    count = 7 if kind is _WEEKDAY else kind.high - kind.low + 1
    return CronField(
        tuple(sorted(values)), frozenset(nth), text[0] in "*?", whole=len(values) == count
    )


def _item(kind: _Kind, item: str, values: set[int], nth: set[tuple[int, int]]) -> None:
    base, slash, step_text = item.partition("/")
    step = _step(kind, step_text) if slash else 1
    if base == "*" or (base == "?" and kind in (_MONTHDAY, _WEEKDAY)):
        values.update(range(kind.low, kind.high + 1, step))
    elif kind is _MONTHDAY and base == "L" and not slash:
        nth.add((0, LAST))
    elif kind is _WEEKDAY and base not in _WEEKDAYS and base.endswith("L") and not slash:
        nth.add((_value(kind, base[:-1]) % 7, LAST))
    elif kind is _WEEKDAY and "#" in base and not slash:
        day, _, which = base.partition("#")
        if which not in ("1", "2", "3", "4", "5"):
            raise _Wrong(f"'{item}': which one of the month is 1 to 5")
        nth.add((_value(kind, day) % 7, int(which)))
    elif "-" in base:
        values.update(_range(kind, base, step))
    else:
        low = _value(kind, base)
        values.update(range(low, kind.high + 1, step) if slash else (low,))


def _range(kind: _Kind, text: str, step: int) -> range:
    first, _, last = text.partition("-")
    low, high = _value(kind, first), _value(kind, last)
    if kind is _WEEKDAY and high == 0 < low:
        high = 7  # Sunday ends a week as well as it begins one
    if high < low:
        two = f"{first}-{kind.words[-1] if kind.words else kind.high}"
        begin = kind.words[0] if kind.words else kind.low
        raise _Wrong(f"the range '{text}' runs backwards", f"write two: `{two},{begin}-{last}`")
    return range(low, high + 1, step)


def _step(kind: _Kind, text: str) -> int:
    if not _is_number(text) or not 1 <= int(text) <= kind.high:
        raise _Wrong(f"the step '{text}' is not a number from 1 to {kind.high}")
    return int(text)


def _value(kind: _Kind, text: str) -> int:
    if text in kind.words:
        return kind.low + kind.words.index(text)
    if not _is_number(text):
        if text == "":
            raise _Wrong("a value is missing")
        guess = near(text, kind.words)
        hint = f"did you mean '{guess}'? {kind.allowed}" if guess else ""
        raise _Wrong(f"'{text}' is not a value", hint)
    value = int(text)
    if value > kind.high:
        raise _Wrong(f"'{text}' is above {kind.high}")
    if value < kind.low:
        raise _Wrong(f"'{text}' is below {kind.low}")
    return value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4
