"""Arguments: what a function declares that it takes, and whether a value is that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from lyftnb.operators.expressions.coercion import as_double, as_type
from lyftnb.operators.expressions.parse import SQL_ACTION
from lyftnb.operators.expressions.values import (
    BOOLEAN,
    NULL,
    VARCHAR,
    Refusal,
    Value,
    constant,
    is_integer,
    is_moment,
    is_number,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    kind: str
    optional: bool = False
    constant: bool = False
    variadic: bool = False

    @property
    def shown(self) -> str:
        """The parameter in a signature."""
        name = f"{self.name}, …" if self.variadic else self.name
        return f"[{name}]" if self.optional else name


def parameters(text: str) -> tuple[Parameter, ...]:
    """The parameters of a declaration such as `text:text, count:integer?!`."""
    out = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, kind = part.partition(":")
        bare = kind.rstrip("?!*")
        marks = kind[len(bare) :]
        out.append(Parameter(name, bare, "?" in marks, "!" in marks, "*" in marks))
    return tuple(out)


def accept(parameter: Parameter, value: Value, function: str, example: str) -> Value:
    """The value as the parameter takes it.

    Raises:
        Refusal: it is of the wrong type, or not constant where it must be.
    """
    if parameter.constant and not value.is_literal:
        raise Refusal(
            f"{function}() needs a constant for '{parameter.name}'",
            hint="a value that differs from row to row is not possible here; " + SQL_ACTION,
        )
    wanted, convert = KINDS[parameter.kind]
    taken = convert(value)
    if taken is None:
        raise Refusal(
            f"{function}() needs {wanted} for '{parameter.name}', found {value.type}",
            hint=f"write {example}",
        )
    return taken


def _text(value: Value) -> Value | None:
    return as_type(value, VARCHAR) if value.dtype in (VARCHAR, NULL) else None


def _number(value: Value) -> Value | None:
    if value.dtype == NULL:
        return as_type(value, pl.Int64())
    return value if is_number(value.dtype) else None


def _double(value: Value) -> Value | None:
    return as_double(value) if is_number(value.dtype) or value.dtype == NULL else None


def _integer(value: Value) -> Value | None:
    if value.dtype == NULL:
        return as_type(value, pl.Int64())
    if not is_integer(value.dtype):
        return None
    if value.dtype in (pl.Int64(), pl.Int128(), pl.UInt64()):
        return value
    if value.is_literal:
        return constant(value.literal, pl.Int64())
    return replace(value, expr=value.expr.cast(pl.Int64()), dtype=pl.Int64())


def _boolean(value: Value) -> Value | None:
    return as_type(value, BOOLEAN) if value.dtype in (BOOLEAN, NULL) else None


def _moment(value: Value) -> Value | None:
    if value.dtype == NULL:
        return as_type(value, pl.Datetime("us"))
    if value.dtype == VARCHAR and value.is_literal:
        return as_type(value, pl.Datetime("us"))
    return value if is_moment(value.dtype) else None


def _list(value: Value) -> Value | None:
    return value if isinstance(value.dtype, pl.List) else None


def _struct(value: Value) -> Value | None:
    return value if isinstance(value.dtype, pl.Struct) else None


KINDS: Final[dict[str, tuple[str, Callable[[Value], Value | None]]]] = {
    "any": ("a value", lambda value: value),
    "text": ("text", _text),
    "number": ("a number", _number),
    "double": ("a number", _double),
    "integer": ("a whole number", _integer),
    "boolean": ("true or false", _boolean),
    "moment": ("a DATE or TIMESTAMP", _moment),
    "list": ("a list", _list),
    "struct": ("a struct", _struct),
}
