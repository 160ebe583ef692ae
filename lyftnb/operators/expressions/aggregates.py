"""Aggregates: one value per group. Nulls are left out, and a group without values gives null
(counts give 0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from lyftnb.operators.expressions.coercion import as_double
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.sums import exact_mean, exact_sum
from lyftnb.operators.expressions.values import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    VARCHAR,
    Refusal,
    Value,
    bounds_of,
    derived,
    gated,
    is_float,
    is_integer,
)

_AGGREGATE = Family("Aggregates", aggregate=True)
_COUNT = (0, 2**48)
"""No frame holds more rows, so arithmetic on counts needs no check."""


def _rows(value: Value, call: Call, *, nulls: bool = False) -> pl.Expr:
    """The argument over the rows that count: FILTER, ORDER BY, nulls out, DISTINCT."""
    if not value.columns:
        raise Refusal(
            f"{call.name}() of a constant needs no rows", hint="count(*) counts them; multiply that"
        )
    expr = value.expr
    keys = [key.expr for key, _, _ in call.order]
    if call.condition is not None:
        keys = [key.filter(call.condition.expr) for key in keys]
        expr = expr.filter(call.condition.expr)
    if keys:
        expr = expr.sort_by(
            keys,
            descending=[descending for _, descending, _ in call.order],
            nulls_last=[last for _, _, last in call.order],
            maintain_order=True,
        )
    if not nulls:
        expr = expr.drop_nulls()
    return expr.unique(maintain_order=True) if call.distinct else expr


def _aggregated(
    expr: pl.Expr,
    dtype: pl.DataType,
    call: Call,
    *args: Value,
    bounds: tuple[int, int] | None = None,
) -> Value:
    condition = call.condition
    if condition is not None:
        args = tuple(gated(arg, condition.expr) for arg in args)
    sources = [
        *args,
        *([condition] if condition is not None else []),
        *(k for k, _, _ in call.order),
    ]
    if not sources:
        return Value(expr, dtype, aggregate=True, bounds=bounds)
    value = derived(expr, dtype, *sources, bounds=bounds)
    return Value(
        value.expr, value.dtype, value.failures, value.columns, aggregate=True, bounds=value.bounds
    )


def _exact(rows: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whole numbers as a type that their sum fits."""
    low, high = bounds_of(dtype) or (0, 0)
    # 2**31 rows of 32 bits fit BIGINT; the sum of wider ones may need HUGEINT.
    return rows.cast(BIGINT if high - low < 2**33 else HUGEINT)


def _unless_empty(rows: pl.Expr, expr: pl.Expr) -> pl.Expr:
    return pl.when(rows.count() > 0).then(expr)


@_AGGREGATE.function(
    "count",
    "value:any?",
    "BIGINT",
    "Rows (`count(*)`), or rows where the value is not null; "
    "`count(DISTINCT x)` counts different values.",
    "count(*)",
)
def _count(args: Sequence[Value], call: Call) -> Value:
    if not args or (not args[0].columns and args[0].literal is not None):
        counted = pl.len() if call.condition is None else call.condition.expr.sum()
        return _aggregated(counted.cast(BIGINT), BIGINT, call, bounds=_COUNT)
    rows = _rows(args[0], replace(call, distinct=False))
    counted = rows.n_unique() if call.distinct else rows.count()
    return _aggregated(counted.cast(BIGINT), BIGINT, call, args[0], bounds=_COUNT)


@_AGGREGATE.function(
    "count_if",
    "condition:boolean",
    "BIGINT",
    "Rows where the condition is true.",
    "count_if(delay > 15)",
    aliases=("countif",),
)
def _count_if(args: Sequence[Value], call: Call) -> Value:
    return _aggregated(
        _rows(args[0], call).sum().cast(BIGINT), BIGINT, call, args[0], bounds=_COUNT
    )


@_AGGREGATE.function(
    "sum",
    "x:number",
    "BIGINT, HUGEINT, DECIMAL or DOUBLE",
    "The sum.",
    "sum(distance)",
    note="BIGINT for whole numbers, where DuckDB gives HUGEINT; a sum that does not "
    "fit stops the batch with an error, it never wraps",
)
def _sum(args: Sequence[Value], call: Call) -> Value:
    x = args[0]
    rows = _rows(x, call)
    if is_integer(x.dtype):
        target = HUGEINT if x.dtype in (HUGEINT, pl.UInt64()) else BIGINT
        total = exact_sum(rows) if x.dtype == HUGEINT else _exact(rows, x.dtype).sum().cast(target)
        return _aggregated(_unless_empty(rows, total), target, call, x)
    dtype = pl.Decimal(38, x.dtype.scale) if isinstance(x.dtype, pl.Decimal) else DOUBLE
    return _aggregated(_unless_empty(rows, rows.cast(dtype).sum()), dtype, call, x)


