"""Columns as the library fills them, and as Polars takes them over without a copy."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

LARGEST = 2**31 - 1
"""Of a block: a view of a text counts the bytes before it in 32 bits."""
_BY_DTYPE: dict[pl.DataType, tuple[int, pa.DataType, int]] = {
    pl.Null(): (0, pa.null(), 0),
    pl.Boolean(): (1, pa.bool_(), 1),
    pl.Int64(): (2, pa.int64(), 64),
    pl.Float64(): (3, pa.float64(), 64),
    pl.String(): (4, pa.string_view(), 128),
    pl.Date(): (5, pa.date32(), 32),
    pl.Datetime("us"): (6, pa.timestamp("us"), 64),
    pl.Datetime("us", "UTC"): (7, pa.timestamp("us", "UTC"), 64),
}
"""What the library calls a type, what Arrow calls it, and the bits of a value."""

_NOTHING = pa.py_buffer(b"")

TYPES = frozenset(_BY_DTYPE)
"""Those that the library knows."""

Bytes = npt.NDArray[np.uint8]


class Column(ctypes.Structure):
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
        ("buffers", ctypes.c_int64),
    )


class Columns:
    """Room for rows of these types, for the library to fill.

    Args:
        types: by name, each one of `TYPES`.
        rows: so many at most.
        written: room for the bytes of texts that do not stand in the block as they are.
    """

    def __init__(self, types: Mapping[str, pl.DataType], rows: int, written: int) -> None:
        self._types = types
        self._buffers = [_buffers(dtype, rows) for dtype in types.values()]
        self._names = [name.encode() for name in types]
        self.written = np.empty(written, np.uint8)
        """Its memory is the machine's only where something is written."""
        self.array = (Column * len(types))(*map(self._column, range(len(types))))

    def _column(self, i: int) -> Column:
        name, (valid, values) = self._names[i], self._buffers[i]
        kind = _BY_DTYPE[list(self._types.values())[i]][0]
        return Column(name, len(name), kind, at(values), at(valid), 0, i + 1, 0, 0)

    def frame(self, raw: bytes, rows: int, written: int) -> pl.DataFrame:
        """The rows that were filled in; texts stay where they stand in `raw`."""
        texts = [pa.py_buffer(raw), pa.py_buffer(self.written[:written])]
        columns = zip(self._types.items(), self.array, self._buffers, strict=True)
        return pl.DataFrame(
            {
                name: _series(dtype, rows, int(column.nulls), *pair, _used(texts, column.buffers))
                for (name, dtype), column, pair in columns
            }
        )


def _used(buffers: list[pa.Buffer], bits: int) -> list[pa.Buffer]:
    """Those that views point into, under their numbers; so a column of short texts holds none."""
    held = [buffer if bits >> i & 1 else _NOTHING for i, buffer in enumerate(buffers)]
    return held[: bits.bit_length()]


def at(array: npt.NDArray[np.generic]) -> int:
    """The address of its first byte."""
    return int(array.ctypes.data)


def _buffers(dtype: pl.DataType, rows: int) -> tuple[Bytes, Bytes]:
    """Room for a bit for each row that says whether it has a value, and for the values."""
    bits = _BY_DTYPE[dtype][2]
    return np.full(rows // 8 + 1, 255, np.uint8), np.empty(rows * bits // 8 + 1, np.uint8)


def _series(
    dtype: pl.DataType, rows: int, nulls: int, valid: Bytes, values: Bytes, texts: list[pa.Buffer]
) -> pl.Series:
    if dtype == pl.Null():
        return pl.Series([None], dtype=dtype).new_from_index(0, rows)
    buffers = [pa.py_buffer(valid) if nulls else None, pa.py_buffer(values)]
    if dtype == pl.String():
        buffers += texts
    return pl.Series(pa.Array.from_buffers(_BY_DTYPE[dtype][1], rows, buffers, nulls))
