"""What decoders work with and give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.dtypes import from_schema, to_schema
from lyftnb.model import Schema

BAD_JSON = "bad_json"
"""Not JSON, or JSON that no row can be made of."""
BAD_VALUE = "bad_value"
"""A value that does not fit its column."""
DAMAGED = "damaged_file"
"""A compressed file that is not whole; the reject's text is its path."""
UNREADABLE = "unreadable_file"
"""A file of which no row can be made; the reject's text is its path."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a decoder starts from.

    `fixed`: the author gave them, so anything else is bad. Otherwise they are the floor (what was
    seen before), which may grow by columns and by wider types.
    """

    known: Mapping[str, pl.DataType]
    fixed: bool = False

    @classmethod
    def of(cls, declared: Schema | None, floor: Schema | None) -> Columns:
        """Declared columns, else those of the floor."""
        columns = declared if declared is not None else floor or Schema()
        return cls(from_schema(columns), declared is not None)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The good rows of a block in order, and the pieces of it that are no rows."""

    frame: pl.DataFrame
    rejects: tuple[RawReject, ...] = ()

    @property
    def schema(self) -> Schema:
        """The columns as decoded."""
        return to_schema(self.frame.schema)
