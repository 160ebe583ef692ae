"""CSV as text: records under a header, each with as many fields as the header has names.

Records that are proved to be of equal length are read at once by Polars; any others record by
record, so that each bad one stands alone. What a record is depends on the text behind its begin
alone, however long it is, and so not on the records that are read along with it.
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

from lyftnb.errors import BadData
from lyftnb.typed_text import BAD_TEXT, BOM, NULLS, as_text

csv.field_size_limit(2**31 - 1)

BAD_RECORD = "bad_record"
"""A delimited record with too few or too many fields, or with broken quotes."""
_NEWLINE, _RETURN, _SPACE, _TAB = b"\n\r \t"
_ZERO, _PLUS, _MINUS = b"0+-"
_TEN = 10
_CHUNK = 1 << 17
"""Counted at a time: stays in the cache of a core."""
_LET_GO = 1024
"""So many lines that are read are held at least, before they are let go together."""
_WHITE = " \t\n\r\v\f"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the records are written."""

    delimiter: str = ","
    quote: str | None = '"'
    null_values: tuple[str, ...] = NULLS
    header: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stood in the file; without fields it is broken, for a reason."""

    text: bytes
    fields: list[str] | None
    line: int = 0
    """Index of its first line."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that is none, and why."""

    record: Record
    position: int
    """Its index among the records, good and bad."""
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fields:
    """Records as columns, of text or of numbers that are parsed, and those that are none."""

    frame: pl.DataFrame
    faults: tuple[Fault, ...] = ()


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
    record = next(records(head[mark:], dialect), Record(b"", []))
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


def read_fields(
    raw: bytes,
    names: Sequence[str],
    dialect: Dialect,
    numbers: Mapping[str, pl.DataType] | None = None,
    coded: bool = False,
) -> Fields:
    """The fields of whole records, without the header; null values are still texts.

    Blank lines count for nothing, unless there is but one column: there they are its empty field.

    Args:
        raw: the records; the last may lack its newline.
        names: of the columns, in the file's order.
        dialect: how the records are written.
        numbers: columns that may come parsed, with nulls, where all of them parse.
        coded: may they also where a code (`007`) would lose its zeros.
    """
    equal = _read_equal(raw, names, dialect, numbers or {}, coded)
    return equal or _read_each(raw, names, dialect)


def _read_equal(
    raw: bytes,
    names: Sequence[str],
    dialect: Dialect,
    numbers: Mapping[str, pl.DataType],
    coded: bool,
) -> Fields | None:
    """The fast way; None unless every record is proved to have as many fields as there are names.

    A record with too many fields fails the parser; one with too few it would fill up. So with as
    many delimiters as the records need in all, none can have too few.
    """
    if not raw:
        return Fields(pl.DataFrame(schema=dict.fromkeys(names, pl.String)))
    if raw.startswith(BOM):  # the parser would take it for the begin of a file
        return None
    if b"\r" in raw and raw.count(b"\r") != raw.count(b"\r\n"):
        return None
    if not raw.endswith(b"\n"):
        raw += b"\n"  # without it, the parser would overlook a delimiter at the very end
    counted = _count_outside_quotes(raw, dialect)
    if counted is None:
        return None
    if counted.indented or (counted.coded and not coded):
        numbers = {}
    frame = _parsed(raw, names, dialect, numbers)
    if frame is None and numbers:
        frame = _parsed(raw, names, dialect, {})
    if frame is None:
        return None
    if (counted.delimiters, counted.records) != (frame.height * (len(names) - 1), frame.height):
        return None
    return Fields(frame)


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


def _read_each(raw: bytes, names: Sequence[str], dialect: Dialect) -> Fields:
    rows: list[list[str]] = []
    faults: list[Fault] = []
    for position, record in enumerate(records(raw, dialect, len(names))):
        code, reason = _fault(record, len(names))
        if code:
            faults.append(Fault(record, position, code, reason))
        else:
            rows.append(record.fields or [])
    schema = dict.fromkeys(names, pl.String)
    return Fields(pl.DataFrame(rows, schema=schema, orient="row"), tuple(faults))


def _fault(record: Record, width: int) -> tuple[str, str]:
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


def records(raw: bytes, dialect: Dialect, width: int = 0) -> Iterator[Record]:
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
                    yield Record(text.encode("latin-1"), parsed, line)
        except csv.Error as error:
            line, text = lines.passed, lines.first_taken(error)
            yield Record(text.encode("latin-1"), None, line, _broken(error))


def _broken(error: csv.Error) -> str:
    said = str(error)
    # The module speaks to those who open files with it.
    if said.startswith("new-line character"):
        return "a carriage return stands within a line, outside quotes"
    return "a quote is not closed" if said == "unexpected end of data" else said


def _from_latin(field: str) -> str:
    return field if field.isascii() else as_text(field.encode("latin-1"))


class _Lines:
    """Lines for the parser, which remembers those that its present record took.

    It asks for one more line within quotes alone. So whoever asks behind a line behind which a
    broken record has asked before comes to the same end, and is told at once: the lines of a record
    without bounds are read once, not once for each of them that begins a record of that kind.
    """

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._held: list[str] = []
        """Lines that were read, of which the first belong to no record any more."""
        self._first = 0
        """The first line of the present record."""
        self._at = 0
        """The line behind those that it has taken."""
        self._let_go = 0
        """So many lines were held before."""
        self._broken_at = 0
        """Where the last broken record came to its end, among all lines."""
        self._broken_by = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._first < self._at and self._let_go + self._at <= self._broken_at:
            raise csv.Error(self._broken_by)
        if self._at == len(self._held):
            self._held.append(next(self._source))
        self._at += 1
        return self._held[self._at - 1]

    @property
    def passed(self) -> int:
        """So many lines stand before the present record."""
        return self._let_go + self._first

    @property
    def exhausted(self) -> bool:
        if self._first == len(self._held):
            self._held.extend(islice(self._source, 1))
        return self._first == len(self._held)

    def taken(self) -> str:
        text = "".join(self._held[self._first : self._at])
        self._first = self._at
        # Not at each: what is left would be moved as often.
        if self._first >= _LET_GO and 2 * self._first >= len(self._held):
            del self._held[: self._first]
            self._let_go += self._first
            self._first = self._at = 0
        return text

    def first_taken(self, error: csv.Error) -> str:
        """The first line of a record that is none; the others are read again."""
        end = self._let_go + self._at - 1
        if end > self._broken_at:
            self._broken_at, self._broken_by = end, str(error)
        self._at = self._first + 1
        return self.taken()
