"""What is new in the files of a path, after a position."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lyftnb.connectors.base import Discovery, SourceEnv, SourceSplit
from lyftnb.connectors.files.cutting import UnprovenError, line_cuts, lines_end, record_cuts
from lyftnb.connectors.files.identity import HEAD_BYTES, FileMark, FileSplit, head_of, item_of
from lyftnb.connectors.files.params import (
    WHOLE,
    FilesParams,
    compression_of,
    delimiter_of,
    format_of,
)
from lyftnb.dtypes import HIDDEN, to_schema
from lyftnb.errors import WorkflowError
from lyftnb.model import Position, Schema
from lyftnb.typed_text import BOM


def discover(params: FilesParams, position: Position, env: SourceEnv) -> Discovery:
    """The splits after `position`: files in order of their paths, pieces in order of the file."""
    search = _Search(params, position, env)
    splits: list[FileSplit] = []
    files: set[str] = set()
    more = False
    for split in search.splits():
        files.add(split.item)
        if len(splits) == env.max_splits or len(files) > (params.max_files or len(files)):
            more = True
            break
        splits.append(split)
    known = all(s.format in ("parquet", "text") for s in splits) and len(search.shapes) <= 1
    settled = params.columns is not None or known
    return Discovery(
        splits=tuple(_as_source_split(split) for split in splits),
        more=more,
        problems=tuple(search.problems),
        settled=settled,
        schema=search.schema if known and params.columns is None else None,
    )


def _as_source_split(split: FileSplit) -> SourceSplit:
    rows = split.end - split.begin if split.format == "parquet" else None
    size = (
        split.size * (split.end - split.begin) // max(split.total, 1)
        if rows is not None
        else (split.end - split.begin)
    )
    return SourceSplit(split.to_json(), bytes=size, rows=rows)


@dataclass(slots=True)
class _Search:
    params: FilesParams
    position: Position
    env: SourceEnv
    problems: list[str] = field(default_factory=list)
    shapes: set[str] = field(default_factory=set)
    """The schemas of the Parquet files found."""
    schema: Schema | None = None
    """That of the first of them."""

    def splits(self) -> Iterator[FileSplit]:
        seen: set[str] = set()
        for path in self._paths():
            try:
                with open(path, "rb") as file:
                    item = item_of(os.fstat(file.fileno()))
                    if item not in seen:
                        seen.add(item)
                        yield from self._splits_of(path, file)
            except OSError as error:
                self.problems.append(f"{path} cannot be read: {error.strerror}")

    def _paths(self) -> list[str]:
        found: set[str] = set()
        for pattern in self.params.path:
            base = os.path.abspath(self.env.base_path)
            named = os.path.join(base, pattern)
            if os.path.isfile(named):
                # A name may hold signs of globs; `[x]` would not match itself.
                found.add(os.path.normpath(named))
                continue
            absolute = os.path.join(glob.escape(base), pattern)
            matches = [m for m in glob.glob(absolute, recursive=True) if os.path.isfile(m)]
            if not matches:
                self.problems.append(self._unmatched(pattern))
            found.update(os.path.normpath(match) for match in matches)
        return sorted(found)

    def _unmatched(self, pattern: str) -> str:
        if Path(self.env.base_path, pattern).is_dir():
            return f"{pattern} is a folder; name the files in it: {pattern.rstrip('/')}/*"
        if glob.has_magic(pattern):
            return f"no file matches {pattern}"
        return f"{pattern} does not exist"

    def _splits_of(self, path: str, file: BinaryIO) -> Iterator[FileSplit]:
        kind = format_of(path, self.params.format)
        if kind is None:
            self.problems.append(f"{path}: the format cannot be told from its name; give `format`")
            return
        stat = os.fstat(file.fileno())
        if stat.st_size == 0:
            return
        item = item_of(stat)
        compression = compression_of(path)
        mark = FileMark.from_json(self.position.get(item))
        base = FileSplit(
            item=item,
            path=path,
            format=kind,
            compression=compression,
            begin=0,
            end=0,
            head="",
            head_bytes=0,
            total=0,
            size=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
            generation=mark.generation if mark else 0,
        )
        if compression or kind in WHOLE:
            yield from self._whole(base, mark, file)
        else:
            yield from self._growing(base, mark, file)

    def _at_rest(self, split: FileSplit) -> bool:
        """Whether the file may be taken to its very end."""
        age_s = self.env.now.timestamp() - split.mtime_ns / 1e9
        return self.env.bounded or age_s >= self.params.settle_s

    def _whole(self, base: FileSplit, mark: FileMark | None, file: BinaryIO) -> Iterator[FileSplit]:
        """A file that does not grow: once for each identity, size and time of change."""
        if not self._at_rest(base):
            return
        base = _with_head(base, file, base.size)
        done = 0
        if mark is not None and mark.total and _same_head(mark, file):
            if (mark.size, mark.mtime_ns) == (base.size, base.mtime_ns):
                done = mark.done
            elif self.params.on_change == "ignore":
                self.problems.append(
                    f"{base.path} changed after it was read; the change is ignored "
                    "(on_change: reread reads it again)"
                )
                return
        if mark is not None and not done:
            base = replace(base, generation=mark.generation + 1)
        if base.format == "parquet":
            yield from self._row_groups(base, done, file)
        elif not done:
            yield replace(base, end=base.size, total=base.size)

    def _row_groups(self, base: FileSplit, done: int, file: BinaryIO) -> Iterator[FileSplit]:
        try:
            opened = pq.ParquetFile(file)
            metadata = opened.metadata
            self.shapes.add(str(opened.schema_arrow.remove_metadata()))
        except pa.ArrowNotImplementedError:
            # A type that only Polars has (its 128-bit integers): one split, however large.
            rows = pl.scan_parquet(base.path).select(pl.len()).collect().item()
            self.shapes.add(base.path)
            self.schema = self.schema or _schema_of(base.path)
            if rows > done:
                yield replace(base, total=rows, begin=done, end=rows)
            return
        except (pa.ArrowInvalid, OSError) as error:
            self.problems.append(
                f"{base.path} is no whole Parquet file and is not read: {error}; replace it by a "
                "whole one, or let `path` leave it out"
            )
            return
        self.schema = self.schema or _schema_of(base.path)
        base = replace(base, total=metadata.num_rows)
        begin = end = size = 0
        for i in range(metadata.num_row_groups):
            group = metadata.row_group(i)
            end += group.num_rows
            size += group.total_byte_size
            if size >= self.env.split_bytes or i == metadata.num_row_groups - 1:
                if end > done:
                    yield replace(base, begin=begin, end=end)
                begin, size = end, 0

    def _growing(
        self, base: FileSplit, mark: FileMark | None, file: BinaryIO
    ) -> Iterator[FileSplit]:
        """A text file: what stands behind the place that it was read to."""
        begin = 0
        if mark is not None:
            if base.size >= mark.done and _same_head(mark, file):
                begin = mark.done
            else:
                self.problems.append(
                    f"{base.path} was cut off or written anew; it is read from its beginning"
                )
                base = replace(base, generation=base.generation + 1)
        if begin == base.size:
            return
        for end in self._cuts(base, begin, file):
            yield replace(_with_head(base, file, end), begin=begin, end=end)
            begin = end

    def _cuts(self, base: FileSplit, begin: int, file: BinaryIO) -> Iterator[int]:
        step, size = self.env.split_bytes, base.size
        at_rest = self._at_rest(base)
        if base.format not in ("csv", "tsv"):
            end = size if at_rest else lines_end(file, begin, size)
            yield from line_cuts(file, begin, end, step)
            return
        if at_rest and size - begin <= step:
            yield size  # nothing to cut, so nothing to prove
            return
        delimiter = delimiter_of(self.params, base.format)
        last = begin
        if begin == 0 and os.pread(file.fileno(), len(BOM), 0) == BOM:
            begin = len(BOM)
        try:
            for last in record_cuts(file, begin, size, step, delimiter, self.params.quote):
                yield last
        except UnprovenError:
            if not at_rest:
                self.problems.append(
                    f"{base.path}: quotes within fields; the file is taken as a whole once it rests"
                )
        if at_rest and last < size:
            yield size


def _schema_of(path: str) -> Schema | None:
    """The columns of a Parquet file, unless they cannot be taken: that is said where it is read."""
    try:
        schema = to_schema(pl.scan_parquet(path).collect_schema())
    except (pl.exceptions.PolarsError, WorkflowError):
        return None
    return None if any(name.startswith(HIDDEN) for name in schema.names) else schema


def _with_head(split: FileSplit, file: BinaryIO, recorded: int) -> FileSplit:
    size = min(HEAD_BYTES, recorded)
    return replace(split, head=head_of(file, size), head_bytes=size)


def _same_head(mark: FileMark, file: BinaryIO) -> bool:
    return head_of(file, mark.head_bytes) == mark.head
