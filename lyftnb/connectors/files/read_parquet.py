"""Parquet: columns with types of their own, which differ from file to file.

A file is read lazily, so that only the columns that are used are read. Its types are held against
what the files before it had, as for CSV and JSON: numbers widen, and a row whose value is of
another kind is a reject.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.connectors.files.decoded import BAD_VALUE, Columns
from lyftnb.dtypes import HIDDEN, to_schema, to_text, widened
from lyftnb.errors import BadData
from lyftnb.model import Schema

_POSITION = HIDDEN + "position"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Rows with the columns that are known and those that are new."""

    frame: pl.LazyFrame
    schema: Schema
    rejects: tuple[RawReject, ...] = ()


def fitted(frame: pl.LazyFrame, columns: Columns) -> Fitted:
    """Bring the rows of a file to the columns that are known of its input.

    Raises:
        BadData: the file has a column that the declared schema does not name.
    """
    own = frame.collect_schema()
    extra = [name for name in own if name not in columns.known]
    if columns.fixed and extra:
        raise BadData(
            f"the file has a column '{extra[0]}' that the schema does not name",
            hint="add the column to `schema`, or leave `schema` out to take what there is",
        )
    values: dict[str, pl.Expr] = {}
    types: dict[str, pl.DataType] = {name: own[name] for name in extra}
    unfit: dict[str, pl.Expr] = {}
    for name, known in columns.known.items():
        types[name] = known
        if name not in own:
            values[name] = pl.lit(None, known)
        elif to_text(own[name]) != to_text(known):
            wide = widened(known, own[name])
            if wide is not None and (wide == known or not columns.fixed):
                types[name], values[name] = wide, pl.col(name).cast(wide)
            else:
                values[name], unfit[name] = _converted(name, own[name], known)
    order = [*columns.known, *extra]
    schema = to_schema({name: types[name] for name in order})
    rejects = _rejects(frame, unfit, own, columns.known) if unfit else ()
    if rejects:
        frame = frame.filter(~pl.any_horizontal(*unfit.values()))
    # `select` alone would make one row of literals where the file has none of the columns; and what
    # stays as it is must not be computed, or filters would not reach the file.
    changed = frame.with_columns(**values) if values else frame
    return Fitted(changed.select(order), schema, rejects)


def _converted(name: str, own: pl.DataType, known: pl.DataType) -> tuple[pl.Expr, pl.Expr]:
    """The column as the known type, and where that is not the same value any more."""
    column = pl.col(name)
    if not _akin(own, known):
        return pl.lit(None, known), column.is_not_null()
    value = column.cast(known, strict=False)
    return value, column.is_not_null() & ~value.cast(own, strict=False).eq_missing(column)


def _akin(a: pl.DataType, b: pl.DataType) -> bool:
    """Whether values of both kinds may be the same: a decimal and a number, a date and a time."""
    days = (pl.Date, pl.Datetime)
    return (a.is_numeric() and b.is_numeric()) or (isinstance(a, days) and isinstance(b, days))


def _rejects(
    frame: pl.LazyFrame,
    unfit: Mapping[str, pl.Expr],
    own: Mapping[str, pl.DataType],
    known: Mapping[str, pl.DataType],
) -> tuple[RawReject, ...]:
    """The rows that have a value of another kind, as JSON."""
    marks = {name: f"{HIDDEN}unfit_{i}" for i, name in enumerate(unfit)}
    bad = (
        frame.with_row_index(_POSITION)
        .with_columns(unfit[name].alias(mark) for name, mark in marks.items())
        .filter(pl.any_horizontal(*marks.values()))
        .collect()
    )
    rejects = []
    for row in bad.iter_rows(named=True):
        name = next(name for name, mark in marks.items() if row[mark])
        shown = {column: row[column] for column in own}
        kinds = f"{to_text(known[name])} was expected, found {to_text(own[name])}"
        rejects.append(
            RawReject(
                json.dumps(shown, ensure_ascii=False, default=str),
                BAD_VALUE,
                f"column '{name}': {kinds} ({str(row[name])[:60]})",
                row[_POSITION],
            )
        )
    return tuple(rejects)
