"""Tree to Polars: walks the tree once, checks each node against the types below it.

Failures come out as boolean expressions over the input columns, and only where a node can fail.
Those of a branch (CASE, COALESCE, the right side of AND and OR) count only in rows that take it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl
from sqlglot import exp

from lyftnb.dtypes import from_text
from lyftnb.errors import ExpressionError, WorkflowError
from lyftnb.operators.base import Env
from lyftnb.operators.expressions import (
    arithmetic,
    casts,
    comparison,
    containers,
    intervals,
    literals,
    logic,
    matching,
)
from lyftnb.operators.expressions.parse import (
    SQL_ACTION,
    Dialect,
    Expression,
    offset_of,
    parse,
)
from lyftnb.operators.expressions.registry import Call, accepted, lookup
from lyftnb.operators.expressions.values import (
    VARCHAR,
    Failure,
    Refusal,
    Value,
    constant,
)

STRUCT: Final = "struct_pack"
"""Written as a function, yet with names for its values, so it is not in the table."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression, ready to run over frames of its schema."""

    expr: pl.Expr
    dtype: pl.DataType
    failures: tuple[Failure, ...]
    """How rows can fail, over the input columns; the first that is true names the reason.
    The value of a failed row means nothing."""
    aggregate: bool
    """It holds an aggregate: one value per group."""
    columns: frozenset[str]
    """Columns of the schema that it reads."""


def compile(text: str | Expression, schema: pl.Schema, env: Env) -> Compiled:
    """Bind an expression to a schema.

    Raises:
        ExpressionError: it does not parse, names what does not exist, or mixes types that do not
            meet; `offset` in `facts` says where, as far as known.
    """
    expression = parse(text) if isinstance(text, str) else text
    value = _Compiler(expression, schema, env).compile(expression.tree)
    if value.months:
        raise _placed(Refusal("an INTERVAL of months is no value of its own"), expression, None)
    if value.aggregate and value.bare:
        name = min(value.bare)
        raise ExpressionError(
            f"column '{name}' stands beside an aggregate, where each group has many of it",
            hint=f"take one of them: first({name}), max({name})",
            text=expression.text,
            offset=_position(expression, name),
        )
    return Compiled(value.expr, value.dtype, value.failures, value.aggregate, value.columns)


def known(text: str | Expression) -> Expression:
    """The expression, of which all is known that needs no schema: its form, the functions that it
    calls, the types that it casts to.

    Raises:
        ExpressionError: as `compile` does.
    """
    expression = parse(text) if isinstance(text, str) else text
    for node in expression.tree.walk():
        try:
            if isinstance(node, exp.Anonymous) and node.name.lower() != STRUCT:
                lookup(node.name)
            elif isinstance(node, exp.Cast):
                _cast_type(node.to)
        except Refusal as refusal:
            raise _placed(refusal, expression, node) from None
    return expression