def _statistic(
    name: str,
    doc: str,
    compute: Callable[[pl.Expr], pl.Expr],
    aliases: tuple[str, ...] = (),
    note: str = "",
) -> None:
    """Declare an aggregate from numbers to a DOUBLE."""

    def build(args: Sequence[Value], call: Call) -> Value:
        x = as_double(args[0])
        return _aggregated(compute(_rows(x, call)), DOUBLE, call, x)

    _AGGREGATE.function(
        name, "x:number", "DOUBLE", doc, f"{name}(delay)", aliases=aliases, note=note
    )(build)


@_AGGREGATE.function("avg", "x:number", "DOUBLE", "The mean.", "avg(delay)", aliases=("mean",))
def _avg(args: Sequence[Value], call: Call) -> Value:
    x = args[0]
    rows = _rows(x, call)
    if is_integer(x.dtype):
        if x.dtype == HUGEINT:
            return _aggregated(exact_mean(rows), DOUBLE, call, x)
        # Whole numbers beyond 2**53 would lose digits before they are added up.
        mean = _exact(rows, x.dtype).sum().cast(DOUBLE) / rows.count()
        return _aggregated(_unless_empty(rows, mean), DOUBLE, call, x)
    x = as_double(x)
    return _aggregated(_rows(x, call).mean(), DOUBLE, call, x)


_UNDEFINED = "NaN where a value is infinite or NaN; DuckDB stops"
_statistic(
    "median",
    "The value in the middle, between the two middle ones if there are two.",
    lambda x: x.median(),
)
_statistic(
    "stddev_samp",
    "The standard deviation of a sample.",
    lambda x: x.std(ddof=1),
    ("stddev",),
    _UNDEFINED,
)
_statistic(
    "stddev_pop", "The standard deviation of a population.", lambda x: x.std(ddof=0), (), _UNDEFINED
)
_statistic(
    "var_samp", "The variance of a sample.", lambda x: x.var(ddof=1), ("variance",), _UNDEFINED
)
_statistic("var_pop", "The variance of a population.", lambda x: x.var(ddof=0), (), _UNDEFINED)


def _fraction(value: Value, call: Call) -> float:
    if not isinstance(value.literal, int | float) or not 0 <= value.literal <= 1:
        raise Refusal(f"{call.name}() needs a constant from 0 to 1", hint=f"{call.name}(x, 0.95)")
    return float(value.literal)


@_AGGREGATE.function(
    "quantile_cont",
    "x:number, fraction:number!",
    "DOUBLE",
    "The value below which that fraction lies, interpolated.",
    "quantile_cont(delay, 0.95)",
)
def _quantile_cont(args: Sequence[Value], call: Call) -> Value:
    x = as_double(args[0])
    cut = _rows(x, call).quantile(_fraction(args[1], call), "linear")
    return _aggregated(cut, DOUBLE, call, x)


@_AGGREGATE.function(
    "quantile_disc",
    "x:any, fraction:number!",
    "type of `x`",
    "The smallest value that at least that fraction does not exceed.",
    "quantile_disc(delay, 0.95)",
    aliases=("quantile",),
)
def _quantile_disc(args: Sequence[Value], call: Call) -> Value:
    x = args[0]
    ordered = _rows(x, call).sort()
    index = (ordered.len() * _fraction(args[1], call)).ceil().cast(BIGINT) - 1
    return _aggregated(
        _unless_empty(ordered, ordered.get(index.clip(0), null_on_oob=True)), x.dtype, call, x
    )


@_AGGREGATE.function("min", "x:any", "type of `x`", "The smallest value.", "min(distance)")
def _min(args: Sequence[Value], call: Call) -> Value:
    return _aggregated(_rows(_sortable(args[0], call), call).min(), args[0].dtype, call, args[0])


@_AGGREGATE.function(
    "max",
    "x:any",
    "type of `x`",
    "The largest value; NaN is larger than any number.",
    "max(distance)",
)
def _max(args: Sequence[Value], call: Call) -> Value:
    x = _sortable(args[0], call)
    rows = _rows(x, call)
    return _aggregated(rows.nan_max() if is_float(x.dtype) else rows.max(), x.dtype, call, x)


def _sortable(x: Value, call: Call) -> Value:
    if x.dtype.is_nested():
        raise Refusal(f"{call.name}() has no order for {x.type}", hint="take a field or an element")
    return x


@_AGGREGATE.function(
    "first",
    "x:any",
    "type of `x`",
    "The value of the first row, null or not; ORDER BY within the call says which is first.",
    "first(name ORDER BY time)",
    aliases=("arbitrary",),
)
def _first(args: Sequence[Value], call: Call) -> Value:
    return _aggregated(_rows(args[0], call, nulls=True).first(), args[0].dtype, call, args[0])


