"""What decoders work with and give back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.dtypes import from_schema, to_schema, to_text
from lyftnb.model import Schema
from lyftnb.typed_text import CODE

BOM = b"\xef\xbb\xbf"
"""The mark with which some editors begin a file of UTF-8."""
BAD_JSON = "bad_json"
"""Not JSON, or JSON that no row can be made of."""
BAD_VALUE = "bad_value"
"""A value that does not fit its column."""
BAD_RECORD = "bad_record"
"""A delimited record with too few or too many fields, or with broken quotes."""
DAMAGED = "damaged_file"
"""A compressed file that is not whole; the reject's text is its path."""
UNREADABLE = "unreadable_file"
"""A file of which no row can be made; the reject's text is its path."""
BAD_TEXT = "bad_text"
"""Bytes that are not UTF-8."""


_CODE = re.compile(CODE + r"[\d.]*$")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a decoder starts from.

    `fixed`: the author gave them, so anything else is bad. Otherwise they are the floor (what was
    seen before), which may grow by columns and by wider types.
    """

    known: Mapping[str, pl.DataType]
    fixed: bool = False

    @classmethod
    def of(cls, declared: Schema | None, floor: Schema | None) -> Columns:
        """Declared columns, else those of the floor."""
        columns = declared if declared is not None else floor or Schema()
        return cls(from_schema(columns), declared is not None)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The good rows of a block in order, and the pieces of it that are no rows."""

    frame: pl.DataFrame
    rejects: tuple[RawReject, ...] = ()

    @property
    def schema(self) -> Schema:
        """The columns as decoded."""
        return to_schema(self.frame.schema)


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
