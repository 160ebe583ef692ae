"""Arithmetic. Whole numbers are computed as BIGINT (HUGEINT where an operand is), and never wrap:
a result that does not fit is a failure of its row.

Each whole number carries bounds, so a check is made only where overflow is possible at all: 32-bit
columns, counts and small constants never pay for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from lyftnb.operators.base import Reason
from lyftnb.operators.expressions import intervals
from lyftnb.operators.expressions.coercion import as_double, as_type, common_type, wide_integer
from lyftnb.operators.expressions.values import (
    BIGINT,
    BIGINT_BOUNDS,
    DOUBLE,
    HUGEINT,
    HUGEINT_BOUNDS,
    NULL,
    VARCHAR,
    Bounds,
    Failure,
    Refusal,
    Value,
    constant,
    derived,
    is_decimal,
    is_integer,
    is_number,
)


def add(a: Value, b: Value) -> Value:
    """`a + b`: numbers, or a moment and an INTERVAL or a number of days."""
    return intervals.add(a, b) or _numeric("+", a, b)


def subtract(a: Value, b: Value) -> Value:
    """`a - b`: numbers, moments, or a moment and an INTERVAL or a number of days."""
    return intervals.subtract(a, b) or _numeric("-", a, b)


def multiply(a: Value, b: Value) -> Value:
    """`a * b`: numbers, or an INTERVAL and a number."""
    return intervals.multiply(a, b) or _numeric("*", a, b)


def divide(a: Value, b: Value) -> Value:
    """`a / b`, always as DOUBLE: by zero it is infinite, or NaN."""
    a, b = _operands("/", a, b)
    return derived(as_double(a).expr / as_double(b).expr, DOUBLE, a, b)


def divide_whole(a: Value, b: Value) -> Value:
    """`a // b` of whole numbers, cut towards zero. Division by zero is a failure."""
    a, b = _whole_operands("//", a, b)
    low, high = _known(a.bounds)
    bounds = (min(low, -high), max(high, -low))
    expr = a.expr // b.expr if _both_positive(a, b) else a.expr.truncdiv(b.expr)
    failures = _zero_division("//", b)
    limits = _limits(a.dtype)
    if bounds[1] > limits[1] and _known(b.bounds)[0] <= -1 <= _known(b.bounds)[1]:
        overflow = (a.expr == limits[0]) & (b.expr == -1)
        failures += (_overflow("//", overflow, a.dtype),)
    return _whole("//", expr, a, b, _clamped(bounds, limits), failures)


def remainder(a: Value, b: Value) -> Value:
    """`a % b`: the remainder has the sign of `a`. By zero it is a failure for whole numbers."""
    a, b = _operands("%", a, b)
    if not (is_integer(a.dtype) and is_integer(b.dtype)):
        x, y = as_double(a).expr, as_double(b).expr
        floored = x % y
        moved = (floored != 0) & ((x < 0) != (y < 0))
        expr = pl.when(moved).then(floored - y).otherwise(floored)
        return derived(
            pl.when(y.is_infinite() & x.is_finite()).then(x).otherwise(expr), DOUBLE, a, b
        )
    a, b = _whole_operands("%", a, b)
    low, high = _known(a.bounds)
    bounds = (min(low, 0), max(high, 0))
    floored = a.expr % b.expr
    if not _both_positive(a, b):
        negative = a.expr < 0
        if _known(b.bounds)[0] <= 0:
            negative = negative != (b.expr < 0)
        moved = (floored != 0) & negative
        floored = pl.when(moved).then(floored - b.expr).otherwise(floored)
    return _whole("%", floored, a, b, bounds, _zero_division("%", b))


def power(a: Value, b: Value) -> Value:
    """`a ** b`, as DOUBLE."""
    a, b = _operands("**", a, b)
    return derived(as_double(a).expr.pow(as_double(b).expr), DOUBLE, a, b)


def negate(a: Value) -> Value:
    """`-a`."""
    if a.is_literal and is_number(a.dtype) and a.literal is not None:
        return constant(-a.literal)
    if isinstance(a.dtype, pl.Duration):
        return intervals.negate(a)
    return subtract(constant(0), a) if is_integer(a.dtype) else _negate_number(a)


def bitwise(symbol: str, a: Value, b: Value) -> Value:
    """`a & b`, `a | b` and `xor(a, b)` of whole numbers."""
    a, b = _whole_operands(symbol, a, b)
    combined = {"&": a.expr & b.expr, "|": a.expr | b.expr, "xor": a.expr ^ b.expr}[symbol]
    return derived(combined, a.dtype, a, b)


def shift(symbol: str, a: Value, b: Value) -> Value:
    """`a << n` and `a >> n`, n a constant from 0 to 62; bits that would be lost are a failure."""
    a, b = _whole_operands(symbol, a, b)
    if not b.is_literal or b.literal is None or not 0 <= b.literal <= 62:
        raise Refusal(
            f"{symbol} needs a constant from 0 to 62 on its right",
            hint="multiply or divide (//) by a power of two instead",
        )
    factor = constant(2**b.literal)
    if symbol == "<<":
        return _numeric("*", a, factor)
    return derived(a.expr // factor.expr, a.dtype, a, bounds=a.bounds)


def invert(a: Value) -> Value:
    """`~a` of a whole number."""
    if not is_integer(a.dtype):
        raise Refusal(f"~ needs a whole number, found {a.type}")
    return subtract(constant(-1), a)


def absolute(a: Value) -> Value:
    """`abs(a)`: the smallest BIGINT has no absolute value, which is a failure."""
    if not is_integer(a.dtype):
        return derived(a.expr.abs(), a.dtype, a)
    a = wide_integer(a)
    low, high = _known(a.bounds)
    limits = _limits(a.dtype)
    failures: tuple[Failure, ...] = ()
    if -low > limits[1] and not a.aggregate:
        failures = (_overflow("abs()", a.expr == limits[0], a.dtype),)
    top = min(max(abs(low), abs(high)), limits[1])
    return derived(a.expr.abs(), a.dtype, a, failures=failures, bounds=(0, top))


def _negate_number(a: Value) -> Value:
    if not is_number(a.dtype) and a.dtype != NULL:
        raise Refusal(f"- needs a number, found {a.type}", hint=_number_hint(a))
    return as_type(a, BIGINT) if a.dtype == NULL else derived(-a.expr, a.dtype, a)


def _numeric(symbol: str, a: Value, b: Value) -> Value:
    a, b = _operands(symbol, a, b)
    if is_integer(a.dtype) and is_integer(b.dtype):
        return _checked(symbol, a, b)
    target = common_type(a.dtype, b.dtype)
    if target is None or not is_decimal(target):
        return derived(_PLAIN[symbol](as_double(a).expr, as_double(b).expr), DOUBLE, a, b)
    return _fixed_point(symbol, a, b)


def _fixed_point(symbol: str, a: Value, b: Value) -> Value:
    """DECIMAL arithmetic, exact in 38 digits; a product has the digits of both."""
    (p, s), (q, t) = _digits(a), _digits(b)
    scale, width = max(s, t), max(p - s, q - t) + 1 + max(s, t)
    if symbol == "*":
        width = p + q
        scale = s + t if s + t <= 18 else scale
    target = pl.Decimal(38, scale)
    x, y = (v.expr.cast(target, strict=False) for v in (a, b))
    if width <= 38 or a.aggregate or b.aggregate:
        return derived(_PLAIN[symbol](x, y), target, a, b)
    # Polars stops the query on overflow, so what comes close to it is kept away.
    about = _PLAIN[symbol](a.expr.cast(DOUBLE), b.expr.cast(DOUBLE)).abs()
    expr = _PLAIN[symbol](pl.when(about < 0.999999 * 10.0 ** (38 - scale)).then(x), y)
    failed = expr.is_null() & a.expr.is_not_null() & b.expr.is_not_null()
    reason = Reason("decimal_overflow", f"the result of {symbol} does not fit DECIMAL(38,{scale})")
    return derived(expr, target, a, b, failures=[Failure(failed, reason)])


def _digits(value: Value) -> tuple[int, int]:
    """(all digits, digits behind the point) that a value may have."""
    if isinstance(value.dtype, pl.Decimal):
        return value.dtype.precision or 38, value.dtype.scale
    low, high = _known(value.bounds)
    return len(str(max(abs(low), abs(high)))), 0


def _checked(symbol: str, a: Value, b: Value) -> Value:
    a, b = _whole_operands(symbol, a, b)
    limits = _limits(a.dtype)
    bounds = _RANGE[symbol](_known(a.bounds), _known(b.bounds))
    expr = _PLAIN[symbol](a.expr, b.expr)
    if limits[0] <= bounds[0] and bounds[1] <= limits[1]:
        return derived(expr, a.dtype, a, b, bounds=bounds)
    if a.aggregate or b.aggregate:
        # No row is to blame, so the query itself must stop: it never wraps silently.
        wide = _PLAIN[symbol](a.expr.cast(HUGEINT), b.expr.cast(HUGEINT))
        return derived(wide.cast(a.dtype), a.dtype, a, b)
    overflow = _near_constant(symbol, a, b, limits)
    if overflow is None:
        overflow = _OVERFLOW[symbol](a.expr, b.expr, expr)
    return derived(
        expr, a.dtype, a, b,
        failures=[_overflow(symbol, overflow, a.dtype)], bounds=_clamped(bounds, limits),
    )  # fmt: skip


def _near_constant(symbol: str, a: Value, b: Value, limits: Bounds) -> pl.Expr | None:
    """With a constant on one side, overflow is a comparison of the other side with a bound."""
    low, high = limits
    if a.is_literal and symbol in ("+", "*"):
        a, b = b, a
    if a.is_literal and a.literal is not None and symbol == "-":  # a - x
        c: int = a.literal
        return b.expr < c - high if c >= 0 else b.expr > c - low
    if not b.is_literal or b.literal in (None, 0):
        return None
    c = int(b.literal) if symbol != "-" else -int(b.literal)
    if symbol in ("+", "-"):
        return a.expr > high - c if c > 0 else a.expr < low - c
    if c == -1:
        return a.expr == low
    ends = (_cut(low, c), _cut(high, c))
    return (a.expr < min(ends)) | (a.expr > max(ends))


def _cut(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _product_overflows(a: pl.Expr, b: pl.Expr, product: pl.Expr) -> pl.Expr:
    # A wrapped product is off by a multiple of 2**64, a rounded one by at most about 2**12.
    exact = a.cast(DOUBLE) * b.cast(DOUBLE)
    return (exact - product.cast(DOUBLE)).abs() > 2.0**62


_PLAIN: Final[dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
_OVERFLOW: Final[dict[str, Callable[[pl.Expr, pl.Expr, pl.Expr], pl.Expr]]] = {
    "+": lambda a, b, r: ((a ^ r) & (b ^ r)) < 0,
    "-": lambda a, b, r: ((a ^ b) & (a ^ r)) < 0,
    "*": _product_overflows,
}
_RANGE: Final[dict[str, Callable[[Bounds, Bounds], Bounds]]] = {
    "+": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "-": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "*": lambda a, b: (
        min(x * y for x in a for y in b),
        max(x * y for x in a for y in b),
    ),
}


def _operands(symbol: str, a: Value, b: Value) -> tuple[Value, Value]:
    for value in (a, b):
        if not is_number(value.dtype) and value.dtype != NULL:
            raise Refusal(
                f"{symbol} needs numbers, found {a.type} {symbol} {b.type}",
                hint=_number_hint(value),
            )
    if a.dtype == NULL:
        a = as_type(a, b.dtype if b.dtype != NULL else BIGINT)
    return a, as_type(b, a.dtype) if b.dtype == NULL else b


def _number_hint(value: Value) -> str:
    if value.dtype == VARCHAR:
        return "write CAST(… AS BIGINT) or ::DOUBLE around the text; texts are joined by ||"
    return f"there is no arithmetic on {value.type}; cast it first"


def _whole_operands(symbol: str, a: Value, b: Value) -> tuple[Value, Value]:
    a, b = _operands(symbol, a, b)
    for value in (a, b):
        if not is_integer(value.dtype):
            raise Refusal(
                f"{symbol} needs whole numbers, found {value.type}",
                hint="cast to BIGINT, or write trunc(a / b) for a whole quotient",
            )
    a, b = wide_integer(a), wide_integer(b)
    if a.dtype == b.dtype:
        return a, b
    return as_type(a, HUGEINT), as_type(b, HUGEINT)


def _both_positive(a: Value, b: Value) -> bool:
    return _known(a.bounds)[0] >= 0 and _known(b.bounds)[0] >= 0


def _known(bounds: Bounds | None) -> Bounds:
    return bounds if bounds is not None else HUGEINT_BOUNDS


def _limits(dtype: pl.DataType) -> Bounds:
    return HUGEINT_BOUNDS if dtype == HUGEINT else BIGINT_BOUNDS


def _clamped(bounds: Bounds, limits: Bounds) -> Bounds:
    return max(bounds[0], limits[0]), min(bounds[1], limits[1])


def _overflow(symbol: str, expr: pl.Expr, dtype: pl.DataType) -> Failure:
    kind = "HUGEINT" if dtype == HUGEINT else "BIGINT"
    return Failure(expr, Reason("integer_overflow", f"the result of {symbol} does not fit {kind}"))


def _zero_division(symbol: str, b: Value) -> tuple[Failure, ...]:
    low, high = _known(b.bounds)
    if low > 0 or high < 0:
        return ()
    return (Failure(b.expr == 0, Reason("division_by_zero", f"{symbol} divides by zero")),)


def _whole(
    symbol: str, expr: pl.Expr, a: Value, b: Value, bounds: Bounds, failures: tuple[Failure, ...]
) -> Value:
    if failures and (a.aggregate or b.aggregate):
        raise Refusal(
            f"{symbol} over aggregates may fail, and no row is to blame",
            hint="compute it in a `derive` after the aggregate, or divide by a constant",
        )
    return derived(expr, a.dtype, a, b, failures=failures, bounds=bounds)
