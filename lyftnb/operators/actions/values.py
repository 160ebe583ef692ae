"""Actions that change values in place: cast, fill, hash, mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl
from pydantic import Field, RootModel, model_validator

from lyftnb.dtypes import from_text, to_text
from lyftnb.model import JsonSchema, Params, quoted, text_literal
from lyftnb.operators.base import (
    Action,
    ActionError,
    Bound,
    Env,
    Example,
    Flags,
    Problems,
    Reason,
    column_type,
)
from lyftnb.operators.binding import conditions, reasons, scalar
from lyftnb.operators.expressions import Compiled
from lyftnb.operators.parameters import Name, Names

Literals = str | bool | int | float
_TYPES: dict[type, pl.DataType] = {
    str: pl.String(),
    bool: pl.Boolean(),
    int: pl.Int64(),
    float: pl.Float64(),
}


def _replacing(columns: dict[str, Compiled], schema: pl.Schema) -> Bound:
    """An action that replaces columns by expressions over the incoming row."""
    failed = [c for compiled in columns.values() for c in conditions(compiled)]
    exprs = [compiled.expr.alias(name) for name, compiled in columns.items()]
    why = tuple(
        Reason(reason.code, f"{name}: {reason.text}")
        for name, compiled in columns.items()
        for reason in reasons(compiled)
    )
    out = pl.Schema(schema)
    out.update({name: compiled.dtype for name, compiled in columns.items()})
    return Bound(lambda lf, flags: lf.with_columns(*flags.mark(failed), *exprs), out, why)


class CastParams(RootModel[dict[Name, Name]]):
    """Columns and their new types."""

    model_config = {"frozen": True}
    root: dict[Name, Name] = Field(
        min_length=1,
        json_schema_extra={"propertyNames": {"format": "column"}},
        description="a map of column: type, as DuckDB writes it",
    )


class Cast(Action[CastParams]):
    """Changes the types of columns.

    A row with a value that is none of its new type goes to the rejects (`cast_failed`); to have
    null instead, write `derive: {x: TRY_CAST(x AS BIGINT)}`.
    """

    name = "cast"
    Params = CastParams
    example = Example(
        params={"n": "BIGINT", "day": "DATE"},
        rows=[{"n": "12", "day": "2026-02-28"}, {"n": "twelve", "day": "2026-02-28"}],
        result=[{"n": 12, "day": "2026-02-28"}],
    )

    def bind(self, params: CastParams, schema: pl.Schema, env: Env) -> Bound:
        """Check columns and types, and that values of the one can become the other."""
        problems = Problems()
        columns: dict[str, Compiled] = {}
        for name, text in params.root.items():
            with problems.at(name):
                column_type(schema, name)
                target = to_text(from_text(text))
                columns[name] = scalar(f"CAST({quoted(name)} AS {target})", schema, env)
        problems.raise_any()
        return _replacing(columns, schema)


class FillParams(Params):
    """What stands in for null."""

    values: dict[Name, Literals] = Field(
        default_factory=dict,
        json_schema_extra={"propertyNames": {"format": "column"}},
        description="column: the value that stands in for its nulls",
    )
    forward: Names = Field((), description="columns in which the last value before stands in")
    backward: Names = Field(
        (),
        description="columns in which the next value stands in; of one that is in `forward` too, "
        "where there is none before",
    )
    by: Names = Field(
        (),
        description="of `forward` and `backward`: columns; values stand in only for rows that "
        "agree with theirs in these",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_values(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not value:
            return value
        short = {"values": value}
        # A column may be called as a parameter is: `by` says nothing without the others.
        long = set(value) <= set(cls.model_fields) and set(value) != {"by"}
        long = long and isinstance(value.get("values", {}), dict)
        lists = (value.get(name, []) for name in ("forward", "backward", "by"))
        return value if long and not any(isinstance(v, int | float) for v in lists) else short

    @classmethod
    def short_schemas(cls, properties: Mapping[str, JsonSchema]) -> list[JsonSchema]:
        """The map of values by itself."""
        values = properties["values"]
        kept = ("type", "additionalProperties", "propertyNames")
        return [{key: values[key] for key in kept}]

    @model_validator(mode="after")
    def _some(self) -> FillParams:
        if not (self.values or self.neighbours):
            raise ValueError("name the columns to fill: fill: {delay: 0}")
        if self.by and not self.neighbours:
            raise ValueError("'by' goes with 'forward' and 'backward'")
        return self

    @property
    def neighbours(self) -> bool:
        """Whether values of other rows stand in."""
        return bool(self.forward or self.backward)


class Fill(Action[FillParams]):
    """Puts values in the place of nulls.

    Values are plain (`fill: {delay: 0, name: unknown}`), of the column's type, or make the type of
    a column in which nothing but null was seen; for anything computed use derive with coalesce.
    `fill: {forward: [price]}` repeats the last value before, in the order of the frame, and
    `backward` takes the next one after; with `by` (`fill: {forward: [price], by: [symbol]}`) of the
    rows alone that agree in these columns. It is then not row-wise, and looks no further than the
    frame: of the new rows of a run (the default), of a partition, or of all. A value that comes
    with a later run never stands in for a null of an earlier one, unless `frame: partition` or
    `all` reads that again.
    """

    name = "fill"
    Params = FillParams
    example = Example(
        params={"delay": 0},
        rows=[{"delay": None}, {"delay": 7}],
        result=[{"delay": 0}, {"delay": 7}],
    )

    def rowwise(self, params: FillParams) -> bool:
        """Plain values are; those of other rows are not."""
        return not params.neighbours

    def bind(self, params: FillParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the columns, and that each value is of its column's type."""
        problems = Problems()
        exprs: dict[str, pl.Expr] = {}
        out = pl.Schema(schema)
        for i, name in enumerate(params.by):
            with problems.at("by", i):
                column_type(schema, name)
        for field in ("forward", "backward"):
            for i, name in enumerate(getattr(params, field)):
                with problems.at(field, i):
                    column_type(schema, name)
                    if name in params.by:
                        raise ActionError(
                            f"'{name}' is one of the columns that rows agree in",
                            hint="leave it out, here or in `by`",
                        )
                    exprs[name] = _filled(exprs.get(name, pl.col(name)), field, params.by)
        for name, value in params.values.items():
            with problems.at("values", name):
                out[name] = _filled_type(column_type(schema, name), value)
                constant = _constant(name, value, out, env)
                exprs[name] = exprs.get(name, pl.col(name)).fill_null(constant)
        problems.raise_any()
        made = [expr.alias(name) for name, expr in exprs.items()]
        return Bound(lambda lf, flags: lf.with_columns(made), out, parted=not self.rowwise(params))


