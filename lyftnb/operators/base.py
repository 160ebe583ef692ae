"""What an action is: a parameter model and a way to bind it to a schema.

An action never sees a cluster, a ledger or a file of lyftnb. Binding an action to the schema of the
rows that reach it does all the checking, so validation and running are the same code. It gives a
`Bound`, a function from LazyFrame to LazyFrame that fuses with its neighbours, or an `EagerBound`
for a body that must hold its rows in hand.

**Rejects.** An action that finds a row it cannot take does not drop it: it *flags* it, by setting
the hidden column `REJECT` to the number of the reason (`Flags.mark`). Flagged rows travel on with
the good ones through row-wise actions (which keep hidden columns and flagged rows, and do not flag
a row twice) until the chain collects once and parts them. So a plan costs no second pass while data
is good, and nothing at all where no action can fail.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

import polars as pl
import polars.selectors as cs
from pydantic import BaseModel

from lyftnb.dtypes import HIDDEN as HIDDEN
from lyftnb.errors import LyftError, WorkflowError, near
from lyftnb.model import Path, StateReader, StateSpec
from lyftnb.operators.state_changes import StateChanges

REJECT = "__lyft_reject"
"""Int32: null while the row is good, else the number of the reason it was flagged for."""

INPUT = HIDDEN + "input"
"""Which input a row came by: the engine adds it where a step with a state merges several, and
row-wise actions carry it along."""

Remembered = Mapping[str, pl.LazyFrame]
"""What an action kept of earlier batches, in chunks: label → rows."""

P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action flags rows: a stable code and a sentence."""

    code: str
    text: str


Guard = tuple[pl.Expr, Reason]
"""A condition over incoming rows (true: the row cannot be taken; null counts as false)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How what an action remembers changes with a batch: chunks that go, then chunks that come
    (or grow, where a label stays).
    """

    dropped: tuple[str, ...] = ()
    """Labels; of one that is added as well, only what is added stays."""
    added: Mapping[str, pl.DataFrame] = field(default_factory=dict)


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
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Values for `${…}` expressions (`run.id`, `msg.last`), bound as literals."""
    inputs: tuple[str, ...] = ()
    """The inputs whose rows are merged, in order; none where the rows are not known to be those of
    inputs."""
    remembered: Mapping[str, Remembered] = field(default_factory=dict)
    """What each action of the step kept of earlier batches, by the action's name."""
    ending: bool = False
    """No more rows are to come in this run: an action may let go of what it holds back."""
    checking: bool = False
    """Validation: schemas only; outside files need not exist and are not opened."""
    deployment: str = ""
    place: str = ""
    """The action at work, as `DEPLOYMENT/STEP/ACTION`: the name of what it remembers."""
    changes: StateChanges | None = None
    """Where the state's changes go; None where nothing is to be changed."""
    state: StateReader | None = None
    """The owner's state, as committed; None where there is no owner to ask."""


@dataclass(frozen=True, slots=True)
class Flags:
    """How an action marks rows that it cannot take, and spares those that were marked before it."""

    first: int = 0
    """The number that stands for the action's first reason."""
    active: bool = False
    """Whether the frame has the column `REJECT`; always true for an action with reasons."""

    def spare(self, keep: pl.Expr) -> pl.Expr:
        """`keep`, but true for rows that are flagged: what leaves rows out must pass those on."""
        return keep | pl.col(REJECT).is_not_null() if self.active else keep

    def mark(self, failed: Sequence[pl.Expr]) -> list[pl.Expr]:
        """The expression that sets `REJECT`, as a list for `with_columns` (empty: nothing to mark).

        Args:
            failed: one condition per reason, in the order of the reasons; the first that holds
                counts, a null counts as false, and a row that is flagged stays as it was.
        """
        if not failed:
            return []
        number: pl.Expr = pl.lit(None, dtype=pl.Int32)
        for i, condition in reversed(list(enumerate(failed, self.first))):
            number = pl.when(condition).then(pl.lit(i, dtype=pl.Int32)).otherwise(number)
        return [pl.coalesce(pl.col(REJECT), number).alias(REJECT)]


@dataclass(frozen=True, slots=True)
class Bound:
    """An action bound to a schema: lazy, so that it fuses with its neighbours.

    `transform(lf, flags)` gives the new frame; it carries hidden columns unless `parted`.
    `schema` is without hidden columns.
    """

    transform: Callable[[pl.LazyFrame, Flags], pl.LazyFrame]
    schema: pl.Schema
    reasons: tuple[Reason, ...] = ()
    """What `transform` flags rows for, in the order that it gives to `Flags.mark`."""
    parted: bool = False
    """Not row-wise: the chain parts flagged rows first, and what comes out are new rows."""
    guards: tuple[Guard, ...] = ()
    """Of a parted action: which rows it cannot take; the chain flags and parts them before it."""
    files: tuple[tuple[str, str], ...] = ()
    """Outside files that it read, with a fingerprint of each one's content."""
    written: tuple[Written, ...] = ()
    """Its expressions, for errors that only the whole plan tells of."""


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as it was written, with the column that it makes, or else itself bound."""

    text: str
    made: str | pl.Expr


@dataclass(frozen=True, slots=True)
class Made:
    """What an eager body made of a frame of good rows."""

    frame: pl.DataFrame
    failed: tuple[tuple[int, Reason], ...] = ()
    """Rows of the incoming frame (by index, each once) that it could not take, and why."""


@dataclass(frozen=True, slots=True)
class EagerBound:
    """An action that must hold its rows in hand: the chain collects and parts before it runs.

    `schema` is None where only the data tell it.
    """

    run: Callable[[pl.DataFrame], Made]
    schema: pl.Schema | None
    guards: tuple[Guard, ...] = ()
    """Rows that it cannot take; the chain flags and parts them before it."""


@dataclass(frozen=True, slots=True)
class StatefulBound:
    """An eager action that remembers: what it kept of earlier batches goes in with the good rows
    (which have `INPUT` where several inputs are merged), what it keeps comes out.
    """

    run: Callable[[pl.DataFrame, Remembered], tuple[Made, Kept]]
    schema: pl.Schema
    guards: tuple[Guard, ...] = ()
    """Rows that it cannot take; the chain flags and parts them before it."""


@dataclass(frozen=True, slots=True)
class Example:
    """An example of an action: shown in the docs, offered by forms, run as a test."""

    params: Any
    """As it stands in a workflow, after `NAME:`."""
    rows: Sequence[Mapping[str, Any]]
    result: Sequence[Mapping[str, Any]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Rows of the inputs that it reads by name."""


