"""Column types as files need them: text in DuckDB's spelling to and from Polars, unions, and
parsing text into typed columns.

`text_to_type` gives null where a value does not parse, never an error, so that a reader can tell
bad rows from good ones in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import duckdb
import polars as pl
from polars._typing import PolarsDataType

from lyftnb.errors import WorkflowError
from lyftnb.model import NULL, Field, Schema

_SIMPLE: dict[str, pl.DataType] = {
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
    "TIMESTAMP": pl.Datetime("us"),
    "TIMESTAMP_MS": pl.Datetime("ms"),
    "TIMESTAMP_NS": pl.Datetime("ns"),
    "TIMESTAMP WITH TIME ZONE": pl.Datetime("us", "UTC"),
    "INTERVAL": pl.Duration("us"),
    NULL: pl.Null(),
}
_NAMES = {dtype: name for name, dtype in _SIMPLE.items()}
_RANK: tuple[tuple[type[pl.DataType], ...], ...] = (
    (pl.Int8, pl.Int16, pl.Int32, pl.Int64),
    (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    (pl.Float32, pl.Float64),
)


@lru_cache(maxsize=4096)
def to_polars(text: str) -> pl.DataType:
    """The Polars type of a type's text.

    Raises:
        WorkflowError: the text is no type, or one that no file here can hold.
    """
    if text in _SIMPLE:
        return _SIMPLE[text]
    try:
        return _from_duckdb(duckdb.sqltype(text))
    except duckdb.Error as error:
        raise WorkflowError(
            f"'{text}' is not a type",
            hint="write an SQL type, such as BIGINT, DOUBLE, VARCHAR, TIMESTAMP, BIGINT[] "
            "or STRUCT(a BIGINT, b VARCHAR)",
        ) from error


def _from_duckdb(kind: duckdb.sqltypes.DuckDBPyType) -> pl.DataType:
    text = str(kind)
    if text in _SIMPLE:
        return _SIMPLE[text]
    if kind.id == "list":
        return pl.List(_from_duckdb(kind.children[0][1]))
    if kind.id == "struct":
        return pl.Struct({name: _from_duckdb(child) for name, child in kind.children})
    if kind.id == "decimal":
        sizes = dict(kind.children)
        return pl.Decimal(sizes["precision"], sizes["scale"])
    raise WorkflowError(
        f"columns of type {text} are not supported",
        hint="read the column as VARCHAR and convert it in an `sql` or `python` action",
    )


def to_text(dtype: pl.DataType) -> str:
    """A Polars type as DuckDB writes it; time zones other than UTC are instants all the same."""
    if isinstance(dtype, pl.List | pl.Array):
        return f"{to_text(_inner(dtype))}[]"
    if isinstance(dtype, pl.Struct):
        inner = ", ".join(f"{_quoted(f.name)} {to_text(_instance(f.dtype))}" for f in dtype.fields)
        return f"STRUCT({inner})"
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision or 38},{dtype.scale})"
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return "TIMESTAMP WITH TIME ZONE"
    if isinstance(dtype, pl.Duration):
        return "INTERVAL"
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return "VARCHAR"
    return _NAMES[dtype]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _inner(dtype: pl.List | pl.Array) -> pl.DataType:
    return _instance(dtype.inner)


def _instance(dtype: PolarsDataType) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def to_schema(columns: Mapping[str, pl.DataType]) -> Schema:
    """A Polars schema as text types."""
    return Schema(tuple(Field(name, to_text(dtype)) for name, dtype in columns.items()))


def from_schema(schema: Schema | None) -> dict[str, pl.DataType]:
    """Text types as Polars types, in order; empty for None."""
    return {f.name: to_polars(f.type) for f in schema.fields} if schema else {}


def union(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    """The smallest type that holds both, where widening numbers, adding struct fields and filling
    in unknown (null) types is enough; None on a clash.
    """
    if a == b or isinstance(b, pl.Null):
        return a
    if isinstance(a, pl.Null):
        return b
    if isinstance(a, pl.Struct) and isinstance(b, pl.Struct):
        return _union_of_structs(a, b)
    if isinstance(a, pl.List) and isinstance(b, pl.List):
        inner = union(_inner(a), _inner(b))
        return None if inner is None else pl.List(inner)
    for row in _RANK:
        if type(a) in row and type(b) in row:
            return row[max(row.index(type(a)), row.index(type(b)))]()
    if a.is_numeric() and b.is_numeric() and (a.is_float() or b.is_float()):
        return pl.Float64()
    return None


def _union_of_structs(a: pl.Struct, b: pl.Struct) -> pl.DataType | None:
    fields = {f.name: _instance(f.dtype) for f in a.fields}
    for f in b.fields:
        wide = union(fields.get(f.name, pl.Null()), _instance(f.dtype))
        if wide is None:
            return None
        fields[f.name] = wide
    return pl.Struct(fields)


_DATETIMES = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")


def text_to_type(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Text parsed into `dtype`: null where it does not parse.

    Dates and times are ISO 8601 (`T` or a blank between date and time); an instant needs its offset
    or `Z`, and a time without zone takes one as UTC; booleans are `true` and `false` in any case;
    nested types are not parsed.
    """
    if isinstance(dtype, pl.String):
        return column
    if isinstance(dtype, pl.Boolean):
        lower = column.str.to_lowercase()
        return pl.when(lower == "true").then(True).when(lower == "false").then(False)
    if isinstance(dtype, pl.Date):
        return column.str.to_date("%Y-%m-%d", strict=False)
    if isinstance(dtype, pl.Time):
        return column.str.to_time("%H:%M:%S%.f", strict=False)
    if isinstance(dtype, pl.Datetime):
        return _text_to_datetime(column, dtype)
    if isinstance(dtype, pl.Binary):
        return column.cast(pl.Binary)
    if isinstance(dtype, pl.Null):
        return pl.lit(None, dtype=pl.Null)
    return column.cast(dtype, strict=False)


def _text_to_datetime(column: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    unit = dtype.time_unit or "us"
    instant = pl.Datetime(unit, "UTC")
    zoned = dtype.time_zone is not None
    parsed = [
        column.str.to_datetime(
            text + ("%#z" if zoned else ""),
            time_unit=unit,
            time_zone="UTC" if zoned else None,
            strict=False,
        )
        for text in _DATETIMES
    ]
    if not zoned:
        parsed.append(column.str.to_date("%Y-%m-%d", strict=False).cast(dtype))
        parsed.append(_text_to_datetime(column, instant).dt.replace_time_zone(None))
    return pl.coalesce(parsed)
