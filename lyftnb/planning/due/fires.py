"""The instants at which a trigger fires.

An interval is a grid over all time. A cron expression names wall times of a zone, and wall times
are sometimes missing (clocks go forward) and sometimes come twice (clocks go back):

* One that names times of day (`Cron.fixed`) fires once for each: at the first of two, and where the
  time is missing, at the first instant after the gap.
* Any other fires whenever the wall clock matches, so that it keeps its cadence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from lyftnb.errors import WorkflowError, near
from lyftnb.model import TriggerSpec, seconds
from lyftnb.planning.due.cron import LAST_YEAR, Cron, parse_cron

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(days=7)
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""Cron expressions match nothing before this."""
_TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
# No zone has ever changed its clocks twice within six days, nor is one going to.
_PROBE = timedelta(days=5)


def next_fires(trigger: TriggerSpec, after: datetime, n: int = 1) -> tuple[datetime, ...]:
    """The next `n` nominal fire times strictly after an instant, in UTC.

    Fewer where time ends, none for a trigger that no clock fires.

    Raises:
        WorkflowError: the cron expression or the zone is wrong.

    >>> at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    >>> daily = TriggerSpec(cron="30 2 * * *", zone="Europe/Berlin")
    >>> [t.isoformat() for t in next_fires(daily, at, 2)]  # 02:30 is missing on the 29th
    ['2026-03-29T01:00:00+00:00', '2026-03-30T00:30:00+00:00']
    """
    table = timetable(trigger)
    found: list[datetime] = []
    at = to_utc(after)
    while table is not None and len(found) < n:
        following = table.after(at)
        if following is None:
            break
        found.append(following)
        at = following
    return tuple(found)


def cadence(trigger: TriggerSpec) -> timedelta | None:
    """The time between two fires while no clock is changed; None if it varies or none fires."""
    table = timetable(trigger)
    return None if table is None else table.cadence


@dataclass(frozen=True, slots=True)
class Grid:
    """Every so often, counted from 1970-01-01 00:00 UTC; whole weeks from the Monday after it.

    A grid depends on nothing but its interval, so that it drifts over no restart and no revision,
    and hours, days and weeks begin where the partitions of a spool do.
    """

    cadence: timedelta

    def after(self, instant: datetime) -> datetime | None:
        """The first fire strictly after an instant."""
        origin = _EPOCH if self.cadence % _WEEK else _MONDAY
        try:
            return origin + ((instant - origin) // self.cadence + 1) * self.cadence
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class CronTable:
    """A cron expression in a zone."""

    cron: Cron
    zone: ZoneInfo

    @property
    def cadence(self) -> timedelta | None:
        """The time between two fires while no clock is changed."""
        return self.cron.cadence

    def after(self, instant: datetime) -> datetime | None:
        """The first fire strictly after an instant.

        It goes from one change of the clocks to the next: in between, wall time and UTC differ by
        a constant.
        """
        if instant.year >= LAST_YEAR:
            return None
        at = max(instant.replace(microsecond=0), _EARLIEST)
        wall = at.replace(tzinfo=None) + self._offset(at)
        while True:
            offset = self._offset(at)
            match = self.cron.following(wall)
            if match is None:
                return None
            found = match.replace(tzinfo=UTC) - offset
            change = self._change(at, found)
            if change is None:
                if not (self.cron.fixed and found.astimezone(self.zone).fold):
                    return found
                at, wall = found, match  # the second of two: it has fired already
                continue
            resumed = change.replace(tzinfo=None) + self._offset(change)
            if self.cron.fixed and match < resumed:
                return change  # the time that was due lies in the gap
            at, wall = change, resumed - _SECOND

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self.zone).utcoffset() or timedelta(0)

    def _change(self, low: datetime, high: datetime) -> datetime | None:
        """The first change of the clocks after `low`, up to and including `high`."""
        offset = self._offset(low)
        while low < high:
            probe = min(low + _PROBE, high)
            if self._offset(probe) != offset:
                return self._bisect(low, probe, offset)
            low = probe
        return None

    def _bisect(self, low: datetime, high: datetime, offset: timedelta) -> datetime:
        while high - low > _SECOND:
            middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
            if self._offset(middle) == offset:
                low = middle
            else:
                high = middle
        return high


Timetable = Grid | CronTable


def timetable(trigger: TriggerSpec) -> Timetable | None:
    """When a clock fires the trigger; None if it is not a clock that does.

    Raises:
        WorkflowError: the cron expression or the zone is wrong.
    """
    if trigger.interval is not None:
        return Grid(timedelta(seconds=seconds(trigger.interval)))
    if trigger.cron is not None:
        return _cron_table(trigger.cron, zone_of(trigger))
    return None


@lru_cache(maxsize=1024)
def _cron_table(text: str, zone: str) -> CronTable:
    cron, faults = parse_cron(text)
    if cron is None:
        raise WorkflowError(f"cron '{text}': {faults[0].message}", hint=faults[0].hint)
    problem = zone_problem(zone)
    if problem is not None:
        raise WorkflowError(problem[0], hint=problem[1])
    return CronTable(cron, ZoneInfo(zone))


def zone_of(trigger: TriggerSpec) -> str:
    """The name of the zone that its times are in."""
    return "UTC" if trigger.zone is None else trigger.zone


def zone_problem(zone: str) -> tuple[str, str] | None:
    """What is wrong with the name of a zone, and what to do about it; None if it is right."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not there, no name at all, a folder
        guess = near(zone, _zones())
        hint = f"did you mean '{guess}'?" if guess else "write an IANA name such as Europe/Berlin"
        return f"unknown time zone '{zone}'", hint
    return None


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # opens every file of the data: most of a second


def newest_fire(table: Timetable, after: datetime, until: datetime) -> datetime | None:
    """The last fire after one instant and not after another, however many lie between."""
    low = table.after(after)
    if low is None or low > until:
        return None
    high = until
    while low < high:
        middle = low + (high - low) // 2
        found = table.after(middle)
        if found is not None and found <= until:
            low = found
        else:
            high = middle
    return low


def fire_before(table: Timetable, instant: datetime) -> datetime | None:
    """The last fire strictly before an instant."""
    until, span = instant - _TICK, table.cadence or timedelta(hours=1)
    while True:
        begin = until - span if until - _EARLIEST > span else _EARLIEST
        found = newest_fire(table, begin, until)
        if found is not None or begin == _EARLIEST:
            return found
        span *= 2


def to_utc(instant: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        ValueError: it has no zone, so that it is no instant.
    """
    if instant.tzinfo is None:
        raise ValueError(f"expected an aware time, found {instant.isoformat()} without a zone")
    return instant.astimezone(UTC)
