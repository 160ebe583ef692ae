"""`generate`: seeded rows, for tests, demos and benchmarks.

Every value depends on the seed, the column's name and the row's number alone, so rows can be made
in any pieces, in any order, on any worker, and are the same. Random numbers are counter-based:
SplitMix64 (Steele, Lea, Flood 2014) over the row number, vectorised.
"""

from __future__ import annotations

import hashlib
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, model_validator

from lyftnb.connectors.base import Discovery, ReadResult, Source, SourceEnv, SourceSplit
from lyftnb.dtypes import to_schema
from lyftnb.errors import WorkflowError
from lyftnb.model import JsonSchema, Params, Position, Schema, seconds

_ITEM = "rows"
_VALUE_BYTES = 16  # roughly: only the size of splits depends on it

Uint = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Draw:
    """The random numbers of one column over a range of rows."""

    key: int
    rows: Uint

    @classmethod
    def of(cls, seed: int, column: str, first: int, last: int) -> Draw:
        """For rows `first` to `last` (exclusive)."""
        name = hashlib.blake2b(f"{seed}:{column}".encode(), digest_size=8).digest()
        return cls(int.from_bytes(name, "little"), np.arange(first, last, dtype=np.uint64))

    def bits(self, stream: int = 0) -> Uint:
        """64 random bits a row; each stream is independent of the others."""
        key = np.uint64((self.key + stream * 0xD1342543DE82EF95) % 2**64)
        z = (self.rows + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + key
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def progression(
        self, start: int, step: int, within: range, called: str
    ) -> npt.NDArray[np.int64]:
        """Start + row x step.

        Raises:
            OverflowError: a value lies outside `within`, which is `called` so.
        """
        for row in (int(row) for ends in (self.rows[:1], self.rows[-1:]) for row in ends):
            if start + row * step not in within:
                raise OverflowError(f"row {row:,} runs out of {called}")
        # What wraps round on the way (a huge start with steps back) comes round again.
        steps = self.rows * np.uint64(step % 2**64)
        return (steps + np.uint64(start % 2**64)).astype(np.int64)

    def unit(self, stream: int = 0) -> npt.NDArray[np.float64]:
        """Uniform in [0, 1), 53 bits."""
        return (self.bits(stream) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


_BIGINT = range(-(2**63), 2**63)
_TIMES = range(
    _microseconds(datetime.min.replace(tzinfo=UTC)), _microseconds(datetime.max.replace(tzinfo=UTC))
)


class SequenceParams(Params):
    """Whole numbers, one after the other."""

    start: int = Field(0, description="the first number")
    step: int = Field(1, description="from each to the next")

    def values(self, draw: Draw) -> pl.Series:
        """Start + row x step.

        Raises:
            OverflowError: a number is no BIGINT.
        """
        return pl.Series(draw.progression(self.start, self.step, _BIGINT, "BIGINT"))


class ChoiceParams(Params):
    """One of some values, evenly or by weight."""

    short = {list: "values_"}

    values_: tuple[str | bool | int | float, ...] = Field(alias="values", min_length=1)
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="one for each value; they need not add up to 1"
    )

    @model_validator(mode="after")
    def _consistent(self) -> ChoiceParams:
        if len({type(v) for v in self.values_}) > 1:
            raise ValueError("the values must be of one type")
        if self.weights is not None and len(self.weights) != len(self.values_):
            raise ValueError("there must be one weight for each value")
        if self.weights is not None and not sum(self.weights) > 0:
            raise ValueError("one weight must be above 0")
        return self

    def values(self, draw: Draw) -> pl.Series:
        """Drawn independently for each row."""
        weights = np.asarray(self.weights or [1.0] * len(self.values_))
        upper = np.cumsum(weights / weights.sum())[:-1]
        at = np.searchsorted(upper, draw.unit(), side="right")
        return pl.Series(list(self.values_)).gather(at)


class UniformParams(Params):
    """Numbers spread evenly over a range."""

    min: float = Field(0.0, description="the smallest")
    max: float = Field(1.0, description="the largest (numbers with a fraction stay below it)")
    integer: bool = Field(False, description="whole numbers only")

    @model_validator(mode="after")
    def _ordered(self) -> UniformParams:
        if not self.min < self.max:
            raise ValueError("min must be below max")
        return self

    def values(self, draw: Draw) -> pl.Series:
        """Drawn independently for each row."""
        if not self.integer:
            return pl.Series(draw.unit() * (self.max - self.min) + self.min, dtype=pl.Float64)
        low, high = math.ceil(self.min), math.floor(self.max)
        numbers = np.floor(draw.unit() * (high - low + 1)).astype(np.int64) + low
        return pl.Series(numbers, dtype=pl.Int64)


class NormalParams(Params):
    """Numbers around a mean (Box and Muller 1958)."""

    mean: float = 0.0
    sd: float = Field(1.0, ge=0, description="standard deviation")

    def values(self, draw: Draw) -> pl.Series:
        """Drawn independently for each row."""
        radius = np.sqrt(-2.0 * np.log(1.0 - draw.unit(0)))
        return pl.Series(self.mean + self.sd * radius * np.cos(2 * np.pi * draw.unit(1)))


class TimestampParams(Params):
    """Times, one after the other."""

    start: datetime = Field(description="the first; without a zone it counts as UTC")
    step: str | float = Field("1s", description="from each to the next")

    @model_validator(mode="after")
    def _duration(self) -> TimestampParams:
        seconds(self.step)
        return self

    def values(self, draw: Draw) -> pl.Series:
        """Start + row x step, to the microsecond.

        Raises:
            OverflowError: a time lies outside the years 1 to 9999.
        """
        start = self.start if self.start.tzinfo else self.start.replace(tzinfo=UTC)
        step = round(seconds(self.step) * 1e6)
        times = draw.progression(_microseconds(start), step, _TIMES, "the years 1 to 9999")
        return pl.Series(times).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


class PatternParams(Params):
    """Texts after a pattern: each `#` becomes a digit, each `?` a letter."""

    short = {str: "pattern"}

    pattern: str = Field(min_length=1)

    def values(self, draw: Draw) -> pl.Series:
        """Drawn independently for each row."""
        parts: list[pl.Expr] = []
        columns: dict[str, pl.Series] = {}
        for i, piece in enumerate(re.findall(r"#+|\?|[^#?]+", self.pattern)):
            if piece == "?":
                letters = pl.Series([chr(c) for c in range(ord("a"), ord("z") + 1)])
                columns[str(i)] = letters.gather((draw.unit(i) * 26).astype(np.int64))
            elif piece[0] == "#":
                number = (draw.unit(i) * 10.0 ** len(piece)).astype(np.int64)
                columns[str(i)] = pl.Series(number).cast(pl.String).str.zfill(len(piece))
            else:
                parts.append(pl.lit(piece))
                continue
            parts.append(pl.col(str(i)))
        frame = pl.DataFrame({"row": draw.rows, **columns})
        return frame.select(pl.format("{}" * len(parts), *parts)).to_series()


class ColumnParams(Params):
    """How the values of one column are made: exactly one of the generators."""

    sequence: SequenceParams | None = None
    choice: ChoiceParams | None = None
    uniform: UniformParams | None = None
    normal: NormalParams | None = None
    timestamp: TimestampParams | None = None
    pattern: PatternParams | None = None
    nulls: float = Field(0.0, ge=0, le=1, description="share of rows without a value")

    @classmethod
    def long_form(cls, value: Any) -> Any:
        """The name of a generator stands for it with all its defaults."""
        return {value: {}} if isinstance(value, str) else value

    @classmethod
    def short_schemas(cls, properties: Mapping[str, JsonSchema]) -> list[JsonSchema]:
        """The names of the generators that have defaults."""
        kinds = {name: get_args(cls.model_fields[name].annotation)[0] for name in cls._names()}
        bare = [name for name, kind in kinds.items() if not _needs_parameters(kind)]
        return [{"enum": bare}]

    @model_validator(mode="after")
    def _one_kind(self) -> ColumnParams:
        if len(self._kinds()) != 1:
            raise ValueError(f"give exactly one of {', '.join(self._names())}")
        return self

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(name for name in cls.model_fields if name != "nulls")

    def _kinds(self) -> list[Any]:
        return [kind for name in self._names() if (kind := getattr(self, name)) is not None]

    def values(self, draw: Draw) -> pl.Series:
        """The column over the rows of the draw."""
        series: pl.Series = self._kinds()[0].values(draw)
        if not self.nulls:
            return series
        kept = pl.Series(draw.unit(stream=-1) >= self.nulls)
        return series.to_frame("v").select(pl.when(kept).then(pl.col("v"))).to_series()


def _needs_parameters(kind: type[Params]) -> bool:
    return any(field.is_required() for field in kind.model_fields.values())


class GenerateParams(Params):
    """Seeded rows."""

    rows: int | None = Field(None, ge=0, description="how many in all; without it, no end")
    rate: float | None = Field(
        None, gt=0, description="rows per second, where the run follows the clock"
    )
    seed: int = Field(0, description="other seeds give other rows")
    columns: dict[str, ColumnParams] = Field(min_length=1, description="the columns, in order")

    @model_validator(mode="after")
    def _bounded(self) -> GenerateParams:
        if self.rows is None and self.rate is None:
            raise ValueError("give `rows`, `rate`, or both")
        if self.rows:
            try:
                _frame(self, self.rows - 1, self.rows)
            except OverflowError as error:
                raise ValueError(f"{error}; give fewer `rows` or smaller steps") from error
        return self


class Generate(Source[GenerateParams]):
    """Makes rows out of a seed. Its position says how many were made, and since when."""

    name: ClassVar[str] = "generate"
    Params: ClassVar[type[GenerateParams]] = GenerateParams
    local: ClassVar[bool] = True

    def schema(self, params: GenerateParams) -> Schema:
        """What the generators give."""
        return to_schema(_frame(params, 0, 0).schema)

    def discover(self, params: GenerateParams, position: Position, env: SourceEnv) -> Discovery:
        """The rows that are due: all of `rows` in a bounded run, else those that the rate gives
        up to now (from the first look on, which takes one second's worth).
        """
        state = position.get(_ITEM) or {"done": 0, "since": env.now.timestamp() - 1.0}
        due = params.rows if params.rows is not None else sys.maxsize
        if params.rate is not None and not (env.bounded and params.rows is not None):
            due = min(due, int((env.now.timestamp() - state["since"]) * params.rate))
        step = max(1, env.split_bytes // (_VALUE_BYTES * len(params.columns)))
        first = state["done"]
        splits: list[SourceSplit] = []
        while first < due and len(splits) < env.max_splits:
            last = min(first + step, due)
            payload = {"first": first, "last": last, "since": state["since"]}
            size = (last - first) * _VALUE_BYTES * len(params.columns)
            splits.append(SourceSplit(payload, bytes=size, rows=last - first))
            first = last
        return Discovery(tuple(splits), more=first < due, settled=True)

    def advance(
        self, params: GenerateParams, position: Position, splits: Sequence[Any]
    ) -> Position:
        """How many rows were made."""
        if not splits:
            return {}
        return {_ITEM: {"done": splits[-1]["last"], "since": splits[-1]["since"]}}

    def read(
        self, params: GenerateParams, payload: Any, floor: Schema | None, env: SourceEnv
    ) -> ReadResult:
        """Rows `first` to `last`.

        Raises:
            WorkflowError: a column can count no further.
        """
        try:
            frame = _frame(params, payload["first"], payload["last"])
        except OverflowError as error:
            hint = "give `rows` to end before that, or smaller steps"
            raise WorkflowError(str(error), hint=hint) from error
        return ReadResult(frame.lazy(), bytes=frame.height * _VALUE_BYTES * frame.width)


def _frame(params: GenerateParams, first: int, last: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            name: _values(column, name, Draw.of(params.seed, name, first, last))
            for name, column in params.columns.items()
        }
    )


def _values(column: ColumnParams, name: str, draw: Draw) -> pl.Series:
    try:
        return column.values(draw)
    except OverflowError as error:
        raise OverflowError(f"column '{name}': {error}") from error
