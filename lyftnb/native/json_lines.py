"""NDJSON whose columns are known and plain: the lines that are rows beyond doubt, as a frame."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from lyftnb.native.columns import LARGEST, Column, Columns, at
from lyftnb.native.library import library

_TYPES = frozenset((pl.Null(), pl.Boolean(), pl.Int64(), pl.Float64(), pl.String()))


class _Block(ctypes.Structure):
    """`Block` of json_lines.c."""

    _fields_ = (
        ("raw", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("columns", ctypes.POINTER(Column)),
        ("width", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("filled", ctypes.c_int64),
        ("asked", ctypes.c_int64),
        ("odd", ctypes.c_void_p),
        ("odd_count", ctypes.c_int64),
        ("written", ctypes.c_void_p),
        ("written_size", ctypes.c_int64),
    )


@dataclass(frozen=True, slots=True)
class PlainLines:
    """The rows of the plain lines, and the lines that are not plain.

    `odd`: of each its first byte, the byte behind its last and how many rows stand before it; in
    order, an array of three columns. What stands behind the last newline is such a line.
    """

    frame: pl.DataFrame
    odd: npt.NDArray[np.int64]


def decode_json_lines(raw: bytes, types: Mapping[str, pl.DataType]) -> PlainLines | None:
    """Decode the plain lines of a block; blank lines count for nothing.

    A line is plain if it is an object of known fields, each at most once and of its column's type
    (or null), or unknown and null. The texts of the frame stay where they are in `raw`.

    Returns:
        None if there is nothing to gain: no library, a column that is nested or has a name with
        escapes, most lines odd, many columns in ever another order.
    """
    native = library()
    if native is None or len(raw) > LARGEST or not _are_plain(types):
        return None
    size = raw.rfind(b"\n") + 1
    whole = np.frombuffer(raw, np.uint8)
    lines = int(native.lyftnb_count_lines(at(whole), size))
    odd = np.empty((lines + 1, 3), np.int64)
    columns = Columns(types, lines, size)
    block = _Block(
        *(at(whole), size, columns.array, len(types), 0, 0, 0),
        *(at(odd), 0, at(columns.written), 0),
    )
    rows = int(native.lyftnb_decode_lines(ctypes.addressof(block)))
    if rows < 0:
        return None
    count = int(block.odd_count)
    if raw[size:].strip(b" \t\r"):
        odd[count] = size, len(raw), rows
        count += 1
    return PlainLines(columns.frame(raw, rows, block.written_size), odd[:count])


def _are_plain(types: Mapping[str, pl.DataType]) -> bool:
    if not types or not _TYPES.issuperset(types.values()):
        return False
    return not any(c in '\\"' or c < " " for name in types for c in name)
