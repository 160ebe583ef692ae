"""Sums that do not fit their type stop a batch. Polars' error tells neither which sum that was nor
where, so it is looked for: a part of the plan that fails by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from lyftnb.errors import BadData
from lyftnb.operators.base import HIDDEN, Written

_OVERFLOW = re.compile(r"conversion from `i128` to `i64` failed|overflow in decimal addition")

Place = tuple[str, str]
"""Step and action."""


_SHOWN = 200
"""So much of an expression is shown."""


@dataclass(frozen=True, slots=True)
class Stood:
    """An action of a plan: the plan before it and behind it, and its expressions."""

    place: Place
    before: pl.LazyFrame
    frame: pl.LazyFrame
    written: tuple[Written, ...]


def is_overflow(error: BaseException) -> bool:
    """Whether this is how Polars says that a sum does not fit."""
    return _OVERFLOW.match(str(error)) is not None


def overflow(
    place: Place | None = None,
    column: str = "",
    dtype: pl.DataType | None = None,
    text: str = "",
) -> BadData:
    """The error of an action, of the column that it makes of the sum, and of the expression that
    does, as far as known.
    """
    match dtype:
        case pl.Int64():
            kind, wider = "BIGINT", "HUGEINT or DOUBLE"
        case pl.Int128():
            kind, wider = "HUGEINT", "DOUBLE"
        case pl.Decimal():
            kind, wider = "a DECIMAL of 38 digits", "DOUBLE"
        case _:
            kind, wider = "its type", "DOUBLE"
    within = f", in column '{column}'" if column else ""
    if text:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        within += f": {shown}"
    return BadData(
        f"a sum does not fit {kind}{within}",
        where=None if place is None else f"step {place[0]}, action {place[1]}",
        hint=f"cast what is added up to {wider}",
    )


def overflow_among(stood: Sequence[Stood], run: Callable[[pl.LazyFrame], object]) -> BadData | None:
    """Which action made the sum, of those whose plans end in these; None if all of them run now.

    Args:
        stood: the actions, in order.
        run: runs a plan. It is called a few times, with parts of the plan that failed.
    """

    def fails(frame: pl.LazyFrame) -> bool:
        try:
            run(frame)
        except pl.exceptions.PolarsError:
            return True
        return False

    at = bisect_left(stood, True, key=lambda one: fails(one.frame))
    if at == len(stood):
        return None
    place, frame, written = stood[at].place, stood[at].frame, stood[at].written
    for one in written:
        # A condition makes no column, and is in the way of all of them.
        if isinstance(one.made, pl.Expr) and fails(stood[at].before.select(one.made)):
            return overflow(place, text=one.text)
    schema = frame.collect_schema()
    names = [name for name in schema if not name.startswith(HIDDEN)]
    if not fails(frame.select(names)):
        return overflow(place)
    while len(names) > 1:
        half = len(names) // 2
        names = names[:half] if fails(frame.select(names[:half])) else names[half:]
    (name,) = names
    others = [other for other in schema if other != name]
    if others and fails(frame.select(others[:1])):
        # What a filter adds up is in the way of all columns.
        return overflow(place)
    text = next((one.text for one in written if one.made == name), "")
    return overflow(place, name, schema[name], text)
