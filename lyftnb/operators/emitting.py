"""Payloads of emitted messages: aggregates over all rows of a batch or a run, however it was cut.

A field is an expression over aggregates: `count(*)`, `max(time_hour)`, `sum(bytes) / count(*)`.
Each piece of a batch gives a *partial*, a frame of one row with what its aggregates need to go on
(an average keeps sum and count); partials of pieces and batches are *merged* in their order; at
the end the fields are computed over the one row that is left. A partial travels as Arrow IPC in
base64, so that types survive in a report and in the ledger alike.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl
from sqlglot import exp

from lyftnb.errors import LyftError
from lyftnb.operators.base import ActionError, Env, Problems
from lyftnb.operators.expressions import compile, parse
from lyftnb.operators.expressions.parse import Dialect
from lyftnb.operators.expressions.registry import FUNCTIONS
from lyftnb.operators.overflow import is_overflow, overflow
from lyftnb.operators.rejects import row_json

_MERGED = {
    "count": "sum",
    "count_if": "sum",
    "countif": "sum",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "first": "first",
    "arbitrary": "first",
    "last": "last",
    "any_value": "any_value",
    "bool_and": "bool_and",
    "bool_or": "bool_or",
}
"""How the partials of an aggregate become one."""
_AVERAGES = ("avg", "mean")
_COUNTS = ("count", "count_if", "countif")


@dataclass(frozen=True, slots=True)
class _Part:
    """A column of a partial."""

    name: str
    computed: str
    """From rows."""
    merged: str
    """From partials."""
    counts: bool
    """Over no rows it is 0, not null."""


@dataclass(frozen=True, slots=True)
class Emission:
    """The fields of one emitted message, taken apart."""

    fields: Mapping[str, str]
    """Field → expression over the columns of a merged partial."""
    parts: tuple[_Part, ...]

    def check(self, schema: pl.Schema, env: Env) -> None:
        """See that the fields fit rows of this schema.

        Raises:
            ActionError: they do not; it holds all that was found, by field.
        """
        self.payload((), env, self.partial(pl.DataFrame(schema=schema), env))

    def partial(self, frame: pl.DataFrame, env: Env) -> str:
        """What a piece adds: one row, as text.

        Raises:
            ActionError: an aggregate does not fit the rows.
            BadData: a sum does not fit its type.
        """
        problems = Problems()
        computed: list[pl.Expr] = []
        for part in self.parts:
            with problems.at():
                compiled = compile(part.computed, frame.schema, env)
                computed.append(compiled.expr.alias(part.name))
        problems.raise_any()
        row = _selected(frame, computed) if computed else pl.DataFrame({"_": [None]})
        return _to_text(row)

    def payload(self, partials: Iterable[str], env: Env, none: str | None = None) -> dict[str, Any]:
        """The payload, once all pieces are in.

        Args:
            partials: of all pieces, in order.
            env: gives `${…}` their values.
            none: a partial over no rows, for the types of a message without rows.

        Raises:
            ActionError: a field cannot be computed from what the rows gave.
            BadData: a sum does not fit its type.
        """
        merged = self._merged([_from_text(text) for text in partials], env, none)
        problems = Problems()
        values: list[pl.Expr] = []
        for field, text in self.fields.items():
            with problems.at(field):
                compiled = compile(text, merged.schema, env)
                values.append(compiled.expr.alias(field))
        problems.raise_any()
        found: dict[str, Any] = {}
        if values:
            found = json.loads(row_json(_selected(merged, values))[0])
        return found

    def _merged(self, rows: list[pl.DataFrame], env: Env, none: str | None) -> pl.DataFrame:
        if not self.parts:
            return pl.DataFrame({"_": [None]})
        if not rows:
            empty = _from_text(none) if none is not None else pl.DataFrame({"_": [None]})
            blank = [
                pl.lit(0, dtype=pl.Int64).alias(part.name)
                if part.counts
                else pl.lit(None, dtype=empty.schema.get(part.name)).alias(part.name)
                for part in self.parts
            ]
            return empty.select(blank)
        frame = pl.concat(rows, how="diagonal_relaxed")
        compiled = [compile(part.merged, frame.schema, env) for part in self.parts]
        return _selected(
            frame, [c.expr.alias(part.name) for c, part in zip(compiled, self.parts, strict=True)]
        )


def _selected(frame: pl.DataFrame, values: Sequence[pl.Expr]) -> pl.DataFrame:
    try:
        return frame.select(values)
    except pl.exceptions.PolarsError as error:
        if is_overflow(error):
            raise overflow() from error
        raise


def emission(fields: Mapping[str, str]) -> Emission:
    """Take the fields of a message apart.

    Raises:
        ActionError: a field does not parse, or holds an aggregate that cannot be put together from
            pieces.
    """
    return _emission(tuple(fields.items()))


@lru_cache(256)
def _emission(fields: tuple[tuple[str, str], ...]) -> Emission:
    parts: list[_Part] = []
    finals: dict[str, str] = {}
    problems = Problems()
    for field, text in fields:
        with problems.at(field):
            finals[field] = _final(text, parts)
    problems.raise_any()
    return Emission(finals, tuple(parts))


def _final(text: str, parts: list[_Part]) -> str:
    """The expression with each aggregate replaced by a column of the partial; from the last to the
    first, so that what stands before keeps its place.
    """
    expression = parse(text)
    places = [_place(node) for node in _aggregates(expression.tree)]
    out = text
    for begin, end in sorted(((b, _end(text, b)) for b in places), reverse=True):
        out = out[:begin] + _column(text[begin:end], parts) + out[end:]
    bare = {column.parts[0].name for column in parse(out).tree.find_all(exp.Column)}
    left = sorted(
        column.parts[0].name
        for column in expression.tree.find_all(exp.Column)
        if column.parts[0].meta.get("start") not in expression.placeholders
        and column.parts[0].name in bare
    )
    if left:
        raise ActionError(
            f"column '{left[0]}' has many values, and a message has one",
            hint=f"take one of them: max({left[0]}), first({left[0]})",
        )
    return out


def _column(call: str, parts: list[_Part]) -> str:
    tree = parse(call).tree
    inner = tree.this if isinstance(tree, exp.Filter) else tree
    name = str(inner.name).lower()
    if name in _AVERAGES:
        rest = call[len(inner.name) :]
        total, count = _added(f"sum{rest}", "sum", parts), _added(f"count{rest}", "sum", parts)
        return f"({total} / CAST({count} AS DOUBLE))"
    distinct = isinstance(next(iter(inner.expressions), None), exp.Distinct)
    if name not in _MERGED or distinct:
        raise ActionError(
            f"{call} cannot be put together from the pieces of a batch",
            hint=f"messages take {', '.join(sorted({*_MERGED, 'avg'}))}, without DISTINCT; for "
            "others, aggregate in a step and emit from that",
        )
    return _added(call, _MERGED[name], parts)


def _added(computed: str, merge: str, parts: list[_Part]) -> str:
    known = next((part for part in parts if part.computed == computed), None)
    if known is None:
        name = f"part_{len(parts)}"
        counts = computed.lower().startswith(_COUNTS)
        known = _Part(name, computed, f"{merge}({name})", counts)
        parts.append(known)
    return known.name


def _aggregates(tree: exp.Expression) -> list[exp.Expression]:
    """The outermost aggregate calls, with their FILTER."""
    if isinstance(tree, exp.Filter) or (isinstance(tree, exp.Anonymous) and _aggregate(tree.name)):
        return [tree]
    return [found for child in tree.iter_expressions() for found in _aggregates(child)]


def _aggregate(name: str) -> bool:
    function = FUNCTIONS.get(name.lower())
    return function is not None and function.aggregate


def _place(node: exp.Expression) -> int:
    call = node.this if isinstance(node, exp.Filter) else node
    start = call.meta.get("start")
    if start is None:
        raise ActionError(
            f"{node.sql(dialect=Dialect)} cannot stand here", hint="write it as a plain call"
        )
    return int(start)


def _end(text: str, begin: int) -> int:
    """The end of a call that begins there, with the FILTER behind it."""
    end = _closing(text, text.index("(", begin)) + 1
    rest = text[end:]
    after = rest.lstrip()
    if after[:6].upper() == "FILTER":
        opening = end + len(rest) - len(after) + after.index("(")
        return _closing(text, opening) + 1
    return end


def _closing(text: str, opening: int) -> int:
    depth, quote = 0, ""
    for i in range(opening, len(text)):
        character = text[i]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return i
    return len(text) - 1


def _to_text(row: pl.DataFrame) -> str:
    buffer = io.BytesIO()
    row.write_ipc(buffer)
    return base64.b64encode(buffer.getvalue()).decode()


def _from_text(text: str) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(base64.b64decode(text)))


def matches(condition: str, payload: Any, env: Env) -> bool:
    """Whether a SQL condition holds over a message's payload, its fields being the columns.

    A field that the payload lacks is null, and what cannot be decided does not match.
    """
    fields = payload if isinstance(payload, Mapping) else {"payload": payload}
    frame = pl.DataFrame([dict(fields)] if fields else [{"_": None}], infer_schema_length=None)
    expression = parse(condition)
    named = {
        column.parts[0].name
        for column in expression.tree.find_all(exp.Column)
        if column.parts[0].meta.get("start") not in expression.placeholders
    }
    known = {name.lower() for name in frame.columns}
    absent = [pl.lit(None).alias(name) for name in named if name.lower() not in known]
    try:
        compiled = compile(expression, frame.with_columns(absent).schema, env)
        found = frame.with_columns(absent).select(compiled.expr.alias("m"))["m"][0]
    except (LyftError, pl.exceptions.PolarsError):
        return False
    return bool(found)
