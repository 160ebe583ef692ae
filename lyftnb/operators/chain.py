"""The chain: the actions of consecutive steps over one split's frame, as one lazy plan.

**First look.** Actions extend one LazyFrame. Rows that an action cannot take carry the number of
their reason in the hidden column `REJECT`, which exists only from the first action that can flag.
The chain collects at its end, or where an action must see good rows only, and parts flagged rows.

**Second look.** Only if some row was flagged, the plan since the last collection runs once more,
now with each row's position and, for the steps concerned, the row as it entered the step; only
flagged rows are kept of it, and it ends with the last action that flagged some. Both looks run the
same plan over the same frame, so they agree; that they do is checked.

A row that a parted or eager action makes (aggregate, sort, sql, python, …) is a new row: where a
later action of the step rejects it, `_row` and `position` speak of what that action gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl
from pydantic import ValidationError

from lyftnb.errors import (
    BadData,
    InternalError,
    LyftError,
    StorageError,
    is_full,
    unwritten,
)
from lyftnb.model import ActionSpec, FileRead, OnError, StepCount
from lyftnb.operators.base import (
    HIDDEN,
    REJECT,
    Bound,
    EagerBound,
    Env,
    Flags,
    Guard,
    Kept,
    Reason,
    StatefulBound,
    carried,
)
from lyftnb.operators.held import Held, Pile, Scratch, hold
from lyftnb.operators.overflow import Stood, is_overflow, overflow, overflow_among
from lyftnb.operators.parameters import invalid_parameters
from lyftnb.operators.registry import action
from lyftnb.operators.rejects import REJECTS_SCHEMA, rejected

_POSITION = HIDDEN + "position"
_GOOD = HIDDEN + "good"
_ENTERED = HIDDEN + "entered"


@dataclass(frozen=True, slots=True)
class ChainResult:
    """What came out of a chain: good rows, rejects (`REJECTS_SCHEMA`), and what each step did."""

    good: Held
    refused: Held
    counts: tuple[StepCount, ...]
    files: tuple[FileRead, ...] = ()
    """Outside files that actions read."""
    kept: Mapping[tuple[str, str], Kept] = field(default_factory=dict)
    """(step, action) → how what the action remembers has changed."""

    @property
    def frame(self) -> pl.DataFrame:
        """All good rows, in memory."""
        return self.good.whole()

    @property
    def schema(self) -> pl.Schema:
        """Of the good rows."""
        return self.good.schema

    @property
    def rejects(self) -> pl.DataFrame:
        """All rejects, in memory."""
        return self.refused.whole()


@dataclass(frozen=True, slots=True)
class _Cause:
    """What a number in `REJECT` stands for."""

    step: str
    action: str
    reason: Reason
    on_error: OnError


@dataclass(frozen=True, slots=True)
class _Entered:
    """A mark in what was played: here rows enter a step."""

    step: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Applied:
    """A mark in what was played: here an action was applied."""

    bound: Bound
    flags: Flags

    @property
    def causes(self) -> range:
        """The numbers that it flags rows with."""
        return range(self.flags.first, self.flags.first + len(self.bound.reasons))


@dataclass(frozen=True, slots=True)
class _Place:
    """The action at hand."""

    step: str
    action: str
    on_error: OnError


class Chain:
    """Runs the actions of consecutive steps over one frame of good rows.

    To fan out, collect and begin new chains on the result's frame.

    Args:
        frame: good rows, without hidden columns but `INPUT`; read again if rows are rejected, so
            it must give the same rows in the same order each time.
        schema: of the frame, without hidden columns.
        env: of the batch and split.
        scratch: the frame may be larger than memory: run with the engine that spills, and hold here
            what does not fit.
    """

    def __init__(
        self,
        frame: pl.LazyFrame,
        schema: pl.Schema,
        env: Env | None = None,
        *,
        scratch: Scratch | None = None,
    ) -> None:
        self._env = env or Env()
        self._scratch = scratch
        self._schema = schema
        self._frame = self._base = frame
        self._active = False
        self._played: list[_Entered | _Applied] = []
        self._stood: list[Stood] = []
        self._causes: list[_Cause] = []
        self._rejects = Pile(REJECTS_SCHEMA, scratch)
        self._counts: dict[str, StepCount] = {}
        self._kept: dict[tuple[str, str], Kept] = {}
        self._files: list[FileRead] = []

    @property
    def schema(self) -> pl.Schema:
        """Of the rows as they stand now."""
        return self._schema

    def step(
        self,
        step: str,
        actions: Sequence[ActionSpec],
        on_error: OnError,
        names: Sequence[str],
        env: Env | None = None,
    ) -> None:
        """Extend the plan by one step's actions.

        Args:
            step: its id.
            actions: what it does, in order.
            on_error: what becomes of rows that an action without an `on_error` of its own rejects.
            names: what each action is called in rejects.
            env: of this step, where it differs from the chain's (its tables).

        Raises:
            WorkflowError: parameters do not check.
            BadData: a row failed under `on_error: fail` in front of an action that had to see
                good rows.
        """
        self._counts.setdefault(step, StepCount(step))
        self._enter(step)
        for spec, name in zip(actions, names, strict=True):
            place = _Place(step, name, spec.on_error or on_error)
            try:
                self._extend(spec, place, env or self._env)
            except (BadData, InternalError):
                raise
            except LyftError as error:
                raise error.with_where(f"step {step}, action {name}") from error

    def collect(self) -> ChainResult:
        """Run what has been planned and part the rejects; the chain ends here.

        Raises:
            BadData: a row failed under `on_error: fail`.
        """
        good = self._collected()
        if self._counts:
            last = next(reversed(self._counts))
            self._counts[last] = replace(self._counts[last], rows_out=good.height)
        counts, files = tuple(self._counts.values()), tuple(dict.fromkeys(self._files))
        return ChainResult(good, self._rejects.held(), counts, files, self._kept)

    # --- extending ------------------------------------------------------------------------------

    def _extend(self, spec: ActionSpec, place: _Place, env: Env) -> None:
        kind = action(spec.kind)
        try:
            params = kind.parse(spec.params)
        except ValidationError as error:
            raise invalid_parameters(spec.kind, error, kind.Params) from error
        where = f"{env.deployment}/{place.step}/{place.action}"
        bound = kind.bind(params, self._schema, replace(env, place=where))
        if isinstance(bound, EagerBound | StatefulBound):
            self._run(bound, place, env)
            return
        self._files += [FileRead(place.step, path, mark) for path, mark in bound.files]
        if bound.parted:
            self._guard(bound.guards, place)
            if self._active:
                self._restart(self._collected().lazy(), self._schema, place.step)
            before = self._frame
            frame = bound.transform(before, Flags())
            self._restart(frame, bound.schema, place.step)
        else:
            before = self._frame
            self._apply(bound, place)
        self._stood.append(Stood((place.step, place.action), before, self._frame, bound.written))

    def _apply(self, bound: Bound, place: _Place) -> None:
        if bound.reasons and not self._active:
            self._frame = _with_flags(self._frame)
            self._active = True
        flags = Flags(len(self._causes), self._active)
        self._causes += [
            _Cause(place.step, place.action, reason, place.on_error) for reason in bound.reasons
        ]
        self._frame = bound.transform(self._frame, flags)
        self._schema = bound.schema
        self._played.append(_Applied(bound, flags))

    def _guard(self, guards: Sequence[Guard], place: _Place) -> None:
        if not guards:
            return
        failed = [condition for condition, _ in guards]
        reasons = tuple(reason for _, reason in guards)
        self._apply(
            Bound(lambda lf, flags: lf.with_columns(flags.mark(failed)), self._schema, reasons),
            place,
        )

    def _run(self, bound: EagerBound | StatefulBound, place: _Place, env: Env) -> None:
        self._guard(bound.guards, place)
        frame = self._collected().whole()
        if isinstance(bound, StatefulBound):
            remembered = env.remembered.get(place.action, {})
            try:
                made, self._kept[place.step, place.action] = bound.run(frame, remembered)
            except pl.exceptions.PolarsError as error:
                if is_overflow(error):
                    raise overflow((place.step, place.action)) from error
                raise
        else:
            made = bound.run(frame.drop(carried()))
        if made.failed:
            self._part_failed(dict(made.failed), place)
        self._restart(made.frame.lazy(), made.frame.schema, place.step)

    def _enter(self, step: str) -> None:
        self._played.append(_Entered(step, tuple(self._schema)))

    def _restart(self, base: pl.LazyFrame, schema: pl.Schema, step: str) -> None:
        self._frame = self._base = base
        self._schema = schema
        self._active = False
        self._played.clear()
        self._enter(step)

    # --- collecting and parting -----------------------------------------------------------------

    def _collected(self) -> Held:
        held = self._run_plan(self._frame)
        self._stood.clear()
        if not self._active:
            return held
        if REJECT not in held.schema:
            raise InternalError(
                "an action dropped the hidden columns of its rows",
                where=f"steps {', '.join(self._counts)}",
                hint="a row-wise action must carry columns that begin with __lyft_",
            )
        found = _flagged(held)
        if not found:
            return held.selected(lambda lf: lf.drop(REJECT), held.height)
        self._part(found)
        return held.selected(
            lambda lf: lf.filter(pl.col(REJECT).is_null()).drop(REJECT),
            held.height - found.total(),
        )

    def _run_plan(self, lf: pl.LazyFrame) -> Held:
        try:
            return hold(lf, self._scratch)
        except pl.exceptions.PolarsError as error:
            if is_overflow(error):
                found = overflow_among(self._stood, lambda part: hold(part, self._scratch))
                if found is not None:
                    raise found from error
            first = str(error).split("\n", 1)[0]
            if is_full(error):
                raise unwritten(
                    "a frame that does not fit into memory",
                    error,
                    where=f"steps {', '.join(self._counts)}",
                    hint="make room on the worker's scratch disk",
                ) from error
            if first.startswith("parquet:"):
                raise StorageError(
                    f"a file that it reads is damaged: {first}",
                    where=f"steps {', '.join(self._counts)}",
                    hint="`lyftnb spool verify` names the damaged files of spools",
                    damaged=True,
                ) from error
            raise InternalError(
                f"the query engine failed: {first}", where=f"steps {', '.join(self._counts)}"
            ) from error

    def _part(self, found: Mapping[int, int]) -> None:
        """Take note of flagged rows (number of the cause → rows)."""
        wanted = {n for n in found if self._causes[n].on_error != "drop"}
        for number in sorted(found.keys() - wanted):
            self._count(self._causes[number].step, dropped=found[number])
        if not wanted:
            return
        steps = {self._causes[n].step for n in wanted}
        lf = self._replayed(steps, wanted).filter(pl.col(REJECT).is_in(sorted(wanted)))
        second = self._run_plan(lf.select(REJECT, _POSITION, *(_ENTERED + s for s in steps)))
        _check_agreement({n: found[n] for n in wanted}, _flagged(second))
        self._keep(second, {n: self._causes[n] for n in wanted}, found)

    def _part_failed(self, failed: Mapping[int, Reason], place: _Place) -> None:
        """Take note of rows that an eager action failed on (index among the good rows → reason)."""
        if place.on_error == "drop":
            self._count(place.step, dropped=len(failed))
            return
        lf = self._replayed({place.step})
        if self._active:
            lf = lf.filter(pl.col(REJECT).is_null())
        index = pl.col(_GOOD).cast(pl.Int64)
        lf = lf.with_row_index(_GOOD).filter(index.is_in(sorted(failed)))
        reasons = list(dict.fromkeys(failed.values()))
        numbers = {row: reasons.index(reason) for row, reason in failed.items()}
        number = index.replace_strict(numbers, return_dtype=pl.Int32)
        second = self._run_plan(lf.select(number.alias(REJECT), _POSITION, _ENTERED + place.step))
        if second.height != len(failed):
            raise InternalError("the frame gave other rows at the second look", where=place.step)
        causes = {
            i: _Cause(place.step, place.action, reason, place.on_error)
            for i, reason in enumerate(reasons)
        }
        self._keep(second, causes, _flagged(second))

    def _replayed(self, steps: set[str], wanted: set[int] | None = None) -> pl.LazyFrame:
        """What was played since the last base, with positions and the rows as they entered; no
        further than rows are flagged for causes that are wanted, if some are named: from there on
        they stay as they are.
        """
        lf = self._base.with_row_index(_POSITION)
        if self._active:
            lf = _with_flags(lf)
        for item in self._played if wanted is None else self._played_for(wanted):
            if isinstance(item, _Applied):
                lf = item.bound.transform(lf, item.flags)
            elif item.step in steps and item.columns:
                row = pl.struct(list(item.columns))
                lf = lf.with_columns(row.alias(_ENTERED + item.step))
        return lf

    def _played_for(self, wanted: set[int]) -> list[_Entered | _Applied]:
        """What was played up to the last action that flags for one of these causes."""
        last = max(
            i
            for i, item in enumerate(self._played)
            if isinstance(item, _Applied) and not wanted.isdisjoint(item.causes)
        )
        return self._played[: last + 1]

    def _keep(self, second: Held, causes: Mapping[int, _Cause], found: Mapping[int, int]) -> None:
        """Turn flagged rows of the second look into rejects; raise for `on_error: fail`."""
        for piece in second.pieces():
            for number, cause in causes.items():
                rows = piece.filter(pl.col(REJECT) == number)
                if rows.is_empty():
                    continue
                reject = self._rejected(rows, cause)
                if cause.on_error == "fail":
                    raise _bad_data(reject.row(0, named=True), found[number])
                self._rejects.add(reject)
        for number, cause in causes.items():
            self._count(cause.step, rejects=found[number])

    def _rejected(self, rows: pl.DataFrame, cause: _Cause) -> pl.DataFrame:
        return rejected(
            rows[_ENTERED + cause.step].struct.unnest(),
            self._env,
            step=cause.step,
            action=cause.action,
            code=cause.reason.code,
            reason=cause.reason.text,
            positions=rows[_POSITION].cast(pl.Int64),
        )

    def _count(self, step: str, *, rejects: int = 0, dropped: int = 0) -> None:
        self._counts[step] += StepCount(step, rejects=rejects, dropped=dropped)


def _with_flags(lf: pl.LazyFrame) -> pl.LazyFrame:
    return lf.with_columns(pl.lit(None, dtype=pl.Int32).alias(REJECT))


def _flagged(held: Held) -> Counter[int]:
    """Flagged rows by the number of their cause."""
    found: Counter[int] = Counter()
    for piece in held.pieces(REJECT):
        flags = piece[REJECT]
        if flags.null_count() < len(flags):
            found.update(dict(flags.drop_nulls().value_counts().iter_rows()))
    return found


def _check_agreement(found: Mapping[int, int], again: Mapping[int, int]) -> None:
    if again != found:
        raise InternalError(f"the two looks at rejected rows differ: {dict(found)}, {dict(again)}")


def _bad_data(reject: Mapping[str, object], rows: int) -> BadData:
    row = str(reject["_row"])
    shown = row if len(row) <= 500 else row[:500] + "…"
    more = f" (and {rows - 1} more rows)" if rows > 1 else ""
    return BadData(
        f"{reject['reason']}{more}; the first such row: {shown}",
        where=f"step {reject['step']}, action {reject['action']}",
        hint="repair the data, or choose on_error: reject or drop",
        reason=reject["code"],
        row=row,
        position=reject["position"],
    )
