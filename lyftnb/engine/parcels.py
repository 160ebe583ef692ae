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

from lyftnb.errors import unwritten

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
    def loaded(cls, value: Any, folder: str | None) -> Self:
        """Load a value; into a new file in `folder`, if there is one.

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
            hold = _written(padded, Path(folder))
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
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            out.writelines(parts)
    except OSError as error:
        raise unwritten(
            "rows on their way to another group",
            error,
            where=str(folder),
            hint="make room there; nothing was committed",
        ) from error
    return path


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return memoryview(b"")  # an empty file cannot be mapped
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