class _Compiler:
    """One compilation: the schema and the environment, and a handler per kind of node."""

    def __init__(self, expression: Expression, schema: pl.Schema, env: Env) -> None:
        self.expression = expression
        self.schema = schema
        self.env = env

    def compile(self, node: exp.Expression) -> Value:
        """The value of a node; refusals get the text and the nearest known place."""
        handler = _HANDLERS.get(type(node))
        try:
            if handler is not None:
                value = handler(self, node)
                # The parser folds NOT into some predicates (x NOT LIKE y).
                return logic.negated(value) if node.args.get("negate") else value
            raise Refusal(
                f"'{node.sql(dialect=Dialect)}' is not part of the dialect", hint=SQL_ACTION
            )
        except Refusal as refusal:
            raise _placed(refusal, self.expression, node) from None
        except RecursionError:
            raise ExpressionError(
                "the expression is nested too deeply",
                hint="split it over several columns",
                text=self.expression.text,
            ) from None

    def column(self, node: exp.Expression) -> Value:
        """A column, a placeholder, or a field within a column."""
        parts = node.parts
        start = parts[0].meta.get("start")
        place = self.expression.placeholders.get(start) if start is not None else None
        if place is not None:
            return literals.bound(place, self.env)
        if isinstance(parts[-1], exp.Star):
            raise Refusal("* is no single value", hint="name a column")
        value = self._named(parts[0])
        for part in parts[1:]:
            value = containers.field(value, part.name)
        return value

    def _named(self, column: exp.Identifier) -> Value:
        try:
            name = literals.resolved(column.name, self.schema)
        except Refusal as error:
            if not column.quoted:
                raise
            hint = f"a text stands in single quotes: '{column.name}'. Otherwise {error.hint}"
            raise Refusal(error.message, hint=hint) from None
        dtype = self.schema[name]
        expr, dtype = literals.normal(pl.col(name), dtype)
        read = frozenset((name,))
        return literals.column(expr, dtype, read)

    def call(self, name: str, nodes: list[exp.Expression], node: exp.Expression) -> Value:
        """A call of a function in the table."""
        function = lookup(name)
        call = Call(name, self.env, self.expression.text, offset_of(node) or 0)
        call, nodes = self._modifiers(call, nodes)
        if not function.aggregate and (call.distinct or call.order or call.star):
            raise Refusal(
                f"{name}() is no aggregate: it takes values only", hint=function.signature
            )
        args = accepted(function, [self.compile(arg) for arg in nodes])
        if function.aggregate and any(arg.aggregate for arg in args):
            raise Refusal(
                f"{name}() holds an aggregate within an aggregate",
                hint="aggregate in two steps",
            )
        return function.build(args, call)

    def _modifiers(
        self, call: Call, nodes: list[exp.Expression]
    ) -> tuple[Call, list[exp.Expression]]:
        """Take DISTINCT, ORDER BY and * out of the arguments."""
        if len(nodes) == 1 and isinstance(nodes[0], exp.Star):
            return replace(call, star=True), []
        if nodes and isinstance(nodes[-1], exp.Order):
            order = nodes[-1]
            call = replace(call, order=tuple(self._ordered(o) for o in order.expressions))
            nodes = [*nodes[:-1], order.this]
        if nodes and isinstance(nodes[0], exp.Distinct):
            return replace(call, distinct=True), [*nodes[0].expressions, *nodes[1:]]
        return call, nodes

    def _ordered(self, node: exp.Expression) -> tuple[Value, bool, bool]:
        descending = bool(node.args.get("desc"))
        return self.compile(node.this), descending, not node.args.get("nulls_first")

    def filtered(self, node: exp.Expression) -> Value:
        """`aggregate(…) FILTER (WHERE …)`."""
        inner = node.this
        function = lookup(inner.name) if isinstance(inner, exp.Anonymous) else None
        if function is None or not function.aggregate:
            raise Refusal("FILTER follows an aggregate", hint="count(*) FILTER (WHERE x > 1)")
        condition = logic.condition(self.compile(node.expression.this), "FILTER")
        call = Call(
            inner.name, self.env, self.expression.text, offset_of(inner) or 0,
            condition=condition,
        )  # fmt: skip
        call, nodes = self._modifiers(call, list(inner.expressions))
        return function.build(accepted(function, [self.compile(arg) for arg in nodes]), call)

    def case(self, node: exp.Expression) -> Value:
        """Both forms of CASE, and IF."""
        subject = self.compile(node.this) if node.this is not None else None
        branches = []
        for branch in node.args["ifs"]:
            condition = self.compile(branch.this)
            if subject is not None:
                condition = comparison.compare("=", subject, condition)
            branches.append((condition, self.compile(branch.args["true"])))
        default = node.args.get("default")
        return logic.case(branches, self.compile(default) if default is not None else None)

    def cast(self, node: exp.Expression) -> Value:
        """CAST, `::`, TRY_CAST and typed literals (`DATE '2024-01-31'`)."""
        target = _cast_type(node.args["to"])
        inner = node.this
        tries = isinstance(node, exp.TryCast)
        if isinstance(inner, exp.Literal) and (inner.is_string or target != VARCHAR):
            return literals.typed(inner.name, target, tries=tries)
        return casts.cast(self.compile(inner), target, tries=tries)

    def between(self, node: exp.Expression) -> Value:
        """`x BETWEEN low AND high`."""
        value = self.compile(node.this)
        low = comparison.compare(">=", value, self.compile(node.args["low"]))
        return logic.both(low, comparison.compare("<=", value, self.compile(node.args["high"])))

    def member(self, node: exp.Expression) -> Value:
        """`x IN (…)`, and `x IN list`."""
        value = self.compile(node.this)
        listed = node.args.get("field")
        if listed is not None:
            return containers.contains(self.compile(listed), value)
        return comparison.member(value, [self.compile(e) for e in node.expressions])

    def is_(self, node: exp.Expression) -> Value:
        """`x IS NULL`, `x IS TRUE`, `x IS FALSE`."""
        value = self.compile(node.this)
        other = node.expression
        if isinstance(other, exp.Null):
            return logic.is_null(value)
        if isinstance(other, exp.Boolean):
            return logic.is_truth(value, bool(other.this))
        raise Refusal("IS is followed by NULL, TRUE or FALSE", hint="compare with = instead")

    def interval(self, node: exp.Expression) -> Value:
        """`INTERVAL 3 DAY`, `INTERVAL '1 day 2 hours'`."""
        amount, unit = node.this, node.args.get("unit")
        if isinstance(amount, exp.Literal):
            return intervals.literal(amount.name, unit.name if unit is not None else None)
        if amount is None or unit is None:
            raise Refusal("an INTERVAL has an amount and a unit", hint="write INTERVAL 3 DAY")
        one = intervals.literal("1", unit.name)
        return arithmetic.multiply(self.compile(amount), one)

    def bracket(self, node: exp.Expression) -> Value:
        """`list[1]`, `list[2:3]`, `struct['field']`, `text[1:3]`."""
        value = self.compile(node.this)
        if len(node.expressions) != 1:
            raise Refusal("[] takes one index", hint="write list[1] or list[1:3]")
        index = node.expressions[0]
        if isinstance(index, exp.Slice):
            begin, end = (self._optional(index.args.get(k)) for k in ("this", "expression"))
            return containers.sliced(value, begin, end)
        return containers.element(value, self.compile(index))

    def _optional(self, node: exp.Expression | None) -> Value | None:
        return None if node is None else self.compile(node)

    def like(self, node: exp.Expression, escape: str | None = None) -> Value:
        """LIKE and ILIKE."""
        value, pattern = self.compile(node.this), self.compile(node.expression)
        return matching.like(value, pattern, escape, ignore_case=isinstance(node, exp.ILike))

    def escape(self, node: exp.Expression) -> Value:
        """`x LIKE y ESCAPE '!'`."""
        if not isinstance(node.this, exp.Like | exp.ILike):
            raise Refusal("ESCAPE follows LIKE or ILIKE")
        return self.like(node.this, node.expression.name)


