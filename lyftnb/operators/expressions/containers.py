"""Lists and structs: making them, joining them, and taking elements and fields out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from lyftnb.dtypes import instance
from lyftnb.errors import near
from lyftnb.operators.expressions import casts
from lyftnb.operators.expressions.coercion import as_type, common_type, unified
from lyftnb.operators.expressions.values import (
    BIGINT,
    BOOLEAN,
    NULL,
    VARCHAR,
    Refusal,
    Value,
    derived,
    is_integer,
)


def listed(values: Sequence[Value]) -> Value:
    """`[a, b, …]`."""
    if not values:
        return Value(pl.lit([], dtype=pl.List(NULL)), pl.List(NULL))
    values, inner = unified(values, "the elements of a list")
    flat = not isinstance(inner, pl.List)
    expr = pl.concat_list([v.expr for v in values]) if flat else _nested(values)
    return derived(expr, pl.List(inner), *values)


def packed(fields: Mapping[str, Value]) -> Value:
    """`{'a': x, …}`."""
    if not fields:
        raise Refusal("a struct needs a field", hint="write {'a': 1}")
    dtype = pl.Struct({name: value.dtype for name, value in fields.items()})
    expr = pl.struct([value.expr.alias(name) for name, value in fields.items()])
    return derived(expr, dtype, *fields.values())


def field(value: Value, name: str) -> Value:
    """`value.name` of a struct."""
    if not isinstance(value.dtype, pl.Struct):
        raise Refusal(
            f"'{name}' is taken from {value.type}, which has no fields",
            hint="json_extract_string(text, '$.a') reads JSON in a text",
        )
    kinds = {f.name: instance(f.dtype) for f in value.dtype.fields}
    found = name if name in kinds else _same_but_case(name, kinds)
    if found is None:
        guess = near(name, kinds)
        hint = f"did you mean '{guess}'?" if guess else f"there is: {', '.join(kinds)}"
        raise Refusal(f"the struct has no field '{name}'", hint=hint)
    return derived(value.expr.struct.field(found), kinds[found], value)


def element(value: Value, index: Value) -> Value:
    """`value[index]`: lists and texts count from 1, from the end when negative; structs by name."""
    if isinstance(value.dtype, pl.Struct):
        if not isinstance(index.literal, str):
            raise Refusal("a field is taken by its name", hint="write value['name']")
        return field(value, index.literal)
    _whole(index)
    if value.dtype == VARCHAR:
        position = _offset(index)
        taken = value.expr.str.slice(position, 1)
        return derived(
            pl.when(index.expr != 0).then(taken).otherwise(pl.lit("")), VARCHAR, value, index
        )
    inner = _inner(value)
    position = _offset(index)
    taken = value.expr.list.get(position, null_on_oob=True)
    return derived(pl.when(index.expr != 0).then(taken), inner, value, index)


def sliced(value: Value, begin: Value | None, end: Value | None) -> Value:
    """`value[begin:end]` of a list or a text: both ends included, negative from the end."""
    for bound in (begin, end):
        if bound is not None:
            _whole(bound)
    text = value.dtype == VARCHAR
    if not text:
        _inner(value)
    length = (value.expr.str.len_chars() if text else value.expr.list.len()).cast(BIGINT)
    first = pl.lit(1, dtype=BIGINT) if begin is None else _from_end(begin, length).clip(1)
    last = length if end is None else _from_end(end, length).clip(upper_bound=length)
    count = (last - first + 1).clip(0)
    cut = value.expr.str.slice if text else value.expr.list.slice
    sources = [v for v in (value, begin, end) if v is not None]
    return derived(cut(first - 1, count), value.dtype, *sources)


def contains(container: Value, item: Value) -> Value:
    """Whether a list holds an item, or a text a part."""
    if container.dtype == VARCHAR:
        if item.dtype not in (VARCHAR, NULL):
            raise Refusal(f"a text cannot contain {item.type}", hint="cast it to VARCHAR")
        part = as_type(item, VARCHAR)
        found = container.expr.str.contains(part.expr, literal=True)
        return derived(found, BOOLEAN, container, part)
    inner = _inner(container)
    target = common_type(inner, item.dtype)
    if target is None:
        target, item = inner, as_type(item, inner) if item.is_literal else _clash(inner, item)
    held = as_type(container, pl.List(target))
    wanted = as_type(item, target)
    found = held.expr.list.contains(wanted.expr, nulls_equal=False)
    empty = held.expr.list.len() == 0
    known = pl.when(empty).then(pl.lit(False)).when(wanted.expr.is_not_null()).then(found)
    return derived(known, BOOLEAN, held, wanted)


def joined(a: Value, b: Value) -> Value:
    """`a || b` of texts (numbers and dates become text) or of lists; null if either is null."""
    if isinstance(a.dtype, pl.List) or isinstance(b.dtype, pl.List):
        (a, b), dtype = unified([a, b], "both sides of ||")
        return derived(a.expr.list.concat(b.expr), dtype, a, b)
    a, b = text(a), text(b)
    return derived(a.expr + b.expr, VARCHAR, a, b)


def text(value: Value) -> Value:
    """The value as text, as a CAST to VARCHAR gives it."""
    return casts.cast(value, VARCHAR)


def inner_type(value: Value) -> pl.DataType:
    """The type of a list's elements."""
    return _inner(value)


def _inner(value: Value) -> pl.DataType:
    if not isinstance(value.dtype, pl.List):
        raise Refusal(f"[] takes an element of a list, found {value.type}")
    return instance(value.dtype.inner)


def _nested(values: Sequence[Value]) -> pl.Expr:
    """A list of lists: `concat_list` alone would splice them into one."""
    boxes = pl.concat_list([pl.struct(item=v.expr) for v in values])
    return boxes.list.eval(pl.element().struct.field("item"))


def _whole(index: Value) -> None:
    if not is_integer(index.dtype) and index.dtype != NULL:
        raise Refusal(f"an index is a whole number, found {index.type}")


def _offset(index: Value) -> pl.Expr:
    """The 0-based offset of a 1-based index."""
    number = index.expr.cast(BIGINT)
    if isinstance(index.literal, int):
        return pl.lit(index.literal - 1 if index.literal > 0 else index.literal, dtype=BIGINT)
    return pl.when(number > 0).then(number - 1).otherwise(number)


def _from_end(bound: Value, length: pl.Expr) -> pl.Expr:
    """A 1-based bound; negative ones count from the end."""
    number = bound.expr.cast(BIGINT)
    if isinstance(bound.literal, int):
        return number if bound.literal >= 0 else length + 1 + number
    return pl.when(number < 0).then(length + 1 + number).otherwise(number)


def _same_but_case(name: str, kinds: Mapping[str, pl.DataType]) -> str | None:
    same = [k for k in kinds if k.lower() == name.lower()]
    return same[0] if len(same) == 1 else None


def _clash(inner: pl.DataType, item: Value) -> Value:
    held = Value(pl.lit(None), inner)
    raise Refusal(f"a list of {held.type} cannot contain {item.type}", hint="cast the item")
