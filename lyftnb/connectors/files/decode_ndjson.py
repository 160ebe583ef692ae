"""NDJSON: one object a line.

The compiled part takes the lines that are plain beyond doubt (`lyftnb.native`), where it is there
and the columns are plain. What it leaves, or else all of the block, goes to Polars, and is proved
to be complete (`json_exact`). What is not clean is cut up until the lines that spoil it stand among
few, and these are judged one by one (`json_lines`): a line that is no row becomes a reject, a line
with a new field or a wider number makes the columns grow, and the block is decoded again with the
grown columns. So the rows, the rejects and the columns depend on the lines alone, not on how they
were found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.connectors.files.decoded import BAD_JSON, BAD_VALUE, Columns, Decoded
from lyftnb.connectors.files.json_exact import is_exact
from lyftnb.connectors.files.json_lines import Bad, Judge
from lyftnb.dtypes import to_text
from lyftnb.errors import WorkflowError
from lyftnb.native.json_lines import PlainLines, decode_json_lines
from lyftnb.typed_text import as_text, failures, text_to_type

_FEW_LINES = 512
"""Up to so many lines are judged one by one rather than cut again."""
_WAYS = 16
_BLANK = b" \t\r"
_BLANKS = _BLANK + b"\n"
_UNREADABLE = "the decoder cannot read the line"
_NO_COLUMN = "an object without fields is no row as long as no column is known"
_DIGITS = 15
"""A 64-bit float holds so many decimal digits."""

Types = Mapping[str, pl.DataType]


def decode_ndjson(raw: bytes, columns: Columns) -> Decoded:
    """Decode whole lines; blank lines count for nothing.

    Args:
        raw: lines with `\\n` or `\\r\\n`; the last may lack its newline.
        columns: what the rows should look like.

    Raises:
        WorkflowError: a declared column has a type that JSON cannot be read into.
    """
    wire: Types = {name: wire_type(name, dtype) for name, dtype in columns.known.items()}
    types = wire
    while True:
        found = _decode_once(raw, types, columns.fixed)
        if isinstance(found, Decoded):
            break
        types = found
    decoded = found
    # A column that grew has outgrown what was known of it, too.
    converted = {n: t for n, t in columns.known.items() if t != wire[n] and types[n] == wire[n]}
    if converted:
        decoded = _convert(decoded, raw, converted)
    return _with_lines(decoded, raw) if decoded.rejects else decoded


def _with_lines(decoded: Decoded, raw: bytes) -> Decoded:
    """Positions count the lines that are not blank."""
    at = [i for i, line in enumerate(raw.split(b"\n")) if line.strip(_BLANK)]
    rejects = tuple(replace(r, line=at[r.position]) for r in decoded.rejects)
    return replace(decoded, rejects=rejects)


def _decode_once(raw: bytes, types: Types, fixed: bool) -> Decoded | Types:
    """The block with these columns, or those that it takes."""
    plain = decode_json_lines(raw, types)
    attempt = _Attempt(types, fixed)
    if plain is None:
        attempt.decode(raw)
    elif len(plain.odd):
        attempt.decode(b"\n".join(raw[begin:end] for begin, end, _ in plain.odd.tolist()))
    if attempt.grown is not None:
        return attempt.grown
    rest = pl.concat(attempt.frames) if attempt.frames else pl.DataFrame(schema=types)
    decoded = Decoded(rest, tuple(attempt.rejects))
    return decoded if plain is None else _together(plain, decoded)


def _together(plain: PlainLines, odd: Decoded) -> Decoded:
    """What came of both kinds of lines, in the order of the lines."""
    before = plain.odd[:, 2]
    rejects = tuple(replace(r, position=int(before[r.position]) + r.position) for r in odd.rejects)
    if odd.frame.is_empty():
        return Decoded(plain.frame, rejects)
    refused = [reject.position for reject in odd.rejects]
    behind = np.delete(before, refused) * 2 - 1  # of the plain row ahead, which is 2 n
    order = np.argsort(np.concatenate([np.arange(plain.frame.height) * 2, behind]), kind="stable")
    return Decoded(pl.concat([plain.frame, odd.frame])[order], rejects)


@dataclass(slots=True)
class _Attempt:
    """One pass over a block with given columns; it ends early where the columns must grow."""

    types: Types
    fixed: bool
    frames: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[RawReject] = field(default_factory=list)
    rows: int = 0
    """Lines passed so far, good or bad."""
    grown: Types | None = None

    def decode(self, raw: bytes) -> None:
        """Decode a block into `frames` and `rejects`, or set `grown`."""
        pending = [raw]
        while pending and self.grown is None:
            block = pending.pop()
            frame = _decode_clean(block, self.types)
            if frame is not None:
                self.frames.append(frame)
                self.rows += frame.height
            elif block.count(b"\n") <= _FEW_LINES:
                self._judge(block)
            else:
                pending += reversed(_cut(block))

    def _judge(self, block: bytes) -> None:
        """Part the good lines of a small block from the bad ones."""
        judge = Judge(self.types, self.fixed)
        lines = list(lines_of(block))
        bad = {i: verdict for i, line in enumerate(lines) if (verdict := judge.judge(line))}
        if judge.columns is not self.types:
            self.grown = judge.columns
            return
        good = [i for i in range(len(lines)) if i not in bad]
        for i in self._take_lines(good, lines):
            bad[i] = Bad(BAD_JSON, _UNREADABLE if self.types else _NO_COLUMN)
        self.rejects += [
            RawReject(as_text(lines[i]), bad[i].code, bad[i].reason, self.rows + i)
            for i in sorted(bad)
        ]
        self.rows += len(lines)

    def _take_lines(self, good: list[int], lines: list[bytes]) -> list[int]:
        """Take the lines of these indices; those that the decoder refuses all the same."""
        frame = _decode_unproved(b"\n".join(lines[i] for i in good), self.types)
        if frame is not None and frame.height == len(good):
            self.frames.append(frame)
            return []
        if len(good) == 1:
            return good
        return [i for j in good for i in self._take_lines([j], lines)]


def _cut(block: bytes) -> list[bytes]:
    """The block in about `_WAYS` pieces of whole lines."""
    pieces, begin, step = [], 0, len(block) // _WAYS
    while begin < len(block):
        end = block.find(b"\n", begin + step) + 1 or len(block)
        pieces.append(block[begin:end])
        begin = end
    return pieces


def _decode_clean(raw: bytes, types: Types) -> pl.DataFrame | None:
    """The block's rows if every line is one and nothing was lost, else None."""
    frame = _decode_unproved(raw, types)
    return frame if frame is not None and is_exact(raw, frame) else None


