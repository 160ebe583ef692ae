"""`parquet`: a folder of Parquet files, partitioned if wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import polars as pl
from pydantic import Field

from lyftnb.connectors.base import Sink, SinkEnv
from lyftnb.connectors.publishing import publish_file, remove_staged, stage_file
from lyftnb.dtypes import holds, rebuilt, without_empty_structs
from lyftnb.errors import BadData
from lyftnb.model import Params, Publication

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_DIGITS = 38  # the most that a DECIMAL has
_LEVELS = {"zstd": 1}
"""The usual level of zstd, 3, takes an eighth longer for files that are 2 % smaller."""


class ParquetParams(Params):
    """Parquet files in a folder."""

    path: str = Field(min_length=1, description="the folder; relative to the workspace")
    partition_by: tuple[str, ...] | str = Field(
        (), description="columns that make sub-folders (`column=value`) and leave the files"
    )
    compression: Literal["zstd", "lz4", "snappy", "uncompressed"] = Field(
        "zstd", description="of the column data"
    )

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """`partition_by` as a tuple."""
        by = self.partition_by
        return (by,) if isinstance(by, str) else by


class ParquetFolder(Sink[ParquetParams]):
    """Writes one file per split and partition; several, if the rows are more than memory holds.
    A HUGEINT becomes a DECIMAL(38,0): Parquet has no whole numbers of 128 bits.
    """

    name: ClassVar[str] = "parquet"
    Params: ClassVar[type[ParquetParams]] = ParquetParams
    delivery: ClassVar[str] = (
        "exactly once: files appear under names made of the batch, after its commit"
    )

    def stage(
        self, params: ParquetParams, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """One file per frame and partition that has rows."""
        root = env.base_path.absolute() / params.path
        out = []
        pieces = (
            piece
            for frame in frames
            if frame.height
            for piece in _partitions(_portable(frame), params.partition_columns)
        )
        for part, (folder, rows) in enumerate(pieces):

            def write(path: Path, rows: pl.DataFrame = rows) -> None:
                rows.write_parquet(
                    path,
                    compression=params.compression,
                    compression_level=_LEVELS.get(params.compression),
                )

            out.append(stage_file(env, self.name, root / folder, ".parquet", part, write))
        return tuple(out)

    def publish(self, publication: Publication) -> str | None:
        """Rename the staged file."""
        publish_file(publication.payload)
        return None

    def discard(self, publication: Publication) -> None:
        """Remove the staged file."""
        remove_staged(publication.payload)


def _portable(frame: pl.DataFrame) -> pl.DataFrame:
    """In types that others than Polars read: to them its 128-bit integers are bytes."""
    frame = without_empty_structs(frame)
    huge = [name for name, dtype in frame.schema.items() if holds(dtype, pl.Int128)]
    try:
        return frame.with_columns(
            rebuilt(pl.col(name), frame.schema[name], _decimal).alias(name) for name in huge
        )
    except pl.exceptions.InvalidOperationError as error:
        raise BadData(
            f"column '{huge[0]}' holds a number of more than {_DIGITS} digits",
            hint="cast it to DOUBLE or VARCHAR before the output",
        ) from error


def _decimal(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    return value.cast(pl.Decimal(_DIGITS, 0)) if isinstance(dtype, pl.Int128) else None


def _partitions(
    frame: pl.DataFrame, columns: tuple[str, ...]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """(sub-folder, rows) in order of first sight."""
    if not columns:
        yield "", frame
        return
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise BadData(
            f"the output is partitioned by '{missing[0]}', which its rows do not have",
            hint=f"there is: {', '.join(frame.columns)}",
        )
    if len(columns) == frame.width:
        raise BadData(
            "the output is partitioned by all its columns, which leaves none for the files",
            hint="partition by fewer columns",
        )
    parts = frame.partition_by(list(columns), as_dict=True, maintain_order=True)
    for values, rows in parts.items():
        folder = "/".join(f"{name}={_text(v)}" for name, v in zip(columns, values, strict=True))
        yield folder, rows.drop(columns)


def _text(value: Any) -> str:
    return _NULL_PARTITION if value is None else quote(str(value), safe=" ")
