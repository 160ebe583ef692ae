"""Column types: as Polars has them, and as `model.Schema` writes them, in DuckDB's spelling.

The one place that knows both. Text names what is stored, and Polars is richer in places: zones
other than UTC, categories, enums, half floats, intervals in other units than microseconds. So
`from_text(to_text(t))` is `stored(t)`, the type that the values have once they are written.

Knows Polars and the model's schemas, and nothing of files, expressions or ledgers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

import polars as pl
from polars.datatypes import DataTypeClass

from lyftnb import model
from lyftnb.errors import WorkflowError, near
from lyftnb.model import quoted

TIMESTAMP = pl.Datetime("us")
TIMESTAMPTZ = pl.Datetime("us", "UTC")
INTERVAL = pl.Duration("us")
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_UNITS = {"us": 86_400_000_000, "ms": 86_400_000}

_PLAIN: dict[str, pl.DataType] = {
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
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMP_MS": pl.Datetime("ms"),
    "TIMESTAMP_NS": pl.Datetime("ns"),
    "TIMESTAMP WITH TIME ZONE": TIMESTAMPTZ,
    "INTERVAL": INTERVAL,
    model.NULL: pl.Null(),
}
_TEXT = {dtype: text for text, dtype in _PLAIN.items()}

_ALIASES = {
    "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN",
    "INT1": "TINYINT", "INT2": "SMALLINT", "INT16": "SMALLINT", "SHORT": "SMALLINT",
    "INT": "INTEGER", "INT4": "INTEGER", "INT32": "INTEGER", "SIGNED": "INTEGER",
    "INT8": "BIGINT", "INT64": "BIGINT", "LONG": "BIGINT", "INT128": "HUGEINT",
    "UINT8": "UTINYINT", "UINT16": "USMALLINT", "UINT32": "UINTEGER", "UINT64": "UBIGINT",
    "UINT": "UINTEGER", "REAL": "FLOAT", "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR", "BPCHAR": "VARCHAR",
    "BYTEA": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB",
    "DATETIME": "TIMESTAMP", "TIMESTAMP_US": "TIMESTAMP",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "NULL": model.NULL,
}  # fmt: skip

HIDDEN = "__lyft_"
"""How the names of columns begin that are the engine's own and never leave it."""

_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|DEC)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", re.I)
_VARCHAR_N = re.compile(r"(?:VARCHAR|CHAR|TEXT|STRING)\s*\(\s*\d+\s*\)", re.I)
_ARRAY = re.compile(r"(.*)\[\s*(\d*)\s*\]", re.S)
_STRUCT = re.compile(r"(?:STRUCT|ROW)\s*\((.*)\)", re.I | re.S)
_FIELD = re.compile(r'\s*(?:"((?:[^"]|"")*)"|(\w+))\s+(.*)', re.S)


def stored(dtype: pl.DataType) -> pl.DataType:
    """The type a column is written with: the value stays, the representation is the common one."""
    match dtype:
        case pl.Categorical() | pl.Enum():
            return pl.String()
        case pl.Float16():
            return pl.Float32()
        case pl.Datetime() if dtype.time_zone is not None:
            return TIMESTAMPTZ
        case pl.Duration():
            return INTERVAL
        case pl.List():
            return pl.List(stored(element(dtype)))
        case pl.Array():
            return pl.Array(stored(element(dtype)), dtype.size)
        case pl.Struct():
            return pl.Struct({f.name: stored(instance(f.dtype)) for f in dtype.fields})
        case _:
            return dtype


