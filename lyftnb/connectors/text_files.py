"""`csv` and `ndjson`: folders of text files."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl
import zstandard
from pydantic import Field

from lyftnb.connectors.base import P, Sink, SinkEnv
from lyftnb.connectors.publishing import publish_file, stage_file
from lyftnb.errors import BadData
from lyftnb.model import Params, Publication

_COMPRESS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "none": ("", bytes),
    # A fixed time in the header: the same rows give the same bytes.
    "gz": (".gz", lambda raw: gzip.compress(raw, compresslevel=6, mtime=0)),
    "zst": (".zst", lambda raw: zstandard.ZstdCompressor(level=3).compress(raw)),
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


class NdjsonFolder(_TextFolder[TextParams]):
    """Writes one NDJSON file per split."""

    name: ClassVar[str] = "ndjson"
    Params: ClassVar[type[TextParams]] = TextParams

    def stage(
        self, params: TextParams, frame: pl.DataFrame, env: SinkEnv
    ) -> tuple[Publication, ...]:
        """One file, if there are rows."""
        return _stage(self.name, params, frame, env, lambda file: frame.write_ndjson(file))


class CsvFolder(_TextFolder[CsvParams]):
    """Writes one CSV file per split; nested columns have no place in it."""

    name: ClassVar[str] = "csv"
    Params: ClassVar[type[CsvParams]] = CsvParams

    def stage(
        self, params: CsvParams, frame: pl.DataFrame, env: SinkEnv
    ) -> tuple[Publication, ...]:
        """One file, if there are rows."""
        nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
        if nested:
            raise BadData(
                f"column '{nested[0]}' is nested, which CSV cannot hold",
                hint="unnest or remove it before the output, or write ndjson or parquet",
            )

        def write(file: io.BytesIO) -> None:
            frame.write_csv(
                file,
                include_header=params.header,
                separator=params.delimiter,
                null_value=params.null_value,
            )

        return _stage(self.name, params, frame, env, write)


def _stage(
    kind: str,
    params: TextParams,
    frame: pl.DataFrame,
    env: SinkEnv,
    write: Callable[[io.BytesIO], None],
) -> tuple[Publication, ...]:
    if frame.is_empty():
        return ()
    extension, compress = _COMPRESS[params.compression]

    def write_to(path: Path) -> None:
        buffer = io.BytesIO()
        write(buffer)
        path.write_bytes(compress(buffer.getvalue()))

    folder = env.base_path.absolute() / params.path
    return (stage_file(env, kind, folder, f".{kind}{extension}", 0, write_to),)
