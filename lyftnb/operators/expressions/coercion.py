"""Types that meet: which values may be compared, chosen between or taken by a function, and how.

Numbers meet numbers, DATE meets TIMESTAMP, and a quoted literal becomes what it is compared with
(`day > '2024-01-01'`). Text never silently becomes a number, nor a number text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from lyftnb.dtypes import TIMESTAMP, TIMESTAMPTZ, instance, to_text
from lyftnb.operators.expressions import casts
from lyftnb.operators.expressions.values import (
    BIGINT,
    DOUBLE,
    HUGEINT,
    NULL,
    VARCHAR,
    Refusal,
    Value,
    has_zone,
    is_decimal,
    is_float,
    is_integer,
    is_moment,
    is_number,
    is_timestamp,
)


def common_type(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    """The type in which two values meet without loss of sense; None if they do not."""
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
    if is_number(a) and is_number(b):
        return _common_number(a, b)
    if is_moment(a) and is_moment(b):
        return TIMESTAMPTZ if has_zone(a) or has_zone(b) else TIMESTAMP
    if isinstance(a, pl.List) and isinstance(b, pl.List):
        inner = common_type(instance(a.inner), instance(b.inner))
        return None if inner is None else pl.List(inner)
    if isinstance(a, pl.Struct) and isinstance(b, pl.Struct):
        return _common_struct(a, b)
    return None


def unified(values: Sequence[Value], what: str) -> tuple[list[Value], pl.DataType]:
    """The values brought to one type, for `what` (a phrase such as "the branches of CASE")."""
    firm = [v.dtype for v in values if not _is_text_literal(v)] or [VARCHAR]
    target: pl.DataType | None = NULL
    for dtype in firm:
        target = None if target is None else common_type(target, dtype)
    if target == NULL and any(_is_text_literal(v) for v in values):
        target = VARCHAR
    if target is None:
        kinds = ", ".join(dict.fromkeys(v.type for v in values))
        raise Refusal(
            f"{what} must be of one type, found {kinds}",
            hint="cast them to one, for example with ::VARCHAR",
        )
    return [as_type(v, target) for v in values], target


def as_type(value: Value, target: pl.DataType) -> Value:
    """The value in a type that it meets (`common_type`), or a quoted literal read as that type."""
    if value.dtype == target:
        return value
    if value.dtype == NULL:
        return replace(value, expr=value.expr.cast(target), dtype=target)
    if _is_text_literal(value) and target != VARCHAR:
        return _read_literal(value, target)
    expr = value.expr
    if has_zone(target) and is_moment(value.dtype):
        expr = expr.cast(TIMESTAMP).dt.replace_time_zone("UTC")
    else:
        expr = expr.cast(target)
    return replace(value, expr=expr, dtype=target)


def comparable(a: Value, b: Value, verb: str = "compare") -> tuple[Value, Value]:
    """Both values in the type in which they can be compared."""
    if a.dtype == b.dtype:
        return a, b
    if _is_text_literal(a) and b.dtype != NULL:
        return as_type(a, b.dtype), b
    if _is_text_literal(b) and a.dtype != NULL:
        return a, as_type(b, a.dtype)
    target = common_type(a.dtype, b.dtype)
    if target is None:
        raise Refusal(f"cannot {verb} {a.type} with {b.type}", hint=_meeting_hint(a, b))
    if is_integer(target) or target == NULL:
        # Polars compares integers of different width by itself, but for UBIGINT with signed ones.
        return (as_type(a, target), as_type(b, target)) if target == HUGEINT else (a, b)
    return as_type(a, target), as_type(b, target)


def wide_integer(value: Value) -> Value:
    """An integer in the width that arithmetic uses: BIGINT, or HUGEINT for what may not fit."""
    target = HUGEINT if value.dtype in (HUGEINT, pl.UInt64()) else BIGINT
    if value.dtype == target:
        return value
    return replace(value, expr=value.expr.cast(target), dtype=target)


def as_double(value: Value) -> Value:
    """A number as DOUBLE."""
    return value if value.dtype == DOUBLE else as_type(value, DOUBLE)


def _common_number(a: pl.DataType, b: pl.DataType) -> pl.DataType:
    if is_integer(a) and is_integer(b):
        return HUGEINT if HUGEINT in (a, b) or pl.UInt64() in (a, b) else BIGINT
    if is_float(a) or is_float(b):
        return DOUBLE
    if isinstance(a, pl.Decimal) and isinstance(b, pl.Decimal):
        before = max((t.precision or 38) - t.scale for t in (a, b))
        scale = max(a.scale, b.scale)
        return pl.Decimal(38, scale) if before + scale <= 38 else DOUBLE
    whole, fixed = (a, b) if isinstance(b, pl.Decimal) else (b, a)
    assert isinstance(fixed, pl.Decimal)
    # 19 digits hold any BIGINT before the point; with less room the values meet as DOUBLE.
    roomy = fixed.scale <= 19 and whole not in (HUGEINT, pl.UInt64())
    return pl.Decimal(38, fixed.scale) if roomy else DOUBLE


def _common_struct(a: pl.Struct, b: pl.Struct) -> pl.Struct | None:
    if [f.name for f in a.fields] != [f.name for f in b.fields]:
        return None
    fields = []
    for left, right in zip(a.fields, b.fields, strict=True):
        kind = common_type(instance(left.dtype), instance(right.dtype))
        if kind is None:
            return None
        fields.append(pl.Field(left.name, kind))
    return pl.Struct(fields)


def _is_text_literal(value: Value) -> bool:
    return (isinstance(value.literal, str) or value.secret) and value.dtype == VARCHAR


def _read_literal(value: Value, target: pl.DataType) -> Value:
    if value.secret:
        return replace(value, expr=value.expr.cast(target), dtype=target)
    read = casts.cast_literal(value.literal, target)
    if read is None:
        example = " (such as '2024-01-31')" if is_moment(target) else ""
        raise Refusal(
            f"'{value.literal}' is no {to_text(target)}{example}",
            hint=f"it meets a {to_text(target)} here; compare like with like",
        )
    return replace(read, offset=value.offset)


def _meeting_hint(a: Value, b: Value) -> str:
    text, other = (a, b) if a.dtype == VARCHAR else (b, a)
    if text.dtype == VARCHAR:
        return f"write CAST(… AS {other.type}) around the text, or quote the other side"
    if is_timestamp(a.dtype) or is_timestamp(b.dtype) or is_decimal(a.dtype):
        return "cast one side to the other's type"
    return f"cast one side, for example CAST(… AS {a.type})"