def to_stored(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows in the types that their columns are stored with."""
    frame = without_empty_structs(frame)
    casts = [
        pl.col(name).cast(stored(dtype))
        for name, dtype in frame.schema.items()
        if stored(dtype) != dtype
    ]
    return frame.with_columns(casts) if casts else frame


def without_empty_structs(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows with null for each struct that has no fields (`{}` in JSON).

    Parquet does not have such structs. The null is of no type yet, so that the first row that shows
    a field makes it a struct.
    """
    return frame.with_columns(
        _without_empty(pl.col(name), dtype).alias(name)
        for name, dtype in frame.schema.items()
        if _has_empty(dtype)
    )


def _has_empty(dtype: pl.DataType) -> bool:
    """Whether there is a struct without fields in the type."""
    match dtype:
        case pl.Struct():
            return not dtype.fields or any(_has_empty(instance(f.dtype)) for f in dtype.fields)
        case pl.List():
            return _has_empty(element(dtype))
        case _:
            return False


def _without_empty(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Built up anew, because a cast to null keeps such a struct as it is."""
    return rebuilt(value, dtype, _nothing_if_empty)


def _nothing_if_empty(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if isinstance(dtype, pl.Struct) and not dtype.fields:
        return pl.when(False).then(value.is_null()).cast(pl.Null())
    return None


def rebuilt(
    value: pl.Expr,
    dtype: pl.DataType,
    change: Callable[[pl.Expr, pl.DataType], pl.Expr | None],
) -> pl.Expr:
    """The value with what `change` gives in the place of its parts, however deep.

    Nulls stay null; arrays become lists.
    """
    changed = change(value, dtype)
    if changed is not None:
        return changed
    match dtype:
        case pl.Struct() if dtype.fields:
            fields = [
                rebuilt(value.struct.field(f.name), instance(f.dtype), change).alias(f.name)
                for f in dtype.fields
            ]
            return pl.when(value.is_not_null()).then(pl.struct(fields))
        case pl.List():
            return value.list.eval(rebuilt(pl.element(), element(dtype), change))
        case pl.Array():
            return rebuilt(value.arr.to_list(), pl.List(element(dtype)), change)
        case _:
            return value


def holds(dtype: pl.DataType, *kinds: DataTypeClass) -> bool:
    """Whether the type is one of these, or has one of them in it, however deep."""
    match dtype:
        case pl.Struct():
            return any(holds(instance(f.dtype), *kinds) for f in dtype.fields)
        case pl.List() | pl.Array():
            return holds(element(dtype), *kinds)
        case _:
            return dtype in kinds


def huge_as_text(columns: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Those columns that hold whole numbers of 128 bits, however deep, with text for these: Arrow
    has no such numbers, and so DuckDB is shown none. A cast to the column's type makes them again.
    """
    return [
        rebuilt(pl.col(name), dtype, _text_if_huge).alias(name)
        for name, dtype in columns.items()
        if holds(dtype, pl.Int128)
    ]


def _text_if_huge(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    return value.cast(pl.String) if dtype == pl.Int128 else None


def in_calendar(time: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The dates or timestamps of the years 1 to 9999; null for others.

    Python has no others. So texts and numbers do not become such times, which sums of times and
    spans, and files, may still hold.
    """
    first, after = date(1, 1, 1).toordinal() - _EPOCH_DAY, date.max.toordinal() + 1 - _EPOCH_DAY
    if isinstance(dtype, pl.Datetime):
        if dtype.time_unit == "ns":
            return time  # which does not reach so far
        units = _DAY_UNITS[dtype.time_unit or "us"]
        first, after = first * units, after * units
    return pl.when(time.to_physical().is_between(first, after, closed="left")).then(time)


def showable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame for Python to take rows of: in a column with times that `in_calendar` leaves out,
    however deep, all times are text.
    """
    far = [name for name, dtype in frame.schema.items() if _is_far(frame, name, dtype)]
    shown = [rebuilt(pl.col(name), frame.schema[name], _text_if_time).alias(name) for name in far]
    return frame.with_columns(shown) if far else frame


def _is_far(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> bool:
    if not holds(dtype, pl.Date, pl.Datetime):
        return False
    kept, near = (
        frame.select(rebuilt(pl.col(name), dtype, change)).to_series()
        for change in (_unchanged, _near_if_time)
    )
    return not kept.equals(near)


def _unchanged(_value: pl.Expr, _dtype: pl.DataType) -> None:
    return None


def _near_if_time(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    return in_calendar(value, dtype) if isinstance(dtype, pl.Date | pl.Datetime) else None


def _text_if_time(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    return value.cast(pl.String) if isinstance(dtype, pl.Date | pl.Datetime) else None


def to_text(dtype: pl.DataType) -> str:
    """The type as DuckDB spells it.

    Raises:
        WorkflowError: the type cannot be stored (Python objects).

    >>> to_text(pl.List(pl.Struct({"a": pl.Int64()})))
    'STRUCT("a" BIGINT)[]'
    """
    match stored(dtype):
        case pl.Decimal() as decimal:
            return f"DECIMAL({decimal.precision or 38},{decimal.scale})"
        case pl.List() as many:
            return f"{to_text(element(many))}[]"
        case pl.Array() as many:
            return f"{to_text(element(many))}[{many.size}]"
        case pl.Struct() as struct:
            fields = (f"{quoted(f.name)} {to_text(instance(f.dtype))}" for f in struct.fields)
            return f"STRUCT({', '.join(fields)})"
        case plain if plain in _TEXT:
            return _TEXT[plain]
    raise WorkflowError(
        f"a column of type {dtype} cannot be stored",
        hint="cast it to a type that lyftnb knows, for example to text",
    )


@lru_cache(maxsize=4096)
def from_text(text: str) -> pl.DataType:
    """The Polars type for DuckDB's spelling (or one of its aliases: `INT`, `TEXT`, `NUMERIC`).

    Raises:
        WorkflowError: there is no such type; the hint names the nearest.

    >>> from_text("int[]")
    List(Int32)
    """
    spelled = text.strip()
    upper = " ".join(spelled.upper().split())
    plain = _PLAIN.get(_ALIASES.get(upper, upper))
    if plain is not None:
        return plain
    if (array := _ARRAY.fullmatch(spelled)) is not None:
        inner = from_text(array[1])
        return pl.Array(inner, int(array[2])) if array[2] else pl.List(inner)
    if (decimal := _DECIMAL.fullmatch(spelled)) is not None:
        return _decimal(text, decimal[1], decimal[2])
    if _VARCHAR_N.fullmatch(spelled):
        return pl.String()
    if (struct := _STRUCT.fullmatch(spelled)) is not None:
        return pl.Struct([_field(part, text) for part in _parts(struct[1])])
    guess = near(upper, [*_PLAIN, *_ALIASES, "DECIMAL"])
    hint = f"did you mean {guess}?" if guess else "types are written as in DuckDB, such as BIGINT"
    raise WorkflowError(f"unknown type '{text}'", hint=hint)


def to_schema(columns: Mapping[str, pl.DataType]) -> model.Schema:
    """The same columns with types as text.

    Raises:
        WorkflowError: a column cannot be stored.
    """
    return model.Schema.from_mapping((name, to_text(dtype)) for name, dtype in columns.items())


def from_schema(schema: model.Schema) -> pl.Schema:
    """The same columns with Polars types.

    Raises:
        WorkflowError: the text of a type is none.
    """
    return pl.Schema({f.name: from_text(f.type) for f in schema.fields})


def widened(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    """The smallest type that holds both, by the rules of `model.widened`; None on a clash."""
    if a == b:
        return a
    text = model.widened(to_text(a), to_text(b))
    return None if text is None else from_text(text)


def element(dtype: pl.List | pl.Array) -> pl.DataType:
    """The type of the elements of a list or an array."""
    return instance(dtype.inner)


def instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    """The type as a value: Polars lets a class (`pl.Int64`) stand for its only instance."""
    return dtype() if isinstance(dtype, type) else dtype


def _decimal(text: str, precision: str | None, scale: str | None) -> pl.Decimal:
    if precision is None:
        return pl.Decimal(18, 3)  # DuckDB's default
    width, digits = int(precision), int(scale or 0)
    if not 1 <= width <= 38 or digits > width:
        raise WorkflowError(
            f"'{text}' is no decimal type",
            hint="DECIMAL(p,s) needs 1 <= p <= 38 digits, of which s <= p behind the point",
        )
    return pl.Decimal(width, digits)


def _field(part: str, text: str) -> pl.Field:
    match = _FIELD.fullmatch(part)
    if match is None:
        raise WorkflowError(
            f"'{part.strip()}' in '{text}' is no field of a STRUCT",
            hint='write a name and a type: STRUCT("a" BIGINT, "b" VARCHAR)',
        )
    name = match[1].replace('""', '"') if match[1] is not None else match[2]
    return pl.Field(name, from_text(match[3]))


def _parts(text: str) -> list[str]:
    """What stands between the commas outside parentheses and quotes; nothing in a blank text."""
    parts, depth, quoted, start = [], 0, False, 0
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "([":
            depth += 1
        elif not quoted and char in ")]":
            depth -= 1
        elif not quoted and char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts if text.strip() else []
