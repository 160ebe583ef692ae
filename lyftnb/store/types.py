"""Polars types and the text types of `model.Schema`, both ways, for everything a spool can hold.

A spool holds a few types fewer than Polars has: `stored` gives the type that a column is written
with (categories as text, zoned times as UTC microseconds), so that every type has one spelling.
"""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl
from polars.datatypes import DataTypeClass

from lyftnb.errors import WorkflowError
from lyftnb.model import NULL, Schema

_TEXT: dict[str, pl.DataType] = {
    "BOOLEAN": pl.Boolean(),
    "TINYINT": pl.Int8(),
    "SMALLINT": pl.Int16(),
    "INTEGER": pl.Int32(),
    "BIGINT": pl.Int64(),
    "HUGEINT": pl.Int128(),
    "UTINYINT": pl.UInt8(),
    "USMALLINT": pl.UInt16(),
    "UINTEGER": pl.UInt32(),
    "UBIGINT": pl.UInt64(),
    "FLOAT": pl.Float32(),
    "DOUBLE": pl.Float64(),
    "VARCHAR": pl.String(),
    "BLOB": pl.Binary(),
    "DATE": pl.Date(),
    "TIME": pl.Time(),
    "INTERVAL": pl.Duration("us"),
    "TIMESTAMP": pl.Datetime("us"),
    "TIMESTAMP_MS": pl.Datetime("ms"),
    "TIMESTAMP_NS": pl.Datetime("ns"),
    "TIMESTAMP WITH TIME ZONE": pl.Datetime("us", "UTC"),
    NULL: pl.Null(),
}
_NAMES = {dtype: text for text, dtype in _TEXT.items()}
_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|[A-Z_0-9]+(?: WITH TIME ZONE)?|[\[\](),])')


def schema_of(frame: pl.DataFrame | pl.LazyFrame) -> Schema:
    """The schema of a frame as text, in the types that a spool stores."""
    dtypes = frame.collect_schema()
    return Schema.from_mapping((name, text_of(dtype)) for name, dtype in dtypes.items())


def dtypes_of(schema: Schema) -> pl.Schema:
    """The Polars schema of a spool."""
    return pl.Schema({f.name: dtype_of(f.type) for f in schema.fields})


def stored(dtype: pl.DataType) -> pl.DataType:
    """The type a column is written with: the value stays, the representation is the common one."""
    match dtype:
        case pl.Categorical() | pl.Enum():
            return pl.String()
        case pl.Float16():
            return pl.Float32()
        case pl.Datetime() if dtype.time_zone is not None:
            return pl.Datetime("us", "UTC")
        case pl.Duration():
            return pl.Duration("us")
        case pl.List():
            return pl.List(stored(inner_of(dtype)))
        case pl.Array():
            return pl.Array(stored(inner_of(dtype)), dtype.size)
        case pl.Struct():
            return pl.Struct({f.name: stored(made(f.dtype)) for f in dtype.fields})
        case _:
            return dtype


def text_of(dtype: pl.DataType) -> str:
    """The text of a Polars type, as DuckDB writes it.

    Raises:
        WorkflowError: the type cannot be stored (Python objects).

    >>> text_of(pl.List(pl.Struct({"a": pl.Int64})))
    'STRUCT("a" BIGINT)[]'
    """
    dtype = stored(dtype)
    match dtype:
        case pl.Decimal():
            return f"DECIMAL({dtype.precision or 38},{dtype.scale})"
        case pl.List():
            return f"{text_of(inner_of(dtype))}[]"
        case pl.Array():
            return f"{text_of(inner_of(dtype))}[{dtype.size}]"
        case pl.Struct():
            fields = (f"{_quoted(f.name)} {text_of(made(f.dtype))}" for f in dtype.fields)
            return f"STRUCT({', '.join(fields)})"
    if dtype not in _NAMES:
        raise WorkflowError(
            f"a column of type {dtype} cannot be stored",
            hint="convert it to text, a number, a time, a list or a struct before the step ends",
        )
    return _NAMES[dtype]


@lru_cache(4096)
def dtype_of(text: str) -> pl.DataType:
    """The Polars type of a text type.

    Raises:
        WorkflowError: the text is not a type that a spool can hold.
    """
    tokens = _TOKEN.findall(text)
    try:
        dtype = _parsed(tokens)
    except (IndexError, KeyError, ValueError):
        tokens = [""]
    if tokens:
        raise WorkflowError(
            f"'{text}' is not a type that a spool can hold", hint="write it as DuckDB does"
        )
    return dtype


def _parsed(tokens: list[str]) -> pl.DataType:
    word = tokens.pop(0)
    if word == "STRUCT":
        dtype: pl.DataType = _struct(tokens)
    elif word == "DECIMAL":
        _open, precision, _comma, scale, _close = (tokens.pop(0) for _ in range(5))
        dtype = pl.Decimal(int(precision), int(scale))
    else:
        dtype = _TEXT[word]
    while tokens and tokens[0] == "[":
        tokens.pop(0)
        size = tokens.pop(0)
        if size == "]":
            dtype = pl.List(dtype)
        else:
            dtype = pl.Array(dtype, int(size))
            tokens.pop(0)
    return dtype


def _struct(tokens: list[str]) -> pl.Struct:
    fields: dict[str, pl.DataType] = {}
    while tokens.pop(0) != ")":
        if tokens[0] == ")":
            continue
        name = tokens.pop(0)[1:-1].replace('""', '"')
        fields[name] = _parsed(tokens)
    return pl.Struct(fields)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def inner_of(dtype: pl.List | pl.Array) -> pl.DataType:
    """The element type of a list or array type."""
    return made(dtype.inner)


def made(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    """A type as an instance: Polars lets inner types be classes."""
    return dtype() if isinstance(dtype, type) else dtype
