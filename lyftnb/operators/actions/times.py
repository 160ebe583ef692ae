"""The action that reads times: time."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
from pydantic import Field

from lyftnb.dtypes import in_calendar, to_text
from lyftnb.errors import near
from lyftnb.model import Params
from lyftnb.operators.actions.parsing import typed
from lyftnb.operators.base import (
    Action,
    ActionError,
    Bound,
    Env,
    Example,
    Flags,
    Problems,
    Reason,
    check_column_name,
    column_type,
)
from lyftnb.operators.expressions import timeformat
from lyftnb.operators.parameters import ColumnName, Words

_UTC = pl.Datetime("us", "UTC")
_EPOCHS = {"unix": 1_000_000, "unix_ms": 1_000, "unix_us": 1, "unix_ns": 0.001}
"""Microseconds in one unit of each."""
_OFFSET = r"(?i)\d:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_EVERY = re.compile(r"^\d+(ms|s|m|h|d|w|mo|q|y)$")


class TimeParams(Params):
    """Where the time is, and what to make of it."""

    short = {str: "field"}

    field: ColumnName = Field(
        description="the column with the time: text, a number, a date or timestamp"
    )
    formats: Words = Field(
        ("iso",),
        min_length=1,
        description="tried in order: `iso`, patterns of the function `strptime` such as "
        "%d.%m.%Y %H:%M, and `unix`, `unix_ms`, `unix_us`, `unix_ns` for numbers since 1970",
    )
    zone: str = Field(
        "UTC", description="the zone of times that do not say theirs, of truncation and of output"
    )
    into: str | None = Field(None, description="another column for the result")
    truncate: str | None = Field(
        None, description="cut down to a multiple of a duration: 15m, 1h, 1d, 1w, 1mo, 1y"
    )
    output: str | None = Field(
        None, description="a pattern of the function `strftime`: the result is text, in `zone`"
    )


class Time(Action[TimeParams]):
    """Reads times and writes them as one type: TIMESTAMP WITH TIME ZONE, or text of a pattern.

    A value that fits none of the formats goes to the rejects (`bad_time`), and so does a local time
    that its zone skips; of a local time that comes twice the earlier is meant. What a pattern does
    not name is that of 1900-01-01 00:00. Weeks begin on Monday; an hour that comes twice is cut
    down to its own beginning. From 2100 on no zone has summer time.
    """

    name = "time"
    Params = TimeParams
    example = Example(
        params={"field": "at", "formats": ["iso", "%d.%m.%Y %H:%M"], "zone": "Europe/Berlin"},
        rows=[{"at": "2026-07-01T10:00:00Z"}, {"at": "1.7.2026 12:00"}, {"at": "noon"}],
        result=[{"at": "2026-07-01T10:00:00Z"}, {"at": "2026-07-01T10:00:00Z"}],
    )

    def bind(self, params: TimeParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the column, the zone and the patterns."""
        problems = Problems()
        dtype: pl.DataType = pl.Null()
        with problems.at("field"):
            dtype = column_type(schema, params.field)
        with problems.at("zone"):
            _check_zone(params.zone)
        with problems.at("truncate"):
            _check_every(params.truncate)
        for index, form in enumerate(params.formats):
            if "%" in form:
                with problems.at("formats", index):
                    timeformat.read(pl.lit(""), form)
        if params.output is not None:
            with problems.at("output"):
                timeformat.written(pl.col(params.field), params.output)
        with problems.at("into"):
            check_column_name(params.into or params.field)
        problems.raise_any()
        column = pl.col(params.field)
        moment = _moment(column, dtype, params)
        return _bound(params, schema, moment)


def _bound(params: TimeParams, schema: pl.Schema, moment: pl.Expr) -> Bound:
    column = pl.col(params.field)
    failed = column.is_not_null() & moment.is_null()
    text = isinstance(schema[params.field], pl.String)
    result, dtype = _result(moment, params)
    name = params.into or params.field

    def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
        return lf.with_columns(*flags.mark([failed]), result.alias(name))

    out = pl.Schema(schema)
    out[name] = dtype
    forms = f"of the form {' or '.join(params.formats)}" if text else "that a TIMESTAMP can hold"
    why = f"{params.field}: not a time {forms}"
    return Bound(transform, out, (Reason("bad_time", why),))


