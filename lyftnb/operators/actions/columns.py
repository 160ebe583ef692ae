"""Actions that make and choose columns: derive, select, rename, remove."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, Field, RootModel

from lyftnb.model import quoted
from lyftnb.operators.base import (
    Action,
    ActionError,
    Bound,
    Env,
    Example,
    Flags,
    Problems,
    Reason,
    Written,
    carried,
    check_column_name,
    column_type,
)
from lyftnb.operators.binding import conditions, reasons, scalar
from lyftnb.operators.expressions import Compiled
from lyftnb.operators.parameters import Name, Names, Sql


class ColumnsParams(RootModel[dict[str, Sql]]):
    """Columns by name, each with its expression."""

    model_config = {"frozen": True}
    root: dict[str, Sql] = Field(min_length=1, description="a map of column: expression")


@dataclass(frozen=True, slots=True)
class _Level:
    """Columns that can be computed side by side, because none reads another."""

    columns: dict[str, Compiled]

    @property
    def failed(self) -> list[pl.Expr]:
        return [c for compiled in self.columns.values() for c in conditions(compiled)]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return tuple(
            Reason(reason.code, f"{name}: {reason.text}")
            for name, compiled in self.columns.items()
            for reason in reasons(compiled)
        )

    @property
    def exprs(self) -> list[pl.Expr]:
        return [compiled.expr.alias(name) for name, compiled in self.columns.items()]


class Derive(Action[ColumnsParams]):
    """Adds columns, or replaces them, from expressions.

    A later entry sees the columns of the earlier ones.
    """

    name = "derive"
    Params = ColumnsParams
    example = Example(
        params={"hours": "minutes / 60.0", "long": "hours > 1"},
        rows=[{"minutes": 30}, {"minutes": 90}],
        result=[
            {"minutes": 30, "hours": 0.5, "long": False},
            {"minutes": 90, "hours": 1.5, "long": True},
        ],
    )

    def bind(self, params: ColumnsParams, schema: pl.Schema, env: Env) -> Bound:
        """Bind entry by entry; an entry that does not bind leaves its column out for later ones."""
        problems = Problems()
        seen = pl.Schema(schema)
        levels: list[_Level] = []
        for name, text in params.root.items():
            with problems.at(name):
                compiled = scalar(text, seen, env)
                seen[check_column_name(name)] = compiled.dtype
                if not levels or _reads(compiled, levels[-1]):
                    levels.append(_Level({}))
                levels[-1].columns[name] = compiled
        problems.raise_any()

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            first = flags.first
            for level in levels:
                here = Flags(first, flags.active)
                lf = lf.with_columns(*here.mark(level.failed), *level.exprs)
                first += len(level.reasons)
            return lf

        why = tuple(reason for level in levels for reason in level.reasons)
        return Bound(transform, seen, why, written=_written(params.root))


def _reads(compiled: Compiled, level: _Level) -> bool:
    return not compiled.columns.isdisjoint(level.columns)


def _written(texts: Mapping[str, str]) -> tuple[Written, ...]:
    return tuple(Written(text, name) for name, text in texts.items())


def _selected(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    repeated = {str(name) for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"named more than once: {', '.join(sorted(repeated))}")
    return {name: quoted(name) if isinstance(name, str) else name for name in names}


class SelectParams(RootModel[dict[str, Sql]]):
    """The columns that stay."""

    model_config = {"frozen": True}
    root: Annotated[
        dict[Name, Sql],
        BeforeValidator(_selected, json_schema_input_type=str | tuple[str, ...] | dict[str, Sql]),
    ] = Field(min_length=1, description="a list of columns, or a map of column: expression")


class Select(Action[SelectParams]):
    """Keeps the named columns, in this order; a map computes them from expressions.

    All expressions see the incoming row.
    """

    name = "select"
    Params = SelectParams
    example = Example(
        params={"id": "id", "total": "price * count"},
        rows=[{"id": 1, "price": 3, "count": 2}],
        result=[{"id": 1, "total": 6}],
    )

    def bind(self, params: SelectParams, schema: pl.Schema, env: Env) -> Bound:
        """Bind all expressions to the incoming schema."""
        problems = Problems()
        level = _Level({})
        for name, text in params.root.items():
            with problems.at(name):
                level.columns[check_column_name(name)] = scalar(text, schema, env)
        problems.raise_any()
        out = pl.Schema({name: compiled.dtype for name, compiled in level.columns.items()})

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            # Computed beside the old columns first: a select of constants alone would be one row.
            computed = lf.with_columns(*flags.mark(level.failed), *level.exprs)
            return computed.select(*level.columns, carried())

        return Bound(transform, out, level.reasons, written=_written(params.root))


class RenameParams(RootModel[dict[str, Name]]):
    """Old name: new name."""

    model_config = {"frozen": True}
    root: dict[str, Name] = Field(
        min_length=1,
        json_schema_extra={"propertyNames": {"format": "column"}},
        description="a map of old name: new name",
    )


class Rename(Action[RenameParams]):
    """Gives columns other names; their order stays."""

    name = "rename"
    Params = RenameParams
    example = Example(params={"a": "id"}, rows=[{"a": 1, "b": 2}], result=[{"id": 1, "b": 2}])

    def bind(self, params: RenameParams, schema: pl.Schema, env: Env) -> Bound:
        """Check that old names exist and that no two columns end under one name."""
        problems = Problems()
        for old, new in params.root.items():
            with problems.at(old):
                column_type(schema, old)
                check_column_name(new)
        problems.raise_any()
        names = [params.root.get(name, name) for name in schema]
        for old, new in params.root.items():
            with problems.at(old):
                if names.count(new) > 1:
                    raise ActionError(
                        f"two columns would be called '{new}'", hint="remove one first"
                    )
        problems.raise_any()
        out = pl.Schema(zip(names, schema.dtypes(), strict=True))
        return Bound(lambda lf, flags: lf.rename(params.root), out)


class RemoveParams(RootModel[Names]):
    """The columns that go."""

    model_config = {"frozen": True}
    root: Names = Field(
        min_length=1,
        description="a column, or a list of columns and regular expressions written ^…$",
    )


class Remove(Action[RemoveParams]):
    """Removes columns, by name or by a regular expression written `^…$`.

    An expression may match no column; a name must exist.
    """

    name = "remove"
    Params = RemoveParams
    example = Example(
        params=["b", "^tmp_.*$"],
        rows=[{"a": 1, "b": 2, "tmp_x": 3}],
        result=[{"a": 1}],
    )

    def bind(self, params: RemoveParams, schema: pl.Schema, env: Env) -> Bound:
        """Resolve names and patterns against the schema."""
        problems = Problems()
        gone: dict[str, None] = {}
        for i, name in enumerate(params.root):
            with problems.at(i):
                gone.update(dict.fromkeys(_matching(name, schema)))
        problems.raise_any()
        left = {name: dtype for name, dtype in schema.items() if name not in gone}
        if not left:
            raise ActionError("no column would be left", hint="keep at least one")
        return Bound(lambda lf, flags: lf.drop(list(gone)), pl.Schema(left))


def _matching(name: str, schema: pl.Schema) -> list[str]:
    if not (name.startswith("^") and name.endswith("$")):
        column_type(schema, name)
        return [name]
    try:
        pattern = re.compile(name)
    except re.error as error:
        raise ActionError(f"'{name}' is not a regular expression: {error}") from error
    return [column for column in schema if pattern.match(column)]
