"""Schemas as plain text types, so that they can be stored, compared and shown.

Types are written as DuckDB writes them: `BIGINT`, `VARCHAR`, `DOUBLE`, `TIMESTAMP`,
`TIMESTAMP WITH TIME ZONE`, `DECIMAL(12,2)`, `BIGINT[]`, `STRUCT("a" BIGINT, "b" VARCHAR)`, `"NULL"`.
`operators.types` converts them to and from Polars types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NULL = '"NULL"'

# Each number may widen to those after it in its own row; integers may widen to floats.
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE")
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

    def __str__(self) -> str:
        return ", ".join(f"{f.name} {f.type}" for f in self.fields)


def widened(a: str, b: str) -> str | None:
    """The smallest type that holds both, where widening a number is enough; None on a clash.

    >>> widened("INTEGER", "BIGINT"), widened("BIGINT", "DOUBLE"), widened("BIGINT", "VARCHAR")
    ('BIGINT', 'DOUBLE', None)
    """
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
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
