"""Fire times: cron fields, and what zones do to them, held against a walk through every minute."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lyftnb.errors import WorkflowError
from lyftnb.model import TriggerSpec, seconds
from lyftnb.planning.due import cadence, describe_trigger, next_fires, parse_cron

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
CHANGES = [  # of the clocks, in UTC
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Antarctica/Troll", "2026-03-29T01:00"),  # two hours
    ("Antarctica/Troll", "2026-10-25T01:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),  # no midnight
    ("America/Sao_Paulo", "2018-02-18T02:00"),  # 23:00 to 24:00 twice
    ("America/St_Johns", "2010-11-07T02:31"),  # back over midnight, at one minute past it
    ("Pacific/Apia", "2011-12-30T10:00"),  # no such day
    ("Pacific/Chatham", "2026-09-26T14:00"),  # at 02:45
    ("Asia/Kolkata", "2026-06-01T00:00"),  # nothing changes
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(text: str, zone: str | None = None) -> TriggerSpec:
    return TriggerSpec(cron=text, zone=zone)


def fires(text: str, zone: str, after: str, n: int) -> list[str]:
    """The next fires, in local time with its offset."""
    found = next_fires(cron(text, zone), utc(after), n)
    return [t.astimezone(ZoneInfo(zone)).isoformat(" ", "minutes") for t in found]


@dataclass(frozen=True)
class Instant:
    """One step of the walk."""

    at: datetime
    wall: datetime
    again: bool
    """This wall time was seen before."""
    missing: tuple[datetime, ...]
    """Wall times that were jumped over to get here."""


@lru_cache
def walk(zone: str, change: str, around: timedelta, step: timedelta) -> tuple[Instant, ...]:
    """Every step of an absolute clock around a change, with what the wall clock shows."""
    tz, steps = ZoneInfo(zone), []
    at, end = utc(change) - around, utc(change) + around
    seen: set[datetime] = set()
    last = (at - step).astimezone(tz).replace(tzinfo=None)
    while at < end:
        wall = at.astimezone(tz).replace(tzinfo=None)
        gap = (wall - last) // step - 1
        missing = tuple(last + (i + 1) * step for i in range(gap))
        steps.append(Instant(at, wall, wall in seen, missing))
        seen.add(wall)
        last, at = wall, at + step
    return tuple(steps)


@dataclass(frozen=True)
class Shape:
    """A cron expression of which we know what it means without reading it."""

    text: str
    fixed: bool
    matches: Callable[[datetime], bool]

    def __repr__(self) -> str:
        return self.text


def expected(shape: Shape, steps: tuple[Instant, ...]) -> list[datetime]:
    """What the documentation promises, said of one instant at a time."""
    return [
        step.at
        for step in steps
        if (shape.matches(step.wall) and not (shape.fixed and step.again))
        or (shape.fixed and any(map(shape.matches, step.missing)))
    ]


Numbers = tuple[str, frozenset[int], bool]
"""One field: its text, its values, and whether it is a wildcard."""


def listed(values: list[int]) -> Numbers:
    return ",".join(map(str, values)), frozenset(values), False


def numbers(low: int, high: int) -> st.SearchStrategy[Numbers]:
    def stepped(first: int, n: int) -> Numbers:
        return f"{first}-{high}/{n}", frozenset(range(first, high + 1, n)), (first, n) == (low, 1)

    value = st.integers(low, high)
    star = st.integers(1, high).map(lambda n: (f"*/{n}", frozenset(range(low, high + 1, n)), True))
    every = st.just(("*", frozenset(range(low, high + 1)), True))
    some = st.lists(value, min_size=1, max_size=3).map(listed)
    return every | star | st.builds(stepped, value, st.integers(1, high)) | some


# Most clocks change in the first hours of a day.
EARLY = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(listed)


@st.composite
def shapes(draw: st.DrawFn, with_seconds: bool = False) -> Shape:
    second = draw(numbers(0, 59)) if with_seconds else ("", frozenset({0}), False)
    minute, hour = draw(numbers(0, 59)), draw(numbers(0, 23) | EARLY)
    day, weekday = draw(st.none() | st.integers(1, 31)), draw(st.none() | st.integers(0, 6))

    def matches(wall: datetime) -> bool:
        on = [day == wall.day] if day is not None else []
        on += [weekday == wall.isoweekday() % 7] if weekday is not None else []
        time = wall.second in second[1] and wall.minute in minute[1] and wall.hour in hour[1]
        return time and (any(on) or not on)

    days = [f"{'*' if day is None else day}", "*", f"{'*' if weekday is None else weekday}"]
    text = " ".join([second[0], minute[0], hour[0], *days]).strip()
    return Shape(text, not (minute[2] or hour[2]), matches)


@given(shapes(), st.sampled_from(CHANGES))
def test_every_minute_around_a_change_of_the_clocks(shape: Shape, change: tuple[str, str]) -> None:
    steps = walk(*change, 2 * DAY, timedelta(minutes=1))
    wanted = [at for at in expected(shape, steps) if at > steps[0].at + DAY]
    found = next_fires(cron(shape.text, change[0]), steps[0].at + DAY, len(wanted) + 1)
    assert list(found[: len(wanted)]) == wanted
    assert all(at > steps[-1].at for at in found[len(wanted) :])


@settings(max_examples=60)
@given(shapes(with_seconds=True), st.sampled_from(CHANGES[:6]))
def test_every_second_around_a_change_of_the_clocks(shape: Shape, change: tuple[str, str]) -> None:
    steps = walk(*change, timedelta(hours=3), SECOND)
    near = steps[3 * 3600 - 1800 :]
    wanted = expected(shape, near)
    found = next_fires(cron(shape.text, change[0]), near[0].at - SECOND / 2, len(wanted) + 1)
    assert list(found[: len(wanted)]) == wanted
    assert all(at > near[-1].at for at in found[len(wanted) :])


@given(
    st.sampled_from(["0 6 * * *", "*/7 * * * *", "0 0 29 2 *", "0 12 L * *", "30 0 2 * * MON#2"])
    | shapes().map(lambda shape: shape.text),
    st.sampled_from([zone for zone, _ in CHANGES]),
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
)
def test_fires_increase_and_do_not_depend_on_where_one_begins(
    text: str, zone: str, after: datetime
) -> None:
    found = next_fires(cron(text, zone), after, 5)
    assert len(found) == 5
    assert all(a < b for a, b in pairwise((after, *found)))
    for i, at in enumerate(found):
        assert next_fires(cron(text, zone), at, 4 - i) == found[i + 1 :]
        assert next_fires(cron(text, zone), at - timedelta(microseconds=1)) == (at,)


def test_a_time_that_is_missing_fires_after_the_gap() -> None:
    assert fires("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2) == [
        "2026-03-29 03:00+02:00",
        "2026-03-30 02:30+02:00",
    ]
    assert fires("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", 3) == [
        "2026-03-29 03:00+02:00",
        "2026-03-29 03:30+02:00",
        "2026-03-30 02:00+02:00",
    ]
    assert fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", 1) == [
        "2026-10-04 02:30+11:00"
    ]


def test_a_time_that_comes_twice_fires_once_and_a_cadence_goes_on() -> None:
    assert fires("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2) == [
        "2026-10-25 02:30+02:00",
        "2026-10-26 02:30+01:00",
    ]
    assert fires("30 * * * *", "Europe/Berlin", "2026-10-24T23:00", 4) == [
        "2026-10-25 01:30+02:00",
        "2026-10-25 02:30+02:00",
        "2026-10-25 02:30+01:00",
        "2026-10-25 03:30+01:00",
    ]
    assert fires("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00", 3) == [
        "2026-04-05 01:45+11:00",
        "2026-04-05 01:45+10:30",
        "2026-04-05 02:45+10:30",
    ]


EXAMPLES = re.findall(
    r"^\| `([^`]+)` \| (\w+/\w+) \| (\S+), .*? \| (.*) \|$",
    (Path(__file__).parents[3] / "docs" / "triggers.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("text", "zone", "night", "times"), EXAMPLES)
def test_the_examples_of_the_docs(text: str, zone: str, night: str, times: str) -> None:
    begin = datetime.fromisoformat(night).replace(tzinfo=ZoneInfo(zone))
    begin, end = begin.astimezone(UTC), (begin + DAY).astimezone(UTC)
    found = next_fires(cron(text, zone), begin - SECOND, 9)
    shown = [at.strftime("%H:%M") for at in found if at < end]
    assert (", ".join(shown) or "none") == times


def test_the_docs_have_examples() -> None:
    assert len(EXAMPLES) == 9


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31"]),
        ("0 0 1,L * *", ["01-31", "02-01", "02-28"]),
        ("0 0 * * MON#1", ["01-05", "02-02", "03-02"]),
        ("0 0 ? * FRIL", ["01-30", "02-27", "03-27"]),
        ("0 0 13 * FRI", ["01-02", "01-09", "01-13"]),  # either will do
        ("0 0 * JAN,mar sat-sun", ["01-03", "01-04", "01-10"]),
        ("0 0 * * 7", ["01-04", "01-11", "01-18"]),
        ("0 0 10/10 * *", ["01-10", "01-20", "01-30"]),
        ("0 0 * * 0-0", ["01-04", "01-11", "01-18"]),
        ("@weekly", ["01-04", "01-11", "01-18"]),
    ],
)
def test_days(text: str, days: list[str]) -> None:
    found = next_fires(cron(text), utc("2026-01-01T00:00"), 3)
    assert [t.strftime("%m-%d") for t in found] == days


def test_rare_days_are_found_and_impossible_ones_are_not() -> None:
    assert next_fires(cron("0 0 29 2 *"), utc("2096-03-01T00:00")) == (utc("2104-02-29T00:00"),)
    assert next_fires(cron("0 0 * 2 MON#5"), utc("2072-03-01T00:00")) == (utc("2112-02-29T00:00"),)
    assert [f.message for f in parse_cron("0 0 31 4,6 *")[1]] == ["no day ever matches"]
    assert next_fires(cron("0 0 * * *"), datetime.max.replace(tzinfo=UTC)) == ()
    assert next_fires(TriggerSpec(interval="1w"), datetime.max.replace(tzinfo=UTC)) == ()


@given(
    st.sampled_from(["250ms", "7s", "5m", "1h", "1d", "3d", "1w", "2w"]),
    st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
)
@example("1w", utc("2026-01-01T00:00"))
def test_intervals_are_a_grid(interval: str, after: datetime) -> None:
    found = next_fires(TriggerSpec(interval=interval), after, 3)
    length = timedelta(seconds=seconds(interval))
    assert [b - a for a, b in pairwise(found)] == [length, length]
    assert timedelta(0) < found[0] - after <= length
    begin = utc("1970-01-05T00:00" if interval.endswith("w") else "1970-01-01T00:00")
    assert not (found[0] - begin) % length


FAULTS = {
    "61 * * * *": [(0, "minute: '61' is above 59")],
    "0 0 0 * *": [(4, "day of the month: '0' is below 1")],
    "0 */0 1,,2 JNA MOM": [
        (2, "hour: the step '0' is not a number from 1 to 23"),
        (8, "day of the month: a value is missing"),
        (11, "month: 'JNA' is not a value"),
        (15, "day of the week: 'MOM' is not a value"),
    ],
    "0 22-2 * * FRI-MON": [
        (2, "hour: the range '22-2' runs backwards"),
        (11, "day of the week: the range 'FRI-MON' runs backwards"),
    ],
    "0 0 * * FRI#6": [(8, "day of the week: 'FRI#6': which one of the month is 1 to 5")],
    "? 0 L/2 L *": [
        (0, "minute: '?' is not a value"),
        (4, "day of the month: 'L' is not a value"),
        (8, "month: 'L' is not a value"),
    ],
    "0 ٣ * * *": [(2, "hour: '٣' is not a value")],
    "* * * *": [(None, "expected 5 or 6 fields, found 4")],
    "": [(None, "expected 5 or 6 fields, found 0")],
    " @dayly": [(1, "unknown short form '@dayly'")],
}


@pytest.mark.parametrize("text", FAULTS)
def test_all_that_is_wrong_is_found_with_its_place(text: str) -> None:
    wrong = parse_cron(text)
    assert wrong[0] is None
    assert [(f.offset, f.message) for f in wrong[1]] == FAULTS[text]


@given(st.text("0123456789*/,-L#?@ MONdaily", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    parsed, faults = parse_cron(text)
    assert (parsed is None) == bool(faults)
    if parsed is None:
        with pytest.raises(WorkflowError):
            next_fires(cron(text), utc("2026-01-01T00:00"))


def test_hints_say_what_to_write() -> None:
    hints = [f.hint for f in parse_cron("99 22-2 * * MOM")[1]]
    assert hints[0] == "allowed: 0-59, `*`, lists `a,b`, ranges `a-b`, steps `*/n`"
    assert hints[1] == "write two: `22-23,0-2`"
    assert hints[2].startswith("did you mean 'MON'? allowed: 0-7 or SUN-SAT")
    with pytest.raises(WorkflowError, match="did you mean 'Europe/Berlin'"):
        next_fires(cron("0 6 * * *", "Europe/Brelin"), utc("2026-01-01T00:00"))
    for zone in ("", "Europe", "../etc/passwd", "/etc/localtime", "a\0b", "x" * 5000):
        with pytest.raises(WorkflowError, match="unknown time zone"):
            next_fires(cron("0 6 * * *", zone), utc("2026-01-01T00:00"))
    with pytest.raises(ValueError, match="without a zone"):
        next_fires(cron("0 6 * * *"), datetime(2026, 1, 1))


def test_the_cadence_is_told_where_there_is_one() -> None:
    steady = {"*/5 * * * *": 300, "30 * * * *": 3600, "0 6,18 * * *": 43200, "0 6 * * 1": 604800}
    for text, length in steady.items():
        assert cadence(cron(text)) == timedelta(seconds=length)
    for text in ("*/7 * * * *", "0 6 * * MON-FRI", "0 0 1 * *", "0 6,12 * * *", "0 9 * * MON#1"):
        assert cadence(cron(text)) is None
    assert cadence(TriggerSpec(interval="5m")) == timedelta(minutes=5)
    assert cadence(TriggerSpec(watch="5m")) is None


SENTENCES = {
    "0 6 * * *": "every day at 06:00 UTC",
    "30 0 6,18 * * *": "every day at 06:00:30 and 18:00:30 UTC",
    "*/5 * * * *": "every 5 min",
    "30 * * * *": "every hour from 00:30 UTC",
    "*/15 8-18 * * MON-FRI": "every 15 min from 08:00 to 18:45 UTC, Monday to Friday",
    "0 12 * * SAT,SUN": "every Saturday and Sunday at 12:00 UTC",
    "0 9 * * FRIL": "every last Friday of the month at 09:00 UTC",
    "0 0 1,15 1,7 *": "on days 1 and 15 of January and July at 00:00 UTC",
    "0 0 L * *": "on the last day of every month at 00:00 UTC",
    "0 6 * JUL *": "every day in July at 06:00 UTC",
    "1,7 3-9/2 * * *": "at cron '1,7 3-9/2 * * *' UTC",
    "0 0 13 * FRI": "at cron '0 0 13 * FRI' UTC",
    "0 0 1,L * *": "at cron '0 0 1,L * *' UTC",
    "nonsense": "at cron 'nonsense' UTC",
}


@pytest.mark.parametrize("text", SENTENCES)
def test_cron_in_words(text: str) -> None:
    assert describe_trigger(cron(text)) == SENTENCES[text]


@given(shapes(with_seconds=True))
def test_any_cron_has_a_sentence(shape: Shape) -> None:
    assert describe_trigger(cron(shape.text, "Europe/Berlin"))


def test_other_triggers_in_words() -> None:
    message = {"tag": "landed", "source": "job", "when": "rows > 0"}
    assert describe_trigger(TriggerSpec(message=message)) == (
        "on message 'landed' with source job and when rows > 0"
    )
    assert describe_trigger(TriggerSpec(manual=True)) == "by hand"
    assert describe_trigger(TriggerSpec(watch="5s")) == "as data arrives, looking every 5 s"
    assert describe_trigger(TriggerSpec(interval="90s", jitter="250ms")) == (
        "every 90 s, up to 250 ms late"
    )
    window = {"size": "1w", "offset": "10m", "catch_up": "none"}
    assert describe_trigger(TriggerSpec(interval="1d", window=window, overlap="skip")) == (
        "every day, window of 1 week, 10 min behind, none that was missed, overlap: skip"
    )
