"""Leaves of the tree: literals, columns, and `${…}` bound to values of the run."""

from __future__ import annotations

import polars as pl

from lyftnb.dtypes import TIMESTAMP, TIMESTAMPTZ, to_text
from lyftnb.errors import near
from lyftnb.model import Placeholder
from lyftnb.operators.base import HIDDEN, Env
from lyftnb.operators.expressions import casts
from lyftnb.operators.expressions.values import (
    NULL,
    VARCHAR,
    Refusal,
    Value,
    bounds_of,
    constant,
)


def written(text: str, *, is_string: bool) -> Value:
    """A literal as it stands in the text: '…', whole numbers, and all others as DOUBLE."""
    return constant(text if is_string else _number(text))


def typed(text: str, target: pl.DataType, *, tries: bool = False) -> Value:
    """`CAST('text' AS target)`, read at once: a literal that is no such value is a mistake."""
    value = casts.cast_literal(text, target)
    if value is not None:
        return value
    if tries:
        return constant(None, target)
    raise Refusal(
        f"'{text}' is no {to_text(target)}", hint="correct it, or use TRY_CAST to get null"
    )


def bound(place: Placeholder, env: Env) -> Value:
    """The value of a `${name || default}`.

    While checking, a secret is some text, and another name without a value a NULL that meets any
    type.
    """
    if place.name in env.variables:
        return constant(env.variables[place.name])
    if place.default is not None:
        return constant(place.fallback)
    if env.checking:
        if place.secret is not None:
            return Value(pl.lit(None, dtype=VARCHAR), VARCHAR, secret=True)
        return Value(pl.lit(None), NULL)
    if place.secret is not None:
        raise Refusal(
            f"there is no secret {place.secret} here",
            hint=f"set it: lyftnb secret set {place.secret}",
        )
    guess = near(place.name, env.variables)
    raise Refusal(
        f"${{{place.name}}} has no value here",
        hint=(f"did you mean ${{{guess}}}? Otherwise " if guess else "")
        + f"give a fallback: ${{{place.name} || 0}}",
    )


def resolved(name: str, schema: pl.Schema) -> str:
    """The column that `name` means: as spelled, else whatever the case, like DuckDB."""
    if name in schema and not name.startswith(HIDDEN):
        return name
    visible = [column for column in schema if not column.startswith(HIDDEN)]
    same = [column for column in visible if column.lower() == name.lower()]
    if len(same) == 1:
        return same[0]
    if same:
        raise Refusal(f"column '{name}' is ambiguous", hint=f"there is {' and '.join(same)}")
    by_lower = {column.lower(): column for column in visible}
    guess = near(name.lower(), by_lower)
    if guess:
        hint = f"did you mean '{by_lower[guess]}'?"
    else:
        shown = ", ".join(visible[:12]) + (", …" if len(visible) > 12 else "")
        hint = f"there is: {shown}" if visible else "there are no columns"
    raise Refusal(f"unknown column '{name}'", hint=hint)


def column(expr: pl.Expr, dtype: pl.DataType, read: frozenset[str]) -> Value:
    """A column as a value."""
    return Value(expr, dtype, columns=read, bare=read, bounds=bounds_of(dtype))


def normal(expr: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.DataType]:
    """The column in one of the dialect's own types: times in microseconds and UTC, plain text."""
    if isinstance(dtype, pl.Datetime):
        if dtype.time_unit != "us":
            expr = expr.dt.cast_time_unit("us")
        if dtype.time_zone is None:
            return expr, TIMESTAMP
        if dtype.time_zone != "UTC":
            expr = expr.dt.convert_time_zone("UTC")
        return expr, TIMESTAMPTZ
    if isinstance(dtype, pl.Duration) and dtype.time_unit != "us":
        return expr.dt.cast_time_unit("us"), pl.Duration("us")
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return expr.cast(pl.String()), pl.String()
    if isinstance(dtype, pl.Array):
        return expr.arr.to_list(), pl.List(dtype.inner)
    return expr, dtype


def _number(text: str) -> int | float:
    digits = text.replace("_", "")
    try:
        return int(digits)
    except ValueError:
        try:
            return float(digits)
        except ValueError:
            raise Refusal(f"'{text}' is no number", hint="write 12, 1.5 or 1e3") from None
