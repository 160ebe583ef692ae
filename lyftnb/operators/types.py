"""Column types: as Polars has them, and as text in DuckDB's spelling.

Polars is richer in places: times in other units than microseconds and other zones than UTC,
categories and enums. As text they are `TIMESTAMP`, `TIMESTAMP WITH TIME ZONE` and `VARCHAR`, so
`from_text(to_text(t))` is the type that the values have once they are stored.
"""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl

from lyftnb import model
from lyftnb.errors import WorkflowError, near

TIMESTAMP = pl.Datetime("us")
TIMESTAMPTZ = pl.Datetime("us", "UTC")
INTERVAL = pl.Duration("us")

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

_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|DEC)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", re.I)
_VARCHAR_N = re.compile(r"(?:VARCHAR|CHAR|TEXT|STRING)\s*\(\s*\d+\s*\)", re.I)
_ARRAY = re.compile(r"(.*)\[\s*(\d*)\s*\]", re.S)
_STRUCT = re.compile(r"(?:STRUCT|ROW)\s*\((.*)\)", re.I | re.S)
_FIELD = re.compile(r'\s*(?:"((?:[^"]|"")*)"|(\w+))\s+(.*)', re.S)


def to_text(dtype: pl.DataType) -> str:
    """The type as DuckDB spells it.

    Raises:
        WorkflowError: the type cannot be stored (Python objects).

    >>> to_text(pl.List(pl.Struct({"a": pl.Int64()})))
    'STRUCT("a" BIGINT)[]'
    """
    plain = _TEXT.get(dtype)
    if plain is not None:
        return plain
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP" if dtype.time_zone is None else "TIMESTAMP WITH TIME ZONE"
    if isinstance(dtype, pl.Duration):
        return "INTERVAL"
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return "VARCHAR"
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision or 38},{dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"{to_text(instance(dtype.inner))}[]"
    if isinstance(dtype, pl.Array):
        return f"{to_text(instance(dtype.inner))}[{dtype.size}]"
    if isinstance(dtype, pl.Struct):
        fields = ", ".join(
            '"{}" {}'.format(f.name.replace('"', '""'), to_text(instance(f.dtype)))
            for f in dtype.fields
        )
        return f"STRUCT({fields})"
    raise WorkflowError(
        f"a column of type {dtype} cannot be stored",
        hint="cast it to a type that lyftnb knows, for example to text",
    )


@lru_cache(maxsize=1024)
def from_text(text: str) -> pl.DataType:
    """The Polars type for DuckDB's spelling (or one of its aliases: `INT`, `TEXT`, `NUMERIC`).

    Raises:
        WorkflowError: there is no such type; the message names the nearest.

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
        return pl.Struct([_field(part, text) for part in _split(struct[1])])
    known = [*_PLAIN, *_ALIASES, "DECIMAL"]
    guess = near(upper, known)
    hint = f"did you mean {guess}?" if guess else "types are written as in DuckDB, such as BIGINT"
    raise WorkflowError(f"unknown type '{text}'", hint=hint)


def schema_to_model(schema: pl.Schema) -> model.Schema:
    """The same columns with types as text."""
    return model.Schema.from_mapping((name, to_text(dtype)) for name, dtype in schema.items())


def schema_from_model(schema: model.Schema) -> pl.Schema:
    """The same columns with Polars types."""
    return pl.Schema({f.name: from_text(f.type) for f in schema.fields})


def instance(dtype: object) -> pl.DataType:
    """The type as a value: Polars lets a class (`pl.Int64`) stand for its only instance."""
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]


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


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside parentheses and quotes."""
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
    return parts
