"""Rejects: rows that could not be taken, as they stand in a step's rejects spool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lyftnb.dtypes import rebuilt
from lyftnb.operators.base import HIDDEN, Env

REJECTS_SCHEMA = pl.Schema(
    {
        "_row": pl.String(),
        "step": pl.String(),
        "action": pl.String(),
        "code": pl.String(),
        "reason": pl.String(),
        "batch": pl.String(),
        "split": pl.Int64(),
        "position": pl.Int64(),
        "time": pl.Datetime("us", "UTC"),
    }
)
"""The fixed schema of every rejects spool. `_row` is the row as it entered the step, as JSON, or
the raw text at an input; `position` counts rows of the split from 0; `time` is the claim's."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One rejected row, on its way into a rejects frame."""

    row: str | None
    step: str
    action: str
    code: str
    reason: str
    position: int | None = None


def rejects_frame(rows: Iterable[RejectedRow], env: Env) -> pl.DataFrame:
    """Rejected rows under `REJECTS_SCHEMA`, with batch, split and time from `env`."""
    found = list(rows)
    return _stamped(
        pl.DataFrame(
            {
                "_row": pl.Series([r.row for r in found], dtype=pl.String),
                "step": pl.Series([r.step for r in found], dtype=pl.String),
                "action": pl.Series([r.action for r in found], dtype=pl.String),
                "code": pl.Series([r.code for r in found], dtype=pl.String),
                "reason": pl.Series([r.reason for r in found], dtype=pl.String),
                "position": pl.Series([r.position for r in found], dtype=pl.Int64),
            }
        ),
        env,
    )


def rejected(
    frame: pl.DataFrame,
    env: Env,
    *,
    step: str,
    action: str,
    code: str,
    reason: str,
    positions: Sequence[int] | pl.Series | None = None,
) -> pl.DataFrame:
    """A whole frame of rows rejected for one reason, under `REJECTS_SCHEMA`.

    `positions` are those of the rows in their split; unknown (null) unless given.
    """
    place = pl.Series(positions, dtype=pl.Int64) if positions is not None else None
    return _stamped(
        pl.DataFrame({"_row": row_json(frame)}).with_columns(
            pl.lit(step).alias("step"),
            pl.lit(action).alias("action"),
            pl.lit(code).alias("code"),
            pl.lit(reason).alias("reason"),
            (place if place is not None else pl.lit(None, dtype=pl.Int64)).alias("position"),
        ),
        env,
    )


def no_rejects() -> pl.DataFrame:
    """An empty frame of rejects."""
    return pl.DataFrame(schema=REJECTS_SCHEMA)


def row_json(frame: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object in the order of its columns; hidden columns are left out.

    Dates and times are ISO 8601, durations too; binary is base64, decimals are text; what JSON has
    no word for (NaN, infinities) is null.
    """
    shown = [name for name in frame.columns if not name.startswith(HIDDEN)]
    if not shown:
        return pl.Series("_row", ["{}"] * frame.height, dtype=pl.String)
    fields = [rebuilt(pl.col(name), frame.schema[name], _jsonable).alias(name) for name in shown]
    return frame.select(pl.struct(fields).struct.json_encode().alias("_row"))["_row"]


def _jsonable(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """What Polars writes as JSON the way `row_json` promises; None where it does already."""
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("base64")
    if isinstance(dtype, pl.Datetime):
        return value.dt.to_string("iso:strict")
    return None


def _stamped(frame: pl.DataFrame, env: Env) -> pl.DataFrame:
    now: datetime = env.now
    return frame.select(
        "_row",
        "step",
        "action",
        "code",
        "reason",
        pl.lit(env.batch, dtype=pl.String).alias("batch"),
        pl.lit(env.split, dtype=pl.Int64).alias("split"),
        "position",
        pl.lit(now, dtype=pl.Datetime("us", "UTC")).alias("time"),
    )
