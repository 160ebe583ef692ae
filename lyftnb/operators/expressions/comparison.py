"""Comparisons. NaN equals itself and is larger than any other number, as in DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

import polars as pl

from lyftnb.operators.expressions.coercion import comparable, unified
from lyftnb.operators.expressions.values import (
    BOOLEAN,
    NULL,
    Refusal,
    Value,
    bounds_of,
    derived,
    is_integer,
)

_COMPARISONS: Final[dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "IS NOT DISTINCT FROM": lambda a, b: a.eq_missing(b),
    "IS DISTINCT FROM": lambda a, b: a.ne_missing(b),
}
_ORDERED: Final = frozenset(("<", "<=", ">", ">="))


def compare(symbol: str, a: Value, b: Value) -> Value:
    """`a symbol b`."""
    a, b = comparable(a, b)
    if a.literal is None or b.literal is None:
        return _against_null(symbol, a, b)
    if symbol in _ORDERED and a.dtype.is_nested():
        raise Refusal(
            f"{symbol} has no meaning for {a.type}", hint="compare an element or a field of it"
        )
    return derived(_COMPARISONS[symbol](a.expr, b.expr), BOOLEAN, a, b)


def _against_null(symbol: str, a: Value, b: Value) -> Value:
    """A comparison with NULL itself, which Polars cannot make for every type."""
    other = a if b.literal is None else b
    if symbol == "IS NOT DISTINCT FROM":
        return derived(other.expr.is_null(), BOOLEAN, a, b)
    if symbol == "IS DISTINCT FROM":
        return derived(other.expr.is_not_null(), BOOLEAN, a, b)
    return derived(pl.lit(None, dtype=BOOLEAN), BOOLEAN, a, b)


def member(value: Value, others: Sequence[Value]) -> Value:
    """`value IN (others)`: null where it is not among them and one of them is null."""
    if all(other.is_literal for other in others) and not isinstance(value.dtype, pl.Duration):
        return _among_constants(value, others)
    tests = [compare("=", value, other) for other in others]
    expr = reduce(lambda x, y: x | y, (test.expr for test in tests))
    return derived(expr, BOOLEAN, value, *others)


def _among_constants(value: Value, others: Sequence[Value]) -> Value:
    limits = bounds_of(value.dtype)
    if limits is not None and all(is_integer(o.dtype) or o.dtype == NULL for o in others):
        # What lies outside the column's range cannot be in it, so the column needs no cast.
        inside = [o.literal for o in others if o.literal is not None]
        subject, dtype = value, value.dtype
        found = [n for n in inside if limits[0] <= n <= limits[1]]
    else:
        (subject, *read), dtype = unified([value, *others], "both sides of IN")
        found = [o.literal for o in read if o.literal is not None]
    expr = subject.expr.is_in(pl.lit(pl.Series(found, dtype=dtype).implode()))
    if any(o.literal is None for o in others):
        expr = pl.when(expr).then(True)
    return derived(expr, BOOLEAN, subject)
