"""What an action is: a parameter model and a way to bind it to a schema.

An action never sees a cluster, a ledger or a file of lyftnb. Binding an action to the schema of the
rows that reach it gives a `Bound`: a function from LazyFrame to LazyFrame and the schema that comes
out. Binding does all the checking, so validation and running are the same code.

**Rejects.** An action that finds a row it cannot take does not drop it: it *flags* it, by setting
the hidden column `REJECT` to the number of the reason (`flag`). Flagged rows travel on with the
good ones through row-wise actions (which keep hidden columns and flagged rows, and do not flag a row
twice) until the chain collects once and parts them. So a plan costs no second pass while data is
good.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict

HIDDEN = "__lyft_"
REJECT = "__lyft_reject"
"""Int32: null while the row is good, else the number of the reason it was flagged for."""


class Params(BaseModel):
    """Base of parameter models: frozen, unknown keys refused. They are the file format."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action flags rows: a stable code and a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Env:
    """What a bound action may know of its batch. Fixed by the claim, so a retry sees the same."""

    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    seed: int = 0
    batch: str = ""
    split: int = 0
    tables: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    """Frames by input name: table inputs, and all inputs of a body that tells them apart."""
    base_path: str = "."
    """Folder that relative paths in parameters start from (the workspace)."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Values for `${…}` expressions (`run.id`, `msg.last`), bound as literals."""
    checking: bool = False
    """Validation: schemas only; outside files need not exist."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An action bound to a schema.

    `transform(lf, first)` gives the new frame; rows it flags get `first + i`, i indexing `reasons`.
    `schema` is without hidden columns.
    """

    transform: Callable[[pl.LazyFrame, int], pl.LazyFrame]
    schema: pl.Schema
    reasons: tuple[Reason, ...] = ()


class Action(ABC, Generic[P]):
    """One kind of action. Subclasses are listed in `registry.ACTIONS` or come by entry point
    (group `lyftnb.actions`)."""

    name: ClassVar[str]
    Params: ClassVar[type[Params]]
    collects: ClassVar[bool] = False
    """The action needs collected good rows only (python, sql): the chain parts flagged rows first."""

    def parse(self, raw: Any) -> P:
        """The parameter model from the document's value (short forms allowed by the model)."""
        return self.Params.model_validate(raw)  # type: ignore[return-value]

    def rowwise(self, params: P) -> bool:
        """Whether each output row depends on one input row alone, however the stream is cut."""
        return True

    @abstractmethod
    def bind(self, params: P, schema: pl.Schema, env: Env) -> Bound:
        """Bind to the schema of the incoming rows.

        Raises:
            ExpressionError: an expression does not parse, bind or type-check.
            WorkflowError: a column is missing or has the wrong type.
        """


def hidden(schema: pl.Schema | Mapping[str, Any]) -> list[str]:
    """The hidden columns of a schema."""
    return [name for name in schema if name.startswith(HIDDEN)]


def flag(lf: pl.LazyFrame, failed: list[tuple[pl.Expr, int]]) -> pl.LazyFrame:
    """Set `REJECT` where a condition holds and the row is not flagged yet.

    Args:
        lf: a frame that has the column `REJECT`.
        failed: (boolean expression over `lf`, reason number); the first that holds counts.
            A null condition counts as false.
    """
    if not failed:
        return lf
    chain = pl.when(pl.col(REJECT).is_not_null()).then(pl.col(REJECT))
    for condition, number in failed:
        chain = chain.when(condition).then(pl.lit(number, dtype=pl.Int32))
    return lf.with_columns(chain.otherwise(None).cast(pl.Int32).alias(REJECT))
