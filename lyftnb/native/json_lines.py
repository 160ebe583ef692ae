"""NDJSON whose columns are known and plain: the lines that are rows beyond doubt, as a frame."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from lyftnb.native.library import library

_LARGEST = 2**31 - 1
"""A view of a text counts the bytes before it in 32 bits."""
_BY_DTYPE: dict[pl.DataType, tuple[int, pa.DataType, int]] = {
    pl.Null(): (0, pa.null(), 0),
    pl.Boolean(): (1, pa.bool_(), 1),
    pl.Int64(): (2, pa.int64(), 64),
    pl.Float64(): (3, pa.float64(), 64),
    pl.String(): (4, pa.string_view(), 128),
}
"""What the library calls a type, what Arrow calls it, and the bits of a value."""

Bytes = npt.NDArray[np.uint8]


class _Column(ctypes.Structure):
    """`Column` of columns.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("name_size", ctypes.c_int64),
        ("kind", ctypes.c_int64),
        ("values", ctypes.c_void_p),
        ("valid", ctypes.c_void_p),
        ("nulls", ctypes.c_int64),
        ("next", ctypes.c_int64),
        ("row", ctypes.c_int64),
    )


class _Block(ctypes.Structure):
    """`Block` of json_lines.c."""

    _fields_ = (
        ("raw", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("columns", ctypes.POINTER(_Column)),
        ("width", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("filled", ctypes.c_int64),
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
        escapes, most lines odd.
    """
    native = library()
    names = [name.encode() for name in types]
    if (
        native is None
        or not types
        or len(raw) > _LARGEST
        or not all(dtype in _BY_DTYPE for dtype in types.values())
        or any(b"\\" in name or b'"' in name or min(name, default=32) < 32 for name in names)
    ):
        return None
    size = raw.rfind(b"\n") + 1
    whole = np.frombuffer(raw, np.uint8)
    lines = int(native.lyftnb_count_lines(_at(whole), size))
    buffers = [_buffers(dtype, lines) for dtype in types.values()]
    odd, written = np.empty((lines + 1, 3), np.int64), np.empty(size, np.uint8)
    columns = (_Column * len(types))(
        *(
            _Column(name, len(name), _BY_DTYPE[dtype][0], _at(values), _at(valid), 0, i + 1, 0)
            for i, (name, dtype, (valid, values)) in enumerate(
                zip(names, types.values(), buffers, strict=True)
            )
        )
    )
    block = _Block(_at(whole), size, columns, len(types), 0, 0, _at(odd), 0, _at(written), 0)
    rows = int(native.lyftnb_decode_lines(ctypes.addressof(block)))
    if rows < 0:
        return None
    count = int(block.odd_count)
    if raw[size:].strip(b" \t\r"):
        odd[count] = size, len(raw), rows
        count += 1
    texts = [pa.py_buffer(raw)]
    if block.written_size:
        texts.append(pa.py_buffer(written[: block.written_size]))
    frame = pl.DataFrame(
        {
            name: _series(dtype, rows, int(column.nulls), *pair, texts)
            for (name, dtype), column, pair in zip(types.items(), columns, buffers, strict=True)
        }
    )
    return PlainLines(frame, odd[:count])


def _buffers(dtype: pl.DataType, rows: int) -> tuple[Bytes, Bytes]:
    """Room for a bit for each row that says whether it has a value, and for the values."""
    bits = _BY_DTYPE[dtype][2]
    return np.full(rows // 8 + 1, 255, np.uint8), np.empty(rows * bits // 8 + 1, np.uint8)


def _at(array: npt.NDArray[np.generic]) -> int:
    return int(array.ctypes.data)


def _series(
    dtype: pl.DataType, rows: int, nulls: int, valid: Bytes, values: Bytes, texts: list[pa.Buffer]
) -> pl.Series:
    if dtype == pl.Null():
        return pl.Series([None], dtype=dtype).new_from_index(0, rows)
    buffers = [pa.py_buffer(valid) if nulls else None, pa.py_buffer(values)]
    if dtype == pl.String():
        buffers += texts
    return pl.Series(pa.Array.from_buffers(_BY_DTYPE[dtype][1], rows, buffers, nulls))
