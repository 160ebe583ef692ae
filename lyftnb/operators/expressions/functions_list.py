"""Functions over lists and structs."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lyftnb.operators.expressions import containers
from lyftnb.operators.expressions.coercion import unified
from lyftnb.operators.expressions.containers import inner_type
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.sums import exact_mean, exact_sum
from lyftnb.operators.expressions.values import (
    BIGINT,
    DOUBLE,
    HUGEINT,
    VARCHAR,
    Refusal,
    Value,
    derived,
    is_float,
    is_integer,
    is_number,
)

_LISTS = Family("Lists and structs")


@_LISTS.function(
    "list_value",
    "values:any*",
    "list",
    "A list of the values. The same as `[a, b]`.",
    "list_value(1, 2)",
    aliases=("list_pack",),
)
def _list_value(args: Sequence[Value], call: Call) -> Value:
    return containers.listed(args)


@_LISTS.function(
    "array_length", "values:list", "BIGINT", "How many elements.", "array_length([1, 2])"
)
def _array_length(args: Sequence[Value], call: Call) -> Value:
    return derived(args[0].expr.list.len().cast(BIGINT), BIGINT, args[0], bounds=(0, 2**32))


@_LISTS.function(
    "list_contains",
    "values:list, value:any",
    "BOOLEAN",
    "Whether the list holds the value.",
    "list_contains(tags, 'a')",
    aliases=("list_has", "array_contains"),
)
def _list_contains(args: Sequence[Value], call: Call) -> Value:
    return containers.contains(args[0], args[1])


@_LISTS.function(
    "list_position",
    "values:list, value:any",
    "BIGINT",
    "Where the value first stands, from 1; null if nowhere.",
    "list_position([1, 2], 2)",
    aliases=("list_indexof",),
)
def _list_position(args: Sequence[Value], call: Call) -> Value:
    held, value = args
    if not value.is_literal:
        raise Refusal("list_position() needs a constant value", hint="list_position(tags, 'a')")
    (_, item), _ = unified([Value(pl.lit(None), inner_type(held)), value], "the list and the value")
    found = held.expr.list.eval((pl.element() == item.expr).arg_true().first()).list.first()
    return derived(found.cast(BIGINT) + 1, BIGINT, held)


def _numbers(value: Value, call: Call) -> pl.DataType:
    inner = inner_type(value)
    if not is_number(inner):
        raise Refusal(f"{call.name}() needs a list of numbers, found {value.type}")
    return inner


def _unless_empty(value: Value, expr: pl.Expr) -> pl.Expr:
    return pl.when(value.expr.list.drop_nulls().list.len() > 0).then(expr)


@_LISTS.function(
    "list_sum",
    "values:list",
    "BIGINT, HUGEINT or DOUBLE",
    "The sum of the elements; null of none.",
    "list_sum([1, 2])",
    note="BIGINT for whole numbers, where DuckDB gives HUGEINT; a sum that does not fit "
    "stops the batch with an error",
)
def _list_sum(args: Sequence[Value], call: Call) -> Value:
    value = args[0]
    inner = _numbers(value, call)
    if not is_integer(inner):
        total = value.expr.cast(pl.List(DOUBLE)).list.sum()
        return derived(_unless_empty(value, total), DOUBLE, value)
    target = HUGEINT if inner in (HUGEINT, pl.UInt64()) else BIGINT
    wide = value.expr.cast(pl.List(HUGEINT))
    if inner == HUGEINT:
        total = wide.list.eval(exact_sum(pl.element())).list.first()
    else:
        total = wide.list.sum().cast(target)
    return derived(_unless_empty(value, total), target, value)


@_LISTS.function(
    "list_avg", "values:list", "DOUBLE", "The mean of the elements.", "list_avg([1, 2])"
)
def _list_avg(args: Sequence[Value], call: Call) -> Value:
    value = args[0]
    if is_integer(_numbers(value, call)):
        # Whole numbers beyond 2**53 would lose digits before they are added up.
        wide = value.expr.cast(pl.List(HUGEINT))
        mean = wide.list.eval(exact_mean(pl.element())).list.first()
        return derived(_unless_empty(value, mean), DOUBLE, value)
    return derived(value.expr.cast(pl.List(DOUBLE)).list.mean(), DOUBLE, value)


@_LISTS.function(
    "list_min", "values:list", "type of the elements", "The smallest element.", "list_min([1, 2])"
)
def _list_min(args: Sequence[Value], call: Call) -> Value:
    return derived(args[0].expr.list.min(), inner_type(args[0]), args[0])


@_LISTS.function(
    "list_max", "values:list", "type of the elements", "The largest element.", "list_max([1, 2])"
)
def _list_max(args: Sequence[Value], call: Call) -> Value:
    inner = inner_type(args[0])
    if not is_float(inner):
        return derived(args[0].expr.list.max(), inner, args[0])
    largest = args[0].expr.list.eval(pl.element().nan_max()).list.first()
    return derived(largest, inner, args[0])


@_LISTS.function(
    "list_distinct",
    "values:list",
    "the same list type",
    "Each element once, nulls left out.",
    "list_distinct([1, 1, 2])",
    aliases=("array_distinct",),
    note="in order of first sight; DuckDB's order is arbitrary",
)
def _list_distinct(args: Sequence[Value], call: Call) -> Value:
    unique = args[0].expr.list.drop_nulls().list.unique(maintain_order=True)
    return derived(unique, args[0].dtype, args[0])


@_LISTS.function(
    "list_sort",
    "values:list, order:text?!",
    "the same list type",
    "In ascending order ('DESC' for descending), nulls last.",
    "list_sort([3, 1, 2])",
    aliases=("array_sort",),
)
def _list_sort(args: Sequence[Value], call: Call) -> Value:
    order = str(args[1].literal).upper() if len(args) > 1 else "ASC"
    if order not in ("ASC", "DESC"):
        raise Refusal("the order is 'ASC' or 'DESC'", hint="list_sort(values, 'DESC')")
    expr = args[0].expr.list.sort(descending=order == "DESC", nulls_last=True)
    return derived(expr, args[0].dtype, args[0])


@_LISTS.function(
    "list_reverse",
    "values:list",
    "the same list type",
    "Backwards.",
    "list_reverse([1, 2])",
    aliases=("array_reverse",),
)
def _list_reverse(args: Sequence[Value], call: Call) -> Value:
    return derived(args[0].expr.list.reverse(), args[0].dtype, args[0])


@_LISTS.function(
    "list_concat",
    "first:list, second:list",
    "list",
    "Both lists in one; a null list counts as empty.",
    "list_concat([1], [2])",
    aliases=("array_concat",),
)
def _list_concat(args: Sequence[Value], call: Call) -> Value:
    (a, b), dtype = unified(args, "both lists")
    empty = pl.lit([], dtype=dtype)
    joined = a.expr.fill_null(empty).list.concat(b.expr.fill_null(empty))
    return derived(joined, dtype, a, b)


@_LISTS.function(
    "list_slice",
    "values:list, begin:integer, end:integer",
    "the same list type",
    "From `begin` to `end`, both included. The same as `values[begin:end]`.",
    "list_slice([1, 2, 3], 1, 2)",
    aliases=("array_slice",),
)
def _list_slice(args: Sequence[Value], call: Call) -> Value:
    return containers.sliced(args[0], args[1], args[2])


@_LISTS.function(
    "array_to_string",
    "values:list, separator:text!",
    "VARCHAR",
    "The elements as one text, nulls left out.",
    "array_to_string(tags, ', ')",
    aliases=("list_to_string",),
)
def _array_to_string(args: Sequence[Value], call: Call) -> Value:
    value, separator = args
    if separator.literal is None:
        return derived(pl.lit(None, dtype=VARCHAR), VARCHAR, value)
    element = containers.text(Value(pl.element(), inner_type(value)))
    texts = value.expr.list.eval(element.expr).cast(pl.List(VARCHAR))
    joined = texts.list.join(separator.literal, ignore_nulls=True)
    some = (texts.list.len() == 0) | (texts.list.drop_nulls().list.len() > 0)
    return derived(pl.when(some).then(joined), VARCHAR, value)


@_LISTS.function(
    "struct_extract",
    "value:struct, name:text!",
    "type of the field",
    "The field of that name. The same as `value.name`.",
    "struct_extract({'a': 1}, 'a')",
)
def _struct_extract(args: Sequence[Value], call: Call) -> Value:
    return containers.field(args[0], str(args[1].literal))
