"""What a connector is: a `Source` that discovers and reads splits, or a `Sink` that stages and
publishes.

All of it runs on workers of the step's group, but for `Source.advance`, which is pure. A source
keeps no state: where it stands is its *position*, a mapping item → JSON that moves with the commit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import polars as pl

from lyftnb.errors import SetupError
from lyftnb.model import (
    Family,
    Params,
    Position,
    Publication,
    Schema,
    StateReader,
    full_name,
)

P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class SourceEnv:
    """What a source may know: fixed by the claim, so a retry sees the same."""

    base_path: Path = Path(".")
    """Folder that relative paths start from (the workspace)."""
    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    seed: int = 0
    bounded: bool = True
    """A bounded run takes everything there is, also a last line without a newline."""
    split_bytes: int = 24 * 2**20
    """How large a split should be (uncompressed, as far as can be told)."""
    max_splits: int = 10_000
    deployment: str = ""
    careful: bool = False
    """Something that was read lazily proved to be damaged: decode all of it at once, and reject
    what cannot be."""
    state: StateReader | None = None
    """The owner's state, as committed; None where there is no owner to ask."""

    def reach(self) -> StateReader:
        """The owner's state.

        Raises:
            SetupError: nobody can be asked here.
        """
        if self.state is None:
            raise SetupError(
                "there is no state to read here", hint="run the workflow in a workspace"
            )
        return self.state


@dataclass(frozen=True, slots=True)
class SourceSplit:
    """A piece of input with exact begin and end; `payload` is JSON, all that `read` needs."""

    payload: Any
    bytes: int = 0
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """What there is to read after a position, in order.

    `more` says that discovery stopped at `max_splits` and there is more behind.
    `problems` are sentences for people (a file that shrank, one that cannot be opened).
    `settled` says that the schema is fixed (declared, or in the file format); otherwise the first
    batch runs alone, so that its inferred schema can become the floor of the others.
    `schema` is that of the splits, where the files themselves tell it: it is the floor until a
    batch has committed one, so that what a later discovery brings is held against it.
    """

    splits: tuple[SourceSplit, ...] = ()
    more: bool = False
    problems: tuple[str, ...] = ()
    settled: bool = False
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class RawReject:
    """A piece of raw input that could not be decoded."""

    row: str
    """The raw text (or JSON) as it stood in the input."""
    code: str
    reason: str
    position: int
    """Index of the row within its split."""
    line: int | None = None
    """Index of its first line within the split, where that is text."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a split held. `frame` may be lazy; `schema` is what an inferring source saw (the union
    of the floor and of what it found), else None.
    """

    frame: pl.LazyFrame
    rejects: tuple[RawReject, ...] = ()
    schema: Schema | None = None
    bytes: int = 0
    """Bytes read from outside."""
    reads: pl.DataFrame | None = None
    """Of an input from the state: what was read, as staged changes (`KV_READ`, `KV_SCAN`)."""
    recheck: Callable[[], None] | None = None
    """For a lazy frame: to be called once it has been collected; raises StorageError where the
    input changed meanwhile, so that what was collected must not be committed."""


class Source(ABC, Generic[P]):
    """One kind of input. Listed in `registry.SOURCES` or by entry point (`lyftnb.sources`)."""

    name: ClassVar[str]
    Params: ClassVar[type[Params]]
    local: ClassVar[bool] = False
    """It looks at nothing outside: the owner itself asks what is new, not a worker."""
    news: ClassVar[str | None] = None
    """It runs as data arrives: what the ledger's listeners are told when there is something new."""

    def parse(self, raw: Any) -> P:
        """The parameter model from the document's value."""
        return self.Params.model_validate(raw)  # type: ignore[return-value]

    def schema(self, params: P) -> Schema | None:
        """The schema, where the parameters alone fix it (used by validation)."""
        return None

    @abstractmethod
    def discover(self, params: P, position: Position, env: SourceEnv) -> Discovery:
        """What is new after `position`. Effect-free; called again and again."""

    @abstractmethod
    def advance(self, params: P, position: Position, splits: Sequence[Any]) -> Position:
        """The items of the position to change once splits with these payloads are committed
        (item → JSON; None removes). Pure. `${…}` may still stand in the parameters: a run fills it
        in on the worker that reads.
        """

    @abstractmethod
    def read(self, params: P, payload: Any, floor: Schema | None, env: SourceEnv) -> ReadResult:
        """Read one split: the same rows in the same order, whenever and wherever it is called.

        Raises:
            StorageError: the input changed under the claim or cannot be read.
        """


@dataclass(frozen=True, slots=True)
class SinkEnv:
    """Where and for which batch a sink stages."""

    batch: str
    """`DEPLOYMENT/STAGE/n`"""
    attempt: int
    step: str
    group: str
    split: int
    base_path: Path = Path(".")
    now: datetime = field(default=datetime(2000, 1, 1, tzinfo=UTC))
    state: StateReader | None = None
    """The owner's state, as committed; None where there is no owner to ask."""

    @property
    def deployment(self) -> str:
        """The deployment that the batch belongs to."""
        return self.batch.partition("/")[0]

    def full_name(self, name: str) -> str:
        """A queue's or namespace's full name."""
        return full_name(name, self.deployment)

    @property
    def stem(self) -> str:
        """A name that is unique to the batch and split, and the same for every attempt."""
        deployment, stage, number = self.batch.split("/")
        return f"{deployment}-{stage}-{int(number):08d}-{self.split:05d}"


class Sink(ABC, Generic[P]):
    """One kind of output. Listed in `registry.SINKS` or by entry point (`lyftnb.sinks`).

    `stage` prepares, invisibly to outsiders; its effects may be left behind at any point.
    `publish` reveals, after the commit that lists the publication: it may be called any number of
    times, before and after crashes, and must end the same each time.
    """

    name: ClassVar[str]
    Params: ClassVar[type[Params]]
    external: ClassVar[bool] = True
    """Whether it has effects outside the ledger."""
    delivery: ClassVar[str] = "exactly once"
    """What the docs promise: `exactly once` or `at least once`, and by what means."""

    def parse(self, raw: Any) -> P:
        """The parameter model from the document's value."""
        return self.Params.model_validate(raw)  # type: ignore[return-value]

    @abstractmethod
    def stage(
        self, params: P, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """Write the rows of a split where no reader takes them. They come in one frame, or, where
        they may be more than memory holds, in several (each may be empty, all have one schema);
        so do not collect them. Publication ids are `BATCH/STEP/SPLIT/part`.
        """

    @abstractmethod
    def publish(self, publication: Publication) -> str | None:
        """Reveal what was staged; idempotent. Text that is returned is shown to the user."""

    def discard(self, publication: Publication) -> None:
        """Remove what was staged, which is never revealed; idempotent. For sinks that stage
        something outside the publication itself.
        """


class StateSink(Sink[P]):
    """An output into the ledger itself: its rows become changes of the state, staged and committed
    with the batch. Nothing is published.
    """

    external: ClassVar[bool] = False
    family: ClassVar[Family]
    """What it changes: `changes` gives the columns of this family."""

    @abstractmethod
    def changes(self, params: P, frame: pl.DataFrame, env: SinkEnv) -> pl.DataFrame:
        """The changes that rows stand for.

        Raises:
            BadData: a column that it needs is not there.
        """

    def stage(
        self, params: P, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """Nothing: the engine stages `changes`."""
        return ()

    def publish(self, publication: Publication) -> str | None:
        """Nothing."""
        return None
