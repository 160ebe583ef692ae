"""Expressions of parameters, bound to the schema of the rows that reach the action."""

from __future__ import annotations

import polars as pl

from lyftnb.dtypes import to_text
from lyftnb.operators.base import ActionError, Env, Reason
from lyftnb.operators.expressions import Compiled, compile


def scalar(text: str, schema: pl.Schema, env: Env) -> Compiled:
    """An expression that gives one value a row.

    Raises:
        ExpressionError: it does not parse, bind or type-check.
        ActionError: it aggregates.
    """
    compiled = compile(text, schema, env)
    if compiled.aggregate:
        raise ActionError(
            f"'{text}' aggregates rows, and this action looks at one row at a time",
            hint="use the aggregate action",
        )
    return compiled


def condition(text: str, schema: pl.Schema, env: Env) -> Compiled:
    """An expression that is true or not for each row.

    Raises:
        ExpressionError: it does not parse, bind or type-check.
        ActionError: it aggregates or is no condition.
    """
    compiled = scalar(text, schema, env)
    if not isinstance(compiled.dtype, pl.Boolean | pl.Null):
        raise ActionError(
            f"'{text}' is {to_text(compiled.dtype)}, not a condition",
            hint="compare it with something: x > 0, x IS NOT NULL",
        )
    return compiled


def conditions(compiled: Compiled) -> list[pl.Expr]:
    """When the expression fails, in the order of `reasons`."""
    return [failure.expr for failure in compiled.failures]


def reasons(compiled: Compiled) -> tuple[Reason, ...]:
    """Why the expression fails, in the order of `conditions`."""
    return tuple(failure.reason for failure in compiled.failures)
