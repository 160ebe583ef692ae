"""Functions over numbers."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence

import polars as pl

from lyftnb.operators.expressions import arithmetic
from lyftnb.operators.expressions.coercion import as_double
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.values import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    Value,
    constant,
    derived,
    is_decimal,
    is_integer,
)

_NUMBER = Family("Numbers")


@_NUMBER.function("abs", "x:number", "type of `x`", "Without its sign.", "abs(-5)")
def _abs(args: Sequence[Value], call: Call) -> Value:
    return arithmetic.absolute(args[0])


@_NUMBER.function(
    "round",
    "x:number, digits:integer?!",
    "type of `x`",
    "To so many digits behind the point (before it when negative), halves away from zero.",
    "round(2.345, 2)",
)
def _round(args: Sequence[Value], call: Call) -> Value:
    x, digits = args[0], args[1].literal if len(args) > 1 else 0
    if digits is None:
        return derived(pl.lit(None, dtype=x.dtype), x.dtype, x)
    if is_integer(x.dtype):
        return _round_whole(x, 10 ** min(-digits, 18)) if digits < 0 else x
    if digits < 0:
        unit = 10.0**-digits
        scaled = (x.expr.cast(DOUBLE) / unit).round(0, mode="half_away_from_zero")
        return derived(scaled * unit, DOUBLE, x)
    return _fractional(x, lambda expr: expr.round(digits, mode="half_away_from_zero"))


def _round_whole(x: Value, unit: int) -> Value:
    rest = arithmetic.remainder(x, constant(unit))
    down = derived(x.expr.cast(rest.dtype) - rest.expr, rest.dtype, x, bounds=x.bounds)
    half = rest.expr.abs() * 2 >= unit
    away = pl.when(half).then(rest.expr.sign() * unit).otherwise(0)
    return arithmetic.add(down, derived(away, rest.dtype, x, bounds=(-unit, unit)))


def _fractional(x: Value, compute: Callable[[pl.Expr], pl.Expr]) -> Value:
    """A rounding of a float or a DECIMAL; a DECIMAL gets room for one more digit."""
    if not isinstance(x.dtype, pl.Decimal):
        return derived(compute(x.expr), x.dtype, x)
    dtype = pl.Decimal(38, x.dtype.scale)
    return derived(compute(x.expr.cast(dtype)).cast(dtype), dtype, x)


def _floating(args: Sequence[Value], compute: Callable[[pl.Expr], pl.Expr]) -> Value:
    x = args[0]
    return _fractional(x if is_decimal(x.dtype) else as_double(x), compute)


@_NUMBER.function(
    "ceil", "x:number", "DOUBLE", "The next whole number up.", "ceil(1.2)", aliases=("ceiling",)
)
def _ceil(args: Sequence[Value], call: Call) -> Value:
    return _floating(args, lambda x: x.ceil())


@_NUMBER.function("floor", "x:number", "DOUBLE", "The next whole number down.", "floor(1.8)")
def _floor(args: Sequence[Value], call: Call) -> Value:
    return _floating(args, lambda x: x.floor())


@_NUMBER.function(
    "trunc",
    "x:number, digits:integer?!",
    "type of `x`",
    "Cut towards zero, to so many digits behind the point.",
    "trunc(-1.7)",
)
def _trunc(args: Sequence[Value], call: Call) -> Value:
    x, digits = args[0], args[1].literal if len(args) > 1 else 0
    if is_integer(x.dtype):
        return x
    if digits is None:
        return derived(pl.lit(None, dtype=x.dtype), x.dtype, x)
    if digits < 0:
        unit = 10.0**-digits
        return derived((x.expr.cast(DOUBLE) / unit).truncate() * unit, DOUBLE, x)
    return _fractional(x, lambda expr: expr.truncate(digits))


@_NUMBER.function(
    "mod", "x:number, y:number", "BIGINT or DOUBLE", "The same as `x % y`.", "mod(7, 2)"
)
def _mod(args: Sequence[Value], call: Call) -> Value:
    return arithmetic.remainder(args[0], args[1])


@_NUMBER.function(
    "pow", "x:number, y:number", "DOUBLE", "The same as `x ** y`.", "pow(2, 10)", aliases=("power",)
)
def _pow(args: Sequence[Value], call: Call) -> Value:
    return arithmetic.power(args[0], args[1])


@_NUMBER.function("xor", "x:integer, y:integer", "BIGINT", "Exclusive or, bit by bit.", "xor(5, 3)")
def _xor(args: Sequence[Value], call: Call) -> Value:
    return arithmetic.bitwise("xor", args[0], args[1])


@_NUMBER.scalar("bit_count", "x:integer", BIGINT, "How many bits are set.", "bit_count(5)")
def _bit_count(x: pl.Expr) -> pl.Expr:
    return x.bitwise_count_ones().cast(BIGINT)


@_NUMBER.scalar("sign", "x:double", BIGINT, "-1, 0 or 1.", "sign(-5)")
def _sign(x: pl.Expr) -> pl.Expr:
    return x.fill_nan(0.0).sign().cast(BIGINT)


@_NUMBER.scalar("sqrt", "x:double", DOUBLE, "The square root; NaN of a negative number.", "sqrt(2)")
def _sqrt(x: pl.Expr) -> pl.Expr:
    return x.sqrt()


@_NUMBER.scalar("cbrt", "x:double", DOUBLE, "The cube root.", "cbrt(27)")
def _cbrt(x: pl.Expr) -> pl.Expr:
    return x.cbrt()


@_NUMBER.scalar("exp", "x:double", DOUBLE, "e to the power of `x`.", "exp(1)")
def _exp(x: pl.Expr) -> pl.Expr:
    return x.exp()


@_NUMBER.scalar("ln", "x:double", DOUBLE, "The natural logarithm; -inf of 0.", "ln(2)")
def _ln(x: pl.Expr) -> pl.Expr:
    return x.log()


@_NUMBER.scalar("log2", "x:double", DOUBLE, "The logarithm to base 2.", "log2(8)")
def _log2(x: pl.Expr) -> pl.Expr:
    return x.log(2)


@_NUMBER.scalar(
    "log", "x:double", DOUBLE, "The logarithm to base 10.", "log(100)", aliases=("log10",)
)
def _log(x: pl.Expr) -> pl.Expr:
    return x.log10()


@_NUMBER.scalar("isnan", "x:double", BOOLEAN, "Whether it is NaN.", "isnan(x)")
def _isnan(x: pl.Expr) -> pl.Expr:
    return x.is_nan()


@_NUMBER.scalar("isinf", "x:double", BOOLEAN, "Whether it is infinite.", "isinf(x)")
def _isinf(x: pl.Expr) -> pl.Expr:
    return x.is_infinite()


@_NUMBER.scalar(
    "isfinite", "x:double", BOOLEAN, "Whether it is neither NaN nor infinite.", "isfinite(x)"
)
def _isfinite(x: pl.Expr) -> pl.Expr:
    return x.is_finite()


@_NUMBER.scalar("pi", "", DOUBLE, "The number itself.", "pi()")
def _pi() -> pl.Expr:
    return pl.lit(math.pi)


@_NUMBER.scalar("sin", "x:double", DOUBLE, "The sine (radians).", "sin(1)")
def _sin(x: pl.Expr) -> pl.Expr:
    return x.sin()


@_NUMBER.scalar("cos", "x:double", DOUBLE, "The cosine (radians).", "cos(1)")
def _cos(x: pl.Expr) -> pl.Expr:
    return x.cos()


@_NUMBER.scalar(
    "atan2", "y:double, x:double", DOUBLE, "The angle of a point (radians).", "atan2(1, 2)"
)
def _atan2(y: pl.Expr, x: pl.Expr) -> pl.Expr:
    return pl.arctan2(y, x)


@_NUMBER.scalar("radians", "x:double", DOUBLE, "Degrees as radians.", "radians(180)")
def _radians(x: pl.Expr) -> pl.Expr:
    return x.radians()


@_NUMBER.function(
    "random",
    "",
    "DOUBLE",
    "A number from 0 up to 1, another in each row.",
    "random() < 0.1",
    note="the same for every attempt of a batch: seeded by the batch, the split and the expression",
)
def _random(args: Sequence[Value], call: Call) -> Value:
    salt = zlib.crc32(f"{call.env.seed}/{call.env.split}/{call.offset}/{call.text}".encode())
    bits = pl.int_range(pl.len(), dtype=pl.Int64).hash(seed=salt) // 2048
    return Value(bits.cast(DOUBLE) * 2.0**-53, DOUBLE)
