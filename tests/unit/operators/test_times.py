"""Times as text in any pattern, and cut down in any zone: against DuckDB and against zoneinfo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.model import ActionSpec
from lyftnb.operators import Chain, ChainResult, Env
from lyftnb.operators.expressions import compile, timeformat
from lyftnb.operators.expressions.values import Refusal

DAYS = ["%Y-%m-%d", "%d.%m.%y", "%-d/%-m/%Y", "%d %b %Y", "%a, %d %B %Y", "%A %-d %b %y", "%Y%m%d"]
DAYS += ["%Y-%j", "%G-W%V-%u", "%Y w%U-%w", "%y/%W/%w", "%Y", "%m/%Y", "100%% %Y-%m-%d"]
CLOCKS = ["", " %H:%M:%S", " %H:%M", "T%H%M%S.%f", " %I:%M %p", " %-I:%M:%S.%g%p"]
CLOCKS += [" %-H:%-M:%-S.%n"]
# From 1970: of two digits, 69 is another century for DuckDB.
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31))


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _run(params: dict[str, object], values: list[object]) -> ChainResult:
    frame = pl.DataFrame({"v": values})
    chain = Chain(frame.lazy(), frame.schema, Env())
    spec = ActionSpec.model_validate({"time": {"field": "v", **params}})
    chain.step("s", [spec], "reject", ["a"])
    return chain.collect()


@settings(max_examples=200, deadline=None)
@given(at=MOMENTS, day=st.sampled_from(DAYS), clock=st.sampled_from(CLOCKS), offset=st.booleans())
def test_what_is_written_and_read_in_a_pattern_is_duckdbs(duck, at, day, clock, offset):
    pattern = day + clock + (" %z" if offset else "")
    text, read = duck.execute(
        "SELECT strftime($at, $p) AS t, strptime(t, $p)::TIMESTAMP", {"at": at, "p": pattern}
    ).fetchone() or ("", None)
    assert pl.select(timeformat.written(pl.lit(at.replace(tzinfo=UTC)), pattern)).item() == text
    found, zoned = timeformat.read(pl.lit(text), pattern)
    assert zoned is offset
    assert pl.select(found.dt.replace_time_zone(None)).item() == read
    taken = _run({"formats": [pattern]}, [f" {text} "]).frame["v"]
    assert taken.dt.replace_time_zone(None).to_list() == [read]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("%H:%M %Z", "names of zones are not read"),
        ("%I:%M", "%I and %p say the hour only together"),
        ("%H:%M%p", "%I and %p say the hour only together"),
        ("%Y-%V-%u", "a week says a day only with its year and the weekday"),
        ("%Y-W%W", "a week says a day only with its year and the weekday"),
        ("%A %H:%M", "a weekday alone is no day"),
        ("%H:%M:%S,%f", "write %S.%f"),
        ("%F", "write %Y-%m-%d"),
    ],
)
def test_a_pattern_that_says_no_time_is_refused(pattern, said):
    with pytest.raises(Refusal, match=said):
        timeformat.read(pl.lit(""), pattern)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Wed Jul 01 12:00:00 +0200 2026", datetime(2026, 7, 1, 10)),
        ("Wed Jul 01 12:00:00 -05:30 2026", datetime(2026, 7, 1, 17, 30)),
        ("Wed Jul 01 12:00:00 +02 2026", None),  # and not 20 minutes more in the year 26
    ],
)
def test_an_offset_before_a_number(text, read):
    found, _zoned = timeformat.read(pl.lit(text), "%a %b %d %H:%M:%S %z %Y")
    assert pl.select(found.dt.replace_time_zone(None)).item() == read


ZONES = ["Europe/Berlin", "America/Havana", "America/Sao_Paulo", "Asia/Amman", "Pacific/Apia"]
ZONES += ["Australia/Lord_Howe", "Asia/Kathmandu", "Antarctica/Troll", "Africa/Casablanca", "UTC"]


def cut_down(at: datetime, every: str, zone: ZoneInfo) -> datetime:
    """The last moment at or before `at` at which the clocks of the zone showed the round time; or
    the first after it, where they skip it.
    """
    local = at.astimezone(zone).replace(tzinfo=None, fold=0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    shown = {
        "15m": local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0),
        "1h": local.replace(minute=0, second=0, microsecond=0),
        "1d": midnight,
        "1w": midnight - timedelta(days=midnight.weekday()),
        "1mo": midnight.replace(day=1),
        "1q": midnight.replace(day=1, month=(local.month - 1) // 3 * 3 + 1),
        "1y": midnight.replace(day=1, month=1),
    }[every]
    both = {shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    exact = [m for m in both if m.astimezone(zone).replace(tzinfo=None) == shown and m <= at]
    return max(exact, default=max(both))


@cache
def changed_after(start: datetime, zone: ZoneInfo) -> datetime:
    """The hour of the next change of the clocks; without one within 200 days, the start."""
    days = [start + timedelta(days=d) for d in range(201)]
    for day, next_day in pairwise(days):
        if offset(day, zone) != offset(next_day, zone):
            hours = [day + timedelta(hours=h) for h in range(25)]
            return next(b for a, b in pairwise(hours) if offset(a, zone) != offset(b, zone))
    return start


def offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), st.integers(2000, 2037), st.integers(0, 400), st.data())
def test_times_are_cut_down_by_the_clocks_of_their_zone(name, year, days, data):
    zone = ZoneInfo(name)
    start = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=days)
    change = changed_after(start, zone)
    minutes = data.draw(st.lists(st.integers(-200, 200), min_size=1, max_size=20))
    times = [change + timedelta(minutes=m, seconds=m % 60) for m in minutes]
    for every in ("15m", "1h", "1d", "1w", "1mo", "1q", "1y"):
        found = _run({"zone": name, "truncate": every}, times).frame["v"].to_list()
        assert found == [cut_down(at, every, zone) for at in times], every


@pytest.mark.parametrize("zone", ZONES)
def test_local_times_are_placed_as_zoneinfo_places_them(zone):
    place = ZoneInfo(zone)
    starts = [datetime(year, 1, 1) for year in (2011, 2026)]
    local = [start + timedelta(minutes=30 * n) for start in starts for n in range(48 * 366)]
    expected = [at.replace(tzinfo=place).astimezone(UTC) for at in local]
    shown = [at.astimezone(place).replace(tzinfo=None) for at in expected]
    result = _run({"zone": zone}, local)
    kept = [e for e, at, back in zip(expected, local, shown, strict=True) if back == at]
    assert result.frame["v"].to_list() == kept
    assert result.rejects.height == len(local) - len(kept)


FAR = ["-2026-07-01", "0000-01-01", "10000-01-01"]


@pytest.mark.parametrize(
    "expression",
    [
        "TRY_CAST(v AS DATE)",
        "TRY_CAST(v AS TIMESTAMP)",
        "TRY_CAST(v AS TIMESTAMPTZ)",
        "try_strptime(v, '%Y-%m-%d')",
    ],
)
def test_a_text_of_a_year_that_nothing_can_show_is_no_time(expression):
    frame = pl.DataFrame({"v": [*FAR, "0001-01-01", "9999-12-31"]})
    found = frame.select(compile(expression, frame.schema, Env()).expr).to_series()
    assert [str(at)[:10] for at in found.to_list()] == ["None"] * 3 + ["0001-01-01", "9999-12-31"]


def test_a_number_of_a_year_that_nothing_can_show_is_no_time():
    found = _run({"formats": "unix"}, [-(10**11), 253402300799, 253402300800])
    assert found.frame["v"].to_list() == [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
    assert found.rejects["code"].to_list() == ["bad_time"] * 2
    assert _run({}, FAR).rejects.height == 3
