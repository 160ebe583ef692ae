"""Reading: committed segments as one lazy frame. Runs on workers and clients; knows no ledger.

Segments of older schemas get null for columns they lack, and their numbers are widened, within the
scan itself, so that filters and column choices still reach the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path

from lyftnb.errors import SegmentDamaged, SegmentMissing
from lyftnb.model import Schema, SegmentRef, united
from lyftnb.store.engines import pl

SEQ = "_seq"
_MAGIC = b"PAR1"
_REPAIR = "restore the file from a backup; a draft's data can be made anew by `lyftnb run --fresh`"


def scan(
    segments: Sequence[SegmentRef], schema: Schema, root: str | Path, *, seq: bool = False
) -> pl.LazyFrame:
    """All rows of the segments, in their order, with the columns of `schema`.

    Columns that segments have beyond `schema` come after it: nothing is left out. Pieces
    (`SegmentRef.offset`) give exactly their rows.

    Args:
        segments: as the ledger listed them.
        schema: the spool's schema; decides the columns when there are no segments.
        root: the storage root.
        seq: add the column `_seq`, each row's sequence number.

    Raises:
        SegmentMissing: a file is gone.
        SegmentDamaged: a file has another size, or no Parquet footer.
    """
    for segment in segments:
        check_file(segment, Path(root))
    from lyftnb.dtypes import from_schema

    dtypes = from_schema(_whole(schema, segments))
    frames = [_frame(run, dtypes, Path(root), seq) for run in _runs(segments, seq)]
    if not frames:
        columns = {**dtypes, SEQ: pl.Int64()} if seq else dtypes
        return pl.LazyFrame(schema=columns)
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical")


def cut(segment: SegmentRef, since: int, until: int) -> SegmentRef:
    """The piece of a segment with sequence numbers in [since, until)."""
    end = segment.first_seq + segment.rows
    low, high = max(since, segment.first_seq), min(until, end)
    if (low, high) == (segment.first_seq, end):
        return segment
    offset = (segment.offset or 0) + low - segment.first_seq
    return replace(segment, first_seq=low, rows=max(high - low, 0), offset=offset)


def check_file(segment: SegmentRef, root: Path) -> None:
    """The quick look before a read: the file is there, as large as committed, with its footer."""
    file = root / segment.path
    try:
        with file.open("rb") as content:
            size = content.seek(0, 2)
            content.seek(max(size - 4, 0))
            tail = content.read(4)
    except FileNotFoundError:
        raise SegmentMissing(
            "a committed segment's file is gone", where=str(file), hint=_REPAIR, path=segment.path
        ) from None
    if size != segment.bytes or tail != _MAGIC:
        sizes = f"it has {size} bytes, {segment.bytes} were committed"
        found = sizes if size != segment.bytes else "its footer is not Parquet's"
        raise SegmentDamaged(
            f"a committed segment's file is damaged: {found}",
            where=str(file),
            hint=_REPAIR,
            path=segment.path,
        )


def _whole(schema: Schema, segments: Sequence[SegmentRef]) -> Schema:
    for own in dict.fromkeys(segment.schema for segment in segments):
        schema, _clashes = united(schema, own)
    return schema


def _runs(segments: Sequence[SegmentRef], seq: bool) -> Iterator[list[SegmentRef]]:
    """Segments that one scan can read together: whole files; with `seq`, without a gap between."""

    def key(item: tuple[int, SegmentRef]) -> tuple[str, int]:
        index, segment = item
        if segment.offset is not None:
            return "piece", index
        return "files", segment.first_seq - starts[index] if seq else 0

    starts = [0]
    for segment in segments:
        starts.append(starts[-1] + segment.rows)
    for _key, run in groupby(enumerate(segments), key):
        yield [segment for _index, segment in run]


@cache
def _casts() -> pl.ScanCastOptions:
    return pl.ScanCastOptions(
        integer_cast=["upcast", "allow-float"],
        float_cast="upcast",
        missing_struct_fields="insert",
    )


def _frame(run: list[SegmentRef], dtypes: pl.Schema, root: Path, seq: bool) -> pl.LazyFrame:
    offset = run[0].offset or 0
    frame = pl.scan_parquet(
        [root / segment.path for segment in run],
        schema=dtypes,
        missing_columns="insert",
        cast_options=_casts(),
        glob=False,
        hive_partitioning=False,
        row_index_name=SEQ if seq else None,
    )
    if seq:
        shift = run[0].first_seq - offset
        frame = frame.select(*dtypes, (pl.col(SEQ).cast(pl.Int64) + shift).alias(SEQ))
    if run[0].offset is not None:
        frame = frame.slice(offset, run[0].rows)
    return frame
