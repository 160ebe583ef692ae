"""Dates and times written in text.

A text has one meaning, whichever form reads it, so the forms are tried in the order that suits the
column: the one that fits most of a sample first, the others only on what is left. A column of one
form is parsed once, at the engine's own speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import polars as pl

from lyftnb.dtypes import TIMESTAMP, TIMESTAMPTZ, in_calendar

Reader = Callable[[pl.Series], pl.Series]

_OFFSET: Final = r"\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_SAMPLE: Final = 16
_NAIVE: Final = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
)
_ZONED: Final = (
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
)


def date(text: pl.Expr) -> pl.Expr:
    """DATE from `2024-01-31`; a time behind it is read and left off."""
    return _in_turn(text, pl.Date(), [_date, _date_before_time])


def clock(text: pl.Expr) -> pl.Expr:
    """TIME from `10:20`, `10:20:30` or `10:20:30.5`."""
    forms = ("%H:%M:%S%.f", "%H:%M")
    return _in_turn(text, pl.Time(), [partial(_clock, form=form) for form in forms])


def timestamp(text: pl.Expr) -> pl.Expr:
    """TIMESTAMP; an offset at the end is left off, as DuckDB does."""
    bare = [partial(_timestamp, form=form) for form in _NAIVE]
    return _in_turn(text, TIMESTAMP, [*bare, _midnight, _without_offset])


def timestamptz(text: pl.Expr) -> pl.Expr:
    """TIMESTAMP WITH TIME ZONE; a text without an offset is in UTC."""
    zoned = [partial(_instant, form=form) for form in _ZONED]
    return _in_turn(text, TIMESTAMPTZ, [*zoned, _in_utc])


def _in_turn(text: pl.Expr, dtype: pl.DataType, readers: Sequence[Reader]) -> pl.Expr:
    read = text.map_batches(
        lambda texts: _read(texts, readers), return_dtype=dtype, is_elementwise=True
    )
    return read if isinstance(dtype, pl.Time) else in_calendar(read, dtype)


def _read(texts: pl.Series, readers: Sequence[Reader]) -> pl.Series:
    left = list(readers)
    sample = texts.drop_nulls().head(_SAMPLE)
    found = _best(left, sample)(texts)
    while left:
        missing = (found.is_null() & texts.is_not_null()).arg_true()
        if not len(missing):
            break
        rest = texts.gather(missing)
        found = found.scatter(missing, _best(left, rest.head(_SAMPLE))(rest))
    return found


def _best(readers: list[Reader], sample: pl.Series) -> Reader:
    """Take out the reader that fits the sample best, the first among equals."""
    best = min(readers, key=lambda reader: reader(sample).null_count())
    readers.remove(best)
    return best


def _timestamp(texts: pl.Series, form: str) -> pl.Series:
    return texts.str.to_datetime(form, time_unit="us", strict=False)


def _instant(texts: pl.Series, form: str) -> pl.Series:
    read = _timestamp(texts, form)
    return read.dt.replace_time_zone("UTC") if form.endswith("Z") else read


def _clock(texts: pl.Series, form: str) -> pl.Series:
    return texts.str.to_time(form, strict=False)


def _date(texts: pl.Series) -> pl.Series:
    return texts.str.to_date("%Y-%m-%d", strict=False)


def _date_before_time(texts: pl.Series) -> pl.Series:
    naive = [partial(_timestamp, form=form) for form in _NAIVE]
    return _read(texts, [*naive, _without_offset]).cast(pl.Date())


def _midnight(texts: pl.Series) -> pl.Series:
    return _date(texts).cast(TIMESTAMP)


def _without_offset(texts: pl.Series) -> pl.Series:
    stripped = texts.str.extract(f"^(.*\\d:\\d.*?){_OFFSET}")
    return _read(stripped, [partial(_timestamp, form=form) for form in _NAIVE])


def _in_utc(texts: pl.Series) -> pl.Series:
    naive = [partial(_timestamp, form=form) for form in _NAIVE]
    return _read(texts, [*naive, _midnight]).dt.replace_time_zone("UTC")
