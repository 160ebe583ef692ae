"""State that actions change: collected beside the rows, to be staged and committed with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lyftnb.dtypes import from_schema
from lyftnb.model import STAGED_COLUMNS, Family, HeldLock


class StateChanges:
    """What the actions of one task change, in order. A worker's task owns it; nothing of it is true
    before the commit.
    """

    def __init__(self) -> None:
        self._frames: dict[Family, list[pl.DataFrame]] = {}
        self.locks: list[HeldLock] = []
        """Locks that were taken on the way; the commit relies on them."""

    def add(self, family: Family, frame: pl.DataFrame) -> None:
        """Note changes, in columns of the family (`STAGED_COLUMNS`); those left out are null."""
        if frame.is_empty():
            return
        columns = from_schema(STAGED_COLUMNS[family])
        missing = [pl.lit(None, t).alias(n) for n, t in columns.items() if n not in frame.columns]
        whole = frame.with_columns(missing).select(columns.names()).cast(columns)
        self._frames.setdefault(family, []).append(whole)

    def add_rows(self, family: Family, rows: Sequence[Mapping[str, Any]]) -> None:
        """Note a few changes, as dicts."""
        columns = from_schema(STAGED_COLUMNS[family])
        self.add(family, pl.DataFrame([dict(row) for row in rows], schema=columns))

    def frames(self) -> dict[Family, pl.DataFrame]:
        """All changes by family."""
        return {family: pl.concat(frames) for family, frames in self._frames.items()}

    def __bool__(self) -> bool:
        return bool(self._frames)


def json_text(value: pl.Expr) -> pl.Expr:
    """Each value as JSON text (null is `null`)."""
    wrapped = pl.struct(value.alias("v")).struct.json_encode()
    return wrapped.str.slice(len('{"v":'), wrapped.str.len_chars() - len('{"v":}'))


def each(frame: pl.DataFrame, values: Sequence[pl.Expr]) -> pl.DataFrame:
    """The values for each row, also where none of them depends on a column."""
    return frame.select(pl.int_range(pl.len()).alias("row"), *values).drop("row")
