"""Text and types: which type a column of texts is of, and the texts parsed into it.

What does not parse is null, never an error, so that a reader can tell bad rows from good ones in
one pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from lyftnb.dtypes import in_calendar, to_text

BOM = b"\xef\xbb\xbf"
"""The mark with which some editors begin a file of UTF-8."""
BAD_TEXT = "bad_text"
"""Bytes that are not UTF-8."""
# In this order: the first type that all values of a column parse as is the column's.
_INFERRED: tuple[pl.DataType, ...] = (
    pl.Int64(),
    pl.Float64(),
    pl.Boolean(),
    pl.Date(),
    pl.Datetime("us", "UTC"),
    pl.Datetime("us"),
)
# An integer with a leading zero is a code (a ZIP code, an account): as a number it would be lost.
CODE = r"^[+-]?0\d"
_CODE = re.compile(CODE + r"[\d.]*$")
_GLANCE = 64
"""So many values show at once most types that a column is not of."""
NULLS = ("", "NA")
"""Texts that stand for null, where nothing else is said."""
_DATETIMES = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")


def inferred_type(texts: pl.Series) -> pl.DataType:
    """The first type that all texts parse as; text, where they are none or codes."""
    if texts.null_count() == len(texts):
        return pl.Null()
    few = texts.head(_GLANCE)
    found = next((t for t in _INFERRED if _parses(few, t) and _parses(texts, t)), None)
    if found is None or (found.is_numeric() and texts.str.contains(CODE).any()):
        return pl.String()
    return found


def parsed_count(texts: pl.Series, dtype: pl.DataType) -> int:
    """How many of the texts parse as `dtype`."""
    column = parsed(texts, dtype)
    return len(column) - column.null_count()


def _parses(texts: pl.Series, dtype: pl.DataType) -> bool:
    return parsed_count(texts, dtype) == len(texts) - texts.null_count()


def text_to_type(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Text parsed into `dtype`: null where it does not parse.

    Dates and times are ISO 8601 (`T` or a blank between date and time); an instant needs its offset
    or `Z`, and a time without zone takes one as UTC; booleans are `true` and `false` in any case;
    nested types are not parsed.
    """
    if isinstance(dtype, pl.String):
        return column
    if isinstance(dtype, pl.Boolean):
        lower = column.str.to_lowercase()
        return pl.when(lower == "true").then(True).when(lower == "false").then(False)
    if isinstance(dtype, pl.Date):
        return in_calendar(column.str.to_date("%Y-%m-%d", strict=False), dtype)
    if isinstance(dtype, pl.Time):
        return column.str.to_time("%H:%M:%S%.f", strict=False)
    if isinstance(dtype, pl.Datetime):
        return _text_to_datetime(column, dtype)
    if isinstance(dtype, pl.Binary):
        return column.cast(pl.Binary)
    if isinstance(dtype, pl.Null):
        return pl.lit(None, dtype=pl.Null)
    return column.cast(dtype, strict=False)


def parsed(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A column of texts, parsed as `text_to_type` does. Times are as a rule all of the first form:
    the others are then not tried, which takes three times as long.
    """
    if dtype.is_integer() or dtype.is_float():
        return texts.cast(dtype, strict=False)  # at once: a query would cost more for few texts
    frame, column = texts.to_frame(), pl.col(texts.name)
    if isinstance(dtype, pl.Datetime):
        times = frame.select(in_calendar(_of_form(column, _DATETIMES[0], dtype), dtype)).to_series()
        if times.null_count() == texts.null_count():
            return times
    return frame.with_columns(text_to_type(column, dtype).alias(texts.name)).to_series()


def _text_to_datetime(column: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    instant = pl.Datetime(dtype.time_unit or "us", "UTC")
    found = [_of_form(column, form, dtype) for form in _DATETIMES]
    if dtype.time_zone is None:
        found.append(column.str.to_date("%Y-%m-%d", strict=False).cast(dtype))
        found.append(_text_to_datetime(column, instant).dt.replace_time_zone(None))
    return in_calendar(pl.coalesce(found), dtype)


def _of_form(column: pl.Expr, form: str, dtype: pl.Datetime) -> pl.Expr:
    zoned = dtype.time_zone is not None
    return column.str.to_datetime(
        form + ("%#z" if zoned else ""),
        time_unit=dtype.time_unit or "us",
        time_zone="UTC" if zoned else None,
        strict=False,
    )


def as_text(raw: bytes) -> str:
    """Raw input as text that says all of it: bytes that are not UTF-8 show as `\\xff`."""
    return raw.decode("utf-8", errors="backslashreplace")


def failures(
    wire: pl.DataFrame, typed: pl.DataFrame, types: Mapping[str, pl.DataType]
) -> dict[int, str]:
    """Row → why it failed, where converting the columns `types` made a value vanish."""
    out: dict[int, str] = {}
    for name in types:
        before, after = wire[name], typed[name]
        if before.null_count() == after.null_count():
            continue
        for row in (before.is_not_null() & after.is_null()).arg_true().to_list():
            out.setdefault(row, f"column '{name}': {_misfit(before[row], types[name])}")
    return out


def _misfit(value: object, dtype: pl.DataType) -> str:
    if dtype.is_numeric() and _CODE.match(str(value)):
        return f"'{value}' would lose its leading zero as a {to_text(dtype)}; give a `schema`"
    return f"'{value}' is not a {to_text(dtype)}"
