"""Actions that order rows and keep some of them: sort, limit, sample, distinct."""

from __future__ import annotations

from types import NoneType
from typing import Literal

import polars as pl
from pydantic import Field, model_validator

from lyftnb.dtypes import element, instance
from lyftnb.model import Params
from lyftnb.operators.base import (
    HIDDEN,
    Action,
    Bound,
    Env,
    Example,
    Flags,
    Problems,
    column_type,
)
from lyftnb.operators.parameters import Names

_ROW = HIDDEN + "row"
_DRAW = HIDDEN + "draw"
_DRAWS = 2**64


class SortParams(Params):
    """The order."""

    short = {str: "by", list: "by"}

    by: Names = Field(min_length=1, description="columns; a leading `-` means largest first")
    nulls: Literal["first", "last"] = Field("last", description="where null stands")


class Sort(Action[SortParams]):
    """Orders rows; those that compare equal keep their order. A null within a list or struct is
    larger than any value.
    """

    name = "sort"
    Params = SortParams
    example = Example(
        params=["origin", "-delay"],
        rows=[
            {"origin": "JFK", "delay": 1},
            {"origin": "EWR", "delay": 2},
            {"origin": "JFK", "delay": 3},
        ],
        result=[
            {"origin": "EWR", "delay": 2},
            {"origin": "JFK", "delay": 3},
            {"origin": "JFK", "delay": 1},
        ],
    )

    def rowwise(self, params: SortParams) -> bool:
        """Never: the order of two rows depends on both."""
        return False

    def keeps_rows(self, params: SortParams) -> bool:
        """Always: it only orders them."""
        return True

    def bind(self, params: SortParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the columns."""
        names = [name.removeprefix("-") for name in params.by]
        down = [name.startswith("-") for name in params.by]
        _check_columns(names, schema, "by")

        keys = [_ordered(pl.col(name), schema[name]) for name in names]

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            last = params.nulls == "last"
            return lf.sort(keys, descending=down, nulls_last=last, maintain_order=True)

        return Bound(transform, schema, parted=True)


def _ordered(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """What to sort by: within a list or struct a null is larger than any value, as in DuckDB;
    Polars has it smaller.
    """
    if isinstance(dtype, pl.Struct):
        parts = [(value.struct.field(f.name), instance(f.dtype)) for f in dtype.fields]
        keys = [
            key.alias(f"{i}{kind}")
            for i, (part, inner) in enumerate(parts)
            for kind, key in (("n", part.is_null()), ("v", _ordered(part, inner)))
        ]
        return pl.when(value.is_not_null()).then(pl.struct(keys)) if keys else value
    if isinstance(dtype, pl.List):
        inner = _ordered(pl.element(), element(dtype))
        return value.list.eval(pl.struct(n=pl.element().is_null(), v=inner))
    return value


class LimitParams(Params):
    """How many rows."""

    short = {int: "rows"}

    rows: int = Field(ge=0, description="how many rows to keep")
    offset: int = Field(0, ge=0, description="how many rows to leave out before them")


class Limit(Action[LimitParams]):
    """Keeps the first rows of the frame."""

    name = "limit"
    Params = LimitParams
    example = Example(params=2, rows=[{"a": 1}, {"a": 2}, {"a": 3}], result=[{"a": 1}, {"a": 2}])

    def rowwise(self, params: LimitParams) -> bool:
        """Never: whether a row stays depends on the rows before it."""
        return False

    def keeps_rows(self, params: LimitParams) -> bool:
        """Always: it only chooses."""
        return True

    def bind(self, params: LimitParams, schema: pl.Schema, env: Env) -> Bound:
        """Nothing to check."""
        return Bound(lambda lf, flags: lf.slice(params.offset, params.rows), schema, parted=True)


class SampleParams(Params):
    """How much to draw."""

    short = {int: "rows", float: "fraction"}

    fraction: float | None = Field(None, ge=0, le=1, description="the share of rows to keep")
    rows: int | None = Field(None, ge=0, description="or how many rows of the frame to keep")
    by: Names = Field(
        (), description="of `fraction`: rows that agree in these columns stay or go together"
    )
    seed: int = Field(0, description="another seed draws other rows")

    @model_validator(mode="after")
    def _one(self) -> SampleParams:
        if (self.fraction is None) == (self.rows is None):
            raise ValueError("give either 'fraction' or 'rows'")
        if self.rows is not None and self.by:
            raise ValueError("'by' goes with 'fraction'")
        return self


class Sample(Action[SampleParams]):
    """Keeps some of the rows, drawn by a seed.

    With `fraction` (or a short form with a point: `sample: 0.1`) a row stays by the hash of its
    values and the seed: the same rows are drawn on every run, however the stream is cut, and equal
    rows stay or go together. With `rows` (`sample: 100`) so many rows of the frame are drawn.
    """

    name = "sample"
    Params = SampleParams
    example = Example(
        params={"fraction": 0.5, "by": ["customer"], "seed": 7},
        rows=[{"customer": c, "n": n} for c in "abcd" for n in (1, 2)],
        result=[{"customer": c, "n": n} for c in "acd" for n in (1, 2)],
    )

    def rowwise(self, params: SampleParams) -> bool:
        """A share is; a number of rows is not."""
        return params.fraction is not None

    def keeps_rows(self, params: SampleParams) -> bool:
        """Always: it only chooses."""
        return True

    def bind(self, params: SampleParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the columns of `by`."""
        _check_columns(params.by, schema, "by")
        if params.rows is not None:
            return _drawn(params.rows, params.seed, schema)
        names = params.by or tuple(schema)
        draw = pl.struct(*names).hash(params.seed)
        below = int((params.fraction or 0) * _DRAWS)
        keep = pl.lit(True) if below >= _DRAWS else draw < pl.lit(below, dtype=pl.UInt64)
        return Bound(lambda lf, flags: lf.filter(flags.spare(keep)), schema)


def _drawn(rows: int, seed: int, schema: pl.Schema) -> Bound:
    def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
        numbered = lf.with_row_index(_ROW).with_columns(pl.col(_ROW).hash(seed).alias(_DRAW))
        return numbered.sort(_DRAW).head(rows).sort(_ROW).drop(_ROW, _DRAW)

    return Bound(transform, schema, parted=True)


class DistinctParams(Params):
    """What must differ."""

    short = {str: "on", list: "on", bool: None, NoneType: None}

    on: Names = Field((), description="columns; all of them if none is named")
    keep: Literal["first", "last"] = Field("first", description="which of equal rows stays")


class Distinct(Action[DistinctParams]):
    """Keeps one of the rows of the frame that are equal in the named columns (or in all)."""

    name = "distinct"
    Params = DistinctParams
    example = Example(
        params={"on": "id", "keep": "last"},
        rows=[{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 1, "v": "c"}],
        result=[{"id": 2, "v": "b"}, {"id": 1, "v": "c"}],
    )

    def rowwise(self, params: DistinctParams) -> bool:
        """Never: whether a row stays depends on the others."""
        return False

    def keeps_rows(self, params: DistinctParams) -> bool:
        """Not where all columns are compared, hidden ones with them."""
        return bool(params.on)

    def bind(self, params: DistinctParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the columns."""
        _check_columns(params.on, schema, "on")
        on = list(params.on) or None
        return Bound(
            lambda lf, flags: lf.unique(on, keep=params.keep, maintain_order=True),
            schema,
            parted=True,
        )


def _check_columns(names: tuple[str, ...] | list[str], schema: pl.Schema, field: str) -> None:
    problems = Problems()
    for i, name in enumerate(names):
        with problems.at(field, i):
            column_type(schema, name)
    problems.raise_any()
