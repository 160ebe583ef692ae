"""dedupe: of rows with the same key, the first that ever came goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
from pydantic import Field

from lyftnb.model import Duration, Params, seconds
from lyftnb.operators.base import Action, EagerBound, Env, Example, Guard, Made, Problems
from lyftnb.operators.binding import conditions, reasons, scalar
from lyftnb.operators.duckdb_session import fetched, session
from lyftnb.operators.parameters import Sql
from lyftnb.operators.rejects import row_json
from lyftnb.operators.state_changes import each

_FINGERPRINT = "SELECT md5_number_upper(key) AS high, md5_number_lower(key) AS low FROM keys"


class DedupeParams(Params):
    """What makes two rows the same."""

    short = {str: "by", list: "by"}

    by: tuple[Sql, ...] | Sql = Field(description="the key: an expression, or a list of them")
    ttl: Duration | None = Field(
        None, description="after so long a key counts as new again; left out: never"
    )


class Dedupe(Action[DedupeParams]):
    """Lets the first row of each key through, and leaves out all that come later: in the same
    batch, in later batches, in later runs.

    The keys that were seen are kept in the ledger, as 128 bits of a hash each, and are committed
    with the rows: a batch that is tried again sees what it saw the first time. Nulls are equal to
    each other. A key counts as seen from the batch that brought it; with a `ttl` it may come again
    that long after. For the last row of each key in a frame, see `distinct`.
    """

    name = "dedupe"
    Params = DedupeParams
    example = Example(
        params={"by": ["id"], "ttl": "7d"},
        rows=[{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 1, "v": "c"}],
        result=[{"id": 1, "v": "a"}, {"id": 2, "v": "b"}],
    )

    def stateful(self, params: DedupeParams) -> bool:
        """It must see what the batch before it brought."""
        return True

    def bind(self, params: DedupeParams, schema: pl.Schema, env: Env) -> EagerBound:
        """Compile the key."""
        problems = Problems()
        by = (params.by,) if isinstance(params.by, str) else params.by
        keys: list[pl.Expr] = []
        guards: list[Guard] = []
        for i, text in enumerate(by):
            with problems.at("by", *([i] if isinstance(params.by, tuple) else [])):
                compiled = scalar(text, schema, env)
                keys.append(compiled.expr.alias(f"k{i}"))
                guards += zip(conditions(compiled), reasons(compiled), strict=True)
        problems.raise_any()
        ttl = None if params.ttl is None else timedelta(seconds=seconds(params.ttl))

        def run(frame: pl.DataFrame) -> Made:
            return Made(_first_seen(frame, each(frame, keys), ttl, env))

        return EagerBound(run, schema, tuple(guards))


def _first_seen(
    frame: pl.DataFrame, keys: pl.DataFrame, ttl: timedelta | None, env: Env
) -> pl.DataFrame:
    if frame.is_empty():
        return frame
    prints = fingerprints(keys)
    first = prints.select(pl.struct("high", "low").is_first_distinct()).to_series()
    frame, prints = frame.filter(first), prints.filter(first)
    if env.state is not None:
        fresh: Any = env.state.unseen(env.place, prints.to_arrow(), env.now)
        new = pl.Series(values=fresh, dtype=pl.Boolean)
        frame, prints = frame.filter(new), prints.filter(new)
    if env.changes is not None:
        expires = pl.lit(None if ttl is None else env.now + ttl).cast(pl.Datetime("us", "UTC"))
        marks = prints.with_columns(scope=pl.lit(env.place), expires_at=expires)
        env.changes.add("marks", marks)
    return frame


def fingerprints(keys: pl.DataFrame) -> pl.DataFrame:
    """128 bits for each row, of the JSON text of its values (MD5, which is stable over versions and
    machines; it is not there to withstand malice).
    """
    with session({"keys": pl.DataFrame({"key": row_json(keys)})}) as connection:
        return fetched(connection, _FINGERPRINT)
