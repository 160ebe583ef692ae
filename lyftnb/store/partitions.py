"""Which partition a row belongs to: its event time cut down to a unit, or the value of a column."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lyftnb.errors import WorkflowError
from lyftnb.model import SpoolSpec
from lyftnb.store.engines import pl

NULL_LABEL = "(null)"
"""Label of the rows that have no value to be partitioned by."""
_LABEL = "__lyft_partition"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_UNIT = re.compile(r"^[1-9]\d*(m|h|d|w|mo|q|y)$")
# Units of a day and more need no time of day in their label.
_LABEL_FORMATS = {"m": "%Y-%m-%dT%H:%M", "h": "%Y-%m-%dT%H:%M"}


def parts(frame: pl.DataFrame, spec: SpoolSpec) -> list[tuple[str | None, pl.DataFrame]]:
    """The frame by partition label, in order of first appearance; rows keep their order.

    Raises:
        WorkflowError: the event time is no time, or the spool names none but needs one.
    """
    if spec.partition is None:
        return [(None, frame)]
    labels = _labels(frame, spec, spec.partition)
    split = frame.with_columns(labels.fill_null(NULL_LABEL).alias(_LABEL)).partition_by(
        _LABEL, maintain_order=True, include_key=False, as_dict=True
    )
    return [(str(label), part) for (label,), part in split.items()]


def event_range(frame: pl.DataFrame, spec: SpoolSpec) -> tuple[datetime | None, datetime | None]:
    """Smallest and largest event time (aware, UTC; times without zone are taken as UTC)."""
    if spec.event_time is None or spec.event_time not in frame.columns:
        return None, None
    micros = _event_times(frame, spec).dt.timestamp("us")
    return _instant(micros.min()), _instant(micros.max())


def _labels(frame: pl.DataFrame, spec: SpoolSpec, partition: str) -> pl.Series:
    unit = _UNIT.match(partition)
    if unit is None:
        if partition not in frame.columns:
            return pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
        return frame[partition].cast(pl.String)
    if spec.event_time is None:
        raise WorkflowError(
            f"partition '{partition}' cuts time, but the channel names no event_time",
            where=f"spool {spec.spool}",
            hint="add event_time: COLUMN to the channel, or partition it by a column",
        )
    times = _event_times(frame, spec).dt.truncate(partition)
    return times.dt.to_string(_LABEL_FORMATS.get(unit[1], "%Y-%m-%d"))


def _event_times(frame: pl.DataFrame, spec: SpoolSpec) -> pl.Series:
    assert spec.event_time is not None
    if spec.event_time not in frame.columns:
        return pl.Series([None], dtype=pl.Datetime("us")).new_from_index(0, frame.height)
    times = frame[spec.event_time]
    if times.dtype == pl.Null or times.dtype == pl.Date:
        return times.cast(pl.Datetime("us"))
    if not isinstance(times.dtype, pl.Datetime):
        raise WorkflowError(
            f"event_time '{spec.event_time}' is of type {times.dtype}, not a time",
            where=f"spool {spec.spool}",
            hint="parse it with a time action before this channel, or name another column",
        )
    if times.dtype.time_zone not in (None, "UTC"):
        return times.dt.convert_time_zone("UTC")
    return times


def _instant(micros: object) -> datetime | None:
    """The time, or the nearest that there is: a span of times may reach beyond the year 9999."""
    if not isinstance(micros, int):
        return None
    return _EPOCH + timedelta(microseconds=min(max(micros, _FIRST), _LAST))
