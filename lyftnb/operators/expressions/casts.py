"""CAST and TRY_CAST. A value that cannot be cast becomes null; CAST also calls that a failure."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import polars as pl

from lyftnb.dtypes import INTERVAL, TIMESTAMP, TIMESTAMPTZ, instance, to_text
from lyftnb.operators.base import Reason
from lyftnb.operators.expressions import reading
from lyftnb.operators.expressions.values import (
    BOOLEAN,
    DOUBLE,
    NULL,
    VARCHAR,
    Failure,
    Refusal,
    Value,
    bounds_of,
    constant,
    derived,
    has_zone,
    is_decimal,
    is_float,
    is_integer,
    is_moment,
    is_number,
    is_timestamp,
)

_TRUE = ["true", "t", "1", "yes", "y"]
_FALSE = ["false", "f", "0", "no", "n"]


def cast(value: Value, target: pl.DataType, *, tries: bool = False) -> Value:
    """`CAST(value AS target)`, or `TRY_CAST` when `tries`.

    Raises:
        Refusal: no value of the one type can become the other.
    """
    if value.dtype == target:
        return value
    if value.dtype == NULL:
        return derived(value.expr.cast(target), target, value)
    expr = _convert(value.expr, value.dtype, target)
    if expr is None:
        raise Refusal(
            f"{value.type} cannot be cast to {to_text(target)}",
            hint="pick the part you need first, or use the `sql` action",
        )
    if not _may_fail(value, target):
        return derived(expr, target, value, bounds=_kept_bounds(value, target))
    if tries:
        return derived(expr, target, value)
    if value.aggregate:
        raise Refusal(
            f"a CAST to {to_text(target)} behind an aggregate may fail, and no row is to blame",
            hint="use TRY_CAST, or cast in a `derive` after the aggregate",
        )
    failed = Failure(
        expr.is_null() & value.expr.is_not_null(),
        Reason("cast_failed", f"a {value.type} value cannot be cast to {to_text(target)}"),
    )
    return derived(expr, target, value, failures=[failed])


@lru_cache(maxsize=1024)
def cast_literal(text: str, target: pl.DataType) -> Value | None:
    """The literal `text` read as `target`; None if it is no such value."""
    if target == VARCHAR:
        return constant(text)
    converted = _convert(pl.lit(text), VARCHAR, target)
    if converted is None:
        return None
    result = pl.select(converted.alias("v"))["v"][0]
    return None if result is None else constant(result, target)


def _convert(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    """The conversion, null where it fails; None if there is none."""
    if isinstance(source, pl.List) and isinstance(target, pl.List):
        return _convert_list(expr, source, target)
    if target == VARCHAR:
        return _to_text(expr, source)
    if source == VARCHAR:
        reader = _READERS.get(target) or _number_reader(target)
        return None if reader is None else reader(expr.str.strip_chars(" \t\n\r\v\f"))
    if is_number(source) and is_number(target):
        return _between_numbers(expr, source, target)
    if source == BOOLEAN and is_number(target):
        return expr.cast(pl.Int8()).cast(target, strict=False)
    if is_number(source) and target == BOOLEAN:
        return expr != 0
    if is_moment(source):
        return _from_moment(expr, source, target)
    return None


def _may_fail(value: Value, target: pl.DataType) -> bool:
    source = value.dtype
    if target in (VARCHAR, BOOLEAN):
        return source == VARCHAR or isinstance(source, pl.Binary)
    if is_moment(source) or isinstance(source, pl.Time):
        return False
    if is_float(target) and is_number(source):
        return isinstance(target, pl.Float32) and source == DOUBLE
    if source == BOOLEAN and is_integer(target):
        return False
    limits = bounds_of(target)
    if limits is not None and value.bounds is not None and is_integer(source):
        return not (limits[0] <= value.bounds[0] and value.bounds[1] <= limits[1])
    return True


def _kept_bounds(value: Value, target: pl.DataType) -> tuple[int, int] | None:
    return value.bounds if is_integer(target) and is_integer(value.dtype) else None


def _between_numbers(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr:
    if is_integer(target) and is_float(source):
        # DuckDB rounds floats half to even, and decimals half away from zero.
        return expr.round(0, mode="half_to_even").cast(target, strict=False)
    if is_integer(target) and is_decimal(source):
        return expr.round(0, mode="half_away_from_zero").cast(target, strict=False)
    if isinstance(target, pl.Decimal) and is_float(source):
        rounded = expr.round(target.scale, mode="half_away_from_zero")
        return pl.when(expr.is_finite()).then(rounded).cast(target, strict=False)
    if isinstance(target, pl.Float32):
        return _narrowed(expr)
    return expr.cast(target, strict=False)


def _narrowed(expr: pl.Expr) -> pl.Expr:
    """As FLOAT, null where the value is finite but too large for one."""
    small = expr.cast(pl.Float32())
    return pl.when(small.is_finite() | ~expr.cast(DOUBLE).is_finite()).then(small)


def _from_moment(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    naive = expr.dt.replace_time_zone(None) if has_zone(source) else expr
    if target == TIMESTAMP:
        return naive.cast(TIMESTAMP)
    if target == TIMESTAMPTZ:
        return naive.cast(TIMESTAMP).dt.replace_time_zone("UTC")
    if isinstance(target, pl.Date):
        return naive.cast(pl.Date())
    if isinstance(target, pl.Time) and is_timestamp(source):
        return naive.dt.time()
    return None


def _convert_list(expr: pl.Expr, source: pl.List, target: pl.List) -> pl.Expr | None:
    inner = _convert(pl.element(), instance(source.inner), instance(target.inner))
    if inner is None:
        return None
    failed = (inner.is_null() & pl.element().is_not_null()).any()
    return pl.when(~expr.list.eval(failed).list.first().fill_null(False)).then(
        expr.list.eval(inner)
    )


def _to_text(expr: pl.Expr, source: pl.DataType) -> pl.Expr | None:
    if is_timestamp(source):
        zone = "+00" if has_zone(source) else ""
        text = expr.dt.to_string("%Y-%m-%d %H:%M:%S%.f").str.replace(r"(\.\d*?)0+$", "$1")
        return text + zone if zone else text
    if isinstance(source, pl.Time):
        return expr.dt.to_string("%H:%M:%S%.f").str.replace(r"(\.\d*?)0+$", "$1")
    if is_float(source):
        return expr.cast(pl.String()).str.replace("NaN", "nan", literal=True)
    if isinstance(source, pl.Binary):
        return expr.cast(pl.String(), strict=False)
    if source == INTERVAL or source.is_nested():
        return None
    return expr.cast(pl.String())


def _number_reader(target: pl.DataType) -> Callable[[pl.Expr], pl.Expr] | None:
    if isinstance(target, pl.Decimal):
        return lambda text: _read_decimal(text, target)
    if is_number(target):
        return lambda text: text.cast(target, strict=False)
    return None


def _read_decimal(text: pl.Expr, target: pl.Decimal) -> pl.Expr:
    """Halves are rounded away from zero, which Polars does for numbers but not for texts."""
    finer = min(target.scale + 9, 38 - ((target.precision or 38) - target.scale))
    exact = text.cast(pl.Decimal(38, finer), strict=False)
    return exact.round(target.scale, mode="half_away_from_zero").cast(target, strict=False)


def _read_boolean(text: pl.Expr) -> pl.Expr:
    lower = text.str.to_lowercase()
    return pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False)


_READERS: dict[pl.DataType, Callable[[pl.Expr], pl.Expr]] = {
    BOOLEAN: _read_boolean,
    pl.Date(): reading.date,
    pl.Time(): reading.clock,
    TIMESTAMP: reading.timestamp,
    TIMESTAMPTZ: reading.timestamptz,
    pl.Float32(): lambda text: _narrowed(text.cast(DOUBLE, strict=False)),
}
