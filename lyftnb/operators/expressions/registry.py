"""The table of functions: data from which calls are compiled, checked, documented and tested.

A function is declared once, by a decorator over the few lines that build it:

    @scalar("left", "text:text, count:integer!", VARCHAR, "…", "left('hello', 2)")
    def _left(text, count): …

Parameters are written `name:kind`, with `?` for optional, `!` for a constant, `*` for any number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from lyftnb.errors import near
from lyftnb.operators.base import Env
from lyftnb.operators.expressions.coercion import as_double, as_type
from lyftnb.operators.expressions.parse import SQL_ACTION
from lyftnb.operators.expressions.values import (
    BOOLEAN,
    NULL,
    VARCHAR,
    Refusal,
    Value,
    derived,
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


@dataclass(frozen=True, slots=True)
class Call:
    """How a function was called, for the few that need more than their arguments."""

    name: str
    env: Env
    text: str
    offset: int
    distinct: bool = False
    condition: Value | None = None
    """Of `FILTER (WHERE …)`."""
    order: tuple[tuple[Value, bool, bool], ...] = ()
    """Of `ORDER BY` within the call: value, descending, nulls last."""
    star: bool = False


Builder = Callable[[Sequence[Value], Call], Value]


@dataclass(frozen=True, slots=True)
class Function:
    """One entry of the table."""

    name: str
    family: str
    parameters: tuple[Parameter, ...]
    returns: str
    doc: str
    example: str
    note: str
    """How it differs from DuckDB; empty where it does not."""
    aliases: tuple[str, ...]
    aggregate: bool
    build: Builder = field(repr=False)

    @property
    def signature(self) -> str:
        """The call as the documentation shows it."""
        return f"{self.name}({', '.join(p.shown for p in self.parameters)})"


FUNCTIONS: Final[dict[str, Function]] = {}
"""All functions by name and alias."""


def table() -> tuple[Function, ...]:
    """Every function once, in the order of declaration."""
    return tuple(dict.fromkeys(FUNCTIONS.values()))


def lookup(name: str) -> Function:
    """The function of that name.

    Raises:
        Refusal: it is not in the table; the message names the nearest and the way around.
    """
    found = FUNCTIONS.get(name.lower())
    if found is not None:
        return found
    guess = near(name.lower(), FUNCTIONS)
    hint = f"did you mean {guess}()? Otherwise " if guess else "see docs/expressions.md, or "
    raise Refusal(f"unknown function {name}()", hint=hint + SQL_ACTION)


class Family:
    """Declares the functions of one family."""

    def __init__(self, title: str, *, aggregate: bool = False) -> None:
        self.title = title
        self.aggregate = aggregate

    def function(
        self, name: str, parameters: str, returns: str, doc: str, example: str, **words: Any
    ) -> Callable[[Builder], Builder]:
        """Declare a function that builds a `Value` from its arguments and its call."""

        def register(build: Builder) -> Builder:
            self._add(name, parameters, returns, doc, example, build, **words)
            return build

        return register

    def scalar(
        self, name: str, parameters: str, returns: pl.DataType, doc: str, example: str, **words: Any
    ) -> Callable[[Callable[..., pl.Expr]], Callable[..., pl.Expr]]:
        """Declare a function from Polars expressions to one, which has no way to fail.

        Constant parameters (`!`) arrive as Python values.
        """

        def register(body: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
            given = _parameters(parameters)

            def build(args: Sequence[Value], call: Call) -> Value:
                handed = [
                    arg.literal if given[min(i, len(given) - 1)].constant else arg.expr
                    for i, arg in enumerate(args)
                ]
                return derived(body(*handed), returns, *args)

            shown = "TIMESTAMP" if isinstance(returns, pl.Datetime) else _spelled(returns)
            self._add(name, parameters, shown, doc, example, build, **words)
            return body

        return register

    def _add(
        self,
        name: str,
        parameters: str,
        returns: str,
        doc: str,
        example: str,
        build: Builder,
        *,
        aliases: tuple[str, ...] = (),
        note: str = "",
    ) -> None:
        function = Function(
            name, self.title, _parameters(parameters), returns, doc, example, note, aliases,
            self.aggregate, build,
        )  # fmt: skip
        for key in (name, *aliases):
            if key in FUNCTIONS:
                raise ValueError(f"function {key} is declared twice")
            FUNCTIONS[key] = function


def accepted(function: Function, args: Sequence[Value]) -> list[Value]:
    """The arguments as the function takes them.

    Raises:
        Refusal: too few, too many, or one of the wrong type.
    """
    given = function.parameters
    fewest = sum(not (p.optional or p.variadic) for p in given)
    most = None if given and given[-1].variadic else len(given)
    if len(args) < fewest or (most is not None and len(args) > most):
        raise Refusal(
            f"{function.name}() takes {_counted(fewest, most)}, found {len(args)}",
            hint=f"write {function.signature}",
        )
    return [_accept(function, given[min(i, len(given) - 1)], arg) for i, arg in enumerate(args)]


def _accept(function: Function, parameter: Parameter, value: Value) -> Value:
    if parameter.constant and not value.is_literal:
        raise Refusal(
            f"{function.name}() needs a constant for '{parameter.name}'",
            hint="a value that differs from row to row is not possible here; " + SQL_ACTION,
        )
    wanted, convert = KINDS[parameter.kind]
    taken = convert(value)
    if taken is None:
        raise Refusal(
            f"{function.name}() needs {wanted} for '{parameter.name}', found {value.type}",
            hint=f"write {function.example}",
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
    wide = value.dtype in (pl.Int128(), pl.UInt64())
    return value if wide else replace(value, expr=value.expr.cast(pl.Int64()), dtype=pl.Int64())


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


def _parameters(text: str) -> tuple[Parameter, ...]:
    out = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, kind = part.partition(":")
        bare = kind.rstrip("?!*")
        marks = kind[len(bare) :]
        out.append(Parameter(name, bare, "?" in marks, "!" in marks, "*" in marks))
    return tuple(out)


def _spelled(dtype: pl.DataType) -> str:
    return Value(pl.lit(None), dtype).type


def _counted(fewest: int, most: int | None) -> str:
    if most is None:
        return f"at least {fewest} argument{'s' if fewest != 1 else ''}"
    if fewest == most:
        return f"{most} argument{'s' if most != 1 else ''}" if most else "no arguments"
    return f"{fewest} to {most} arguments"
