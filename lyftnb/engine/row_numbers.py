"""Which rows of a trace are one row: numbers that travel along with the rows, unseen.

A row gets its number where it enters the graph. Actions that keep rows carry it, so that rows with
one number came of one row. Behind an action that mixes rows the numbers begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from lyftnb.dtypes import HIDDEN

NUMBER = HIDDEN + "row"


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a followed row is at one place of a trace."""

    place: int
    """Index of the place among those of the trace."""
    rows: tuple[int, ...]
    rejected: tuple[int, ...]


class Numbers:
    """Gives numbers to rows."""

    def __init__(self) -> None:
        self._next = 0

    def on(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with numbers of their own."""
        first, self._next = self._next, self._next + frame.height
        numbers = pl.int_range(first, self._next, eager=True, dtype=pl.Int64)
        return frame.with_columns(numbers.alias(NUMBER))


def without(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as people see them."""
    return frame.drop(NUMBER, strict=False)


def numbers_of(frame: pl.DataFrame) -> pl.Series:
    """The number of each row."""
    return frame[NUMBER] if NUMBER in frame.columns else _NONE


_NONE = pl.Series(NUMBER, [], dtype=pl.Int64)


def numbers_at(frame: pl.DataFrame, positions: pl.Series) -> pl.Series:
    """The numbers of the rows at such positions; null where a position is not known."""
    if NUMBER not in frame.columns or not positions.len():
        return _NONE
    return frame[NUMBER].gather(positions.cast(pl.UInt32)).alias(NUMBER)


def where(numbers: pl.Series, number: int) -> tuple[int, ...]:
    """The rows that have a number."""
    return tuple((numbers == number).arg_true().to_list()) if numbers.len() else ()


def way(places: Sequence[tuple[pl.Series, pl.Series]], number: int) -> tuple[Seen, ...]:
    """Where a number is: each place is given as the numbers of its rows, and of its rejects."""
    found = (
        Seen(index, where(rows, number), where(rejects, number))
        for index, (rows, rejects) in enumerate(places)
    )
    return tuple(seen for seen in found if seen.rows or seen.rejected)


def paired(
    before: tuple[pl.DataFrame, pl.Series],
    after: tuple[pl.DataFrame, pl.Series],
    rejects: tuple[pl.DataFrame, pl.Series],
) -> pl.DataFrame:
    """Rows of one number side by side, in the order before; each is given with its numbers.

    Returns:
        `became` (`kept`, `changed`, `left out` or `rejected`) and the `reason` of a reject; the
        columns before; and those after that are not the same for all rows, as `NAME_after`.
    """
    old, new = (frame.with_columns(numbers.alias(NUMBER)) for frame, numbers in (before, after))
    refused, numbers = rejects
    reasons = pl.DataFrame({NUMBER: numbers, "reason": refused["reason"].head(numbers.len())})
    names = {name: _after(name, old.columns) for name in after[0].columns}
    there = new.rename(names).with_columns(pl.lit(True).alias(_THERE))
    found = old.join(there, on=NUMBER, how="left", maintain_order="left_right")
    found = found.join(reasons, on=NUMBER, how="left", maintain_order="left_right")
    alike = [name for name in names if name in old.columns and old[name].dtype == new[name].dtype]
    came = found.filter(pl.col(_THERE))
    moved = [n for n in alike if came[n].ne_missing(came[names[n]]).any()]
    shown = [names[n] for n in names if n not in alike or n in moved]
    others = [pl.lit(True)] if len(alike) < len(names) or len(names) < before[0].width else []
    differs = pl.any_horizontal(
        pl.lit(False), *others, *(pl.col(n).ne_missing(pl.col(names[n])) for n in moved)
    )
    became = (
        pl.when(pl.col("reason").is_not_null())
        .then(pl.lit("rejected"))
        .when(pl.col(_THERE).is_null())
        .then(pl.lit("left out"))
        .when(differs)
        .then(pl.lit("changed"))
        .otherwise(pl.lit("kept"))
    )
    return found.select(became.alias("became"), "reason", *before[0].columns, *shown)


_THERE = HIDDEN + "there"


def _after(name: str, taken: Sequence[str]) -> str:
    """What a column is called beside the one before."""
    name += "_after"
    while name in taken:
        name += "_"
    return name
