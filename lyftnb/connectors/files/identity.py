"""What a file is, whatever its name: device and inode, and a hash of its first bytes.

A `FileSplit` is one piece of one file, exact to the byte (Parquet: to the row); a `FileMark` is how
far a file has been read. Both are JSON, in payloads and in positions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from lyftnb.errors import StorageError

HEAD_BYTES = 1024
"""At most so many first bytes of a file count for its identity."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """How far a file has been read."""

    path: str
    """Where it was last seen; for people only."""
    head: str
    """Hash of the first `head_bytes` bytes."""
    head_bytes: int
    done: int
    """Bytes read (Parquet: rows)."""
    total: int
    """Bytes (Parquet: rows) of a file that is read whole; 0 for one that may grow."""
    size: int
    mtime_ns: int
    generation: int
    """Counts how often the inode was found to hold another file than before."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> FileMark | None:
        """The mark in a position's item, if there is one."""
        return None if value is None else cls(**value)


@dataclass(frozen=True, slots=True)
class FileSplit:
    """Bytes `begin` to `end` of a file (Parquet: rows)."""

    item: str
    """Key of the file in the position: device and inode."""
    path: str
    format: str
    compression: str | None
    begin: int
    end: int
    head: str
    head_bytes: int
    total: int
    """As in `FileMark`: not 0 for a file that is read whole and must not change."""
    size: int
    mtime_ns: int
    generation: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FileSplit:
        """The split in a claim's payload."""
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """The payload."""
        return asdict(self)

    @property
    def mark(self) -> dict[str, Any]:
        """The position's item once this split is committed."""
        mark = FileMark(
            path=self.path,
            head=self.head,
            head_bytes=self.head_bytes,
            done=self.end,
            total=self.total,
            size=self.size,
            mtime_ns=self.mtime_ns,
            generation=self.generation,
        )
        return asdict(mark)


def item_of(stat: os.stat_result) -> str:
    """The key of a file in a position."""
    return f"{stat.st_dev:x}-{stat.st_ino:x}"


def head_of(file: BinaryIO, size: int) -> str:
    """Hash of the first `size` bytes (fewer where the file is shorter)."""
    return hashlib.blake2b(os.pread(file.fileno(), size, 0), digest_size=12).hexdigest()


@contextmanager
def opened(split: FileSplit) -> Iterator[BinaryIO]:
    """The split's file, found again where it was renamed, proved to be the same before and after.

    Raises:
        StorageError: it is gone, or is another than the one that was claimed.
    """
    path = _located(split)
    try:
        with open(path, "rb") as file:
            check_unchanged(split, file)
            yield file
            check_unchanged(split, file)
    except OSError as error:
        raise StorageError(
            f"the file cannot be read: {error.strerror}",
            where=path,
            hint="repair the file or its permissions, then run again",
        ) from error


def _located(split: FileSplit) -> str:
    """Where the file is now: at its path, or under another name in the same folder."""
    folder = os.path.dirname(split.path)
    try:
        if item_of(os.stat(split.path)) == split.item:
            return split.path
    except FileNotFoundError:
        pass
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file() and item_of(entry.stat()) == split.item:
                    return entry.path
    except FileNotFoundError:
        pass
    raise StorageError(
        "the file is gone since it was claimed",
        where=split.path,
        hint="put it back and run again; until then its rows are not read",
    )


def check_unchanged(split: FileSplit, file: BinaryIO) -> None:
    """Check that an open file is still what the split was cut from.

    Raises:
        StorageError: it was replaced, cut off or (where it is read whole) written to.
    """
    stat = os.fstat(file.fileno())
    whole = split.total > 0
    if (
        item_of(stat) == split.item
        and head_of(file, split.head_bytes) == split.head
        and (whole or stat.st_size >= split.end)
        and (not whole or (stat.st_size, stat.st_mtime_ns) == (split.size, split.mtime_ns))
    ):
        return
    raise StorageError(
        "the file changed after it was claimed",
        where=split.path,
        hint="files that are read must be replaced by renaming a new file over them; "
        "restore the file, or run again to take it as it is now",
    )
