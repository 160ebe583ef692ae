"""CSV and TSV: records under a header.

A block is read at full speed, if its records are proved to be of equal length; otherwise record by
record, so that each bad one stands alone. Numbers whose types are known are parsed along with it,
if all of them parse; all else is read as text, and then turned into typed columns. A value that
does not parse under a type that is settled rejects its record.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import polars as pl

from lyftnb.connectors.base import RawReject
from lyftnb.connectors.files.decoded import (
    BAD_RECORD,
    BAD_TEXT,
    BAD_VALUE,
    BOM,
    Columns,
    Decoded,
    as_text,
    failures,
)
from lyftnb.dtypes import to_text, widened
from lyftnb.errors import BadData, WorkflowError
from lyftnb.typed_text import CODE, NULLS, inferred_type, parsed, parsed_count

csv.field_size_limit(2**31 - 1)

# A quoted field of more lines counts as a quote that was never closed: looking further for its end
# at every such quote would take for ever.
_RECORD_LINES = 10_000
_NEWLINE, _RETURN, _SPACE, _TAB = b"\n\r \t"
_ZERO, _PLUS, _MINUS = b"0+-"
_TEN = 10
_CHUNK = 1 << 17
"""Counted at a time: stays in the cache of a core."""
_WHITE = " \t\n\r\v\f"
_UNKNOWN = pl.Null()
_NUMBERS = (pl.Int64(), pl.Float64())
_GLANCE_BYTES = 1 << 13
"""So many first bytes tell most types."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the records are written."""

    delimiter: str = ","
    quote: str | None = '"'
    null_values: tuple[str, ...] = NULLS
    header: bool = True


