"""A compiled piece of an expression: its Polars form, its type, and where it can fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl

from lyftnb.dtypes import to_text
from lyftnb.errors import WorkflowError
from lyftnb.operators.base import Reason

BIGINT: Final = pl.Int64()
HUGEINT: Final = pl.Int128()
DOUBLE: Final = pl.Float64()
VARCHAR: Final = pl.String()
BOOLEAN: Final = pl.Boolean()
NULL: Final = pl.Null()

NOT_LITERAL: Final = object()
"""Marks a value that is known only when rows are."""

Bounds = tuple[int, int]
_BOUNDS: Final[dict[pl.DataType, Bounds]] = {
    pl.Int8(): (-(2**7), 2**7 - 1),
    pl.Int16(): (-(2**15), 2**15 - 1),
    pl.Int32(): (-(2**31), 2**31 - 1),
    pl.Int64(): (-(2**63), 2**63 - 1),
    pl.Int128(): (-(2**127), 2**127 - 1),
    pl.UInt8(): (0, 2**8 - 1),
    pl.UInt16(): (0, 2**16 - 1),
    pl.UInt32(): (0, 2**32 - 1),
    pl.UInt64(): (0, 2**64 - 1),
}
BIGINT_BOUNDS: Final = _BOUNDS[BIGINT]
HUGEINT_BOUNDS: Final = _BOUNDS[HUGEINT]


@dataclass(frozen=True, slots=True)
class Failure:
    """A way in which rows fail: `expr` is true, over the input columns, where a row did."""

    expr: pl.Expr
    reason: Reason


@dataclass(frozen=True, slots=True)
class Value:
    """What a node of the tree compiles to."""

    expr: pl.Expr
    dtype: pl.DataType
    failures: tuple[Failure, ...] = ()
    columns: frozenset[str] = frozenset()
    """Columns read."""
    bare: frozenset[str] = frozenset()
    """Columns read outside an aggregate."""
    aggregate: bool = False
    literal: Any = NOT_LITERAL
    bounds: Bounds | None = None
    """Of integers: no value lies outside (so that most arithmetic needs no check)."""
    months: int = 0
    """Of interval literals: months beside the exact part (a month has no fixed length)."""
    secret: bool = False
    """A secret while checking: a quoted literal, of which nobody knows yet what stands in it."""
    offset: int | None = None

    @property
    def is_literal(self) -> bool:
        """Whether the value is known without rows."""
        return self.literal is not NOT_LITERAL

    @property
    def type(self) -> str:
        """The type as people read it."""
        return "NULL" if self.dtype == NULL else to_text(self.dtype)


class Refusal(WorkflowError):
    """A piece of an expression makes no sense; the compiler adds the text and the place."""

    code = "expression"


def bounds_of(dtype: pl.DataType) -> Bounds | None:
    """The range of an integer type; None for other types."""
    return _BOUNDS.get(dtype)


def is_integer(dtype: pl.DataType) -> bool:
    """Whole numbers of any width."""
    return dtype in _BOUNDS


def is_float(dtype: pl.DataType) -> bool:
    """FLOAT and DOUBLE."""
    return isinstance(dtype, pl.Float64 | pl.Float32)


def is_decimal(dtype: pl.DataType) -> bool:
    """DECIMAL of any width."""
    return isinstance(dtype, pl.Decimal)


def is_number(dtype: pl.DataType) -> bool:
    """Whole, fixed-point and floating numbers."""
    return is_integer(dtype) or is_float(dtype) or is_decimal(dtype)


def is_timestamp(dtype: pl.DataType) -> bool:
    """TIMESTAMP with and without time zone."""
    return isinstance(dtype, pl.Datetime)


def is_moment(dtype: pl.DataType) -> bool:
    """DATE and both kinds of TIMESTAMP."""
    return isinstance(dtype, pl.Date | pl.Datetime)


def has_zone(dtype: pl.DataType) -> bool:
    """TIMESTAMP WITH TIME ZONE."""
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


def constant(value: Any, dtype: pl.DataType | None = None) -> Value:
    """A value known without rows. Whole numbers are BIGINT (HUGEINT where they must be)."""
    kind = dtype if dtype is not None else _type_of(value)
    bounds = (value, value) if is_integer(kind) and value is not None else None
    return Value(pl.lit(value, dtype=kind), kind, literal=value, bounds=bounds)


def derived(
    expr: pl.Expr,
    dtype: pl.DataType,
    *sources: Value,
    failures: Iterable[Failure] = (),
    bounds: Bounds | None = None,
) -> Value:
    """A value computed from others: it reads and fails where they do, and by its own `failures`."""
    if any(source.months for source in sources):
        raise Refusal(
            "an INTERVAL of months can only be added to a DATE or TIMESTAMP",
            hint="a month has no fixed length; use days",
        )
    if len(sources) == 1:
        source = sources[0]
        inherited, columns, bare = source.failures, source.columns, source.bare
    else:
        inherited = tuple(f for source in sources for f in source.failures)
        columns = frozenset().union(*(s.columns for s in sources))
        bare = frozenset().union(*(s.bare for s in sources))
    return Value(
        expr,
        dtype,
        failures=(*inherited, *failures),
        columns=columns,
        bare=bare,
        aggregate=any(s.aggregate for s in sources),
        bounds=bounds if bounds is not None else _BOUNDS.get(dtype),
    )


def gated(value: Value, taken: pl.Expr) -> Value:
    """The value as part of a branch: its failures count only in rows where `taken` is true."""
    if not value.failures:
        return value
    return replace(value, failures=tuple(Failure(taken & f.expr, f.reason) for f in value.failures))


def _type_of(value: Any) -> pl.DataType:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        low, high = BIGINT_BOUNDS
        if low <= value <= high:
            return BIGINT
        if HUGEINT_BOUNDS[0] <= value <= HUGEINT_BOUNDS[1]:
            return HUGEINT
        raise Refusal(f"{value} does not fit HUGEINT", hint="write it as a DOUBLE: 1e40")
    if isinstance(value, float):
        return DOUBLE
    if isinstance(value, str):
        return VARCHAR
    if isinstance(value, datetime):
        return pl.Datetime("us", "UTC" if value.tzinfo else None)
    if isinstance(value, date):
        return pl.Date()
    if isinstance(value, timedelta):
        return pl.Duration("us")
    return pl.Series([value]).dtype
