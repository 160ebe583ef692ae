"""What crosses between processes, packed before Dask sees it.

Dask opens and closes what it passes on: the scheduler reads each task's arguments and writes them
anew for the worker, and every buffer of a table costs a tenth of a millisecond on each side. So
arguments travel as bytes that only the worker opens. Tables of many megabytes do not travel at all
where all workers are on one machine: they are laid into a file, which the reader maps into memory;
through an encrypted connection they would take ten times as long.
"""

from __future__ import annotations

import mmap
import pickle
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from lyftnb.dtypes import holds
from lyftnb.errors import StorageError, WorkflowError, unwritten

_NEWEST = pl.CompatLevel.newest()
_SHARED = 2
"""A table whose buffers are so many times what its rows take shares them with others."""
_ALIGNED = 64
"""Arrow's buffers begin at multiples of so many bytes, or are copied by who reads them."""


def sealed(value: Any) -> bytes:
    """A value as bytes."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def opened(parcel: bytes) -> Any:
    """The value that was sealed."""
    return pickle.loads(parcel)


@lru_cache(64)
def opened_once(parcel: bytes) -> Any:
    """The value that was sealed, the same one each time: for what many tasks are sent, and none
    changes.
    """
    return pickle.loads(parcel)


def packed(frame: pl.DataFrame) -> Any:
    """A frame as what crosses best: an Arrow table, whose buffers lie apart from it, while Polars
    pickles a frame byte by byte (five times slower). But Arrow has no whole numbers of 128 bits.

    Texts cross as Polars has them, views into buffers, so that neither side rewrites them; unless
    the views pick few rows out of buffers that hold many.

    Raises:
        WorkflowError: a column has Python objects, of which only addresses would arrive.
    """
    for name, dtype in frame.schema.items():
        if holds(dtype, pl.Object):
            raise WorkflowError(
                f"column '{name}' has Python objects, which cannot go to another worker group",
                hint="cast it to a type that lyftnb knows, for example to text",
            )
    wide = any(holds(dtype, pl.Int128, pl.UInt128) for dtype in frame.dtypes)
    if wide:
        return frame
    table = frame.to_arrow(compat_level=_NEWEST)
    shares = table.get_total_buffer_size() > _SHARED * frame.estimated_size()
    return frame.to_arrow() if shares else table


def unpacked(rows: Any) -> pl.DataFrame:
    """The frame that was packed."""
    frame = rows if isinstance(rows, pl.DataFrame) else pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame


def lay_out(folder: Path) -> None:
    """Make a folder for freight. Whoever removes it makes it, and not who writes there: a task that
    nobody waits for any more finds it gone, and leaves nothing behind.

    Raises:
        StorageError: it cannot be made (`StorageFull`: there is no room).
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritten(folder, error) from error


@dataclass(frozen=True, slots=True)
class Freight:
    """A value that lies on large buffers (Arrow tables), and these one behind the other: in one
    array, which Dask sends as it is, or in a file.
    """

    head: bytes
    """The value pickled, but for its buffers."""
    lengths: tuple[int, ...]
    hold: npt.NDArray[np.uint8] | Path

    @classmethod
    def loaded(cls, value: Any, folder: Path | None) -> Self:
        """Load a value; into a new file in `folder` (see `lay_out`), if one is named.

        Raises:
            StorageError: the file cannot be written (`StorageFull`: there is no room).
        """
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        padded = (part for view in views for part in (view, bytes(_padding(view.nbytes))))
        hold: npt.NDArray[np.uint8] | Path
        if folder is None:
            hold = np.frombuffer(b"".join(padded), np.uint8)
        else:
            hold = _written(padded, folder)
        return cls(head, tuple(view.nbytes for view in views), hold)

    def unloaded(self) -> Any:
        """The value, over what holds its buffers: nothing is copied.

        Raises:
            OSError: the file is gone.
        """
        return pickle.loads(self.head, buffers=self._slices())

    def _slices(self) -> Iterator[memoryview]:
        whole = _mapped(self.hold) if isinstance(self.hold, Path) else self.hold.data
        begin = 0
        for length in self.lengths:
            yield whole[begin : begin + length]
            begin += length + _padding(length)


def _padding(size: int) -> int:
    return -size % _ALIGNED


def _written(parts: Iterator[bytes | memoryview], folder: Path) -> Path:
    path = folder / secrets.token_hex(8)
    try:
        with path.open("xb") as out:
            out.writelines(parts)
    except OSError as error:
        path.unlink(missing_ok=True)  # it may be a full disk that it failed for
        raise _unwritten(folder, error) from error
    return path


def _unwritten(folder: Path, error: OSError) -> StorageError:
    return unwritten(
        "rows on their way to another group",
        error,
        where=str(folder),
        hint="make room there; nothing was committed",
    )


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return memoryview(b"")  # an empty file cannot be mapped
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
