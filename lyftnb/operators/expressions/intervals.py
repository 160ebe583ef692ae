"""Moments and intervals: DATE and TIMESTAMP plus and minus INTERVAL, days, and each other.

An INTERVAL of days and less is a duration in microseconds. Months and years have no fixed length,
so they exist only as literals (`day + INTERVAL 1 MONTH`), which move by the calendar.
"""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl

from lyftnb.dtypes import INTERVAL, TIMESTAMP
from lyftnb.operators.base import Reason
from lyftnb.operators.expressions.values import (
    BIGINT,
    DOUBLE,
    HUGEINT_BOUNDS,
    NULL,
    Failure,
    Refusal,
    Value,
    constant,
    derived,
    is_integer,
    is_moment,
    is_number,
)

_MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
_LONGEST = 9.2e18  # microseconds that fit 64 bits, with room for rounding
_MOST_DAYS = 100_000_000
_MOST_MONTHS = 120_000
_SHORT = {
    "us": "microsecond", "microsec": "microsecond", "ms": "millisecond", "msec": "millisecond",
    "s": "second", "sec": "second", "min": "minute", "m": "minute", "h": "hour", "hr": "hour",
    "d": "day", "w": "week", "mon": "month", "y": "year", "yr": "year",
}  # fmt: skip
_PIECE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_CLOCK = re.compile(r"\s*(-?)(\d+):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*")


def unit_of(name: str) -> str:
    """The unit by any of its spellings; empty for none."""
    lower = name.lower()
    for spelled in (lower, lower.removesuffix("s")):
        unit = _SHORT.get(spelled, spelled)
        if unit in _MICROSECONDS or unit in _MONTHS:
            return unit
    return ""


def literal(amount: str, unit: str | None) -> Value:
    """`INTERVAL 'amount' unit`, or the text form `INTERVAL '1 day 02:30:00'`."""
    months, microseconds = 0, 0
    for number, name in _pieces(amount, unit):
        kind = unit_of(name)
        if kind in _MONTHS:
            whole = number * _MONTHS[kind]
            if whole != int(whole):
                raise Refusal(f"INTERVAL '{amount}': a part of a month has no length")
            months += int(whole)
        elif kind:
            microseconds += round(number * _MICROSECONDS[kind])
        else:
            raise Refusal(
                f"'{name}' is no unit of time",
                hint="units are microsecond to week, month, quarter and year",
            )
    return _interval(microseconds, months)


def add(a: Value, b: Value) -> Value | None:
    """`a + b` where one of them is a moment or an interval; None where none is."""
    if _is_interval(a) and _is_interval(b):
        return _sum(a, b, 1)
    if _is_interval(a) or (_is_days(a) and _dated(b)):
        a, b = b, a
    if _is_interval(b):
        return _moved(a, b, 1)
    if _dated(a) and _is_days(b):
        return _days_on(a, b, 1)
    return None


def subtract(a: Value, b: Value) -> Value | None:
    """`a - b` where one of them is a moment or an interval; None where none is."""
    if _is_interval(b):
        return _sum(a, b, -1) if _is_interval(a) else _moved(a, b, -1)
    if _dated(a) and _is_days(b):
        return _days_on(a, b, -1)
    if _dated(a) and _dated(b):
        return derived((a.expr - b.expr).dt.total_days(), BIGINT, a, b, bounds=(-(10**10), 10**10))
    if is_moment(a.dtype) and is_moment(b.dtype):
        if a.dtype != b.dtype and not (_dated(a) or _dated(b)):
            raise Refusal(
                f"cannot subtract {b.type} from {a.type}",
                hint="bring both to one kind with AT TIME ZONE 'UTC'",
            )
        return derived(a.expr - b.expr, INTERVAL, a, b)
    return None


def multiply(a: Value, b: Value) -> Value | None:
    """An interval times a number; None where neither is an interval."""
    if _is_interval(b):
        a, b = b, a
    if not _is_interval(a):
        return None
    if not is_number(b.dtype):
        raise Refusal(f"an INTERVAL can be multiplied by a number, not by {b.type}")
    if a.months:
        if not b.is_literal or not is_integer(b.dtype):
            raise Refusal(
                "months can be multiplied by a whole constant only",
                hint="a month has no fixed length; use days",
            )
        return _interval(_exact(a) * b.literal, a.months * b.literal)
    factor = b.expr if is_integer(b.dtype) else b.expr.cast(DOUBLE)
    about = a.expr.dt.total_microseconds().cast(DOUBLE) * factor.cast(DOUBLE)
    return _within(a.expr * factor, about.abs() < _LONGEST, INTERVAL, a, b)


