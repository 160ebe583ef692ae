"""Actions that choose rows by what they hold: filter, assert."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, Field, RootModel

from lyftnb.model import Params
from lyftnb.operators.base import Action, Bound, Env, Example, Flags, Problems, Reason, Written
from lyftnb.operators.binding import condition, conditions, reasons
from lyftnb.operators.expressions import Compiled
from lyftnb.operators.parameters import Sql


class FilterParams(RootModel[Sql]):
    """The condition."""

    model_config = {"frozen": True}
    root: Sql = Field(description="an expression: rows for which it is true stay")


class Filter(Action[FilterParams]):
    """Keeps the rows for which a condition is true.

    Rows for which it is false or null are left out; they are no rejects.
    """

    name = "filter"
    Params = FilterParams
    example = Example(
        params="distance >= 100 AND dep_time IS NOT NULL",
        rows=[
            {"distance": 50, "dep_time": 5},
            {"distance": 200, "dep_time": None},
            {"distance": 300, "dep_time": 7},
        ],
        result=[{"distance": 300, "dep_time": 7}],
    )

    def bind(self, params: FilterParams, schema: pl.Schema, env: Env) -> Bound:
        """Bind the condition; rows on which it fails (a failed CAST) are flagged."""
        keep = condition(params.root, schema, env)
        failed = conditions(keep)

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            marked = lf.with_columns(flags.mark(failed)) if failed else lf
            return marked.filter(flags.spare(keep.expr))

        written = (Written(params.root, keep.expr),)
        return Bound(transform, schema, reasons(keep), written=written)


class Assertion(Params):
    """One thing that must be true of each row."""

    short = {str: "that", bool: "that"}

    that: Sql = Field(description="the condition; false and null break it")
    name: str | None = Field(None, description="what it is called in rejects")
    message: str | None = Field(None, description="the sentence that rejects carry")

    @property
    def reason(self) -> Reason:
        """Why a row that breaks it is rejected."""
        name = f"{self.name}: " if self.name else ""
        return Reason("assert_failed", name + (self.message or f"{self.that} is not true"))


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict | bool) else value


class AssertParams(RootModel[tuple[Assertion, ...]]):
    """The assertions."""

    model_config = {"frozen": True}
    root: Annotated[
        tuple[Assertion, ...],
        BeforeValidator(_listed, json_schema_input_type=Assertion | tuple[Assertion, ...]),
    ] = Field(min_length=1, description="a condition, or a list of conditions and of maps")


class Assert(Action[AssertParams]):
    """Checks rows: a row for which a condition is not true goes to the step's rejects.

    A condition that is null is not true. A row is rejected for the first assertion that it breaks.
    With `on_error: drop` beside the action such rows are only counted, with `on_error: fail` the
    first one fails the batch.
    """

    name = "assert"
    Params = AssertParams
    example = Example(
        params=[{"that": "price > 0", "name": "positive price"}, "code IS NOT NULL"],
        rows=[{"price": 5, "code": "a"}, {"price": -1, "code": "b"}, {"price": 7, "code": None}],
        result=[{"price": 5, "code": "a"}],
    )

    def bind(self, params: AssertParams, schema: pl.Schema, env: Env) -> Bound:
        """Bind every assertion; a failing expression inside one counts as its own reason."""
        problems = Problems()
        failed: list[pl.Expr] = []
        why: list[Reason] = []
        written: list[Written] = []
        for i, assertion in enumerate(params.root):
            with problems.at(i, "that"):
                compiled: Compiled = condition(assertion.that, schema, env)
                failed += [*conditions(compiled), ~compiled.expr.fill_null(False)]
                why += [*reasons(compiled), assertion.reason]
                written.append(Written(assertion.that, compiled.expr))
        problems.raise_any()
        return Bound(
            lambda lf, flags: lf.with_columns(flags.mark(failed)),
            schema,
            tuple(why),
            written=tuple(written),
        )
