"""CSV and TSV: records under a header.

A block of records that are plain beyond doubt is decoded by the compiled part (`lyftnb.native`),
where it is there; columns that are not known it takes for what its first records say. Any other is
read by Polars, if its records are proved to be of equal length; otherwise record by record, so that
each bad one stands alone. Numbers whose types are known are parsed along with it, if all of them
parse; all else is read as text, and then turned into typed columns. A value that does not parse
under a type that is settled rejects its record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.connectors.files.decoded import BAD_VALUE, Columns, Decoded
from lyftnb.csv_text import Dialect, Record, read_fields, records
from lyftnb.dtypes import to_text, widened
from lyftnb.errors import BadData, WorkflowError
from lyftnb.native.columns import TYPES
from lyftnb.native.csv_records import decode_csv_records
from lyftnb.typed_text import (
    CODE,
    as_text,
    failures,
    inferred_type,
    parsed,
    parsed_count,
)

_FEW_BYTES = 1 << 15
"""So many say at first what columns may be of."""
_WIDE = (pl.UInt64(), pl.Int128(), pl.UInt128())
"""Whole numbers that BIGINT does not hold."""


def check_type(name: str, dtype: pl.DataType) -> None:
    """Check that a column of this type can be parsed from text.

    Raises:
        WorkflowError: it cannot.
    """
    if dtype.is_nested() or isinstance(dtype, pl.Duration):
        raise WorkflowError(
            f"column '{name}': {to_text(dtype)} cannot be read from CSV",
            hint="read it as VARCHAR and parse it in a later step",
        )


def decode_csv(
    raw: bytes, names: Sequence[str], dialect: Dialect, columns: Columns, first: int = 0
) -> Decoded:
    """Decode whole records, without the header.

    Blank lines count for nothing, unless there is but one column: there they are its empty field,
    as which it is written.

    Args:
        raw: the records; the last may lack its newline.
        names: of the columns, in the file's order.
        dialect: how the records are written.
        columns: what the rows should look like.
        first: position of the first record (for rejects).

    Raises:
        BadData: the file has a column that the declared schema does not name.
        WorkflowError: a declared column has a type that text cannot be parsed into.
    """
    for name, dtype in columns.known.items():
        check_type(name, dtype)
    extra = [name for name in names if name not in columns.known]
    if columns.fixed and extra:
        raise BadData(
            f"the file has a column '{extra[0]}' that the schema does not name",
            hint="add the column to `schema`, or leave `schema` out to take what there is",
        )
    plain = _decode_plain(raw, names, dialect, columns)
    decoded = plain or _decode_any(raw, names, dialect, columns, first)
    missing = {name: dtype for name, dtype in columns.known.items() if name not in names}
    frame = decoded.frame.with_columns(pl.lit(None, dtype=t).alias(n) for n, t in missing.items())
    return Decoded(frame.select([*columns.known, *extra]), decoded.rejects)


def _decode_plain(
    raw: bytes, names: Sequence[str], dialect: Dialect, columns: Columns
) -> Decoded | None:
    """By the compiled part, if it takes all records; types that it does not know it reads as those
    that hold them.
    """
    types = _plain_types(raw, names, dialect, columns)
    if types is None:
        return None
    wire = {name: _wire_type(dtype) for name, dtype in types.items()}
    if not columns.fixed and any(wire[n] == pl.String() and types[n].is_numeric() for n in names):
        return None  # which may be codes
    frame = decode_csv_records(raw, wire, dialect.delimiter, dialect.quote, dialect.null_values)
    if frame is None:
        return None
    types |= {n: inferred_type(frame[n]) for n, dtype in types.items() if dtype == pl.Null()}
    others = {name: dtype for name, dtype in types.items() if dtype != wire[name]}
    typed = frame.with_columns(
        parsed(frame[name], dtype)
        if wire[name] == pl.String()
        else frame[name].cast(dtype, strict=False)
        for name, dtype in others.items()
    )
    return None if failures(frame, typed, others) else Decoded(typed)


def _plain_types(
    raw: bytes, names: Sequence[str], dialect: Dialect, columns: Columns
) -> dict[str, pl.DataType] | None:
    """The type of each column, as known or else as the first records say: theirs is that of all, if
    all turn out to be of it. Null where they say nothing; None where there is no telling.
    """
    types = {name: columns.known.get(name, pl.Null()) for name in names}
    if pl.Null() not in types.values():
        return types
    few = raw[: raw.find(b"\n", _FEW_BYTES) + 1]
    if columns.fixed or len(raw) < 4 * _FEW_BYTES or not few:
        return None
    sample = _decode_any(few, names, dialect, columns, 0)
    if sample.rejects:
        return None
    found = sample.frame.schema
    return {n: found[n] if dtype == pl.Null() else dtype for n, dtype in types.items()}


def _wire_type(dtype: pl.DataType) -> pl.DataType:
    if dtype in TYPES:
        return dtype
    return pl.Int64() if dtype.is_integer() and dtype not in _WIDE else pl.String()


def _decode_any(
    raw: bytes, names: Sequence[str], dialect: Dialect, columns: Columns, first: int
) -> Decoded:
    numbers = _numbers(names, dialect, columns)
    fields = read_fields(raw, names, dialect, numbers, coded=columns.fixed)
    nulls = pl.Series(dialect.null_values, dtype=pl.String)
    frame = fields.frame.with_columns(
        pl.when(~pl.col(name).is_in(nulls.implode())).then(pl.col(name)).alias(name)
        for name, dtype in fields.frame.schema.items()
        if dtype == pl.String()
    )
    typed, types = _typed(frame, columns)
    rejects = tuple(
        _refused(fault.record, fault.code, fault.reason, first + fault.position)
        for fault in fields.faults
    )
    if failed := failures(frame, typed, types):
        rejects = _with_failed(rejects, failed, raw, dialect, len(names), first)
        typed = typed.filter(~pl.int_range(pl.len()).is_in(list(failed)))
    return Decoded(typed, rejects)


def _numbers(names: Sequence[str], dialect: Dialect, columns: Columns) -> dict[str, pl.DataType]:
    """Columns that the parser may turn into numbers itself. It takes an empty field for null, and
    knows one more text for it.
    """
    if "" not in dialect.null_values or len(dialect.null_values) > 2:
        return {}
    known = {name: columns.known[name] for name in names if name in columns.known}
    return {n: t for n, t in known.items() if t.is_integer() or t.is_float()}


def _typed(frame: pl.DataFrame, columns: Columns) -> tuple[pl.DataFrame, dict[str, pl.DataType]]:
    """The columns parsed, and their types: the known ones, widened where the values need it and
    they may; else the first that all values parse as.
    """
    types: dict[str, pl.DataType] = {}
    open_types: list[str] = []
    for name in frame.columns:
        known = columns.known.get(name)
        if known is not None and (columns.fixed or not isinstance(known, pl.Null)):
            types[name] = known
            open_types += [] if columns.fixed else [name]
        else:
            types[name] = inferred_type(frame[name])
    texts = {name: t for name, t in types.items() if frame.schema[name] == pl.String()}
    # What was taken for numbers before may be codes all the same: those are not made numbers.
    coded = [name for name in open_types if name in texts and types[name].is_numeric()]
    frame = frame.with_columns(
        pl.when(~pl.col(name).str.contains(CODE)).then(pl.col(name)) for name in coded
    )
    typed = frame.with_columns(parsed(frame[name], dtype) for name, dtype in texts.items())
    for name in open_types:
        if typed[name].null_count() > frame[name].null_count():
            types[name] = _widened(frame[name], types[name])
            typed = typed.with_columns(parsed(frame[name], types[name]))
    return typed, types


def _widened(texts: pl.Series, known: pl.DataType) -> pl.DataType:
    wide = widened(known, pl.Float64())
    if wide is None or wide == known or not known.is_numeric():
        return known
    # Some values may be no numbers at all: they do not keep the others from widening the column.
    gain = parsed_count(texts, wide) - parsed_count(texts, known)
    return wide if gain > 0 else known


def _with_failed(
    rejects: tuple[RawReject, ...],
    failed: Mapping[int, str],
    raw: bytes,
    dialect: Dialect,
    width: int,
    first: int,
) -> tuple[RawReject, ...]:
    """The rejects with those records whose values did not parse, in order of position."""
    refused = {reject.position for reject in rejects}
    out = list(rejects)
    row = 0
    for position, record in enumerate(records(raw, dialect, width), first):
        if position in refused:
            continue
        if row in failed:
            out.append(_refused(record, BAD_VALUE, failed[row], position))
        row += 1
    return tuple(sorted(out, key=lambda reject: reject.position))


def _refused(record: Record, code: str, reason: str, position: int) -> RawReject:
    return RawReject(as_text(record.text).rstrip("\r\n"), code, reason, position, record.line)
