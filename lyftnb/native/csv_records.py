"""CSV whose columns are known: blocks in which every record is a row beyond doubt, as a frame."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from lyftnb.native.columns import LARGEST, TYPES, Column, Columns, at
from lyftnb.native.library import library

_BOM = b"\xef\xbb\xbf"
_NUMBER = "0123456789-"
"""With one of them a number or a time begins."""
_VALUES = "+-.: "
"""Signs of numbers and times, beside letters and digits: none of them can part fields."""


class _Records(ctypes.Structure):
    """`Records` of csv_records.c."""

    _fields_ = (
        ("raw", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("columns", ctypes.POINTER(Column)),
        ("width", ctypes.c_int64),
        ("nulls", ctypes.POINTER(ctypes.c_char_p)),
        ("null_sizes", ctypes.POINTER(ctypes.c_int64)),
        ("null_count", ctypes.c_int64),
        ("nulls_like_numbers", ctypes.c_int64),
        ("written", ctypes.c_void_p),
        ("written_size", ctypes.c_int64),
        ("delimiter", ctypes.c_uint8),
        ("quote", ctypes.c_uint8),
    )


def decode_csv_records(
    raw: bytes,
    types: Mapping[str, pl.DataType],
    delimiter: str,
    quote: str | None,
    null_values: Sequence[str],
) -> pl.DataFrame | None:
    """Decode a block of records without a header; blank lines count for nothing.

    Every record must have a field for each column, in the order of `types`, that is null or says a
    value in its plainest form: numbers without signs of plus, leading zeros and blanks, dates and
    times in full. The texts of the frame stay where they are in `raw`.

    Returns:
        None if a record is not so, or there is no library, or it does not know a type or a sign.
    """
    native = library()
    signs = delimiter + (quote or "")
    if (
        native is None
        or len(raw) >= LARGEST
        or not types
        or not TYPES.issuperset(types.values())
        or raw.startswith(_BOM)
        or len(signs) != 1 + (quote is not None)
        or not signs.isascii()
        or any(sign.isalnum() or sign in _VALUES or (sign < " " and sign != "\t") for sign in signs)
    ):
        return None
    if not raw.endswith(b"\n"):
        raw += b"\n"
    whole = np.frombuffer(raw, np.uint8)
    lines = int(native.lyftnb_count_lines(at(whole), len(raw)))
    columns = Columns(types, lines, len(raw))
    nulls = [value.encode() for value in null_values]
    records = _Records(
        *(at(whole), len(raw), columns.array, len(types)),
        (ctypes.c_char_p * len(nulls))(*nulls),
        (ctypes.c_int64 * len(nulls))(*map(len, nulls)),
        *(len(nulls), any(value[:1] in _NUMBER for value in null_values if value)),
        *(at(columns.written), 0, ord(delimiter), ord(quote or "\0")),
    )
    rows = int(native.lyftnb_decode_records(ctypes.addressof(records)))
    return None if rows < 0 else columns.frame(raw, rows, records.written_size)