@_AGGREGATE.function(
    "last",
    "x:any",
    "type of `x`",
    "The value of the last row, null or not.",
    "last(name ORDER BY time)",
)
def _last(args: Sequence[Value], call: Call) -> Value:
    return _aggregated(_rows(args[0], call, nulls=True).last(), args[0].dtype, call, args[0])


@_AGGREGATE.function(
    "any_value", "x:any", "type of `x`", "The first value that is not null.", "any_value(name)"
)
def _any_value(args: Sequence[Value], call: Call) -> Value:
    return _aggregated(_rows(args[0], call).first(), args[0].dtype, call, args[0])


@_AGGREGATE.function(
    "mode",
    "x:any",
    "type of `x`",
    "The most frequent value, the earliest of equals.",
    "mode(carrier)",
)
def _mode(args: Sequence[Value], call: Call) -> Value:
    frequent = _rows(args[0], call).mode(maintain_order=True).first()
    return _aggregated(frequent, args[0].dtype, call, args[0])


@_AGGREGATE.function(
    "bool_and",
    "condition:boolean",
    "BOOLEAN",
    "Whether it is true in all rows.",
    "bool_and(delay < 15)",
)
def _bool_and(args: Sequence[Value], call: Call) -> Value:
    rows = _rows(args[0], call)
    return _aggregated(_unless_empty(rows, rows.all()), BOOLEAN, call, args[0])


@_AGGREGATE.function(
    "bool_or",
    "condition:boolean",
    "BOOLEAN",
    "Whether it is true in any row.",
    "bool_or(delay > 60)",
)
def _bool_or(args: Sequence[Value], call: Call) -> Value:
    rows = _rows(args[0], call)
    return _aggregated(_unless_empty(rows, rows.any()), BOOLEAN, call, args[0])


@_AGGREGATE.function(
    "string_agg",
    "text:text, separator:text?!",
    "VARCHAR",
    "The texts, joined by the separator (',').",
    "string_agg(name, ', ' ORDER BY name)",
    aliases=("listagg", "group_concat"),
)
def _string_agg(args: Sequence[Value], call: Call) -> Value:
    separator = args[1].literal if len(args) > 1 else ","
    rows = _rows(args[0], call)
    joined = rows.str.join("" if separator is None else separator)
    return _aggregated(_unless_empty(rows, joined), VARCHAR, call, args[0])


@_AGGREGATE.function(
    "list",
    "x:any",
    "list of the type of `x`",
    "All values as a list, nulls too.",
    "list(name ORDER BY name)",
    aliases=("array_agg",),
)
def _list(args: Sequence[Value], call: Call) -> Value:
    rows = _rows(args[0], call, nulls=True)
    expr = pl.when(rows.len() > 0).then(rows.implode())
    return _aggregated(expr, pl.List(args[0].dtype), call, args[0])


def _extreme_row(args: Sequence[Value], call: Call, *, largest: bool) -> Value:
    x, by = args[0], _sortable(args[1], call)
    known = x.expr.is_not_null() & by.expr.is_not_null()
    if call.condition is not None:
        known = known & call.condition.expr
    values, keys = x.expr.filter(known), by.expr.filter(known)
    index = _position(keys, by.dtype, largest=largest)
    return _aggregated(values.get(index, null_on_oob=True), x.dtype, call, x, by)


def _position(keys: pl.Expr, dtype: pl.DataType, *, largest: bool) -> pl.Expr:
    """Where the smallest or largest key stands; Polars passes NaN over, which is the largest."""
    index = keys.arg_max() if largest else keys.arg_min()
    if not dtype.is_float():
        return index
    nan = keys.is_nan()
    decides = nan.any() if largest else nan.all()
    return pl.when(decides).then(nan.arg_true().first()).otherwise(index)


@_AGGREGATE.function(
    "arg_min",
    "x:any, by:any",
    "type of `x`",
    "The `x` of the row with the smallest `by`.",
    "arg_min(name, price)",
    aliases=("min_by",),
)
def _arg_min(args: Sequence[Value], call: Call) -> Value:
    return _extreme_row(args, call, largest=False)


@_AGGREGATE.function(
    "arg_max",
    "x:any, by:any",
    "type of `x`",
    "The `x` of the row with the largest `by`.",
    "arg_max(name, price)",
    aliases=("max_by",),
)
def _arg_max(args: Sequence[Value], call: Call) -> Value:
    return _extreme_row(args, call, largest=True)


@_AGGREGATE.function(
    "approx_count_distinct",
    "x:any",
    "BIGINT",
    "About how many different values there are, in little memory (HyperLogLog).",
    "approx_count_distinct(user_id)",
    note="an estimate; another one than DuckDB's",
)
def _approx_count_distinct(args: Sequence[Value], call: Call) -> Value:
    rows = _rows(_sortable(args[0], call), call)
    return _aggregated(rows.approx_n_unique().cast(BIGINT), BIGINT, call, args[0], bounds=_COUNT)