def _result(moment: pl.Expr, params: TimeParams) -> tuple[pl.Expr, pl.DataType]:
    local = moment.dt.convert_time_zone(params.zone)
    if params.truncate is not None:
        local = local.dt.truncate(params.truncate)
    if params.output is not None:
        return timeformat.written(local, params.output), pl.String()
    return local.dt.convert_time_zone("UTC"), _UTC


def _moment(column: pl.Expr, dtype: pl.DataType, params: TimeParams) -> pl.Expr:
    """The time in UTC; null where there is none."""
    if isinstance(dtype, pl.String | pl.Null):
        text = column.cast(pl.String).str.strip_chars()
        return pl.coalesce([_from_text(text, form, params.zone) for form in params.formats])
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.cast(pl.Datetime("us", dtype.time_zone)).dt.convert_time_zone("UTC")
    if isinstance(dtype, pl.Date | pl.Datetime):
        return _placed(column.cast(pl.Datetime("us")), params.zone)
    if dtype.is_numeric():
        if "formats" in params.model_fields_set and params.formats[0] not in _EPOCHS:
            raise _not_epoch(params.formats[0])
        unit = params.formats[0] if params.formats[0] in _EPOCHS else "unix"
        return _from_number(column, dtype, unit)
    raise ActionError(
        f"'{params.field}' is {to_text(dtype)}, which holds no time", hint="name another column"
    )


def _from_text(text: pl.Expr, form: str, zone: str) -> pl.Expr:
    if form == "iso":
        local = _placed(typed(text, pl.Datetime("us")), zone)
        return pl.when(text.str.contains(_OFFSET)).then(typed(text, _UTC)).otherwise(local)
    if form in _EPOCHS:
        whole = _from_number(text.cast(pl.Int64, strict=False), pl.Int64(), form)
        return whole.fill_null(
            _from_number(text.cast(pl.Float64, strict=False), pl.Float64(), form)
        )
    if "%" not in form:
        raise ActionError(
            f"'{form}' is not a form of time", hint=f"write iso, {', '.join(_EPOCHS)} or a pattern"
        )
    parsed, has_zone = timeformat.read(text, form)
    return parsed.dt.convert_time_zone("UTC") if has_zone else _placed(parsed, zone)


def _placed(local: pl.Expr, zone: str) -> pl.Expr:
    placed = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return in_calendar(placed.dt.convert_time_zone("UTC"), _UTC)


def _from_number(number: pl.Expr, dtype: pl.DataType, unit: str) -> pl.Expr:
    factor = _EPOCHS[unit]
    if dtype.is_integer() and factor >= 1:
        limit = 2**63 // int(factor) - 1
        fits = number.is_between(-limit, limit)
        micros = pl.when(fits).then(number.cast(pl.Int64, strict=False) * int(factor))
    else:
        scaled = number.cast(pl.Float64) * factor
        micros = pl.when(scaled.is_finite()).then(scaled.round(0).cast(pl.Int64, strict=False))
    return in_calendar(micros.cast(_UTC), _UTC)


def _not_epoch(form: str) -> ActionError:
    return ActionError(
        f"a number is no time of the form '{form}'", hint=f"formats: {', '.join(_EPOCHS)}"
    )


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        guess = near(zone, available_timezones())
        hint = f"did you mean '{guess}'?" if guess else "write a name such as Europe/Berlin"
        raise ActionError(f"unknown time zone '{zone}'", hint=hint) from error


def _check_every(every: str | None) -> None:
    if every is not None and (not _EVERY.match(every) or every.startswith("0")):
        raise ActionError(f"'{every}' is not a duration", hint="write 15m, 1h, 1d, 1w, 1mo or 1y")
