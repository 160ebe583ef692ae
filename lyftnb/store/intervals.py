"""Intervals of DuckDB as durations: a frame has lengths of time, not months and days."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lyftnb.errors import ExpressionError

_PARTS = np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")])
_DAY_US = 86_400_000_000


def with_durations(table: pa.Table) -> pa.Table:
    """The table with its INTERVAL columns as durations of microseconds; a day has 24 hours.

    Raises:
        ExpressionError: an interval has months, which are of no fixed length, or stands within a
            list or a struct.
    """
    for place, column in enumerate(table.schema):
        if pa.types.is_interval(column.type):
            durations = [_durations(column.name, chunk) for chunk in table.column(place).chunks]
            values = pa.chunked_array(durations, pa.duration("us"))
            table = table.set_column(place, column.name, values)
        elif _holds_intervals(column.type):
            raise _unframed(column.name, "an INTERVAL within a list or a struct")
    return table


def _durations(name: str, intervals: pa.Array) -> pa.Array:
    if not len(intervals):
        return pa.array([], pa.duration("us"))
    valid = np.asarray(intervals.is_valid())
    parts = np.frombuffer(intervals.buffers()[1], _PARTS)[intervals.offset :][: len(intervals)]
    if parts["months"][valid].any():
        raise _unframed(name, "an INTERVAL with months, which have no fixed length")
    whole = parts["days"].astype(np.int64) * _DAY_US + parts["ns"] // 1000
    return pa.array(whole, pa.duration("us"), mask=~valid)


def _holds_intervals(kind: pa.DataType) -> bool:
    if pa.types.is_interval(kind):
        return True
    return any(_holds_intervals(kind.field(i).type) for i in range(kind.num_fields))


def _unframed(name: str, what: str) -> ExpressionError:
    return ExpressionError(
        f"the column '{name}' of the answer holds {what}: no frame has such a type",
        hint="cast it with ::VARCHAR",
    )
