"""The table of functions: data from which calls are compiled, checked, documented and tested.

A function is declared once, by a decorator over the few lines that build it:

    @scalar("left", "text:text, count:integer!", VARCHAR, "…", "left('hello', 2)")
    def _left(text, count): …

Parameters are written `name:kind`, with `?` for optional, `!` for a constant, `*` for any number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from lyftnb.dtypes import to_text
from lyftnb.errors import near
from lyftnb.operators.base import Env
from lyftnb.operators.expressions.arguments import Parameter, accept, parameters
from lyftnb.operators.expressions.parse import SQL_ACTION
from lyftnb.operators.expressions.values import Refusal, Value, derived
from lyftnb.wording import counted


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
        self,
        name: str,
        takes: str,
        returns: str,
        doc: str,
        example: str,
        *,
        aliases: tuple[str, ...] = (),
        note: str = "",
    ) -> Callable[[Builder], Builder]:
        """Declare a function that builds a `Value` from its arguments and its call."""

        def register(build: Builder) -> Builder:
            function = Function(
                name=name,
                family=self.title,
                parameters=parameters(takes),
                returns=returns,
                doc=doc,
                example=example,
                note=note,
                aliases=aliases,
                aggregate=self.aggregate,
                build=build,
            )
            for key in (name, *aliases):
                if key in FUNCTIONS:
                    raise ValueError(f"function {key} is declared twice")
                FUNCTIONS[key] = function
            return build

        return register

    def scalar(
        self,
        name: str,
        takes: str,
        returns: pl.DataType,
        doc: str,
        example: str,
        *,
        aliases: tuple[str, ...] = (),
        note: str = "",
    ) -> Callable[[Callable[..., pl.Expr]], Callable[..., pl.Expr]]:
        """Declare a function from Polars expressions to one, which has no way to fail.

        Constant parameters (`!`) arrive as Python values.
        """
        given = parameters(takes)

        def register(body: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
            def build(args: Sequence[Value], call: Call) -> Value:
                handed = [
                    arg.literal if given[min(i, len(given) - 1)].constant else arg.expr
                    for i, arg in enumerate(args)
                ]
                return derived(body(*handed), returns, *args)

            declare = self.function(
                name, takes, to_text(returns), doc, example, aliases=aliases, note=note
            )
            declare(build)
            return body

        return register


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
    return [
        accept(given[min(i, len(given) - 1)], arg, function.name, function.example)
        for i, arg in enumerate(args)
    ]


def _counted(fewest: int, most: int | None) -> str:
    if most is None:
        return f"at least {counted(fewest, 'argument')}"
    if fewest == most:
        return counted(most, "argument") if most else "no arguments"
    return f"{fewest} to {most} arguments"
