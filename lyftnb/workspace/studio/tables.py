"""Frames as a screen shows them: rows as JSON, and each column in numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
from pydantic_core import from_json, to_json

from lyftnb.dtypes import showable, to_text
from lyftnb.errors import LyftError
from lyftnb.workspace.studio.protocol.tables import Column, ColumnFacts, Table

_TOP = 5
_LONGEST = 2_000
"""Characters of a text that travel; more is for a query."""


def table_of(frame: pl.DataFrame, offset: int, total: int | None) -> Table:
    """Rows that begin at `offset` of `total`."""
    return Table(
        columns=columns_of(frame.schema),
        rows=tuple(tuple(map(_shown, row)) for row in showable(frame).iter_rows()),
        offset=offset,
        total=total,
    )


def page_of(frame: pl.DataFrame, offset: int, limit: int) -> Table:
    """A page of a frame that is there as a whole."""
    return table_of(frame.slice(offset, limit), offset, frame.height)


def columns_of(schema: pl.Schema) -> tuple[Column, ...]:
    """Columns with types as spools have them."""
    return tuple(Column(name=name, type=_type(dtype)) for name, dtype in schema.items())


def facts_of(frame: pl.DataFrame) -> tuple[ColumnFacts, ...]:
    """Each column in numbers."""
    shown = showable(frame)
    return tuple(_facts(shown[name], frame.schema[name]) for name in frame.columns)


def _facts(column: pl.Series, dtype: pl.DataType) -> ColumnFacts:
    nulls = column.null_count()
    facts = ColumnFacts(name=column.name, type=_type(dtype), nulls=nulls)
    if column.dtype.is_nested() or column.dtype in (pl.Object, pl.Null):
        return facts
    values = column.drop_nulls()
    counted = values.value_counts(sort=True).head(_TOP) if values.len() else None
    numeric = column.dtype.is_numeric()
    ordered = values.len() > 0 and column.dtype not in (pl.Binary, pl.Categorical)
    update = {
        "distinct": values.n_unique() if values.len() else 0,
        "min": _word(values.min()) if ordered else None,
        "max": _word(values.max()) if ordered else None,
        "mean": _word(values.mean()) if numeric and values.len() else None,
        "top": tuple((str(_word(v)), n) for v, n in counted.iter_rows())
        if counted is not None
        else (),
    }
    return facts.model_copy(update=update)


def _word(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(_shown(value))


def _shown(value: Any) -> Any:
    """A value as JSON; what JSON has no word for, and whole numbers that scripts would round, are
    text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.encode(errors="replace").decode()
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)  # what SQL gives for the sum of whole numbers
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, bytes):
        return value[: _LONGEST // 2].hex(" ")
    if isinstance(value, list | dict):
        return from_json(to_json(value, fallback=str, inf_nan_mode="strings", bytes_mode="hex"))
    return str(value)


def _type(dtype: pl.DataType) -> str:
    try:
        return to_text(dtype)
    except LyftError:
        return str(dtype)