class ActionError(WorkflowError):
    """The parameters of an action do not fit the rows that reach it.

    `facts["problems"]` holds all of them: tuples of (path below the action's kind, LyftError).
    """

    code = "action"

    @property
    def problems(self) -> tuple[tuple[Path, LyftError], ...]:
        """All problems found, in the order of the parameters."""
        return tuple(self.facts.get("problems", ())) or (((), self),)


class Action(ABC, Generic[P]):
    """One kind of action. Subclasses are listed in `registry.BUILTIN` or come by entry point (group
    `lyftnb.actions`). The class docstring is the text of its docs.
    """

    name: ClassVar[str]
    Params: ClassVar[type[BaseModel]]
    example: ClassVar[Example]

    def parse(self, raw: Any) -> P:
        """The parameter model from the document's value (short forms allowed by the model)."""
        return self.Params.model_validate(raw)  # type: ignore[return-value]

    def rowwise(self, params: P) -> bool:
        """Whether the result is the same however the stream is cut.

        So it is where each output row depends on one input row alone, and where an action that is
        stateful remembers what it needs of earlier rows.
        """
        return True

    def stateful(self, params: P) -> bool:
        """Whether it remembers something from batch to batch.

        A stage with such an action has one batch in flight, which runs as one unit: the action
        sees the rows in sequence order, and its step is the root of its stage.
        """
        return self.state(params) is not None

    def keeps_rows(self, params: P) -> bool:
        """Whether what comes out are rows that came in, hidden columns and all, so that a trace can
        follow a row through it. An action that is not row-wise may still only order or choose.
        """
        return self.rowwise(params)

    def state(self, params: P) -> StateSpec | None:
        """What there is to know of the frames that it keeps, if it is bound to a
        `StatefulBound`: they lie in a spool of the deployment.
        """
        return None

    def tables(self, params: P) -> tuple[str, ...]:
        """The inputs of the step that it reads by name (`Env.tables`)."""
        return ()

    @abstractmethod
    def bind(self, params: P, schema: pl.Schema, env: Env) -> Bound | EagerBound | StatefulBound:
        """Bind to the schema of the incoming rows.

        Raises:
            ActionError: expressions do not parse, bind or type-check, or columns are missing or of
                the wrong type; it holds all that was found.
            LyftError: a single problem of the action as a whole.
        """


class Problems:
    """Collects what is wrong with an action's parameters, so that all of it is told at once."""

    def __init__(self) -> None:
        self._found: list[tuple[Path, LyftError]] = []

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Note an error of the block as a problem at this place of the parameters, and go on."""
        try:
            yield
        except ActionError as error:
            self._found.extend(((*path, *inner), e) for inner, e in error.problems)
        except LyftError as error:
            self._found.append((path, error))

    def raise_any(self) -> None:
        """Raise an `ActionError` with everything that was noted, if there is anything."""
        if not self._found:
            return
        path, first = self._found[0]
        more = len(self._found) - 1
        raise ActionError(
            first.message + (f" (and {more} more)" if more else ""),
            where=".".join(str(part) for part in path) or None,
            hint=first.hint,
            problems=tuple(self._found),
        )


def carried() -> cs.Selector:
    """The hidden columns of a frame, whichever it has: row-wise actions must pass them on."""
    return cs.starts_with(HIDDEN)


def column_type(schema: pl.Schema, name: str) -> pl.DataType:
    """The type of a column.

    Raises:
        ActionError: there is no such column; the hint names the nearest.
    """
    if name in schema:
        return schema[name]
    guess = near(name, schema.names())
    hint = f"did you mean '{guess}'?" if guess else f"columns here: {', '.join(schema) or 'none'}"
    raise ActionError(f"unknown column '{name}'", hint=hint)


def check_column_name(name: str) -> str:
    """The name itself, if a column may be called so.

    Raises:
        ActionError: the name is empty, or kept for lyftnb's own columns.
    """
    if not name:
        raise ActionError("a column needs a name", hint="give it one")
    if name.startswith(HIDDEN):
        raise ActionError(f"'{name}' begins with '{HIDDEN}', which is kept", hint="rename it")
    return name
