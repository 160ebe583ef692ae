"""`csv` and `ndjson`: folders of text files."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO, ClassVar, Literal

import polars as pl
import zstandard
from pydantic import Field

from lyftnb.connectors.base import P, Sink, SinkEnv
from lyftnb.connectors.publishing import publish_file, remove_staged, stage_file
from lyftnb.dtypes import holds, rebuilt
from lyftnb.errors import BadData
from lyftnb.model import Params, Publication

Bytes = IO[bytes]


def _gzipped(file: BinaryIO) -> AbstractContextManager[Any]:
    # A fixed time and no name in the header: the same rows give the same bytes.
    return gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0)


def _zstandard(file: BinaryIO) -> AbstractContextManager[Any]:
    return zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False)


_COMPRESS: dict[str, tuple[str, Callable[[BinaryIO], AbstractContextManager[Any]]]] = {
    "none": ("", nullcontext),
    "gz": (".gz", _gzipped),
    "zst": (".zst", _zstandard),
}


class TextParams(Params):
    """Text files in a folder."""

    path: str = Field(min_length=1, description="the folder; relative to the workspace")
    compression: Literal["none", "gz", "zst"] = Field("none", description="of the files")


class CsvParams(TextParams):
    """CSV files in a folder."""

    header: bool = Field(True, description="whether each file begins with the column names")
    delimiter: str = Field(",", min_length=1, max_length=1, description="between fields")
    null_value: str = Field("", description="the text for null")


class _TextFolder(Sink[P]):
    delivery: ClassVar[str] = (
        "exactly once: files appear under names made of the batch, after its commit"
    )

    def publish(self, publication: Publication) -> str | None:
        """Rename the staged file."""
        publish_file(publication.payload)
        return None

    def discard(self, publication: Publication) -> None:
        """Remove the staged file."""
        remove_staged(publication.payload)


class NdjsonFolder(_TextFolder[TextParams]):
    """Writes one NDJSON file per split. BLOB becomes base64 text, INTERVAL ISO 8601 text, DECIMAL
    text; NaN and the infinities, for which JSON has no word, become null.
    """

    name: ClassVar[str] = "ndjson"
    Params: ClassVar[type[TextParams]] = TextParams

    def stage(
        self, params: TextParams, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """One file, if there are rows."""

        def write(frame: pl.DataFrame, file: Bytes, first: bool) -> None:
            frame.write_ndjson(file)

        return _stage(self.name, params, map(writable, frames), env, write)


class CsvFolder(_TextFolder[CsvParams]):
    """Writes one CSV file per split; nested columns have no place in it. BLOB becomes base64 text,
    INTERVAL ISO 8601 text.
    """

    name: ClassVar[str] = "csv"
    Params: ClassVar[type[CsvParams]] = CsvParams

    def stage(
        self, params: CsvParams, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """One file, if there are rows."""

        def write(frame: pl.DataFrame, file: Bytes, first: bool) -> None:
            frame.write_csv(
                file,
                include_header=params.header and first,
                separator=params.delimiter,
                null_value=params.null_value,
            )

        return _stage(self.name, params, map(flat, frames), env, write)


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """As `writable`, for CSV.

    Raises:
        BadData: a column is nested.
    """
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    if nested:
        raise BadData(
            f"column '{nested[0]}' is nested, which CSV cannot hold",
            hint="unnest or remove it before the output, or write ndjson or parquet",
        )
    return writable(frame)


def writable(frame: pl.DataFrame) -> pl.DataFrame:
    """In types that Polars writes as text: it does not know binary there, nor durations in CSV."""
    odd = [name for name, dtype in frame.schema.items() if holds(dtype, pl.Binary, pl.Duration)]
    return frame.with_columns(
        rebuilt(pl.col(name), frame.schema[name], _as_text).alias(name) for name in odd
    )


def _as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("base64")
    return value.dt.to_string("iso") if isinstance(dtype, pl.Duration) else None


def _stage(
    kind: str,
    params: TextParams,
    frames: Iterable[pl.DataFrame],
    env: SinkEnv,
    write: Callable[[pl.DataFrame, Bytes, bool], None],
) -> tuple[Publication, ...]:
    """Stage one file; `write` appends a frame to it, told whether it is the first."""
    filled = iter(frame for frame in frames if frame.height)
    first = next(filled, None)
    if first is None:
        return ()
    extension, compressed = _COMPRESS[params.compression]

    def write_to(path: Path) -> None:
        with path.open("wb") as raw, compressed(raw) as file:
            write(first, file, True)
            for frame in filled:
                write(frame, file, False)

    folder = env.base_path.absolute() / params.path
    return (stage_file(env, kind, folder, f".{kind}{extension}", 0, write_to),)
