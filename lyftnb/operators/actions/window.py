"""The action that makes one row of the rows of a stretch of event time: window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator
from sqlglot import exp

from lyftnb.dtypes import HIDDEN, stored, to_stored, to_text, widened
from lyftnb.errors import ExpressionError
from lyftnb.model import Duration, Params, StateSpec, digest, seconds
from lyftnb.operators.actions.aggregating import (
    Keys,
    bound_aggregates,
    bound_keys,
    guards_of,
)
from lyftnb.operators.base import (
    INPUT,
    Action,
    ActionError,
    Env,
    Example,
    Guard,
    Kept,
    Made,
    Problems,
    Reason,
    Remembered,
    StatefulBound,
)
from lyftnb.operators.binding import scalar
from lyftnb.operators.expressions import Compiled, compile, parse
from lyftnb.operators.parameters import Sql
from lyftnb.operators.windows import END, START, TIME, Moment, Rule, Sessions, Sliding, advance

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = HIDDEN + "by_"
_ROW_COLUMNS = ("window_start", "window_end")
_NO_TIME = Reason("no_time", "the event time is null")
_LATE = Reason("late", "the row came after the watermark had closed its windows")


class WindowParams(Params):
    """Which windows there are, what is computed for each, and how long they wait for rows."""

    time: Sql = Field(description="the event time: a column, or an expression that gives a time")
    by: Keys = Field(
        default_factory=dict,
        description="a column, a list of columns, or a map of column: expression; each combination "
        "of values has windows of its own",
    )
    compute: dict[str, Sql] = Field(
        default_factory=dict, description="a map of column: expression of aggregates"
    )
    size: Duration | None = Field(None, description="how long a window is: `5m`, `1h`, `1d`")
    every: Duration | None = Field(
        None, description="how often a window begins (default: each where the last one ends)"
    )
    session: Duration | None = Field(
        None,
        description="instead of `size`: a window per key that goes on until the key has been "
        "silent for so long",
    )
    delay: Duration = Field(
        "0s", description="how far rows may be out of order: the watermark stays so far behind"
    )
    lateness: Duration = Field(
        "0s",
        description="how long past the watermark a window still takes rows, and is emitted anew",
    )
    idle_timeout: Duration | None = Field(
        None, description="an input without rows for so long (by the clock) is not waited for"
    )
    on_end: Literal["keep", "emit"] = Field(
        "keep", description="what becomes of windows that are not due at the end of a run"
    )

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if (self.size is None) == (self.session is None):
            raise ValueError("give either `size` or `session`")
        if self.every is not None and self.size is None:
            raise ValueError("`every` goes with `size`")
        for name in ("size", "every", "session", "idle_timeout"):
            value = getattr(self, name)
            if value is not None and _micros(value) <= 0:
                raise ValueError(f"`{name}` must be longer than nothing")
        if _micros(self.delay) < 0 or _micros(self.lateness) < 0:
            raise ValueError("`delay` and `lateness` cannot be negative")
        if self.size is not None and self.every and _micros(self.every) > _micros(self.size):
            raise ValueError("`every` is longer than `size`: rows between windows would be lost")
        return self

    @property
    def rule(self) -> Rule:
        """The parameters as the function of windows takes them."""
        shape: Sliding | Sessions
        if self.session is not None:
            shape = Sessions(_micros(self.session))
        else:
            size = _micros(self.size or 0)
            shape = Sliding(size, size if self.every is None else _micros(self.every))
        idle = None if self.idle_timeout is None else _micros(self.idle_timeout)
        return Rule(shape, _micros(self.delay), _micros(self.lateness), idle)


class Window(Action[WindowParams]):
    """Makes one row of the rows of each window of event time, once no more of them are to come.

    A row has the keys of its window, `window_start`, `window_end` (the first instant after it), and
    what is computed. Windows of a `size` are counted from Monday 2000-01-03, so that days begin at
    midnight (UTC) and weeks on Monday; with `every` they overlap. A `session` lasts from a key's
    first row until the gap after its last. For days of a zone, let `time` be its clock
    (`at AT TIME ZONE 'Europe/Berlin'`) and `delay` an hour, by which clocks are put back.

    The **watermark** is the largest event time of the rows so far, less the `delay`. A window is
    emitted when the watermark comes to its end. A row that comes after that is **late** and goes to
    the step's rejects (code `late`); a row of a session is late once the watermark has passed the
    row itself, for its session may have ended. With `lateness`, windows stay open for so long after
    they were emitted, and are emitted again with each batch that brings rows for them: then the
    last row per key and window counts (of sessions, a row replaces earlier ones of its key that it
    overlaps). A row that is late for some of its windows still counts in the others.

    Where a step merges several inputs, a window waits for the smallest watermark over all of them,
    and a row is late by the watermark of its own input. An input that had no row yet is waited for;
    `idle_timeout` puts an end to that, and then results depend on when batches ran.

    Open windows are kept from batch to batch and from run to run, and change in one commit with the
    rest of the batch: the result is the same however the input is cut. The end of a run leaves them
    open; with `on_end: emit` they are emitted as they are, and again if more rows come. Rows
    without an event time go to the rejects (code `no_time`).
    """

    name = "window"
    Params = WindowParams
    example = Example(
        params={
            "time": "at",
            "size": "5m",
            "by": ["page"],
            "compute": {"hits": "count(*)", "slowest": "max(ms)"},
        },
        rows=[
            {"at": datetime(2026, 3, 1, 9, 1), "page": "/", "ms": 20},
            {"at": datetime(2026, 3, 1, 9, 4), "page": "/", "ms": 35},
            {"at": datetime(2026, 3, 1, 9, 3), "page": "/about", "ms": 15},
            {"at": datetime(2026, 3, 1, 9, 6), "page": "/", "ms": 50},
        ],
        result=[
            {
                "page": "/",
                "window_start": "2026-03-01T09:00:00",
                "window_end": "2026-03-01T09:05:00",
                "hits": 2,
                "slowest": 35,
            },
            {
                "page": "/about",
                "window_start": "2026-03-01T09:00:00",
                "window_end": "2026-03-01T09:05:00",
                "hits": 1,
                "slowest": 15,
            },
        ],
    )

    def state(self, params: WindowParams) -> StateSpec:
        """Rows of open windows. They depend on the windows, the keys, and the columns of what is
        computed; how long windows wait may change with the rows in place.
        """
        basis = {
            "time": params.time,
            "by": params.by,
            "windows": asdict(params.rule.shape),
            "columns": sorted({name for text in params.compute.values() for name in _names(text)}),
        }
        return StateSpec(digest("window", basis), at_end=params.on_end == "emit")

    def bind(self, params: WindowParams, schema: pl.Schema, env: Env) -> StatefulBound:
        """Bind the time, keys and aggregates; rows on which one of them fails are rejected."""
        problems = Problems()
        time = None
        with problems.at("time"):
            time = _time(params.time, schema, env)
        keys = bound_keys(params.by, schema, env, problems)
        # The window's own columns are keys, too.
        taken = (*params.by, *_ROW_COLUMNS)
        computed = bound_aggregates(params.compute, taken, schema, env, problems)
        for name in _ROW_COLUMNS:
            if name in params.by:
                with problems.at("by", name):
                    raise ActionError(f"'{name}' is the window's own", hint="choose another name")
        problems.raise_any()
        assert time is not None
        return _Windows(params, time, keys, computed, env).bound()


@dataclass(frozen=True, slots=True)
class _Windows:
    params: WindowParams
    time: Compiled
    keys: Mapping[str, Compiled]
    computed: Mapping[str, Compiled]
    env: Env

    def bound(self) -> StatefulBound:
        time = _time_type(self.time.dtype)
        out = pl.Schema(
            {name: stored(key.dtype) for name, key in self.keys.items()}
            | dict.fromkeys(_ROW_COLUMNS, time)
            | {name: value.dtype for name, value in self.computed.items()}
        )
        failures = guards_of((self.time, *self.keys.values(), *self.computed.values()))
        no_time: Guard = (self.time.expr.is_null(), _NO_TIME)
        return StatefulBound(self.run, out, (*failures, no_time))

    def run(self, frame: pl.DataFrame, remembered: Remembered) -> tuple[Made, Kept]:
        rows, before = _of_one_type(self._rows(frame), remembered)
        keys = [_KEY + name for name in self.keys]
        now = (self.env.now - _EPOCH) // timedelta(microseconds=1)
        moment = Moment(self._inputs, now, self.env.ending)
        advanced = advance(rows, keys, before, self.params.rule, moment)
        failed = tuple((row, _LATE) for row in advanced.late.arg_true())
        made = pl.concat([self._emitted(due, keys) for due in advanced.due])
        return Made(made, failed), advanced.kept

    @property
    def _inputs(self) -> tuple[str, ...]:
        return self.env.inputs or ("",)

    def _rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """What is to be had of the rows when their windows are due."""
        if INPUT in frame.columns:
            source = pl.col(INPUT)
        elif len(self._inputs) == 1:
            source = pl.lit(self._inputs[0])
        else:
            raise ActionError(
                "an action before it makes new rows, so that their inputs are not known any more",
                hint="put `window` before that action, or into a step of its own behind it",
            )
        values = sorted({name for one in self.computed.values() for name in one.columns})
        micros = self.time.expr.cast(pl.Datetime("us", _zone(self.time.dtype))).cast(pl.Int64)
        keys = [key.expr.alias(_KEY + name) for name, key in self.keys.items()]
        # A literal alone would give one row.
        picked = frame.with_columns(source.alias(INPUT), micros.alias(TIME), *keys)
        return to_stored(picked.select(INPUT, TIME, *(_KEY + name for name in self.keys), *values))

    def _emitted(self, due: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
        computed = [
            compile(text, due.schema, self.env).expr.alias(name)
            for name, text in self.params.compute.items()
        ]
        time = _time_type(self.time.dtype)
        groups = due.group_by([*keys, START, END], maintain_order=True).agg(computed)
        named = [pl.col(_KEY + name).alias(name) for name in self.keys]
        bounds = [
            pl.col(column).cast(time).alias(name)
            for column, name in zip((START, END), _ROW_COLUMNS, strict=True)
        ]
        return groups.select(*named, *bounds, *self.computed)


def _of_one_type(rows: pl.DataFrame, remembered: Remembered) -> tuple[pl.DataFrame, Remembered]:
    """New rows and remembered ones with columns of the same types: each the smallest for both."""
    schemas = {label: chunk.collect_schema() for label, chunk in remembered.items()}
    old: dict[str, pl.DataType] = {}
    for schema in schemas.values():
        old |= schema
    types: dict[str, pl.DataType] = {}
    for name, dtype in rows.schema.items():
        both = widened(dtype, old.get(name, dtype))
        if both is None:
            raise ActionError(
                f"'{name.removeprefix(_KEY)}' is {to_text(dtype)}, and {to_text(old[name])} in the "
                "rows that open windows hold",
                hint=f"cast it to {to_text(old[name])} before, or begin anew: `--fresh`, or "
                "another `id` of the action",
            )
        types[name] = both
    before = {
        label: chunk.cast({n: t for n, t in types.items() if n in schemas[label]})
        for label, chunk in remembered.items()
    }
    return rows.cast(pl.Schema(types)), before


def _time(text: str, schema: pl.Schema, env: Env) -> Compiled:
    time = scalar(text, schema, env)
    if not isinstance(time.dtype, pl.Datetime | pl.Date):
        raise ActionError(
            f"'{text}' is {to_text(time.dtype)}, not a time",
            hint="make it one first, with the `time` or `cast` action",
        )
    return time


def _zone(dtype: pl.DataType) -> str | None:
    return dtype.time_zone if isinstance(dtype, pl.Datetime) else None


def _time_type(dtype: pl.DataType) -> pl.DataType:
    """Of `window_start` and `window_end`."""
    return pl.Datetime("us", "UTC" if _zone(dtype) else None)


def _names(text: str) -> set[str]:
    """Columns that an expression names, as far as it can be read."""
    try:
        tree = parse(text).tree
    except ExpressionError:
        return set()
    return {column.parts[0].name.lower() for column in tree.find_all(exp.Column)}


def _micros(duration: Any) -> int:
    return round(seconds(duration) * 1_000_000)
