"""Which line of a TOML text sets a key: parsers keep no lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]


def line_of(path: KeyPath, text: str) -> int | None:
    """The line (from 1) that sets the key at `path`, else the nearest one that holds its section.

    Reads headers and the keys at the start of lines.
    """
    best, depth = None, 0
    for number, key in _keys(text):
        common = 0
        while common < min(len(key), len(path)) and key[common] == str(path[common]):
            common += 1
        if common == min(len(key), len(path)) and common > depth:
            best, depth = number, common
    return best


def _keys(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, full key) of each header and each key at the start of a line."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?([^\[\]]+)\]", line)
        if header:
            table = _dotted(header[1])
            yield number, table
            continue
        key = re.match(r"""\s*([\w\-."' ]+?)\s*=""", line)
        if key:
            yield number, (*table, *_dotted(key[1]))


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