def _pair(build: Callable[[Value, Value], Value]) -> Callable[[_Compiler, exp.Expression], Value]:
    return lambda c, node: build(c.compile(node.this), c.compile(node.expression))


def _compared(symbol: str) -> Callable[[_Compiler, exp.Expression], Value]:
    return _pair(lambda a, b: comparison.compare(symbol, a, b))


def _struct(compiler: _Compiler, node: exp.Expression) -> Value:
    named = {}
    for pair in node.expressions:
        if not isinstance(pair, exp.PropertyEQ):
            raise Refusal("a struct has named fields", hint="write {'a': 1, 'b': x}")
        named[pair.this.name] = compiler.compile(pair.expression)
    return containers.packed(named)


def _anonymous(compiler: _Compiler, node: exp.Expression) -> Value:
    name = node.name
    if name.lower() == STRUCT:
        return _struct(compiler, node)
    return compiler.call(name, list(node.expressions), node)


def _named_call(name: str, *keys: str) -> Callable[[_Compiler, exp.Expression], Value]:
    """A form with words of its own that means a function of the table."""

    def handle(compiler: _Compiler, node: exp.Expression) -> Value:
        nodes = [node.args[key] for key in keys if node.args.get(key) is not None]
        return compiler.call(name, nodes, node)

    return handle


def _extract(compiler: _Compiler, node: exp.Expression) -> Value:
    part = exp.Literal.string(node.this.name)
    return compiler.call("date_part", [part, node.expression], node)


def _trim(compiler: _Compiler, node: exp.Expression) -> Value:
    where = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(where, "trim")
    characters = node.args.get("expression")
    return compiler.call(name, [node.this] + ([characters] if characters else []), node)


def _json(compiler: _Compiler, node: exp.Expression) -> Value:
    path = "".join(matching.json_step(part) for part in node.expression.expressions[1:])
    return compiler.call("json_extract_string", [node.this, exp.Literal.string("$" + path)], node)


def _dot(compiler: _Compiler, node: exp.Expression) -> Value:
    return containers.field(compiler.compile(node.this), node.expression.name)


