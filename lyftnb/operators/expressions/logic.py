"""Truth: AND, OR, NOT with three values, IS, CASE, COALESCE and their kin.

A branch that a row does not take cannot fail it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from lyftnb.operators.expressions.coercion import as_type, comparable, unified
from lyftnb.operators.expressions.comparison import compare
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.values import (
    BOOLEAN,
    NULL,
    Refusal,
    Value,
    constant,
    derived,
    gated,
)

_CHOICE = Family("Choice")


def condition(value: Value, where: str) -> Value:
    """The value as a condition."""
    if value.dtype in (BOOLEAN, NULL):
        return as_type(value, BOOLEAN)
    raise Refusal(
        f"{where} needs a condition, found {value.type}",
        hint="compare it with something: x <> 0, name IS NOT NULL",
    )


def both(a: Value, b: Value) -> Value:
    """`a AND b`; where `a` is false, `b` cannot fail."""
    a, b = condition(a, "AND"), condition(b, "AND")
    b = gated(b, a.expr.fill_null(True)) if b.failures else b
    return derived(a.expr & b.expr, BOOLEAN, a, b)


def either(a: Value, b: Value) -> Value:
    """`a OR b`; where `a` is true, `b` cannot fail."""
    a, b = condition(a, "OR"), condition(b, "OR")
    b = gated(b, ~a.expr.fill_null(False)) if b.failures else b
    return derived(a.expr | b.expr, BOOLEAN, a, b)


def negated(a: Value) -> Value:
    """`NOT a`."""
    a = condition(a, "NOT")
    return derived(~a.expr, BOOLEAN, a)


def is_null(a: Value) -> Value:
    """`a IS NULL`."""
    return derived(a.expr.is_null(), BOOLEAN, a)


def is_truth(a: Value, truth: bool) -> Value:
    """`a IS TRUE` and `a IS FALSE`: never null."""
    a = condition(a, "IS")
    return derived((a.expr if truth else ~a.expr).fill_null(False), BOOLEAN, a)


def case(branches: Sequence[tuple[Value, Value]], default: Value | None) -> Value:
    """The value of the first branch whose condition is true, else `default`, else null."""
    conditions = [condition(c, "WHEN") for c, _ in branches]
    results, dtype = unified(
        [v for _, v in branches] + [default if default is not None else constant(None)],
        "the branches of CASE",
    )
    chain: Any = pl.when(conditions[0].expr).then(results[0].expr)
    for test, result in zip(conditions[1:], results[1:-1], strict=True):
        chain = chain.when(test.expr).then(result.expr)
    expr: pl.Expr = chain.otherwise(results[-1].expr)
    return derived(expr, dtype, *_taken(conditions, results), bounds=_united(results))


def _taken(conditions: list[Value], results: list[Value]) -> list[Value]:
    """Conditions and results, each failing only where it is reached."""
    if not any(v.failures for v in (*conditions, *results)):
        return [*conditions, *results]
    out: list[Value] = []
    reached: pl.Expr | None = None
    for test, result in zip(conditions, results[:-1], strict=True):
        holds = test.expr.fill_null(False)
        out.append(test if reached is None else gated(test, reached))
        out.append(gated(result, holds if reached is None else reached & holds))
        reached = ~holds if reached is None else reached & ~holds
    assert reached is not None
    return [*out, gated(results[-1], reached)]


def _united(values: Sequence[Value]) -> tuple[int, int] | None:
    known = [v.bounds for v in values if v.literal is not None]
    if not known or any(b is None for b in known):
        return None
    return min(b[0] for b in known if b), max(b[1] for b in known if b)


@_CHOICE.function(
    "coalesce",
    "values:any*",
    "type of the values",
    "The first value that is not null.",
    "coalesce(a, b, 0)",
)
def _coalesce(args: Sequence[Value], call: Call) -> Value:
    if not args:
        raise Refusal("coalesce() needs at least one value", hint="write coalesce(a, 0)")
    values, dtype = unified(args, "the arguments of coalesce()")
    reached = values[0].expr.is_null()
    out = values[:1]
    for value in values[1:]:
        out.append(gated(value, reached))
        reached = reached & value.expr.is_null()
    return derived(pl.coalesce([v.expr for v in values]), dtype, *out, bounds=_united(values))


@_CHOICE.function(
    "ifnull",
    "value:any, otherwise:any",
    "type of the values",
    "`otherwise` where `value` is null.",
    "ifnull(a, 0)",
)
def _ifnull(args: Sequence[Value], call: Call) -> Value:
    return _coalesce(args, call)


@_CHOICE.function(
    "if",
    "condition:boolean, then:any, otherwise:any?",
    "type of the branches",
    "`then` where the condition is true, else `otherwise`, else null. The same as CASE.",
    "if(a > 0, 'up', 'down')",
)
def _if(args: Sequence[Value], call: Call) -> Value:
    return case([(args[0], args[1])], args[2] if len(args) > 2 else None)


@_CHOICE.function(
    "nullif",
    "value:any, other:any",
    "type of `value`",
    "Null where the two are equal, else `value`.",
    "nullif(a, 0)",
)
def _nullif(args: Sequence[Value], call: Call) -> Value:
    same = compare("=", args[0], args[1])
    expr = pl.when(same.expr.fill_null(False)).then(None).otherwise(args[0].expr)
    value, other = args
    return derived(expr, value.dtype, value, other, bounds=value.bounds)


def _extreme(args: Sequence[Value], name: str) -> tuple[list[Value], pl.DataType]:
    if not args:
        raise Refusal(f"{name}() needs at least one value", hint=f"write {name}(a, b)")
    return unified(args, f"the arguments of {name}()")


def _picked(args: Sequence[Value], symbol: str, name: str) -> Value:
    values, dtype = _extreme(args, name)
    best = values[0].expr
    for value in values[1:]:
        a, b = comparable(derived(best, dtype), value)
        wins = compare(symbol, b, a).expr
        best = pl.when(wins | best.is_null()).then(value.expr).otherwise(best)
    return derived(best, dtype, *values, bounds=_united(values))


@_CHOICE.function(
    "greatest",
    "values:any*",
    "type of the values",
    "The largest value; nulls are ignored, NaN is larger than any number.",
    "greatest(a, 10)",
)
def _greatest(args: Sequence[Value], call: Call) -> Value:
    return _picked(args, ">", "greatest")


@_CHOICE.function(
    "least",
    "values:any*",
    "type of the values",
    "The smallest value; nulls are ignored.",
    "least(a, 10)",
)
def _least(args: Sequence[Value], call: Call) -> Value:
    return _picked(args, "<", "least")
