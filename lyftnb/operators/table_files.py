"""Files that rows are looked up in: read whole, once for each of their states.

They are no rows of a stream, so nothing of them is set aside: what is wrong in one of them,
anywhere, is an error that says where, in the words of the `files` input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import polars as pl

from lyftnb.csv_text import Dialect, read_fields, read_header, records
from lyftnb.errors import BadData, NotFound, StorageError
from lyftnb.operators.base import ActionError
from lyftnb.typed_text import failures, inferred_type, parsed


@dataclass(frozen=True, slots=True, eq=False)
class TableFile:
    """A file's rows, and its fingerprint."""

    rows: pl.DataFrame
    fingerprint: str


def table_file(path: Path, types: Mapping[str, pl.DataType]) -> TableFile:
    """The file as it is now. Read once for each of its states: every split asks."""
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size, tuple(types.items()))
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no file '{path}'", hint="paths start from the workspace's folder"
        ) from error
    except (OSError, BadData, pl.exceptions.PolarsError) as error:
        said = error.message if isinstance(error, BadData) else str(error)
        raise StorageError(
            f"'{path}' cannot be read: {said.partition(chr(10))[0]}",
            hint="repair the file, or declare 'types'",
        ) from error


@lru_cache(maxsize=16)
def _read(
    path: Path, mtime_ns: int, size: int, types: tuple[tuple[str, pl.DataType], ...]
) -> TableFile:
    content = path.read_bytes()
    fingerprint = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return TableFile(_parsed(path, content, pl.Schema(types)), fingerprint)


def _parsed(path: Path, content: bytes, declared_types: pl.Schema) -> pl.DataFrame:
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return _texts(path, content, declared_types)
        case ".parquet":
            return pl.read_parquet(content)
        case ".ndjson" | ".jsonl":
            return pl.read_ndjson(
                content, schema_overrides=declared_types, infer_schema_length=None
            )
        case ".json":
            return pl.read_json(content, schema_overrides=declared_types, infer_schema_length=None)
    raise ActionError(
        f"'{path.name}' is of no known kind", hint="use .csv, .tsv, .ndjson, .json or .parquet"
    )


def _texts(path: Path, content: bytes, types: pl.Schema) -> pl.DataFrame:
    """The typed columns of a CSV or TSV file."""
    dialect = Dialect("\t" if path.suffix.lower() == ".tsv" else ",")
    names, begin = read_header(content, dialect)
    body = content[begin:]
    passed = content.count(b"\n", 0, begin)
    fields = read_fields(body, names, dialect)
    if fields.faults:
        fault = fields.faults[0]
        raise _fault(path, passed + fault.record.line, fault.reason, len(fields.faults) - 1)
    nulls = pl.Series(dialect.null_values).implode()
    texts = fields.frame.with_columns(
        pl.when(~pl.col(name).is_in(nulls)).then(pl.col(name)).alias(name) for name in names
    )
    found = {name: types.get(name) or inferred_type(texts[name]) for name in names}
    typed = texts.select(parsed(texts[name], dtype) for name, dtype in found.items())
    failed = failures(texts, typed, found)
    if failed:
        row = min(failed)
        record = next(islice(records(body, dialect, len(names)), row, None))
        raise _fault(path, passed + record.line, failed[row], len(failed) - 1)
    return typed


def _fault(path: Path, line: int, reason: str, more: int) -> BadData:
    others = f" (and {more:,} more)" if more else ""
    return BadData(f"{path.name}:{line + 1}: {reason}{others}")
