"""Where a text file may be cut: behind a newline, for CSV behind one that is outside quotes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_BLOCK = 1 << 20
_NEWLINE = 10
_RETURN = 13


class UnprovenError(ValueError):
    """Quotes stand where they cannot be told from data, so no cut is known to be safe."""


def lines_end(file: BinaryIO, begin: int, end: int) -> int:
    """The end of the last whole line in `[begin, end)`; `begin` if there is none."""
    while end > begin:
        start = max(begin, end - _BLOCK)
        at = os.pread(file.fileno(), end - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return begin


def line_cuts(file: BinaryIO, begin: int, end: int, step: int) -> Iterator[int]:
    """Ends of pieces of whole lines, about `step` bytes each; the last is `end`."""
    while begin < end:
        begin = _line_end(file, min(begin + step, end) - 1, end)
        yield begin


def _line_end(file: BinaryIO, at: int, end: int) -> int:
    while at < end:
        block = os.pread(file.fileno(), min(1 << 16, end - at), at)
        if not block:
            return end
        found = block.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(block)
    return end


def record_cuts(
    file: BinaryIO, begin: int, end: int, step: int, delimiter: str, quote: str | None
) -> Iterator[int]:
    """Ends of pieces of whole CSV records, about `step` bytes each, then of the last whole record.

    `begin` must be the begin of a record.

    Raises:
        UnprovenError: a quote is neither at the edge of a field nor doubled within one; nothing
            that was yielded before is affected.
    """
    scan = _RecordScan(ord(delimiter), ord(quote) if quote else -1)
    last = begin
    target = begin + step
    for at in range(begin, end, _BLOCK):
        size = min(_BLOCK, end - at)
        block = np.frombuffer(os.pread(file.fileno(), size + 1, at), np.uint8)
        ends = scan.record_ends(block, size) + (at + 1)
        while len(ends) and int(ends[-1]) >= target:
            last = int(ends[np.searchsorted(ends, target)])
            yield last
            target = last + step
        if len(ends):
            last = max(last, int(ends[-1]))
    if last > target - step:
        yield last


@dataclass(slots=True)
class _RecordScan:
    """Follows the quotes from block to block."""

    delimiter: int
    quote: int
    inside: bool = False
    previous: int = field(default=_NEWLINE)

    def record_ends(self, block: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.int64]:
        """Indices of the newlines outside quotes among the first `size` bytes; one byte beyond
        them is given where there is one.
        """
        newlines = np.flatnonzero(block[:size] == _NEWLINE)
        quotes = np.flatnonzero(block[:size] == self.quote)
        if len(quotes):
            self._prove(block, quotes)
            before = np.searchsorted(quotes, newlines)
            newlines = newlines[(before + self.inside) % 2 == 0]
            self.inside ^= len(quotes) % 2 == 1
        elif self.inside:
            newlines = newlines[:0]
        self.previous = int(block[size - 1])
        return newlines

    def _prove(self, block: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64]) -> None:
        opening = quotes[int(self.inside) :: 2]
        closing = quotes[1 - int(self.inside) :: 2]
        before = np.where(opening > 0, block[opening - 1], self.previous)
        after = block[np.minimum(closing + 1, len(block) - 1)]
        at_edge = closing + 1 >= len(block)
        edges = (self.delimiter, _NEWLINE, self.quote)
        if not (
            np.isin(before, edges).all() and (np.isin(after, (*edges, _RETURN)) | at_edge).all()
        ):
            raise UnprovenError
