"""kv: change keys and sets of the state by what rows hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import polars as pl
from pydantic import Field, model_validator

from lyftnb.model import Duration, Params, full_name, seconds
from lyftnb.operators.base import (
    Action,
    ActionError,
    EagerBound,
    Env,
    Example,
    Guard,
    Made,
    Problems,
    Reason,
)
from lyftnb.operators.binding import conditions, reasons, scalar
from lyftnb.operators.expressions import Compiled
from lyftnb.operators.parameters import Sql
from lyftnb.operators.state_changes import each, json_text

_VERBS = ("put", "put_absent", "increment", "add", "remove")
"""Parameters that say what is done to the key, under the words of `model.STAGED_COLUMNS`."""


class KvParams(Params):
    """Which key, and exactly one thing to do to it."""

    namespace: str = Field(description="of the keys; `./name` is the deployment's own")
    key: Sql = Field(description="the key of a row, as text")
    put: Sql | None = Field(None, description="the value that the key gets")
    put_absent: Sql | None = Field(None, description="the value it gets if it has none")
    increment: Sql | None = Field(None, description="what is added to its number")
    add: Sql | None = Field(None, description="what becomes a member of its set")
    remove: Sql | None = Field(None, description="what is no member of its set any more")
    delete: bool = Field(False, description="whether the key is deleted")
    ttl: Duration | None = Field(None, description="how long what is put lasts")

    @model_validator(mode="after")
    def _one_verb(self) -> KvParams:
        given = [verb for verb in _VERBS if getattr(self, verb) is not None]
        given += ["delete"] if self.delete else []
        if len(given) != 1:
            names = ", ".join((*_VERBS, "delete"))
            raise ValueError(f"give exactly one of {names}; found {', '.join(given) or 'none'}")
        if self.ttl is not None and given[0] not in ("put", "put_absent"):
            raise ValueError("`ttl` goes with `put` and `put_absent`")
        return self


class Kv(Action[KvParams]):
    """Changes the state by what each row holds: puts a value under a key, adds to a number, takes
    something into a set. The rows pass on as they are.

    The changes are committed with the batch, in the order of its rows; increments and sets never
    conflict with those of others. Rows without a key go to the rejects (`no_key`), and so do
    increments that are null (`no_number`).
    """

    name = "kv"
    Params = KvParams
    example = Example(
        params={"namespace": "seen", "key": "origin", "increment": 1},
        rows=[{"origin": "JFK"}, {"origin": "EWR"}],
        result=[{"origin": "JFK"}, {"origin": "EWR"}],
    )

    def stateful(self, params: KvParams) -> bool:
        """Changes of a key follow one another in the order of the rows."""
        return True

    def bind(self, params: KvParams, schema: pl.Schema, env: Env) -> EagerBound:
        """Compile key and value."""
        verb = next((v for v in _VERBS if getattr(params, v) is not None), "delete")
        problems = Problems()
        guards: list[Guard] = []
        key = value = None
        with problems.at("key"):
            key = scalar(f"CAST({params.key} AS VARCHAR)", schema, env)
            guards += zip(conditions(key), reasons(key), strict=True)
            guards.append((key.expr.is_null(), Reason("no_key", "the key is null")))
        if verb != "delete":
            with problems.at(verb):
                value = scalar(getattr(params, verb), schema, env)
                guards += zip(conditions(value), reasons(value), strict=True)
                if verb == "increment":
                    _check_number(value)
                    guards.append(
                        (value.expr.is_null(), Reason("no_number", "the increment is null"))
                    )
        problems.raise_any()
        assert key is not None
        counts = verb == "increment" and value is not None and value.dtype.is_integer()
        expires = None if params.ttl is None else env.now + timedelta(seconds=seconds(params.ttl))
        changes = [
            pl.lit(verb).alias("op"),
            pl.lit(full_name(params.namespace, env.deployment)).alias("namespace"),
            key.expr.alias("key"),
            _written(value, counts=counts).alias("value"),
            pl.lit(expires).cast(pl.Datetime("us", "UTC")).alias("expires_at"),
        ]

        def run(frame: pl.DataFrame) -> Made:
            if env.changes is not None:
                env.changes.add("kv", _reduced(verb, each(frame, changes), counts=counts))
            return Made(frame)

        return EagerBound(run, schema, tuple(guards))


def _check_number(value: Compiled) -> None:
    if not (value.dtype.is_numeric() or isinstance(value.dtype, pl.Null)):
        raise ActionError("an increment is a number", hint="CAST it, or `put` the value")


def _written(value: Compiled | None, *, counts: bool) -> pl.Expr:
    """The values as JSON text; whole numbers, which are yet to be added up, as wide ones."""
    if value is None:
        return pl.lit(None, dtype=pl.String)
    return value.expr.cast(pl.Int128) if counts else json_text(value.expr)


def _reduced(verb: str, changes: pl.DataFrame, *, counts: bool) -> pl.DataFrame:
    """Changes of one action that come to the same, with as few rows as that takes: the commit
    carries them out one by one. Sums of fractions depend on their order and stay as they are.
    """
    if counts:
        rest = pl.col("op", "namespace", "expires_at").first()
        total = pl.col("value").sum().cast(pl.String)
        return changes.group_by("key", maintain_order=True).agg(rest, total)
    if verb == "increment":
        return changes
    same = ["key", "value"] if verb in ("add", "remove") else ["key"]
    keep: Literal["first", "last"] = "first" if verb == "put_absent" else "last"
    return changes.unique(same, keep=keep, maintain_order=True)
