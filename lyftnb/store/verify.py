"""Verify: does every file that the ledger names still hold what was committed?"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lyftnb.store.engines import pa, pl, pq
from lyftnb.store.segments import shown_checksum

_CHUNK = 2**20
_HINT = (
    "restore the file from a backup; a draft's data can be made anew by `lyftnb run --fresh`; "
    "until then reads of this spool fail rather than leave rows out"
)


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged segment. `kind` is `missing`, `size`, `checksum` or `rows`."""

    spool: str
    batch: str
    path: str
    kind: str
    expected: str
    found: str
    live: bool
    """False: only reads of old snapshots need it."""
    hint: str = _HINT

    def __str__(self) -> str:
        return (
            f"{self.spool}: segment {self.path} of batch {self.batch}: "
            f"{self.kind}: expected {self.expected}, found {self.found}"
        )


def examine(segment: Mapping[str, Any], root: Path, *, sizes_only: bool = False) -> Damage | None:
    """Check one segment, given as its row of the ledger, from its size to its last byte; or its
    size alone.
    """
    file = root / segment["path"]

    def damage(kind: str, expected: object, found: object) -> Damage:
        return Damage(
            segment["spool"],
            segment["batch"],
            segment["path"],
            kind,
            f"{expected}",
            f"{found}",
            segment["live"],
        )

    try:
        size, crc = (file.stat().st_size, None) if sizes_only else _size_and_checksum(file)
    except FileNotFoundError:
        return damage("missing", "the file", "none")
    except OSError as error:
        return damage("missing", "a readable file", error.strerror or error)
    if size != segment["bytes"]:
        return damage("size", f"{segment['bytes']} bytes", f"{size} bytes")
    if sizes_only:
        return None
    if crc != segment["checksum"]:
        return damage("checksum", segment["checksum"], crc)
    rows = _rows(file)
    return None if rows == segment["rows"] else damage("rows", segment["rows"], rows)


def _rows(file: Path) -> int:
    try:
        return int(pq.read_metadata(file).num_rows)
    except pa.ArrowNotImplementedError:
        # Wide integers, for which Arrow has no word. It takes Polars ten times as long.
        return int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())


def _size_and_checksum(file: Path) -> tuple[int, str]:
    size = crc = 0
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return size, shown_checksum(crc)