_HANDLERS: Final[dict[type[exp.Expression], Callable[[_Compiler, Any], Value]]] = {
    exp.Paren: lambda c, n: c.compile(n.this),
    exp.Column: _Compiler.column,
    exp.Dot: _dot,
    exp.Literal: lambda c, n: literals.written(n.name, is_string=n.is_string),
    exp.Boolean: lambda c, n: constant(bool(n.this)),
    exp.Null: lambda c, n: constant(None),
    exp.Anonymous: _anonymous,
    exp.Filter: _Compiler.filtered,
    exp.Case: _Compiler.case,
    exp.If: lambda c, n: logic.case(
        [(c.compile(n.this), c.compile(n.args["true"]))], c._optional(n.args.get("false"))
    ),
    exp.Cast: _Compiler.cast,
    exp.TryCast: _Compiler.cast,
    exp.Between: _Compiler.between,
    exp.In: _Compiler.member,
    exp.Is: _Compiler.is_,
    exp.Interval: _Compiler.interval,
    exp.Bracket: _Compiler.bracket,
    exp.Like: _Compiler.like,
    exp.ILike: _Compiler.like,
    exp.Escape: _Compiler.escape,
    exp.SimilarTo: _pair(matching.similar),
    exp.RegexpLike: _named_call("regexp_matches", "this", "expression"),
    exp.Glob: _pair(matching.glob),
    exp.Struct: _struct,
    exp.Array: lambda c, n: containers.listed([c.compile(e) for e in n.expressions]),
    exp.JSONExtractScalar: _json,
    exp.AtTimeZone: _named_call("timezone", "zone", "this"),
    exp.Extract: _extract,
    exp.Trim: _trim,
    exp.Substring: _named_call("substring", "this", "start", "length"),
    exp.StrPosition: _named_call("strpos", "this", "substr"),
    exp.CurrentTimestamp: _named_call("now"),
    exp.CurrentDate: _named_call("today"),
    exp.And: _pair(logic.both),
    exp.Or: _pair(logic.either),
    exp.Not: lambda c, n: logic.negated(c.compile(n.this)),
    exp.EQ: _compared("="),
    exp.NEQ: _compared("<>"),
    exp.LT: _compared("<"),
    exp.LTE: _compared("<="),
    exp.GT: _compared(">"),
    exp.GTE: _compared(">="),
    exp.NullSafeEQ: _compared("IS NOT DISTINCT FROM"),
    exp.NullSafeNEQ: _compared("IS DISTINCT FROM"),
    exp.Add: _pair(arithmetic.add),
    exp.Sub: _pair(arithmetic.subtract),
    exp.Mul: _pair(arithmetic.multiply),
    exp.Div: _pair(arithmetic.divide),
    exp.IntDiv: _pair(arithmetic.divide_whole),
    exp.Mod: _pair(arithmetic.remainder),
    exp.Pow: _pair(arithmetic.power),
    exp.Neg: lambda c, n: arithmetic.negate(c.compile(n.this)),
    exp.DPipe: _pair(containers.joined),
    exp.BitwiseAnd: _pair(lambda a, b: arithmetic.bitwise("&", a, b)),
    exp.BitwiseOr: _pair(lambda a, b: arithmetic.bitwise("|", a, b)),
    exp.BitwiseLeftShift: _pair(lambda a, b: arithmetic.shift("<<", a, b)),
    exp.BitwiseRightShift: _pair(lambda a, b: arithmetic.shift(">>", a, b)),
    exp.BitwiseNot: lambda c, n: arithmetic.invert(c.compile(n.this)),
}


def _cast_type(node: exp.Expression) -> pl.DataType:
    try:
        return from_text(node.sql(dialect=Dialect))
    except WorkflowError as error:
        raise Refusal(error.message, hint=error.hint) from None


def _placed(
    refusal: Refusal, expression: Expression, node: exp.Expression | None
) -> ExpressionError:
    offset = offset_of(node) if node is not None else None
    facts: dict[str, Any] = {"text": expression.text}
    if offset is not None:
        facts["offset"] = offset
    return ExpressionError(refusal.message, hint=refusal.hint, **facts)


def _position(expression: Expression, name: str) -> int | None:
    for node in expression.tree.find_all(exp.Column):
        if node.parts[0].name == name:
            return offset_of(node)
    return None
