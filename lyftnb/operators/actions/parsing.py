"""What the actions that parse a text field have in common: parameters, types, flagging, columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl
from pydantic import Field

from lyftnb.dtypes import from_text, to_text
from lyftnb.errors import LyftError
from lyftnb.model import Params
from lyftnb.operators.base import (
    HIDDEN,
    REJECT,
    ActionError,
    Bound,
    Flags,
    Made,
    Problems,
    Reason,
    check_column_name,
    column_type,
)
from lyftnb.operators.expressions.casts import cast
from lyftnb.operators.expressions.values import Value
from lyftnb.operators.parameters import ColumnName

_PARSED = HIDDEN + "parsed"
FAILED = HIDDEN + "failed"
"""Field of a parsed struct: null, or the number of the reason for which the text was not parsed."""

BAD_VALUE = "bad_value"


class TextParams(Params):
    """Where the text is and where its fields go."""

    field: ColumnName = Field("_raw", description="the column that holds the text")
    into: str | None = Field(
        None, description="put the fields into one STRUCT column of this name, not side by side"
    )
    prefix: str = Field("", description="put this before the name of each field")
    keep: bool = Field(True, description="whether the text column stays")

    def named(self, name: str) -> str:
        """The column that a field of the text becomes."""
        return check_column_name(self.prefix + name)


def declared(types: Mapping[str, str], *path: str) -> dict[str, pl.DataType]:
    """Declared types, each checked.

    Raises:
        ActionError: types that there are not, placed below `path`.
    """
    problems = Problems()
    out: dict[str, pl.DataType] = {}
    for name, text in types.items():
        with problems.at(*path, name):
            out[name] = from_text(text)
    problems.raise_any()
    return out


def check_text(schema: pl.Schema, field: str) -> None:
    """Check that the field to parse is there and is text.

    Raises:
        ActionError: it is not.
    """
    dtype = column_type(schema, field)
    if not isinstance(dtype, pl.String | pl.Null):
        raise ActionError(
            f"'{field}' is {to_text(dtype)}, not text", hint="cast it to VARCHAR first"
        )


def typed(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The text read as `dtype`, as CAST does; null where it is no such value."""
    try:
        return cast(Value(text, pl.String()), dtype, tries=True).expr
    except LyftError as error:
        raise ActionError(
            f"text cannot be read as {to_text(dtype)}", hint="declare a plain type"
        ) from error


def struct_of(
    texts: Mapping[str, pl.Expr], types: Mapping[str, pl.DataType], unparsed: pl.Expr
) -> pl.Expr:
    """A parsed struct from one text expression a field.

    Args:
        texts: the text of each field, null where it is not there.
        types: what to read them as; VARCHAR where not named.
        unparsed: the text has not the form at all (the action's first reason); a field that is not
            of its type is the second.
    """
    values = {name: typed(text, types.get(name, pl.String())) for name, text in texts.items()}
    typed_names = [name for name in texts if types.get(name, pl.String()) != pl.String()]
    bad = [texts[name].is_not_null() & values[name].is_null() for name in typed_names]
    misread = pl.when(pl.any_horizontal(bad)).then(1) if bad else pl.lit(None)
    failed = pl.when(unparsed).then(0).otherwise(misread)
    fields = [value.alias(name) for name, value in values.items()]
    return pl.struct(*fields, failed.cast(pl.Int8).alias(FAILED))


def text_bound(
    params: TextParams,
    schema: pl.Schema,
    columns: Mapping[str, pl.DataType],
    parsed: Callable[[pl.Expr], pl.Expr],
    reasons: Sequence[Reason],
) -> Bound:
    """The lazy form of a parsing action.

    Args:
        params: of the action.
        schema: of the incoming rows.
        columns: the fields of the text with their types.
        parsed: from the text to a struct of `columns` and `FAILED`.
        reasons: what the numbers in `FAILED` mean.
    """
    names = {name: params.named(name) for name in columns}
    made = {names[name]: dtype for name, dtype in columns.items()}
    if params.into is not None:
        made = {check_column_name(params.into): pl.Struct(made)}
    gone = {params.field} - {*made} if not params.keep else set()
    out = {n: t for n, t in schema.items() if n not in gone} | made
    struct = pl.col(_PARSED).struct

    def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
        lf = lf.with_columns(parsed(pl.col(params.field).cast(pl.String)).alias(_PARSED))
        failed = [struct.field(FAILED) == i for i in range(len(reasons))]
        fields = [struct.field(name).alias(new) for name, new in names.items()]
        values = fields if params.into is None else [pl.struct(fields).alias(params.into)]
        return lf.with_columns(*flags.mark(failed), *values).drop(_PARSED, *gone)

    return Bound(transform, pl.Schema(out), tuple(reasons))


def applied(bound: Bound, frame: pl.DataFrame) -> Made:
    """What a bound action that keeps the number of rows makes of rows in hand."""
    flagged = frame.lazy().with_columns(pl.lit(None, dtype=pl.Int32).alias(REJECT))
    made = bound.transform(flagged, Flags(0, active=True)).collect()
    marks = made[REJECT]
    failed = tuple((i, bound.reasons[n]) for i, n in enumerate(marks) if n is not None)
    return Made(made.filter(marks.is_null()).drop(REJECT), failed)