def _decode_unproved(raw: bytes, types: Types) -> pl.DataFrame | None:
    if not raw.strip(_BLANKS):
        return pl.DataFrame(schema=types)
    if not types:
        return None  # a row needs a column
    try:
        return pl.scan_ndjson(raw, schema=pl.Schema(types)).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Polars panics at a number beyond 63 bits where only null was seen within a struct.
        return None


def lines_of(raw: bytes) -> Iterator[bytes]:
    """The lines that are not blank, without their ends."""
    for line in raw.split(b"\n"):
        if stripped := line.strip(_BLANK):
            yield stripped


def wire_type(name: str, dtype: pl.DataType) -> pl.DataType:
    """The type that JSON itself gives to a column of type `dtype`.

    Dates and times travel as text, and so do decimals of more than 15 digits, which a JSON number
    may not hold; narrow numbers are read wide, so that what does not fit shows.

    Raises:
        WorkflowError: the type has values that do not travel through JSON.
    """
    if dtype.is_nested():
        if not _is_json(dtype):
            raise WorkflowError(
                f"column '{name}': {to_text(dtype)} cannot be read from JSON",
                hint="inside lists and structs use BIGINT, DOUBLE, VARCHAR and BOOLEAN",
            )
        return dtype
    if isinstance(dtype, pl.UInt64 | pl.Int128):
        raise WorkflowError(
            f"column '{name}': {to_text(dtype)} cannot be read from JSON",
            hint="use BIGINT, or DOUBLE for larger numbers",
        )
    if isinstance(dtype, pl.Duration):
        raise WorkflowError(
            f"column '{name}': {to_text(dtype)} cannot be read from JSON",
            hint="read it as VARCHAR and parse it in a later step",
        )
    if dtype.is_float() or (isinstance(dtype, pl.Decimal) and (dtype.precision or 38) <= _DIGITS):
        return pl.Float64()
    if dtype.is_integer():
        return pl.Int64()
    return dtype if isinstance(dtype, pl.Boolean | pl.Null) else pl.String()


def _is_json(dtype: object) -> bool:
    if isinstance(dtype, pl.List):
        return _is_json(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(_is_json(f.dtype) for f in dtype.fields)
    return dtype in (pl.Int64, pl.Float64, pl.String, pl.Boolean, pl.Null)


def _convert(decoded: Decoded, raw: bytes, types: Types) -> Decoded:
    """Turn wire columns into declared ones; rows with values that do not fit become rejects."""
    wire = decoded.frame
    typed = wire.with_columns(
        text_to_type(pl.col(name), dtype).alias(name)
        if wire.schema[name] == pl.String
        else pl.col(name).cast(dtype, strict=False)
        for name, dtype in types.items()
    )
    failed = failures(wire, typed, types)
    if not failed:
        return Decoded(typed, decoded.rejects)
    lines = list(lines_of(raw))
    refused = {reject.position for reject in decoded.rejects}
    positions = [i for i in range(len(lines)) if i not in refused]
    late = [
        RawReject(as_text(lines[positions[row]]), BAD_VALUE, reason, positions[row])
        for row, reason in failed.items()
    ]
    rejects = sorted([*decoded.rejects, *late], key=lambda reject: reject.position)
    good = ~pl.int_range(pl.len()).is_in(pl.Series(list(failed), dtype=pl.Int64).implode())
    return Decoded(typed.filter(good), tuple(rejects))
