"""The action that makes one row of many: aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, Field

from lyftnb.model import Params, quoted
from lyftnb.operators.base import (
    HIDDEN,
    Action,
    ActionError,
    Bound,
    Env,
    Example,
    Flags,
    Guard,
    Problems,
    Written,
    check_column_name,
)
from lyftnb.operators.binding import conditions, reasons, scalar
from lyftnb.operators.expressions import Compiled, compile
from lyftnb.operators.parameters import Sql

_MET = HIDDEN + "met"
"""Where a group was first met."""


def _from_names(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    return {n: quoted(n) for n in names} if isinstance(names, list | tuple) else value


Keys = Annotated[
    dict[str, Sql],
    BeforeValidator(_from_names, json_schema_input_type=str | tuple[str, ...] | dict[str, Sql]),
]
"""What rows are grouped by: a column, a list of columns, or a map of column: expression."""


class AggregateParams(Params):
    """Groups and what is computed for each."""

    by: Keys = Field(
        default_factory=dict,
        description="a column, a list of columns, or a map of column: expression; none: one row",
    )
    compute: dict[str, Sql] = Field(
        default_factory=dict, description="a map of column: expression of aggregates"
    )


class Aggregate(Action[AggregateParams]):
    """Makes one row of each group of rows.

    Groups come in the order in which they are first met; null is a group. Without `by` there is one
    row, even of no rows. What counts as all the rows is the step's `frame` (default `run`).
    """

    name = "aggregate"
    Params = AggregateParams
    example = Example(
        params={"by": ["origin"], "compute": {"flights": "count(*)", "longest": "max(distance)"}},
        rows=[
            {"origin": "JFK", "distance": 100},
            {"origin": "EWR", "distance": 300},
            {"origin": "JFK", "distance": 200},
        ],
        result=[
            {"origin": "JFK", "flights": 2, "longest": 200},
            {"origin": "EWR", "flights": 1, "longest": 300},
        ],
    )

    def rowwise(self, params: AggregateParams) -> bool:
        """Never: a group may lie over several pieces of the stream."""
        return False

    def bind(self, params: AggregateParams, schema: pl.Schema, env: Env) -> Bound:
        """Bind keys and aggregates; rows on which an expression fails are rejected beforehand."""
        if not params.by and not params.compute:
            raise ActionError("aggregate needs 'by' or 'compute'", hint="compute: {rows: count(*)}")
        problems = Problems()
        keys = bound_keys(params.by, schema, env, problems)
        computed = bound_aggregates(params.compute, params.by, schema, env, problems)
        problems.raise_any()
        return _bound(keys, computed, {**params.by, **params.compute})


def bound_keys(
    by: dict[str, Sql], schema: pl.Schema, env: Env, problems: Problems
) -> dict[str, Compiled]:
    """The keys, by the names of their columns."""
    keys: dict[str, Compiled] = {}
    for name, text in by.items():
        with problems.at("by", name):
            keys[check_column_name(name)] = scalar(text, schema, env)
    return keys


def bound_aggregates(
    compute: dict[str, Sql], keys: Iterable[str], schema: pl.Schema, env: Env, problems: Problems
) -> dict[str, Compiled]:
    """What is computed for each group, by the names of its columns, which no key may have."""
    computed: dict[str, Compiled] = {}
    for name, text in compute.items():
        with problems.at("compute", name):
            if name in keys:
                raise ActionError(f"'{name}' is a key as well", hint="choose another name")
            computed[check_column_name(name)] = _aggregate(text, schema, env)
    return computed


def guards_of(everything: Iterable[Compiled]) -> tuple[Guard, ...]:
    """Rows on which one of the expressions fails."""
    guards: list[Guard] = []
    for compiled in everything:
        guards += zip(conditions(compiled), reasons(compiled), strict=True)
    return tuple(guards)


def _bound(
    keys: dict[str, Compiled], computed: dict[str, Compiled], texts: Mapping[str, str]
) -> Bound:
    by = [key.expr.alias(name) for name, key in keys.items()]
    values = [value.expr.alias(name) for name, value in computed.items()]
    everything = {**keys, **computed}

    def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
        if not by:
            return lf.select(values)
        # The order of groups must not depend on threads: a second run has to give the same rows.
        # Not by `maintain_order`: for its sake the engine that spills holds every group in memory
        # (measured for 10 million groups: 519 MiB instead of 247).
        met = pl.col(_MET).min()
        return lf.with_row_index(_MET).group_by(by).agg(*values, met).sort(_MET).drop(_MET)

    out = pl.Schema({name: compiled.dtype for name, compiled in everything.items()})
    written = tuple(Written(text, name) for name, text in texts.items())
    guards = guards_of(everything.values())
    return Bound(transform, out, parted=True, guards=guards, written=written)


def _aggregate(text: str, schema: pl.Schema, env: Env) -> Compiled:
    compiled = compile(text, schema, env)
    if not compiled.aggregate:
        raise ActionError(
            f"'{text}' does not aggregate: it has one value for each row of the group",
            hint=f"write any_value({text}), or put it into 'by'",
        )
    return compiled