@dataclass(frozen=True, slots=True)
class _Fields:
    """Records as columns, of text or of numbers that are parsed, and those that are none."""

    frame: pl.DataFrame
    rejects: tuple[RawReject, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    """A record as it stood in the file; without fields it is broken, for a reason."""

    text: bytes
    fields: list[str] | None
    line: int = 0
    """Index of its first line."""
    reason: str = ""

    def refused(self, code: str, reason: str, position: int) -> RawReject:
        return RawReject(as_text(self.text).rstrip("\r\n"), code, reason, position, self.line)


def read_header(head: bytes, dialect: Dialect, whole: bool = True) -> tuple[tuple[str, ...], int]:
    """The names that the first record gives to the columns, and where the data begin.

    Without a header the names are `column_1`, `column_2`, …

    Args:
        head: the begin of the file, long enough to hold its first record.
        dialect: how the records are written.
        whole: the file has no more than this.

    Raises:
        BadData: two columns of one name; or the first record does not end in the head.
    """
    mark = len(BOM) if head.startswith(BOM) else 0
    record = next(_records(head[mark:], dialect), _Record(b"", []))
    begin = head.find(record.text, mark)
    if not whole and begin + len(record.text) == len(head):
        raise BadData(
            f"the first record is longer than {len(head):,} bytes", hint="repair the file's header"
        )
    if record.fields is None:
        raise BadData(
            f"the first record is broken: {record.reason}", hint="repair the file's header"
        )
    if not dialect.header:
        return tuple(f"column_{i + 1}" for i in range(len(record.fields))), mark
    names = tuple(n.strip() or f"column_{i + 1}" for i, n in enumerate(record.fields))
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise BadData(
            f"the header names the column '{twice[0]}' twice",
            hint="rename one of them, or set `header: false`",
        )
    return names, begin + len(record.text)


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
    fields = _read_equal(raw, names, dialect, columns) or _read_each(raw, names, dialect, first)
    frame = _with_nulls(fields.frame, dialect)
    typed, types = _typed(frame, columns)
    rejects = fields.rejects
    if failed := failures(frame, typed, types):
        rejects = _with_failed(rejects, failed, raw, dialect, len(names), first)
        typed = typed.filter(~pl.int_range(pl.len()).is_in(list(failed)))
    missing = {name: dtype for name, dtype in columns.known.items() if name not in types}
    typed = typed.with_columns(pl.lit(None, dtype=t).alias(n) for n, t in missing.items())
    order = [*columns.known, *extra]
    return Decoded(typed.select(order), rejects)


def _with_nulls(frame: pl.DataFrame, dialect: Dialect) -> pl.DataFrame:
    """Texts that stand for null are null."""
    nulls = pl.Series(dialect.null_values, dtype=pl.String)
    return frame.with_columns(
        pl.when(~pl.col(name).is_in(nulls.implode())).then(pl.col(name)).alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.String()
    )


def _read_equal(
    raw: bytes, names: Sequence[str], dialect: Dialect, columns: Columns
) -> _Fields | None:
    """The fast way; None unless every record is proved to have as many fields as there are names.

    A record with too many fields fails the parser; one with too few it would fill up. So with as
    many delimiters as the records need in all, none can have too few.
    """
    if not raw:
        return _Fields(pl.DataFrame(schema=dict.fromkeys(names, pl.String)))
    if raw.startswith(BOM):  # the parser would take it for the begin of a file
        return None
    if b"\r" in raw and raw.count(b"\r") != raw.count(b"\r\n"):
        return None
    if not raw.endswith(b"\n"):
        raw += b"\n"  # without it, the parser would overlook a delimiter at the very end
    counted = _count_outside_quotes(raw, dialect)
    if counted is None:
        return None
    plain = not counted.indented and (columns.fixed or not counted.coded)
    numbers = _numbers(raw, names, dialect, columns) if plain else {}
    frame = _parsed(raw, names, dialect, numbers)
    if frame is None and numbers:
        frame = _parsed(raw, names, dialect, {})
    if frame is None:
        return None
    if (counted.delimiters, counted.records) != (frame.height * (len(names) - 1), frame.height):
        return None
    return _Fields(frame)


def _numbers(
    raw: bytes, names: Sequence[str], dialect: Dialect, columns: Columns
) -> dict[str, pl.DataType]:
    """Columns that the parser may turn into numbers itself. It takes an empty field for null, and
    knows one more text for it.
    """
    if "" not in dialect.null_values or len(dialect.null_values) > 2:
        return {}
    known = {name: columns.known[name] for name in names if name in columns.known}
    if not columns.fixed and any(known.get(name, _UNKNOWN) == _UNKNOWN for name in names):
        known = _glanced(raw, names, dialect) | {n: t for n, t in known.items() if t != _UNKNOWN}
    return {n: t for n, t in known.items() if t.is_integer() or t.is_float()}


def _glanced(raw: bytes, names: Sequence[str], dialect: Dialect) -> dict[str, pl.DataType]:
    """What the columns are by their first records. If all others parse as that as well, the column
    is of that number type: the first that all parse as (`inferred_type`) can come no earlier.
    """
    end = raw.rfind(b"\n", 0, _GLANCE_BYTES) + 1
    few = raw[:end]
    if not few or (dialect.quote and dialect.quote.encode() in few):
        return {}
    frame = _parsed(few, names, dialect, {})
    if frame is None:
        return {}
    texts = [column for column in _with_nulls(frame, dialect) if column.null_count() < len(column)]
    found = ((column.name, _number_type(column)) for column in texts)
    return {name: dtype for name, dtype in found if dtype is not None}


def _number_type(texts: pl.Series) -> pl.DataType | None:
    """The number type that a column's texts are of, if they are numbers."""
    whole = len(texts) - texts.null_count()
    return next((t for t in _NUMBERS if parsed_count(texts, t) == whole), None)


def _parsed(
    raw: bytes, names: Sequence[str], dialect: Dialect, numbers: Mapping[str, pl.DataType]
) -> pl.DataFrame | None:
    """Records of any length as columns; None where the parser does not take them."""
    null = max(dialect.null_values, key=len, default="")
    try:
        return pl.read_csv(
            raw,
            has_header=False,
            schema={name: numbers.get(name, pl.String()) for name in names},
            null_values=dict.fromkeys(numbers, null) if null else None,
            separator=dialect.delimiter,
            quote_char=dialect.quote,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:
        return None


@dataclass(frozen=True, slots=True)
class _Counted:
    """What stands outside quotes."""

    delimiters: int
    records: int
    indented: bool
    """Whether a field may begin with white space: the parser would skip it before a number."""
    coded: bool
    """Whether a field may be a code (`007`): a number would lose its zeros."""


def _count_outside_quotes(raw: bytes, dialect: Dialect) -> _Counted | None:
    """None if a quote is not closed or not at an edge, or a sign is no single byte.

    Args:
        raw: records that end with a newline.
        dialect: how they are written.
    """
    if not (dialect.delimiter + (dialect.quote or "")).isascii():
        return None
    whole = np.frombuffer(raw, np.uint8)
    delimiter_sign = ord(dialect.delimiter)
    quote_sign = dialect.quote.encode() if dialect.quote else b""
    quoted = bool(quote_sign) and quote_sign in raw
    blanks = {_SPACE, _TAB} - {delimiter_sign}
    delimiters = records = 0
    indented = coded = False
    # Of the byte before: a field starts behind it, is signed by it; it closes a quote, is within.
    start, sign, closed, within = True, False, False, 0
    for at in range(0, len(whole), _CHUNK):
        piece = whole[at : at + _CHUNK]
        delimiter, newline = piece == delimiter_sign, piece == _NEWLINE
        begins = delimiter | newline
        if quoted:
            quote = piece == ord(quote_sign)
            # The parity of the quotes so far: those that stand for themselves come in twos as well.
            inside = (np.add.accumulate(quote, dtype=np.uint8) + within) & 1
            within = inside[-1]
            outside = inside == 0
            delimiter &= outside
            newline &= outside
            begins = delimiter | newline | quote
            # The parser mends what is badly quoted; so nothing may stand between a quote and the
            # edge of its field.
            closing = quote & outside
            badly = _shifted(closing, closed) & ~(begins | (piece == _RETURN))
            badly |= quote & ~outside & ~_shifted(begins, start)
            if badly.any():
                return None
            closed = closing[-1]
        starts = _shifted(begins, start)
        start = begins[-1]
        indented = indented or any(bool(np.any(starts & (piece == blank))) for blank in blanks)
        signed = starts & ((piece == _PLUS) | (piece == _MINUS))
        zeros = np.flatnonzero((starts | _shifted(signed, sign)) & (piece == _ZERO))
        sign = signed[-1]
        # A newline ends the whole: there is a next byte.
        coded = coded or bool(np.any(whole[at + zeros + 1] - _ZERO < _TEN))
        delimiters += int(np.count_nonzero(delimiter))
        records += int(np.count_nonzero(newline))
    return None if within else _Counted(delimiters, records, indented, coded)


def _shifted(signs: npt.NDArray[np.bool_], before: bool) -> npt.NDArray[np.bool_]:
    """Of each byte, what `signs` say of the byte before it."""
    out = np.empty_like(signs)
    out[0] = before
    out[1:] = signs[:-1]
    return out


def _read_each(raw: bytes, names: Sequence[str], dialect: Dialect, first: int) -> _Fields:
    rows: list[list[str]] = []
    rejects: list[RawReject] = []
    for position, record in enumerate(_records(raw, dialect, len(names)), first):
        code, reason = _fault(record, len(names))
        if code:
            rejects.append(record.refused(code, reason, position))
        else:
            rows.append(record.fields or [])
    schema = dict.fromkeys(names, pl.String)
    return _Fields(pl.DataFrame(rows, schema=schema, orient="row"), tuple(rejects))


def _fault(record: _Record, width: int) -> tuple[str, str]:
    """(code, reason) of what is wrong with a record; empty for a good one."""
    if record.fields is None:
        return BAD_RECORD, record.reason
    if not _is_utf8(record.text):
        return BAD_TEXT, "not UTF-8"
    if len(record.fields) != width:
        return BAD_RECORD, f"{width} fields were expected, found {len(record.fields)}"
    return "", ""


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _records(raw: bytes, dialect: Dialect, width: int = 0) -> Iterator[_Record]:
    """Each record that is not blank, or each of all where `width` is 1. Where quotes are broken,
    one line is given up, and reading goes on behind it.
    """
    # One character a byte, so that raw text and bytes are the same thing.
    lines = _Lines(io.StringIO(raw.decode("latin-1"), newline="\n"))
    while not lines.exhausted:
        reader = csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            for fields in reader:
                line, text = lines.passed, lines.taken()
                if width == 1 or text.strip(_WHITE) or dialect.delimiter in text:
                    parsed = [_from_latin(field) for field in fields or [""]]
                    yield _Record(text.encode("latin-1"), parsed, line)
        except csv.Error as error:
            line, text = lines.passed, lines.first_taken()
            yield _Record(text.encode("latin-1"), None, line, _broken(error))


def _broken(error: csv.Error) -> str:
    said = str(error)
    # The module speaks to those who open files with it.
    if said.startswith("new-line character"):
        return "a carriage return stands within a line, outside quotes"
    return "a quote is not closed" if said == "unexpected end of data" else said


def _from_latin(field: str) -> str:
    return field if field.isascii() else as_text(field.encode("latin-1"))


class _Lines:
    """Lines for the parser, which remembers those that its present record took."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._held: list[str] = []
        """Lines that were read and belong to no record yet."""
        self._at = 0
        """So many of them the present record has taken."""
        self.passed = 0
        """So many lines stand before the present record."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._at == len(self._held):
            self._held.append(next(self._source))
        if self._at == _RECORD_LINES:
            raise csv.Error(f"a quote is not closed within {_RECORD_LINES:,} lines")
        self._at += 1
        return self._held[self._at - 1]

    @property
    def exhausted(self) -> bool:
        if not self._held:
            self._held.extend(islice(self._source, 1))
        return not self._held

    def taken(self) -> str:
        text = "".join(self._held[: self._at])
        self.passed += self._at
        del self._held[: self._at]
        self._at = 0
        return text

    def first_taken(self) -> str:
        """The first line of a record that is none; the others are read again."""
        self._at = 1
        return self.taken()


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
        elif frame.schema[name] == pl.String():
            types[name] = inferred_type(frame[name])
        else:
            types[name] = frame.schema[name]
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
    for position, record in enumerate(_records(raw, dialect, width), first):
        if position in refused:
            continue
        if row in failed:
            out.append(record.refused(BAD_VALUE, failed[row], position))
        row += 1
    return tuple(sorted(out, key=lambda reject: reject.position))