def _filled(expr: pl.Expr, direction: str, by: Names) -> pl.Expr:
    """Values of the rows before, or after, in the place of nulls."""
    filled = expr.forward_fill() if direction == "forward" else expr.backward_fill()
    return filled.over(*by) if by else filled


def _filled_type(dtype: pl.DataType, value: Literals) -> pl.DataType:
    """The column's; where nothing but null was seen in it yet, the value's."""
    return _TYPES[type(value)] if isinstance(dtype, pl.Null) else dtype


def _constant(name: str, value: Literals, schema: pl.Schema, env: Env) -> pl.Expr:
    dtype = column_type(schema, name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    found = scalar(f"TRY_CAST({text_literal(text)} AS {to_text(dtype)})", pl.Schema(), env)
    constant = pl.select(found.expr).item()
    if constant is None:
        raise ActionError(
            f"{value!r} is not a value of '{name}', which is {to_text(dtype)}",
            hint="write one of its type, or use derive with coalesce",
        )
    return pl.lit(constant, dtype=dtype)


class HashParams(Params):
    """What to hash."""

    short = {str: "columns", list: "columns"}

    columns: Names = Field(min_length=1, description="columns whose values to replace")
    method: Literal["sha256", "md5"] = Field("sha256", description="how to hash")
    salt: str = Field("", description="put before each value, so that tables of hashes are no use")


class Hash(Action[HashParams]):
    """Replaces values by the hash of their text, in hexadecimal; null stays null.

    Equal values stay equal, so that hashed columns still join and count.
    """

    name = "hash"
    Params = HashParams
    example = Example(
        params={"columns": "email", "method": "md5"},
        rows=[{"email": "ada@example.com"}],
        result=[{"email": "3e3417d7ef77d5932a6734b916515ed5"}],
    )

    def bind(self, params: HashParams, schema: pl.Schema, env: Env) -> Bound:
        """Check that the columns have a text form."""
        problems = Problems()
        columns: dict[str, Compiled] = {}
        for i, name in enumerate(params.columns):
            with problems.at("columns", i):
                column_type(schema, name)
                text = f"{text_literal(params.salt)} || CAST({quoted(name)} AS VARCHAR)"
                columns[name] = scalar(f"{params.method}({text})", schema, env)
        problems.raise_any()
        return _replacing(columns, schema)


class MaskParams(Params):
    """What to hide."""

    short = {str: "columns", list: "columns"}

    columns: Names = Field(min_length=1, description="text columns")
    keep: int = Field(0, ge=0, description="how many characters at the end stay readable")
    character: str = Field("*", min_length=1, max_length=1, description="what stands for the rest")


class Mask(Action[MaskParams]):
    """Hides the characters of text, all but the last ones if wished; the length stays."""

    name = "mask"
    Params = MaskParams
    example = Example(
        params={"columns": "card", "keep": 4},
        rows=[{"card": "4111111111111111"}, {"card": "12"}, {"card": None}],
        result=[{"card": "************1111"}, {"card": "12"}, {"card": None}],
    )

    def bind(self, params: MaskParams, schema: pl.Schema, env: Env) -> Bound:
        """Check that the columns are text."""
        problems = Problems()
        for i, name in enumerate(params.columns):
            with problems.at("columns", i):
                dtype = column_type(schema, name)
                if not isinstance(dtype, pl.String | pl.Null):
                    raise ActionError(
                        f"'{name}' is {to_text(dtype)}, not text", hint="cast it to VARCHAR first"
                    )
        problems.raise_any()
        made = [_masked(pl.col(name), params).alias(name) for name in params.columns]

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            return lf.with_columns(made)

        out = pl.Schema(schema)
        out.update({name: pl.String() for name in params.columns})
        return Bound(transform, out)


def _masked(column: pl.Expr, params: MaskParams) -> pl.Expr:
    text = column.cast(pl.String)
    character = "$$" if params.character == "$" else params.character
    hidden = (text.str.len_chars().cast(pl.Int64) - params.keep).clip(0)
    head = text.str.slice(0, hidden).str.replace_all("(?s).", character)
    return head + text.str.slice(hidden)
