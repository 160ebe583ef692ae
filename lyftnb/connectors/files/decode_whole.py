"""Plain text, and JSON documents that are read as a whole."""

from __future__ import annotations

import json

import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.connectors.files.decode_ndjson import decode_ndjson
from lyftnb.connectors.files.decoded import BAD_JSON, Columns, Decoded
from lyftnb.connectors.files.json_lines import parse_json
from lyftnb.typed_text import BAD_TEXT, as_text

RAW = "_raw"
_SHOWN = 10_000  # characters of a document that is no JSON: it may be the whole file


def decode_text(raw: bytes) -> Decoded:
    """One row a line, in the column `_raw`, without the line's end."""
    try:
        frame = _lines(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return _decode_each_line(raw)
    return Decoded(frame)


def _lines(text: str) -> pl.DataFrame:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    return pl.DataFrame({RAW: lines}, schema={RAW: pl.String})


def _decode_each_line(raw: bytes) -> Decoded:
    good: list[bytes] = []
    rejects: list[RawReject] = []
    for position, line in enumerate(raw.removesuffix(b"\n").split(b"\n")):
        try:
            line.decode("utf-8")
            good.append(line + b"\n")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 at byte {error.start}"
            rejects.append(RawReject(as_text(line), BAD_TEXT, reason, position, position))
    return Decoded(_lines(b"".join(good).decode("utf-8")), tuple(rejects))


def decode_json(raw: bytes, columns: Columns) -> Decoded:
    """One row for a document that is an object, or one for each element of an array."""
    try:
        document = parse_json(raw)
    except ValueError as error:
        why = str(error)
        if why.startswith("Extra data"):
            why += " behind the first document; a file with one object a line is `format: ndjson`"
        reject = RawReject(as_text(raw[:_SHOWN]), BAD_JSON, why, 0)
        return Decoded(pl.DataFrame(schema=dict(columns.known)), (reject,))
    rows = document if isinstance(document, list) else [document]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return decode_ndjson(lines.encode(), columns)
