"""`files`: files in folders, each row once."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, BinaryIO, ClassVar

import polars as pl
import zstandard

from lyftnb.connectors.base import Discovery, RawReject, ReadResult, Source, SourceEnv
from lyftnb.connectors.files.decode_csv import check_type, decode_csv
from lyftnb.connectors.files.decode_ndjson import decode_ndjson, wire_type
from lyftnb.connectors.files.decode_whole import RAW, decode_json, decode_text
from lyftnb.connectors.files.decoded import DAMAGED, UNREADABLE, Columns, Decoded
from lyftnb.connectors.files.discovery import discover
from lyftnb.connectors.files.identity import FileSplit, opened
from lyftnb.connectors.files.params import FilesParams, delimiter_of
from lyftnb.connectors.files.read_parquet import fitted
from lyftnb.csv_text import Dialect, read_header
from lyftnb.dtypes import HIDDEN, from_schema
from lyftnb.errors import BadData, LyftError, StorageError
from lyftnb.model import Position, Schema
from lyftnb.typed_text import BOM

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER_BYTES = 1 << 20
_LONG_HEADER_BYTES = 1 << 26
_COUNTED_BYTES = 1 << 28
"""The lines before a split are counted where that takes no more than a moment."""
_CHUNK_BYTES = 1 << 20


class Files(Source[FilesParams]):
    """Reads csv, tsv, ndjson, json, parquet and text files, also compressed (`.gz`, `.zst`).

    A position has one item per file, under its device and inode, so a rename changes nothing.
    """

    name: ClassVar[str] = "files"
    Params: ClassVar[type[FilesParams]] = FilesParams

    def schema(self, params: FilesParams) -> Schema | None:
        """As declared; plain text has its one column.

        Raises:
            WorkflowError: a declared type cannot be read from files of the declared format.
        """
        if params.declared is None and params.format == "text":
            return Schema.from_mapping({RAW: "VARCHAR"})
        check = {"csv": check_type, "tsv": check_type, "ndjson": wire_type, "json": wire_type}
        if params.format in check:
            for name, dtype in from_schema(params.declared or Schema()).items():
                check[params.format](name, dtype)
        return params.declared

    def discover(self, params: FilesParams, position: Position, env: SourceEnv) -> Discovery:
        """New files, and what was added to those that grow."""
        return discover(params, position, env)

    def advance(self, params: FilesParams, position: Position, splits: Sequence[Any]) -> Position:
        """One item per file: how far it has been read."""
        parsed = [FileSplit.from_json(payload) for payload in splits]
        return {split.item: split.mark for split in parsed}

    def read(
        self, params: FilesParams, payload: Any, floor: Schema | None, env: SourceEnv
    ) -> ReadResult:
        """The rows of one split; see `Source.read`."""
        split = FileSplit.from_json(payload)
        with opened(split) as file:
            try:
                if split.format == "parquet":
                    return _read_parquet(params, split, floor, file, env.careful)
                decoded, size = _read_text(params, split, floor, file)
                _refuse_kept_names(decoded.frame.columns)
            except _DamagedError as error:
                advice = "replace it by a whole one and let on_change: reread read it"
                return _given_up(params, split, floor, DAMAGED, f"it is damaged, {error}; {advice}")
            except BadData as error:
                advice = f"; {error.hint}" if error.hint else ""
                return _given_up(params, split, floor, UNREADABLE, f"{error.message}{advice}")
            except StorageError:
                raise
            except LyftError as error:
                raise error.with_where(split.path) from error
        inferred = params.declared is None and split.format != "text"
        return ReadResult(
            frame=decoded.frame.lazy(),
            rejects=decoded.rejects,
            schema=decoded.schema if inferred else None,
            bytes=size,
        )


class _DamagedError(Exception):
    """A compressed or Parquet file is cut off or broken: the message says how."""


def _given_up(
    params: FilesParams, split: FileSplit, floor: Schema | None, code: str, why: str
) -> ReadResult:
    """No row of what cannot be read, and the file itself as a reject: it holds nobody up."""
    unit, size = ("rows", split.total) if split.format == "parquet" else ("bytes", split.size)
    whole = (split.begin, split.end) == (0, size)
    piece = "it" if whole else f"its {unit} {split.begin:,} to {split.end:,}"
    reason = f"nothing of {piece} was read: {why}"
    columns = Columns.of(params.declared, floor)
    return ReadResult(
        frame=pl.LazyFrame(schema=columns.known),
        rejects=(RawReject(split.path, code, reason, 0),),
        bytes=split.end - split.begin,
    )


def _read_parquet(
    params: FilesParams, split: FileSplit, floor: Schema | None, file: BinaryIO, careful: bool
) -> ReadResult:
    """Lazy, so that only the columns that are used are read; unless one of them is known to hold
    what cannot be read.
    """

    def recheck() -> None:
        with opened(split):
            pass

    frame = pl.scan_parquet(file.name).slice(split.begin, split.end - split.begin)
    _refuse_kept_names(frame.collect_schema().names())
    if careful:
        try:
            frame = frame.collect().lazy()
        except pl.exceptions.PolarsError as error:
            recheck()
            raise _DamagedError(str(error).partition("\n")[0]) from error
    found = fitted(frame, Columns.of(params.declared, floor))
    return ReadResult(
        frame=found.frame,
        rejects=_placed(found.rejects, split, 0, file),
        schema=found.schema if params.declared is None else None,
        bytes=split.size * (split.end - split.begin) // max(split.total, 1),
        recheck=recheck,
    )


def _refuse_kept_names(names: Sequence[str]) -> None:
    """Columns of these names would be taken for the engine's own and lost."""
    kept = next((name for name in names if name.startswith(HIDDEN)), None)
    if kept is not None:
        raise BadData(
            f"the column '{kept}' begins with '{HIDDEN}', which is kept for lyftnb itself",
            hint="rename it in the file",
        )


