"""Actions that take lists and structs apart: explode, flatten, unnest."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Literal

import polars as pl
from pydantic import Field

from lyftnb.dtypes import to_text
from lyftnb.model import Params
from lyftnb.operators.base import (
    REJECT,
    Action,
    ActionError,
    Bound,
    Env,
    Example,
    Flags,
    Problems,
    carried,
    check_column_name,
    column_type,
)
from lyftnb.operators.parameters import Names


class ExplodeParams(Params):
    """The lists."""

    short = {str: "columns", list: "columns"}

    columns: Names = Field(
        min_length=1, description="list columns; several are taken side by side, item by item"
    )
    empty: Literal["keep", "drop"] = Field(
        "keep", description="whether a row with an empty or null list stays, with null, or goes"
    )


class Explode(Action[ExplodeParams]):
    """Makes one row of each item of a list; the other columns are repeated.

    Of several lists in a row the shorter ones are filled up with null.
    """

    name = "explode"
    Params = ExplodeParams
    example = Example(
        params="tags",
        rows=[{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}],
        result=[{"id": 1, "tags": "a"}, {"id": 1, "tags": "b"}, {"id": 2, "tags": None}],
    )

    def bind(self, params: ExplodeParams, schema: pl.Schema, env: Env) -> Bound:
        """Check that the columns are lists."""
        problems = Problems()
        out = pl.Schema(schema)
        for i, name in enumerate(params.columns):
            with problems.at("columns", i):
                out[name] = _item_type(schema, name)
        problems.raise_any()
        names = list(params.columns)
        lengths = [pl.col(name).list.len().fill_null(0) for name in names]
        longest = pl.max_horizontal(lengths)

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            if flags.active:  # a flagged row must stay one row
                lists = [pl.when(pl.col(REJECT).is_null()).then(pl.col(n)) for n in names]
                lf = lf.with_columns(lists)
            if params.empty == "drop":
                lf = lf.filter(flags.spare(longest > 0))
            if len(names) > 1:
                places = pl.int_ranges(0, pl.max_horizontal(longest, 1))
                lf = lf.with_columns(pl.col(n).list.gather(places, null_on_oob=True) for n in names)
            return lf.explode(names, empty_as_null=True, keep_nulls=True)

        return Bound(transform, out)


def _item_type(schema: pl.Schema, name: str) -> pl.DataType:
    dtype = column_type(schema, name)
    if not isinstance(dtype, pl.List):
        raise ActionError(f"'{name}' is {to_text(dtype)}, not a list")
    return dtype.inner() if isinstance(dtype.inner, type) else dtype.inner


class UnnestParams(Params):
    """The structs."""

    short = {str: "columns", list: "columns"}

    columns: Names = Field(min_length=1, description="STRUCT columns")
    prefix: str = Field("", description="put this before the name of each field")


class Unnest(Action[UnnestParams]):
    """Puts the fields of a STRUCT column in its place, one level deep."""

    name = "unnest"
    Params = UnnestParams
    example = Example(
        params={"columns": "place", "prefix": "at_"},
        rows=[{"id": 1, "place": {"x": 3, "y": 4}, "z": 5}],
        result=[{"id": 1, "at_x": 3, "at_y": 4, "z": 5}],
    )

    def bind(self, params: UnnestParams, schema: pl.Schema, env: Env) -> Bound:
        """Check that the columns are structs and that no two columns end under one name."""
        _check_structs(params.columns, schema)
        made: list[tuple[str, pl.Expr, pl.DataType]] = []
        for name, dtype in schema.items():
            if name in params.columns and isinstance(dtype, pl.Struct):
                made += [
                    (params.prefix + f.name, pl.col(name).struct.field(f.name), _field_type(f))
                    for f in dtype.fields
                ]
            else:
                made.append((name, pl.col(name), dtype))
        return _chosen(made)


class FlattenParams(Params):
    """What to flatten."""

    short = {str: "columns", list: "columns", bool: None, NoneType: None}

    columns: Names = Field((), description="STRUCT columns; all of them if none is named")
    separator: str = Field("_", min_length=1, description="what joins the names of the levels")


class Flatten(Action[FlattenParams]):
    """Turns nested STRUCT columns into plain ones, however deep, under joined names.

    Lists stay as they are.
    """

    name = "flatten"
    Params = FlattenParams
    example = Example(
        params={"separator": "."},
        rows=[{"id": 1, "user": {"name": "Ada", "home": {"city": "London"}}}],
        result=[{"id": 1, "user.name": "Ada", "user.home.city": "London"}],
    )

    def bind(self, params: FlattenParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the columns and that no two end under one name."""
        _check_structs(params.columns, schema)

        def leaves(
            name: str, value: pl.Expr, dtype: pl.DataType
        ) -> Iterator[tuple[str, pl.Expr, pl.DataType]]:
            if not isinstance(dtype, pl.Struct) or not dtype.fields:
                yield name, value, dtype
                return
            for f in dtype.fields:
                path = name + params.separator + f.name
                yield from leaves(path, value.struct.field(f.name), _field_type(f))

        made: list[tuple[str, pl.Expr, pl.DataType]] = []
        for name, dtype in schema.items():
            wanted = not params.columns or name in params.columns
            column = pl.col(name)
            made += leaves(name, column, dtype) if wanted else [(name, column, dtype)]
        return _chosen(made)


def _check_structs(names: tuple[str, ...], schema: pl.Schema) -> None:
    problems = Problems()
    for i, name in enumerate(names):
        with problems.at("columns", i):
            dtype = column_type(schema, name)
            if not isinstance(dtype, pl.Struct):
                raise ActionError(f"'{name}' is {to_text(dtype)}, not a STRUCT")
    problems.raise_any()


def _chosen(made: list[tuple[str, pl.Expr, pl.DataType]]) -> Bound:
    """An action that makes just these columns, each from the incoming row."""
    names = [check_column_name(name) for name, _, _ in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ActionError(
            f"two columns would be called '{twice[0]}'",
            hint="rename or remove one before, or set a prefix",
        )
    exprs = [expr.alias(name) for name, expr, _ in made]
    out = pl.Schema({name: dtype for name, _, dtype in made})
    return Bound(lambda lf, flags: lf.select(*exprs, carried()), out)


def _field_type(field: pl.Field) -> pl.DataType:
    return field.dtype() if isinstance(field.dtype, type) else field.dtype
