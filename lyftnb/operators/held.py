"""Rows that a chain has made: in memory or, where they may be more than that, in pieces on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import polars as pl

from lyftnb.errors import unwritten

_BATCH_ROWS = 32_768

Transform = Callable[[pl.LazyFrame], pl.LazyFrame]
_Part = pl.DataFrame | tuple[Path, ...]
"""Rows in memory, or files that are read together."""


@dataclass(slots=True)
class Scratch:
    """A folder for the pieces of one task; whoever made it removes it.

    Pieces are Arrow IPC: unlike Parquet it has every type that frames have.
    """

    folder: Path
    piece_bytes: int
    """In memory."""
    _numbers: Iterator[int] = field(default_factory=count)

    def put(self, frame: pl.DataFrame) -> Path:
        """Write a piece.

        Raises:
            StorageError: the disk cannot be written (`StorageFull`: has no room).
        """
        path = self.folder / f"{next(self._numbers):06d}.arrow"
        try:
            frame.write_ipc(path, compression="lz4")
        except OSError as error:
            raise unwritten(
                "a frame that does not fit into memory",
                error,
                where=str(self.folder),
                hint="make room there; nothing was committed",
            ) from error
        return path


@dataclass(frozen=True, slots=True)
class Held:
    """Rows in their order, which may be read again and again."""

    schema: pl.Schema
    height: int
    _parts: tuple[_Part, ...]
    _then: Transform | None = None
    """What is done to parts on disk as they are read; row by row."""

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Held:
        """Rows in memory."""
        return cls(frame.schema, frame.height, (frame,))

    def lazy(self) -> pl.LazyFrame:
        """All rows."""
        return pl.concat([self._scan(part) for part in self._parts])

    def whole(self) -> pl.DataFrame:
        """All rows, in memory."""
        return pl.concat(list(self.pieces()))

    def pieces(self, *columns: str) -> Iterator[pl.DataFrame]:
        """The rows piece by piece, at least one; only these columns, if some are named."""
        for part in self._parts:
            if isinstance(part, pl.DataFrame):
                yield part.select(columns) if columns else part
            else:
                lf = self._scan(part)
                yield (lf.select(columns) if columns else lf).collect()

    def selected(self, transform: Transform, height: int) -> Held:
        """These rows under a row-wise transform that leaves `height` of them."""
        then = self._then
        return replace(
            self,
            schema=transform(pl.LazyFrame(schema=self.schema)).collect_schema(),
            height=height,
            _parts=tuple(
                transform(part.lazy()).collect() if isinstance(part, pl.DataFrame) else part
                for part in self._parts
            ),
            _then=transform if then is None else lambda lf: transform(then(lf)),
        )

    def _scan(self, part: _Part) -> pl.LazyFrame:
        if isinstance(part, pl.DataFrame):
            return part.lazy()
        lf = pl.scan_ipc(list(part))
        return lf if self._then is None else self._then(lf)


class Pile:
    """Collects frames of one schema into rows held: beyond a piece's size on disk, if there is
    `scratch`.
    """

    def __init__(self, schema: pl.Schema, scratch: Scratch | None) -> None:
        self.bytes = 0
        """In memory."""
        self._schema = schema
        self._scratch = scratch
        self._height = 0
        self._frames: list[pl.DataFrame] = []
        self._files: list[tuple[Path, int]] = []
        """Each with its bytes in memory."""

    def add(self, frame: pl.DataFrame) -> None:
        """Put rows on the pile."""
        if frame.is_empty():
            return
        self._frames.append(frame)
        self._height += frame.height
        self.bytes += int(frame.estimated_size())
        if self._scratch is not None and self.bytes >= self._scratch.piece_bytes:
            self.spill()

    def spill(self) -> None:
        """Put on disk what is in memory."""
        if self._scratch is not None and self._frames:
            self._files.append((self._scratch.put(pl.concat(self._frames)), self.bytes))
            self._frames.clear()
            self.bytes = 0

    def held(self) -> Held:
        """What has been collected; the pile ends here."""
        if self._scratch is not None and self._files:
            self.spill()
            parts = tuple(_together(self._files, self._scratch.piece_bytes))
            return Held(self._schema, self._height, parts)
        frames = self._frames or [pl.DataFrame(schema=self._schema)]
        return Held.of(pl.concat(frames))


def _together(files: list[tuple[Path, int]], most_bytes: int) -> Iterator[tuple[Path, ...]]:
    """Neighbours that are a piece together."""
    group: list[Path] = []
    size = 0
    for path, more in files:
        if group and size + more > most_bytes:
            yield tuple(group)
            group, size = [], 0
        group.append(path)
        size += more
    yield tuple(group)


def hold(lf: pl.LazyFrame, scratch: Scratch | None) -> Held:
    """Run a plan and hold what it gives, in order.

    Args:
        lf: the plan.
        scratch: what is too large for memory goes there, and the plan runs with the engine that
            spills; None: memory is enough.
    """
    if scratch is None:
        return Held.of(lf.collect(engine="in-memory"))
    pile = Pile(lf.collect_schema(), scratch)
    for batch in lf.collect_batches(engine="streaming", chunk_size=_BATCH_ROWS):
        pile.add(batch)
    return pile.held()
