"""Which files of data lie in a workspace's folder: what a new input of files may begin with."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path, PurePath

_ENDINGS = frozenset({".csv", ".tsv", ".ndjson", ".jsonl", ".parquet"})
"""Not `.json`: most of those are settings of some tool."""
_HEADED = frozenset({".csv", ".tsv"})
_HEADERS = 12
_LINE_BYTES = 4096
_PACKED = frozenset({".gz", ".zst"})
_OURS = frozenset({"notebooks", "workflows", "node_modules", "__pycache__", "out"})
"""Folders that hold no data to begin with."""
_ENTRIES = 2_000
"""So many are looked at: whoever opens a canvas waits for it."""


def data_files(root: Path) -> str | None:
    """A path for them, relative to the folder: the first one of the nearest folder; a glob where
    all of its kind there have the same header. None: there are none near the top.
    """
    for folder, names in _folders(root):
        endings = dict.fromkeys(filter(None, map(_ending, sorted(names))))
        if not endings:
            continue
        ending = next(iter(endings))
        alike = sorted(name for name in names if _ending(name) == ending)
        one = len(alike) == 1 or not _have_one_header(root / folder, alike, ending)
        return (folder / (alike[0] if one else f"*{ending}")).as_posix()
    return None


def _have_one_header(folder: Path, names: list[str], ending: str) -> bool:
    """Whether they are tables of the same columns, as far as a glance tells."""
    if ending not in _HEADED:
        return False
    try:
        return len({_first_line(folder / name) for name in names[:_HEADERS]}) == 1
    except OSError:
        return False


def _first_line(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.readline(_LINE_BYTES)


def _ending(name: str) -> str | None:
    """`.csv`, `.ndjson.gz`; None: it is no file of data."""
    suffixes = PurePath(name).suffixes
    packed = suffixes.pop() if suffixes and suffixes[-1] in _PACKED else ""
    last = suffixes[-1] if suffixes else ""
    return last + packed if last in _ENDINGS and not name.startswith(".") else None


def _folders(root: Path) -> Iterator[tuple[PurePath, list[str]]]:
    """Folders from the top down, each with the names of its files; as many as the bound allows."""
    waiting = deque([PurePath()])
    left = _ENTRIES
    while waiting and left > 0:
        folder = waiting.popleft()
        names: list[str] = []
        below: list[PurePath] = []
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _OURS and not entry.name.startswith("."):
                            below.append(folder / entry.name)
                    else:
                        names.append(entry.name)
        except OSError:
            continue  # a folder that may not be read holds nothing for us
        waiting.extend(sorted(below))
        yield folder, names
