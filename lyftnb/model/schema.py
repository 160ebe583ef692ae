"""Schemas as plain text types, so that they can be stored, compared and shown.

Types are written as DuckDB writes them: `BIGINT`, `VARCHAR`, `DOUBLE`, `TIMESTAMP`,
`TIMESTAMP WITH TIME ZONE`, `DECIMAL(12,2)`, `BIGINT[]`, `STRUCT("a" BIGINT, "b" VARCHAR)`, and
`"NULL"` for a column that has only been seen empty.
`lyftnb.dtypes` converts them to and from Polars types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lyftnb.model.sql_text import quoted

NULL = '"NULL"'

# Each number may widen to those after it in its own row; integers may widen to floats.
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE")
_STRUCT_PART = re.compile(r'"(?:[^"]|"")*"|[(),]|[^"(),]+')
_STRUCT_FIELD = re.compile(r'\s*"((?:[^"]|"")*)" (.*)', re.DOTALL)
# An unsigned type fits the signed one that is a size larger.
_UNSIGNED_FITS = {"UTINYINT": 1, "USMALLINT": 2, "UINTEGER": 3, "UBIGINT": 4}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name and its type as text."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a frame or a spool, in order."""

    fields: tuple[Field, ...] = ()

    @classmethod
    def from_mapping(cls, columns: Mapping[str, str] | Iterable[tuple[str, str]]) -> Schema:
        """A schema from name → type."""
        items = columns.items() if isinstance(columns, Mapping) else columns
        return cls(tuple(Field(name, kind) for name, kind in items))

    def to_mapping(self) -> dict[str, str]:
        """Name → type, in order."""
        return {f.name: f.type for f in self.fields}

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(f.name for f in self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __repr__(self) -> str:
        return f"Schema({self})"

    def __str__(self) -> str:
        return ", ".join(f"{f.name} {f.type}" for f in self.fields)


def widened(a: str, b: str) -> str | None:
    """The smallest type that holds both, where widening numbers and adding fields to structs is
    enough; None on a clash.

    >>> widened("INTEGER", "BIGINT"), widened("BIGINT", "DOUBLE"), widened("BIGINT", "VARCHAR")
    ('BIGINT', 'DOUBLE', None)
    >>> widened('STRUCT("a" INTEGER)[]', 'STRUCT("a" BIGINT, "b" VARCHAR)[]')
    'STRUCT("a" BIGINT, "b" VARCHAR)[]'
    """
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
    if a.endswith("[]") and b.endswith("[]"):
        element = widened(a[:-2], b[:-2])
        return element and f"{element}[]"
    if a.startswith("STRUCT(") and b.startswith("STRUCT(") and a[-1] == b[-1] == ")":
        fields, clashes = united(_struct_fields(a), _struct_fields(b))
        return (
            None
            if clashes
            else f"STRUCT({', '.join(f'{quoted(f.name)} {f.type}' for f in fields.fields)})"
        )
    return _widened_number(a, b)


def _widened_number(a: str, b: str) -> str | None:
    for row in (_SIGNED, _UNSIGNED, _FLOATS):
        if a in row and b in row:
            return row[max(row.index(a), row.index(b))]
    signed, unsigned = (a, b) if a in _SIGNED else (b, a)
    if signed in _SIGNED and unsigned in _UNSIGNED:
        return _SIGNED[max(_SIGNED.index(signed), _UNSIGNED_FITS[unsigned])]
    whole = {*_SIGNED, *_UNSIGNED}
    if (a in _FLOATS and b in whole) or (b in _FLOATS and a in whole):
        return "DOUBLE"
    return None


def _struct_fields(text: str) -> Schema:
    """The fields of `STRUCT("name" TYPE, …)`; commas and brackets may stand in names and types."""
    parts = _STRUCT_PART.findall(text[len("STRUCT(") : -1])
    fields: list[str] = [""]
    depth = 0
    for part in parts:
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == "," and depth == 0:
            fields.append("")
        else:
            fields[-1] += part
    named = (_STRUCT_FIELD.match(field) for field in fields)
    return Schema(tuple(Field(m[1].replace('""', '"'), m[2]) for m in named if m))


def united(a: Schema, b: Schema) -> tuple[Schema, dict[str, tuple[str, str]]]:
    """Both schemas by name: `a`'s columns in its order, then `b`'s new ones; numbers widened.

    Returns:
        The union, and the clashes (column → the two types); a clashing column keeps `a`'s type.
    """
    out = a.to_mapping()
    clashes: dict[str, tuple[str, str]] = {}
    for f in b.fields:
        if f.name not in out:
            out[f.name] = f.type
            continue
        wide = widened(out[f.name], f.type)
        if wide is None:
            clashes[f.name] = (out[f.name], f.type)
        else:
            out[f.name] = wide
    return Schema.from_mapping(out), clashes