def _refuse_utf16(raw: bytes) -> None:
    if raw.startswith(_UTF16):
        raise BadData(
            "the file is UTF-16, and UTF-8 was expected",
            hint="convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE",
        )


def _read_text(
    params: FilesParams, split: FileSplit, floor: Schema | None, file: BinaryIO
) -> tuple[Decoded, int]:
    raw = os.pread(file.fileno(), split.end - split.begin, split.begin)
    while len(raw) < split.end - split.begin:
        more = os.pread(file.fileno(), split.end - split.begin - len(raw), split.begin + len(raw))
        if not more:
            raise StorageError("the file was cut off while it was read", where=split.path)
        raw += more
    size = len(raw)
    if split.compression is not None:
        raw = _DECOMPRESS[split.compression](raw)
    _refuse_utf16(raw if split.begin == 0 else os.pread(file.fileno(), 2, 0))
    columns = Columns.of(params.declared, floor)
    begin = _skipped(raw, split, file)
    if split.format in ("csv", "tsv"):
        dialect = Dialect(
            delimiter_of(params, split.format), params.quote, params.null_values, params.header
        )
        names, end = _header(raw, split, dialect, file)
        begin = max(begin, end - split.begin)
        if not params.header and columns.fixed:
            names = tuple(columns.known)
        decoded = decode_csv(raw[begin:], names, dialect, columns)
    elif split.format == "text":
        decoded = decode_text(raw[begin:])
    else:
        decode = decode_ndjson if split.format == "ndjson" else decode_json
        decoded = decode(raw[begin:], columns)
    if decoded.rejects:
        lines = raw[:begin].count(b"\n")
        decoded = replace(decoded, rejects=_placed(decoded.rejects, split, lines, file))
    return decoded, size


def _skipped(raw: bytes, split: FileSplit, file: BinaryIO) -> int:
    """How many of the first bytes are no data."""
    if split.begin == 0:
        return len(BOM) if raw.startswith(BOM) else 0
    if os.pread(file.fileno(), 1, split.begin - 1) == b"\n":
        return 0
    # The line before had come to rest without its end, and was taken: here it only ends.
    return next((len(end) for end in (b"\n", b"\r\n") if raw.startswith(end)), 0)


def _header(
    raw: bytes, split: FileSplit, dialect: Dialect, file: BinaryIO
) -> tuple[tuple[str, ...], int]:
    """The names of the columns, and where in the file (unpacked) the data begin."""

    def head(size: int) -> bytes:
        return raw[:size] if split.begin == 0 else os.pread(file.fileno(), size, 0)

    found = head(_HEADER_BYTES)
    if len(found) == _HEADER_BYTES and b"\n" not in found:
        found = head(_LONG_HEADER_BYTES)
    total = len(raw) if split.begin == 0 else os.fstat(file.fileno()).st_size
    return read_header(found, dialect, whole=len(found) == total)


def _placed(
    rejects: tuple[RawReject, ...], split: FileSplit, skipped: int, file: BinaryIO
) -> tuple[RawReject, ...]:
    """The rejects, each saying where in the file it stands, behind so many lines of the split."""
    name = PurePath(split.path).name
    if split.format == "parquet":
        places = [f"{name}, row {split.begin + reject.position + 1:,}" for reject in rejects]
    elif split.format == "json":
        # What has no line is the document as a whole.
        lines = [reject.line for reject in rejects]
        places = [name if line is None else f"{name}, element {line + 1:,}" for line in lines]
    elif split.begin <= _COUNTED_BYTES:
        first = _newlines(file, split.begin) + skipped + 1
        places = [f"{name}:{first + (reject.line or 0)}" for reject in rejects]
    else:
        first = skipped + 1
        behind = f"from byte {split.begin:,}"
        places = [f"{name}, line {first + (r.line or 0):,} {behind}" for r in rejects]
    return tuple(
        replace(reject, reason=f"{place}: {reject.reason}")
        for reject, place in zip(rejects, places, strict=True)
    )


def _newlines(file: BinaryIO, end: int) -> int:
    """How many newlines stand in the file before this byte."""
    starts = range(0, end, _CHUNK_BYTES)
    pieces = (os.pread(file.fileno(), min(_CHUNK_BYTES, end - at), at) for at in starts)
    return sum(piece.count(b"\n") for piece in pieces)


def _gunzip(raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise _DamagedError(f"it is not whole gzip data ({error})") from error


def _unzstd(raw: bytes) -> bytes:
    # By frames, because the library's own reader takes a file that is cut off for one that ends.
    out: list[bytes] = []
    frame = None
    try:
        for begin in range(0, len(raw), _CHUNK_BYTES):
            piece = raw[begin : begin + _CHUNK_BYTES]
            while piece:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                out.append(frame.decompress(piece))
                piece = b""
                if frame.eof:
                    piece, frame = frame.unused_data, None
    except zstandard.ZstdError as error:
        raise _DamagedError(f"it is not whole zstd data ({error})") from error
    if frame is not None:
        raise _DamagedError("it is not whole zstd data (it is cut off)")
    return b"".join(out)


_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {"gz": _gunzip, "zst": _unzstd}
