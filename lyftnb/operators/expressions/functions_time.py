"""Functions over dates and times. Times with a zone are read in UTC, wherever they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Final

import polars as pl

from lyftnb.dtypes import TIMESTAMP, TIMESTAMPTZ, in_calendar
from lyftnb.operators.base import Reason
from lyftnb.operators.expressions import arithmetic, timeformat
from lyftnb.operators.expressions.coercion import as_type, unified
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.values import (
    BIGINT,
    DOUBLE,
    VARCHAR,
    Failure,
    Refusal,
    Value,
    constant,
    derived,
    has_zone,
    is_integer,
    is_moment,
)

_TIME = Family("Dates and times")

_PARTS: Final[dict[str, Callable[[pl.Expr], pl.Expr]]] = {
    "year": lambda t: t.dt.year(),
    "quarter": lambda t: t.dt.quarter(),
    "month": lambda t: t.dt.month(),
    "week": lambda t: t.dt.week(),
    "day": lambda t: t.dt.day(),
    "dow": lambda t: t.dt.weekday() % 7,
    "isodow": lambda t: t.dt.weekday(),
    "isoyear": lambda t: t.dt.iso_year(),
    "doy": lambda t: t.dt.ordinal_day(),
    "hour": lambda t: t.dt.hour(),
    "minute": lambda t: t.dt.minute(),
    "second": lambda t: t.dt.second(),
    "millisecond": lambda t: t.dt.second().cast(BIGINT) * 1000 + t.dt.millisecond(),
    "microsecond": lambda t: t.dt.second().cast(BIGINT) * 1_000_000 + t.dt.microsecond(),
    "epoch": lambda t: t.dt.timestamp("us").cast(DOUBLE) / 1e6,
}
_PART_ALIASES: Final = {
    "years": "year", "quarters": "quarter", "months": "month", "weeks": "week", "days": "day",
    "dayofmonth": "day", "dayofweek": "dow", "weekday": "dow", "dayofyear": "doy",
    "weekofyear": "week", "hours": "hour", "minutes": "minute", "seconds": "second",
    "milliseconds": "millisecond", "ms": "millisecond", "microseconds": "microsecond",
    "us": "microsecond",
}  # fmt: skip
_CLOCK_PARTS: Final = frozenset(("hour", "minute", "second", "millisecond", "microsecond"))
_WINDOWS: Final = {
    "microsecond": "1us", "millisecond": "1ms", "second": "1s", "minute": "1m", "hour": "1h",
    "day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y", "decade": "10y",
    "century": "100y",
}  # fmt: skip
_MICROSECONDS: Final = {
    "microsecond": 1, "millisecond": 1_000, "second": 10**6, "minute": 60 * 10**6,
    "hour": 3600 * 10**6, "day": 86_400 * 10**6, "week": 7 * 86_400 * 10**6,
}  # fmt: skip
_EPOCH_BOUNDS: Final = (-(2**62), 2**62)
_LARGEST: Final = {
    "year": 10**6, "isoyear": 10**6, "quarter": 4, "month": 12, "week": 53, "day": 31, "dow": 6,
    "isodow": 7, "doy": 366, "hour": 23, "minute": 59, "second": 59, "millisecond": 59_999,
    "microsecond": 59_999_999,
}  # fmt: skip


def _part_name(value: Value, known: Sequence[str]) -> str:
    name = str(value.literal).lower()
    name = _PART_ALIASES.get(name, name)
    if name not in known:
        raise Refusal(
            f"'{value.literal}' is no part of a time", hint=f"there is: {', '.join(known)}"
        )
    return name


def _part(name: str, value: Value) -> Value:
    if isinstance(value.dtype, pl.Date) and name in _CLOCK_PARTS:
        value = as_type(value, TIMESTAMP)
    if name == "epoch":
        return derived(_PARTS[name](value.expr), DOUBLE, value)
    largest = _LARGEST[name]
    low = -largest if name.endswith("year") else 0
    return derived(_PARTS[name](value.expr).cast(BIGINT), BIGINT, value, bounds=(low, largest))


@_TIME.function(
    "date_part",
    "part:text!, time:any",
    "BIGINT (DOUBLE for epoch)",
    "One part: year, quarter, month, week, day, dow (Sunday is 0), isodow (Sunday is 7), doy, "
    "hour, minute, second, epoch. Also `EXTRACT(part FROM time)`.",
    "date_part('hour', time)",
    aliases=("datepart",),
)
def _date_part(args: Sequence[Value], call: Call) -> Value:
    name = _part_name(args[0], list(_PARTS))
    return _part(name, _timed(args[1], name, call))


def _timed(value: Value, part: str, call: Call) -> Value:
    if isinstance(value.dtype, pl.Time) and part in _CLOCK_PARTS:
        return value
    if isinstance(value.literal, str):
        return as_type(value, TIMESTAMP)
    if not is_moment(value.dtype):
        raise Refusal(
            f"{call.name}() needs a DATE or TIMESTAMP, found {value.type}",
            hint="write CAST(… AS TIMESTAMP), or strptime(text, format)",
        )
    return value


def _declare_part(name: str, part: str, doc: str, aliases: tuple[str, ...] = ()) -> None:
    def build(args: Sequence[Value], call: Call) -> Value:
        return _part(part, _timed(args[0], part, call))

    kind = "DOUBLE" if part == "epoch" else "BIGINT"
    _TIME.function(name, "time:any", kind, doc, f"{name}(time)", aliases=aliases)(build)


_declare_part("year", "year", "The year.")
_declare_part("quarter", "quarter", "The quarter, 1 to 4.")
_declare_part("month", "month", "The month, 1 to 12.")
_declare_part("week", "week", "The ISO week, 1 to 53.", ("weekofyear",))
_declare_part("day", "day", "The day of the month.", ("dayofmonth",))
_declare_part("dayofweek", "dow", "The day of the week; Sunday is 0.", ("weekday", "dow"))
_declare_part("isodow", "isodow", "The day of the week; Monday is 1, Sunday is 7.")
_declare_part("isoyear", "isoyear", "The year that the ISO week belongs to.")
_declare_part("dayofyear", "doy", "The day of the year, from 1.", ("doy",))
_declare_part("hour", "hour", "The hour, 0 to 23.")
_declare_part("minute", "minute", "The minute.")
_declare_part("second", "second", "The second, without its fraction.")
_declare_part("millisecond", "millisecond", "Seconds and their fraction, in milliseconds.")
_declare_part("microsecond", "microsecond", "Seconds and their fraction, in microseconds.")
_declare_part("epoch", "epoch", "Seconds since 1970-01-01 UTC.")


@_TIME.function(
    "epoch_ms",
    "time:any",
    "BIGINT or TIMESTAMP",
    "Milliseconds since 1970-01-01 UTC; of a whole number, the TIMESTAMP it stands for.",
    "epoch_ms(time)",
)
def _epoch_ms(args: Sequence[Value], call: Call) -> Value:
    value = args[0]
    if is_integer(value.dtype):
        micros = arithmetic.multiply(value, constant(1000))
        return derived(micros.expr.cast(BIGINT).cast(TIMESTAMP), TIMESTAMP, micros)
    value = _timed(value, "epoch", call)
    rounded = (value.expr.dt.timestamp("us") + 500) // 1000
    return derived(rounded, BIGINT, value, bounds=_EPOCH_BOUNDS)


@_TIME.scalar(
    "epoch_us", "time:moment", BIGINT, "Microseconds since 1970-01-01 UTC.", "epoch_us(time)"
)
def _epoch_us(time: pl.Expr) -> pl.Expr:
    return time.dt.timestamp("us")


@_TIME.function(
    "date_trunc",
    "part:text!, time:moment",
    "TIMESTAMP",
    "Cut down to the start of its hour, day, week (Monday), month, quarter or year.",
    "date_trunc('month', time)",
    aliases=("datetrunc",),
)
def _date_trunc(args: Sequence[Value], call: Call) -> Value:
    name = _part_name(args[0], list(_WINDOWS))
    value = args[1]
    if isinstance(value.dtype, pl.Date):
        value = as_type(value, TIMESTAMP)
    if name in ("decade", "century"):
        years = 10 if name == "decade" else 100
        start = value.expr.dt.year() // years * years
        return derived(_midnight(start, value), value.dtype, value)
    return derived(value.expr.dt.truncate(_WINDOWS[name]), value.dtype, value)


def _midnight(year: pl.Expr, like: Value) -> pl.Expr:
    zone = "UTC" if has_zone(like.dtype) else None
    made = pl.datetime(year, 1, 1, time_unit="us", time_zone=zone)
    return pl.when(like.expr.is_not_null()).then(made)


def _same_kind(args: Sequence[Value], call: Call) -> tuple[Value, Value]:
    (a, b), dtype = unified(args[1:], f"both times of {call.name}()")
    if isinstance(dtype, pl.Date):
        return as_type(a, TIMESTAMP), as_type(b, TIMESTAMP)
    return a, b


@_TIME.function(
    "date_diff",
    "part:text!, start:moment, end:moment",
    "BIGINT",
    "How many boundaries of that part lie between the two.",
    "date_diff('day', start, end)",
    aliases=("datediff",),
)
def _date_diff(args: Sequence[Value], call: Call) -> Value:
    name = _part_name(args[0], list(_WINDOWS))
    a, b = _same_kind(args, call)
    months = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}.get(name)
    if months is not None:
        counted = _month_number(b.expr) // months - _month_number(a.expr) // months
    elif name == "week":
        counted = (_days(b) - _days(a)).truncdiv(7)  # whole weeks, as DuckDB counts them
    else:
        size = _MICROSECONDS[name]
        counted = b.expr.dt.timestamp("us") // size - a.expr.dt.timestamp("us") // size
    return derived(counted.cast(BIGINT), BIGINT, a, b, bounds=_EPOCH_BOUNDS)


def _month_number(time: pl.Expr) -> pl.Expr:
    return time.dt.year().cast(BIGINT) * 12 + time.dt.month().cast(BIGINT) - 1


def _days(value: Value) -> pl.Expr:
    return value.expr.dt.timestamp("us") // _MICROSECONDS["day"]


@_TIME.function(
    "date_sub",
    "part:text!, start:moment, end:moment",
    "BIGINT",
    "How many whole parts lie between the two.",
    "date_sub('hour', start, end)",
    aliases=("datesub",),
)
def _date_sub(args: Sequence[Value], call: Call) -> Value:
    name = _part_name(args[0], list(_MICROSECONDS))
    a, b = _same_kind(args, call)
    span = b.expr.dt.timestamp("us") - a.expr.dt.timestamp("us")
    return derived(span.truncdiv(_MICROSECONDS[name]), BIGINT, a, b, bounds=_EPOCH_BOUNDS)


@_TIME.function(
    "date_add",
    "time:moment, by:any",
    "TIMESTAMP",
    "The same as `time + interval`.",
    "date_add(day, INTERVAL 1 MONTH)",
)
def _date_add(args: Sequence[Value], call: Call) -> Value:
    return arithmetic.add(args[0], args[1])


@_TIME.scalar("last_day", "time:moment", pl.Date(), "The last day of its month.", "last_day(day)")
def _last_day(time: pl.Expr) -> pl.Expr:
    return time.cast(pl.Date()).dt.month_end()


@_TIME.scalar("dayname", "time:moment", VARCHAR, "The name of the day, in English.", "dayname(day)")
def _dayname(time: pl.Expr) -> pl.Expr:
    return time.dt.to_string("%A")


@_TIME.scalar(
    "monthname", "time:moment", VARCHAR, "The name of the month, in English.", "monthname(day)"
)
def _monthname(time: pl.Expr) -> pl.Expr:
    return time.dt.to_string("%B")


_LETTERS = "of the letters, %c, %x, %X and %Z are missing"


@_TIME.function(
    "strftime",
    "time:moment, format:text!",
    "VARCHAR",
    "As text, by a format such as '%Y-%m-%d %H:%M:%S'.",
    "strftime(time, '%d.%m.%Y')",
    note=f"{_LETTERS}; a time without a zone has %z `+00`",
)
def _strftime(args: Sequence[Value], call: Call) -> Value:
    time, pattern = args
    if isinstance(time.dtype, pl.Date):
        time = as_type(time, TIMESTAMP)
    if pattern.literal is None:
        return derived(pl.lit(None, dtype=VARCHAR), VARCHAR, time)
    zoned = time.expr if has_zone(time.dtype) else time.expr.dt.replace_time_zone("UTC")
    return derived(timeformat.written(zoned, pattern.literal), VARCHAR, time)


def _read(args: Sequence[Value]) -> Value:
    text, pattern = args
    if pattern.literal is None:
        raise Refusal("strptime() needs a format", hint="strptime(text, '%Y-%m-%d')")
    expr, zoned = timeformat.read(text.expr, pattern.literal)
    return derived(expr, TIMESTAMPTZ if zoned else TIMESTAMP, text)


@_TIME.function(
    "strptime",
    "text:text, format:text!",
    "TIMESTAMP",
    "The time that a text says, by a format; a text that does not fit is rejected. With %z "
    "it has a zone.",
    "strptime(text, '%d.%m.%Y %H:%M')",
    note=f"{_LETTERS}; %I needs %p, a week its year and weekday, a weekday the day it is of; %y 69 "
    "is 2069; a second 60 is the next one's 0",
)
def _strptime(args: Sequence[Value], call: Call) -> Value:
    value = _read(args)
    if value.aggregate:
        raise Refusal("strptime() behind an aggregate may fail", hint="use try_strptime()")
    text, pattern = args
    reason = Reason("cast_failed", f"a text does not fit the time format '{pattern.literal}'")
    failed = Failure(value.expr.is_null() & text.expr.is_not_null(), reason)
    return derived(value.expr, value.dtype, value, failures=[failed])


@_TIME.function(
    "try_strptime",
    "text:text, format:text!",
    "TIMESTAMP",
    "As strptime(), but null where the text does not fit.",
    "try_strptime(text, '%Y-%m-%d')",
)
def _try_strptime(args: Sequence[Value], call: Call) -> Value:
    return _read(args)


@_TIME.function(
    "to_timestamp",
    "seconds:double",
    "TIMESTAMP WITH TIME ZONE",
    "The time so many seconds after 1970-01-01 UTC.",
    "to_timestamp(1700000000)",
)
def _to_timestamp(args: Sequence[Value], call: Call) -> Value:
    micros = (args[0].expr * 1e6).round(0, mode="half_to_even").cast(BIGINT, strict=False)
    expr = in_calendar(micros.cast(TIMESTAMPTZ), TIMESTAMPTZ)
    reason = Reason("cast_failed", "a number of seconds is no time")
    failed = Failure(expr.is_null() & args[0].expr.is_not_null(), reason)
    return derived(expr, TIMESTAMPTZ, args[0], failures=[] if args[0].aggregate else [failed])


@_TIME.function(
    "make_date",
    "year:integer, month:integer, day:integer",
    "DATE",
    "The day of that number; one that is in no calendar is rejected.",
    "make_date(2024, 2, 29)",
)
def _make_date(args: Sequence[Value], call: Call) -> Value:
    year, month, day = (arg.expr for arg in args)
    text = pl.format("{}-{}-{}", year, month, day)
    expr = in_calendar(text.str.to_date("%Y-%m-%d", strict=False), pl.Date())
    known = year.is_not_null() & month.is_not_null() & day.is_not_null()
    reason = Reason("cast_failed", "year, month and day are no date")
    aggregate = any(arg.aggregate for arg in args)
    failures = [] if aggregate else [Failure(expr.is_null() & known, reason)]
    return derived(expr, pl.Date(), *args, failures=failures)


@_TIME.function(
    "timezone",
    "zone:text!, time:moment",
    "TIMESTAMP, with a zone or without",
    "A TIMESTAMP as the clock of that zone shows it; or, of one without a zone, the time it "
    "is when that clock shows it. Also `time AT TIME ZONE zone`.",
    "timezone('America/New_York', time)",
    note="a clock time that the zone skips is rejected; DuckDB moves it on; from 2100 on no zone "
    "has summer time",
)
def _timezone(args: Sequence[Value], call: Call) -> Value:
    zone, time = timeformat.known_zone(args[0].literal), args[1]
    if has_zone(time.dtype):
        shown = time.expr.dt.convert_time_zone(zone).dt.replace_time_zone(None)
        return derived(shown, TIMESTAMP, time)
    local = as_type(time, TIMESTAMP).expr
    placed = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    expr = placed.dt.convert_time_zone("UTC")
    if zone == "UTC":
        return derived(expr, TIMESTAMPTZ, time)
    reason = Reason("no_such_time", f"a clock in {zone} never shows that time")
    failed = Failure(expr.is_null() & local.is_not_null(), reason)
    return derived(expr, TIMESTAMPTZ, time, failures=[] if time.aggregate else [failed])


@_TIME.function(
    "now",
    "",
    "TIMESTAMP WITH TIME ZONE",
    "When the batch was claimed, the same for every row and attempt. Also `current_timestamp`.",
    "now()",
    aliases=("current_timestamp", "get_current_timestamp"),
)
def _now(args: Sequence[Value], call: Call) -> Value:
    return constant(call.env.now, TIMESTAMPTZ)


@_TIME.function(
    "today",
    "",
    "DATE",
    "The day of `now()` in UTC. Also `current_date`.",
    "today()",
    aliases=("current_date",),
)
def _today(args: Sequence[Value], call: Call) -> Value:
    return constant(call.env.now.astimezone(UTC).date())
