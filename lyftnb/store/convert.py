"""Lossless conversion of a column to another type, value by value: which fit, and as what."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lyftnb.dtypes import element, instance


@dataclass(frozen=True, slots=True)
class Conversion:
    """`value`: the converted column. `unfit`: true where a value would lose something (its
    converted form is then of no use); never true for null.
    """

    value: pl.Expr
    unfit: pl.Expr


def conversion(column: pl.Expr, source: pl.DataType, target: pl.DataType) -> Conversion:
    """How a column of type `source` becomes one of type `target`.

    Numbers, times and text convert where the value survives; structs field by field, lists element
    by element. Values of other kinds do not fit.
    """
    if source == target:
        return Conversion(column, pl.lit(False))
    if source == pl.Null:
        return Conversion(column.cast(target), pl.lit(False))
    if isinstance(source, pl.Struct) and isinstance(target, pl.Struct):
        return _struct(column, source, target)
    if isinstance(source, pl.List) and isinstance(target, pl.List):
        return _list(column, source, target)
    value = _scalar(column, source, target)
    if value is None:
        return Conversion(pl.lit(None, dtype=target), column.is_not_null())
    unfit = column.is_not_null() & value.is_null()
    if source != pl.String and target != pl.String:
        # Rounded, truncated or cut values do not come back as they went.
        unfit = unfit | (value.cast(source, strict=False) != column).fill_null(False)
    return Conversion(value, unfit)


def _scalar(column: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    if source.is_nested() or target.is_nested() or pl.Binary in (source, target):
        return None
    if source == pl.String:
        return _from_text(column, target)
    if target == pl.String:
        return column.cast(pl.String)
    alike = (source.is_numeric() and target.is_numeric()) or (_dated(source) and _dated(target))
    return column.cast(target, strict=False) if alike else None


def _from_text(column: pl.Expr, target: pl.DataType) -> pl.Expr | None:
    iso = column.str.replace(" ", "T", literal=True)
    match target:
        case pl.Boolean():
            words = {"true": True, "false": False}
            return column.replace_strict(words, default=None, return_dtype=pl.Boolean())
        case pl.Date():
            return column.str.to_date("%Y-%m-%d", strict=False)
        case pl.Time():
            return column.str.to_time("%H:%M:%S%.f", strict=False)
        case pl.Datetime() if target.time_zone is not None:
            zoned = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False)
            return zoned.cast(target)
        case pl.Datetime():
            return iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False).cast(target)
        case pl.Decimal():
            value = column.cast(target, strict=False)
            exact = value.cast(pl.Float64) == column.cast(pl.Float64, strict=False)
            return pl.when(exact).then(value)
        case _ if target.is_numeric():
            return column.cast(target, strict=False)
        case _:
            return None


def _struct(column: pl.Expr, source: pl.Struct, target: pl.Struct) -> Conversion:
    types = source.to_schema()
    values, unfit = [], []
    for name, wanted in target.to_schema().items():
        if name not in types:
            values.append(pl.lit(None, dtype=wanted).alias(name))
            continue
        field = conversion(column.struct.field(name), instance(types[name]), instance(wanted))
        values.append(field.value.alias(name))
        unfit.append(field.unfit)
    unfit += [
        column.struct.field(name).is_not_null() for name in types if name not in target.to_schema()
    ]
    whole = pl.when(column.is_not_null()).then(pl.struct(values))
    return Conversion(whole, pl.any_horizontal(unfit) if unfit else pl.lit(False))


def _list(column: pl.Expr, source: pl.List, target: pl.List) -> Conversion:
    each = conversion(pl.element(), element(source), element(target))
    unfit = column.list.eval(each.unfit).list.any().fill_null(False)
    return Conversion(column.list.eval(each.value), unfit)


def _dated(dtype: pl.DataType) -> bool:
    return dtype == pl.Date or isinstance(dtype, pl.Datetime)
