"""Sweep: remove staged files that no commit names and no batch will still commit.

Safe beside running batches. A file of a batch that is committed or abandoned can never be committed
any more: the commit's fence refuses it. Any other file may belong to a batch in flight, so it stays
until it is older than a grace; and should a batch outlive even that, its commit finds the file gone
and is refused, and the batch runs again. Nothing that a row names is ever touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WORDS = 7
"""Words in a segment's file name: stage, number, attempt, task, split, part, token."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep removed, and what it left."""

    files: int = 0
    bytes: int = 0
    folders: int = 0
    waiting: int = 0
    """Files that no row names, but that a batch may still commit."""
    foreign: int = 0
    """Files under the storage root that are not segments; never touched."""
    outputs: int = 0
    """Outputs that were passed by, and of which what was staged is removed by now."""
    unreached: tuple[str, ...] = ()
    """Worker groups that have no workers here, and where such outputs are left."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that was found under the storage root."""

    path: str
    """Relative to the root."""
    bytes: int
    age_s: float
    batch: str | None
    """None: its name is not a segment's."""


def staged_files(root: Path, now_s: float) -> Iterator[StagedFile]:
    """All files under the root; one that vanishes meanwhile is left out."""
    for folder, _folders, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            try:
                stat = file.stat()
            except FileNotFoundError:
                continue
            path = file.relative_to(root).as_posix()
            yield StagedFile(path, stat.st_size, now_s - stat.st_mtime, _batch_of(path))


def remove_empty_folders(root: Path, now_s: float, grace_s: float) -> int:
    """Remove empty folders older than the grace, deepest first; how many."""
    removed = 0
    for folder, _folders, _names in os.walk(root, topdown=False):
        path = Path(folder)
        if path == root or now_s - path.stat().st_mtime < grace_s:
            continue
        try:
            path.rmdir()
        except OSError:
            # Not empty. A task may also have staged a file here since the walk.
            continue
        removed += 1
    return removed


def _batch_of(path: str) -> str | None:
    spool, _slash, name = path.partition("/")
    words = name.rpartition("/")[2].removesuffix(".parquet").split("-")
    deployment = spool.partition(".")[0]
    if len(words) != _WORDS or not name.endswith(".parquet") or not words[1].isdigit():
        return None
    return f"{deployment}/{words[0]}/{words[1]}"