def negate(a: Value) -> Value:
    """The same interval backwards."""
    if a.is_literal:
        return _interval(-_exact(a), -a.months)
    return derived(-a.expr, INTERVAL, a)


def _pieces(amount: str, unit: str | None) -> list[tuple[float, str]]:
    if unit is not None and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", amount):
        return [(float(amount), unit)]
    pieces: list[tuple[float, str]] = []
    at = 0
    while at < len(amount):
        if (clock := _CLOCK.match(amount, at)) is not None:
            sign = -1 if clock[1] else 1
            seconds = int(clock[2]) * 3600 + int(clock[3]) * 60 + float(clock[4] or 0)
            pieces.append((sign * seconds, "second"))
            at = clock.end()
        elif (piece := _PIECE.match(amount, at)) is not None:
            pieces.append((float(piece[1]), piece[2]))
            at = piece.end()
        else:
            raise Refusal(
                f"INTERVAL '{amount}' cannot be read",
                hint="write INTERVAL 3 DAY, or INTERVAL '1 day 2 hours'",
            )
    return pieces


def _interval(microseconds: int, months: int) -> Value:
    value = constant(None, INTERVAL)
    return replace(
        value, expr=pl.lit(microseconds).cast(INTERVAL), literal=microseconds, months=months
    )


def _exact(value: Value) -> int:
    return int(value.literal)


def _is_interval(value: Value) -> bool:
    return isinstance(value.dtype, pl.Duration)


def _dated(value: Value) -> bool:
    return isinstance(value.dtype, pl.Date)


def _is_days(value: Value) -> bool:
    return is_integer(value.dtype)


def _days_on(day: Value, days: Value, sign: int) -> Value:
    span = pl.duration(days=days.expr)
    moved = day.expr + span if sign > 0 else day.expr - span
    low, high = days.bounds or HUGEINT_BOUNDS
    if low >= -_MOST_DAYS and high <= _MOST_DAYS:
        return derived(moved, day.dtype, day, days)
    inside = days.expr.is_between(-_MOST_DAYS, _MOST_DAYS)
    return _within(moved, inside, day.dtype, day, days)


def _within(expr: pl.Expr, inside: pl.Expr, dtype: pl.DataType, *sources: Value) -> Value:
    """The result where it is in the range of its type; a row outside fails."""
    if any(source.aggregate for source in sources):
        return derived(pl.when(inside).then(expr), dtype, *sources)
    failed = Failure(~inside, Reason("time_out_of_range", "a time or span is out of range"))
    return derived(pl.when(inside).then(expr), dtype, *sources, failures=[failed])


def _sum(a: Value, b: Value, sign: int) -> Value:
    if a.is_literal and b.is_literal:
        return _interval(_exact(a) + sign * _exact(b), a.months + sign * b.months)
    return derived(a.expr + b.expr if sign > 0 else a.expr - b.expr, INTERVAL, a, b)


def _moved(moment: Value, interval: Value, sign: int) -> Value:
    if moment.dtype == NULL:
        return derived(pl.lit(None, dtype=TIMESTAMP), TIMESTAMP, moment, interval)
    if not is_moment(moment.dtype):
        raise Refusal(
            f"an INTERVAL can be added to a DATE or TIMESTAMP, not to {moment.type}",
            hint="cast the other side to TIMESTAMP",
        )
    dtype = TIMESTAMP if _dated(moment) else moment.dtype
    expr = moment.expr.cast(TIMESTAMP) if _dated(moment) else moment.expr
    if abs(interval.months) > _MOST_MONTHS:
        raise Refusal("an INTERVAL of more than 10,000 years leads out of the calendar")
    if interval.months:
        expr = expr.dt.offset_by(f"{sign * interval.months}mo")
    if not interval.is_literal or interval.literal:
        expr = expr + interval.expr if sign > 0 else expr - interval.expr
    if interval.is_literal:
        return derived(expr, dtype, moment, replace(interval, months=0))
    micros = moment.expr.dt.timestamp("us").cast(DOUBLE)
    about = micros + sign * interval.expr.dt.total_microseconds().cast(DOUBLE)
    return _within(expr, about.abs() < _LONGEST, dtype, moment, interval)
