"""A cheap and exact proof that a block of NDJSON was decoded without loss.

Polars decodes JSON lines faster than anything else here and refuses malformed lines and wrong
numbers, but it drops unknown fields in silence and turns any value into text where text is
expected. Both show in the raw bytes: outside texts, `":` ends each key, and quotes come two to a
key and two to a text. So counting these in the block and comparing with what was decoded proves
that nothing was dropped and nothing was turned, without parsing again:

- keys in the block = non-null values decoded + explicit nulls  →  no unknown field (but for one
  that is null, which says nothing);
- quotes in the block = twice (keys + texts decoded)  →  each text was a text.

What may stand behind a null in a list shows in neither, so lists of nulls alone are not proved.

Wherever a count could be off (white space before a colon, an array where a text should be) the
answer is no, and the slow path decides. Counting costs about a tenth of decoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

_QUOTE, _COLON, _SPACE, _N, _NEWLINE = b'": n\n'
_KEY_END = _QUOTE | _COLON << 8
_CHUNK = 1 << 18  # even, and stays in the cache of a core
_LONGEST_GAP = 64
"""White space that is followed to its end; a block with more of it goes the slow way."""
_SURROGATE_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

Bytes = npt.NDArray[np.uint8]


def is_exact(raw: bytes, frame: pl.DataFrame) -> bool:
    """Whether `frame`, decoded from the NDJSON `raw`, holds all that `raw` says."""
    escaped = b"\\" in raw
    # Filler keeps neighbours apart; pairs of backslashes go first, so a lone one escapes.
    stripped = raw.replace(b"\\\\", b"__") if escaped and b"\\\\" in raw else raw
    if escaped and _SURROGATE.search(_SURROGATE_PAIR.sub(b"", stripped)):
        return False  # Polars reads a lone surrogate as a zero byte
    counted = _count(raw)
    if counted is None:
        return False
    quotes, key_ends = counted
    if escaped:
        quotes -= stripped.count(b'\\"')
        key_ends -= stripped.count(b'\\":')
    texts = [text for column in frame.get_columns() for text in _texts(column)]
    present = sum(_keys(column) for column in frame.get_columns())
    keys = _keys_in_block(raw, stripped, escaped, key_ends, present, texts)
    if keys is None:
        return False
    if quotes != 2 * (keys + sum(len(t) - t.null_count() for t in texts)):
        return False
    if b"[" not in raw:
        return True
    return not any(_may_be_array(text) for text in texts) and not any(
        _hides(column) for column in frame.get_columns()
    )


def _keys_in_block(
    raw: bytes, stripped: bytes, escaped: bool, key_ends: int, present: int, texts: list[pl.Series]
) -> int | None:
    """The number of keys in the block, if it is proved that all with a value were decoded."""
    if key_ends == present:
        return key_ends
    nulls = _count_nulls(raw)
    if escaped:
        nulls -= stripped.count(b'\\":n') + stripped.count(b'\\": n')
    colons = sum(_starting(text, ":") for text in texts)
    if colons:
        if escaped and b"\\u003" in raw:
            return None  # a text may begin with an escaped colon
        nulls -= sum(_starting(text, ":n") + _starting(text, ": n") for text in texts)
    keys = key_ends - colons
    return keys if keys == present + nulls else None


def _starting(text: pl.Series, prefix: str) -> int:
    return int(text.str.starts_with(prefix).sum())


def _may_be_array(text: pl.Series) -> bool:
    """Whether a value may be an array turned into text that holds as many quotes as a text has."""
    opened = text.filter(text.str.starts_with("["))
    return bool((opened.str.ends_with("]") & opened.str.contains('"', literal=True)).any())


def _hides(column: pl.Series) -> bool:
    """Whether the column has lists of nothing but nulls, which the decoder makes of numbers and
    booleans too while no list has had a value.
    """
    if isinstance(column.dtype, pl.List):
        within = column.filter(column.list.len() > 0).explode()
        return bool(len(within)) and (within.dtype == pl.Null() or _hides(within))
    if isinstance(column.dtype, pl.Struct):
        return any(_hides(column.struct.field(f.name)) for f in column.dtype.fields)
    return False


def _chunks(whole: Bytes) -> Iterator[tuple[Bytes, int]]:
    """Pieces of the block with three bytes of the next, so that patterns may begin anywhere."""
    for begin in range(0, len(whole), _CHUNK):
        piece = whole[begin : begin + _CHUNK + 3]
        size = min(_CHUNK, len(whole) - begin)
        if len(piece) < size + 3:
            piece = np.concatenate([piece, np.full(size + 3 - len(piece), _NEWLINE, np.uint8)])
        yield piece, size


def _count(raw: bytes) -> tuple[int, int] | None:
    """Quotes, and quotes followed by a colon; None if a key may be parted from its colon."""
    whole = np.frombuffer(raw, np.uint8)
    quotes = key_ends = 0
    # Into the same arrays each time: new ones would cost as much as the comparisons.
    quote, parted = np.empty(_CHUNK, np.bool_), np.empty(_CHUNK, np.bool_)
    for begin in range(0, len(whole), _CHUNK):
        piece = whole[begin : begin + _CHUNK]
        behind = whole[begin + 1 : begin + 1 + len(piece)]
        at = np.equal(piece, _QUOTE, out=quote[: len(piece)])
        quotes += int(np.count_nonzero(at))
        key_ends += _count_pairs(piece) + _count_pairs(behind)
        gap = np.less_equal(behind, _SPACE, out=parted[: len(behind)])
        np.logical_and(gap, at[: len(behind)], out=gap)
        if gap.any() and _before_colon(whole, np.flatnonzero(gap) + begin + 1):
            return None
    return quotes, key_ends


def _count_pairs(piece: Bytes) -> int:
    """Ends of keys that begin at an even place."""
    pairs = piece[: len(piece) // 2 * 2].view("<u2")
    return int(np.count_nonzero(pairs == _KEY_END))


def _before_colon(whole: Bytes, at: npt.NDArray[np.int_]) -> bool:
    """Whether there is, or may be, a colon behind the white space at one of these places."""
    for _ in range(_LONGEST_GAP):
        at = at[at < len(whole)]
        found = whole[at]
        if bool(np.any(found == _COLON)):
            return True
        at = at[found <= _SPACE] + 1
        if not len(at):
            return False
    return True


def _count_nulls(raw: bytes) -> int:
    """Keys followed by a null: outside texts, no other value begins with `n`."""
    nulls = 0
    for piece, size in _chunks(np.frombuffer(raw, np.uint8)):
        key_end = (piece[:size] == _QUOTE) & (piece[1 : size + 1] == _COLON)
        n = piece == _N
        spaced = (piece[2 : size + 2] == _SPACE) & n[3 : size + 3]
        nulls += int(np.count_nonzero(key_end & (n[2 : size + 2] | spaced)))
    return nulls


def _keys(column: pl.Series) -> int:
    """Keys that had a value: one for each value of the column, and those within."""
    return len(column) - column.null_count() + _keys_within(column)


def _keys_within(column: pl.Series) -> int:
    if isinstance(column.dtype, pl.List):
        return _keys_within(column.explode())
    if isinstance(column.dtype, pl.Struct):
        return sum(_keys(column.struct.field(f.name)) for f in column.dtype.fields)
    return 0


def _texts(column: pl.Series) -> Iterator[pl.Series]:
    """All text values of the column, at any depth."""
    if isinstance(column.dtype, pl.String):
        yield column
    elif isinstance(column.dtype, pl.List):
        yield from _texts(column.explode())
    elif isinstance(column.dtype, pl.Struct):
        for f in column.dtype.fields:
            yield from _texts(column.struct.field(f.name))
