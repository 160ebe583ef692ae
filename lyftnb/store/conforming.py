"""The schema policy of a spool, row by row: what a row may look like that is written to it.

A column that a row lacks and a column in which it is null are the same thing, because which of the
two it is depends on the rows around it. So under `freeze` a row is refused for an unknown column
only if it has a value there, and however a stream is cut, the same rows get through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from lyftnb.dtypes import from_schema, to_schema, to_stored
from lyftnb.model import NULL, Schema, united
from lyftnb.store.convert import Conversion, conversion

Policy = Literal["evolve", "freeze", "discard"]
REASON = "__lyft_reason"


@dataclass(frozen=True, slots=True)
class Conformed:
    """`frame` has the columns of `schema`; `refused` holds the rows that do not fit, as they came,
    with the reason in the last column, `REASON`.
    """

    frame: pl.DataFrame
    schema: Schema
    refused: pl.DataFrame


def conform(frame: pl.DataFrame, current: Schema | None, policy: Policy) -> Conformed:
    """Bring rows into the schema of their spool.

    `evolve` adds columns, widens numbers (in structs and lists too) and refuses values that neither
    widen nor convert without loss. `freeze` keeps the columns and types as they are and refuses
    rows that would need others. `discard` does the same, but drops unknown columns. While nothing
    is known of the spool, any policy takes the frame's own schema.

    Args:
        frame: the rows; columns in any order.
        current: the spool's schema as known at the claim.
        policy: the spool's.
    """
    frame = to_stored(frame)
    own = to_schema(frame.schema)
    no_reasons = pl.Series(REASON, [], pl.String)
    if not current or own == current:
        return Conformed(frame, own, frame.clear().with_columns(no_reasons))
    target = _target(current, own, policy)
    dtypes = from_schema(target)
    if frame.is_empty():
        return Conformed(pl.DataFrame(schema=dtypes), target, frame.with_columns(no_reasons))
    conversions = {
        name: conversion(pl.col(name), frame.schema[name], dtype)
        for name, dtype in dtypes.items()
        if name in frame.schema
    }
    values = [
        (conversions[name].value if name in conversions else pl.lit(None, dtype)).alias(name)
        for name, dtype in dtypes.items()
    ]
    judged = frame.with_columns(_reason(own, target, conversions, policy).alias(REASON))
    # `select` alone would make one row of literals when no column of the frame is wanted.
    good = judged.filter(pl.col(REASON).is_null()).with_columns(values).select(*dtypes)
    return Conformed(good, target, judged.filter(pl.col(REASON).is_not_null()))


def _target(current: Schema, own: Schema, policy: Policy) -> Schema:
    if policy == "evolve":
        return united(current, own)[0]
    mine = own.to_mapping()
    return Schema.from_mapping(
        (f.name, mine.get(f.name, NULL) if f.type == NULL else f.type) for f in current.fields
    )


def _reason(
    own: Schema, target: Schema, conversions: Mapping[str, Conversion], policy: Policy
) -> pl.Expr:
    """Why a row is refused; null if it is not."""
    sources, targets = own.to_mapping(), target.to_mapping()
    whens = [
        (conv.unfit, f"{name}: a value of type {sources[name]} does not fit {targets[name]}")
        for name, conv in conversions.items()
        if sources[name] != targets[name]
    ]
    if policy == "freeze":
        whens += [
            (pl.col(name).is_not_null(), f"{name}: the spool's schema is frozen without it")
            for name in sources
            if name not in targets
        ]
    texts = [pl.when(unfit).then(pl.lit(text)) for unfit, text in whens]
    return pl.coalesce(*texts, pl.lit(None, pl.String))
