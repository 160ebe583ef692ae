"""The parameters of the `files` input: they are the file format, and give the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from lyftnb.dtypes import from_text, to_schema
from lyftnb.errors import LyftError
from lyftnb.model import Params, Schema, seconds
from lyftnb.typed_text import NULLS

FileFormat = Literal["csv", "tsv", "ndjson", "json", "parquet", "text"]
Compression = Literal["gz", "zst"]

_COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".gzip": "gz", ".zst": "zst", ".zstd": "zst"}
_FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "text",
    ".log": "text",
}
WHOLE: frozenset[str] = frozenset({"json", "parquet"})
"""Formats that are read as a whole: a file of these does not grow, it is replaced."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class FilesParams(Params):
    """Files in folders, picked up by what they are (not by name), each row once."""

    path: Annotated[
        tuple[str, ...],
        BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...]),
    ] = Field(
        min_length=1,
        description="file or list of files; `*`, `?`, `[…]` and `**` are globs, unless a file has "
        "that very name; relative to the workspace",
    )
    format: FileFormat | None = Field(
        None, description="of the files; by default told from the extension (before .gz or .zst)"
    )
    columns: dict[str, str] | None = Field(
        None,
        alias="schema",
        description="columns and their SQL types; by default inferred, and widened as data "
        "comes; with a schema given, rows with other fields are rejected",
    )
    header: bool = Field(True, description="csv, tsv: the first record names the columns")
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="csv: between fields; `,` (tsv: a tab)"
    )
    quote: str | None = Field(
        '"', min_length=1, max_length=1, description="csv, tsv: around fields; null for none"
    )
    null_values: tuple[str, ...] = Field(NULLS, description="csv, tsv: texts that stand for null")
    settle: str | float = Field(
        "5s",
        description="how long a file must rest before its last line without a newline, or a file "
        "that is read whole, is taken; a bounded run takes it at once",
    )
    on_change: Literal["ignore", "reread"] = Field(
        "ignore", description="when a file that is read whole changes afterwards"
    )
    max_files: int | None = Field(None, ge=1, description="most files to begin on in one batch")

    @field_validator("path")
    @classmethod
    def _on_this_machine(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            if not path.strip():
                raise ValueError("nothing is filled in")
            if "://" in path:
                raise ValueError(
                    f"'{path}' is an address, and only files on the workers' disks are read"
                )
        return value

    @field_validator("settle")
    @classmethod
    def _duration(cls, value: str | float) -> str | float:
        seconds(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> FilesParams:
        checked_types(self.columns)
        special = [c for c in (self.delimiter, self.quote) if c is not None]
        if any(ord(c) > 127 or c in "\r\n" for c in special) or len(set(special)) < len(special):
            raise ValueError("delimiter and quote must be two different ASCII characters")
        return self

    @property
    def settle_s(self) -> float:
        """`settle` in seconds."""
        return seconds(self.settle)

    @property
    def declared(self) -> Schema | None:
        """The given schema, types in their one spelling."""
        return checked_types(self.columns)


def checked_types(columns: Mapping[str, str] | None) -> Schema | None:
    """A declared schema, its types in their one spelling; None for None.

    Raises:
        ValueError: one of the types is none.
    """
    if columns is None:
        return None
    types = {}
    for name, kind in columns.items():
        try:
            types[name] = from_text(kind)
        except LyftError as error:
            raise ValueError(f"column '{name}': {error.message}; {error.hint}") from error
    return to_schema(types)


def compression_of(path: str) -> Compression | None:
    """How the file is compressed, told from the extension."""
    return _COMPRESSIONS.get(PurePath(path).suffix.lower())


def format_of(path: str, declared: FileFormat | None) -> FileFormat | None:
    """The format of a file: as declared, else by extension; None where neither says."""
    if declared is not None:
        return declared
    pure = PurePath(path)
    if pure.suffix.lower() in _COMPRESSIONS:
        pure = pure.with_suffix("")
    return _FORMATS.get(pure.suffix.lower())


def delimiter_of(params: FilesParams, kind: str) -> str:
    """What stands between the fields of a csv or tsv file."""
    return params.delimiter or ("\t" if kind == "tsv" else ",")
