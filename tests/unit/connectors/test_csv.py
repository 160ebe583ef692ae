"""CSV: records, types, and bad records that stand alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lyftnb import csv_text as module
from lyftnb.connectors.files.cutting import UnprovenError, record_cuts
from lyftnb.connectors.files.decode_csv import decode_csv
from lyftnb.connectors.files.decoded import Columns
from lyftnb.csv_text import Dialect, read_header, records
from lyftnb.errors import BadData
from lyftnb.model import Schema
from lyftnb.native import csv_records

FIELDS = st.text(alphabet='ab1,;"\n é', max_size=5)
NUMBERS = st.one_of(
    st.integers(-300, 300).map(str),
    st.integers(-(2**64), 2**64).map(str),
    st.floats().map(repr),
    st.text(alphabet="0123456789+-.eE naif\t", max_size=4),
    st.sampled_from(["", "NA", "007", "1e5", "1_000", "null"]),
)
NUMERIC = st.sampled_from([pl.Int64(), pl.Float64(), pl.Int8(), pl.UInt32(), pl.Float32()])
CHUNKS = st.sampled_from([1, 3, 1 << 17])
OPEN = Columns({})


@pytest.fixture(scope="module", autouse=True)
def without_the_library() -> Iterator[None]:
    """What Polars and Python do is tested here; that the compiled part agrees, in unit/native."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "library", lambda: None)
        yield


def written(records: list[list[str]], quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=quoting).writerows(records)
    return out.getvalue().encode()


def decode(text: str, columns: Columns = OPEN, **dialect: object):
    raw = text.encode()
    settings_ = Dialect(**dialect)
    names, end = read_header(raw, settings_)
    return decode_csv(raw[end:], names, settings_, columns)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(FIELDS, FIELDS), max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(0, 4),
    CHUNKS,
)
def test_the_fast_way_and_the_slow_way_agree(records, quoting, broken, chunk):
    raw = written([list(r) for r in records], quoting)
    raw += (b"", b"x,y,z\n", b"only\n\n1,2\n", b'a"b,"c\n', b"a\rb,c\n")[broken]
    columns = Columns({"a": pl.String(), "b": pl.String()}, fixed=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        fast = decode_csv(raw, ("a", "b"), Dialect(), columns)
        patch.setattr(module, "_read_equal", lambda *args: None)
        slow = decode_csv(raw, ("a", "b"), Dialect(), columns)
    assert fast.frame.rows() == slow.frame.rows()
    assert fast.rejects == slow.rejects


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(FIELDS, NUMBERS, NUMBERS), max_size=4),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.tuples(NUMERIC, NUMERIC),
    st.booleans(),
    st.sampled_from([("", "NA"), ("",), ("NA",), ("", "NA", "null")]),
    st.sampled_from([",", "\t"]),
    CHUNKS,
)
def test_numbers_are_parsed_alike_both_ways(
    records, quoting, types, fixed, nulls, delimiter, chunk
):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=quoting, delimiter=delimiter).writerows(records)
    raw = out.getvalue().encode()
    names = ("a", "b", "c")
    columns = Columns(dict(zip(names, (pl.String(), *types), strict=True)), fixed)
    dialect = Dialect(delimiter=delimiter, null_values=nulls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        fast = decode_csv(raw, names, dialect, columns)
        patch.setattr(module, "_read_equal", lambda *args: None)
        slow = decode_csv(raw, names, dialect, columns)
    assert_frame_equal(fast.frame, slow.frame)
    assert fast.rejects == slow.rejects


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=12), st.integers(1, 20), st.integers(4, 40))
def test_cut_records_are_the_same_records(tmp_path_factory, records, step, block):
    raw = written([list(r) for r in records])
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    path.write_bytes(raw)
    with open(path, "rb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr("lyftnb.connectors.files.cutting._BLOCK", block)
        cuts = list(record_cuts(file, 0, len(raw), step, ",", '"'))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], cuts, strict=False)]
    assert b"".join(pieces) == raw
    read = [row for piece in pieces for row in csv.reader(io.StringIO(piece.decode(), newline=""))]
    assert read == [list(r) for r in records]


@pytest.mark.parametrize("text", ['a,5" pipe\n', 'a "b" c\nd,e\n', '"a"b\n'])
def test_quotes_within_fields_prove_nothing(tmp_path, text):
    path = tmp_path / "odd.csv"
    path.write_text(text)
    with open(path, "rb") as file, pytest.raises(UnprovenError):
        list(record_cuts(file, 0, len(text), 1, ",", '"'))


def test_types_are_inferred_from_all_values_of_the_split():
    decoded = decode(
        "i,f,b,d,t,z,s,code,none\n"
        "1,1.5,true,2026-01-02,2026-01-02T03:04:05,2026-01-02T03:04:05Z,x,007,\n"
        "NA,2,False,2026-01-03,2026-01-02 03:04:05.5,2026-01-02T03:04:05+02:00,1,12,NA\n"
    )
    assert decoded.schema.to_mapping() == {
        "i": "BIGINT",
        "f": "DOUBLE",
        "b": "BOOLEAN",
        "d": "DATE",
        "t": "TIMESTAMP",
        "z": "TIMESTAMP WITH TIME ZONE",
        "s": "VARCHAR",
        "code": "VARCHAR",
        "none": '"NULL"',
    }
    assert decoded.frame["i"].to_list() == [1, None]


def test_bad_records_are_rejected_with_their_raw_text():
    floor = Schema.from_mapping({"a": "BIGINT", "b": "VARCHAR"})
    decoded = decode('a,b\n1,x\n2\n3,"y,\nz"\nsix,w\n7,u,v\n8,t\n', Columns.of(None, floor))
    assert decoded.frame.rows() == [(1, "x"), (3, "y,\nz"), (8, "t")]
    assert [(r.position, r.row, r.code) for r in decoded.rejects] == [
        (1, "2", "bad_record"),
        (3, "six,w", "bad_value"),
        (4, "7,u,v", "bad_record"),
    ]


def test_the_floor_grows_by_columns_and_wider_numbers():
    floor = Schema.from_mapping({"a": "BIGINT", "gone": "DATE"})
    decoded = decode("b,a\nx,1\ny,2.5\nz,no\n", Columns.of(None, floor))
    assert decoded.schema.to_mapping() == {"a": "DOUBLE", "gone": "DATE", "b": "VARCHAR"}
    assert decoded.frame.rows() == [(1.0, None, "x"), (2.5, None, "y")]
    assert [r.row for r in decoded.rejects] == ["z,no"]


def test_bytes_that_are_not_utf8_reject_their_record():
    decoded = decode_csv(b"1,ok\n2,\xff\xfe\n", ("a", "b"), Dialect(), OPEN)
    assert decoded.frame.rows() == [(1, "ok")]
    assert [(r.row, r.code) for r in decoded.rejects] == [(r"2,\xff\xfe", "bad_text")]


def test_headers_are_checked():
    with pytest.raises(BadData, match="'a' twice"):
        decode("a,b,a\n1,2,3\n")
    declared = Columns.of(Schema.from_mapping({"a": "BIGINT"}), None)
    with pytest.raises(BadData, match="'b' that the schema does not name"):
        decode("a,b\n1,2\n", declared)
    assert decode("\ufeffa;b\r\n1;2\r\n", delimiter=";").frame.rows() == [(1, 2)]
    assert decode("1,2\n", header=False).frame.columns == ["column_1", "column_2"]


def test_a_file_of_its_header_alone_has_no_rows():
    assert decode("a,b\n").frame.shape == (0, 2)


def test_a_quote_that_is_never_closed_costs_its_line_alone():
    decoded = decode('a,b\n1,"open\n2,x\n3,"y"z\n4,"w"\n')
    assert decoded.frame.rows() == [(2, "x"), (4, "w")]
    assert [r.row for r in decoded.rejects] == ['1,"open', '3,"y"z']


def test_a_field_of_many_lines_is_one_whatever_stands_beside_it():
    long = "1," + '"' + "line\n" * 12_000 + '"\n'
    assert decode("a,b\n" + long).rejects == ()
    decoded = decode(f"a,b\n{long}2,x,y\n{long}")
    assert decoded.frame.height == 2
    assert [(r.row, r.line) for r in decoded.rejects] == [("2,x,y", 12_001)]


def test_lines_that_all_begin_a_record_without_an_end_are_read_once():
    text = 'x","\n' * 50_000  # each opens a quote which those behind it close and open again
    decoded = decode("a,b\n" + text)
    assert {r.reason for r in decoded.rejects} == {"a quote is not closed"}
    assert [r.line for r in decoded.rejects] == list(range(50_000))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(['x","', '"', "a,b", '"a', 'b"', '"""', '","', "", '"a"\r']), max_size=12
    )
)
@example(["x"] * 1500 + ['x","'] * 3000)  # lines are let go in between
def test_what_is_known_of_a_broken_record_changes_no_other(lines):
    raw = "\n".join(lines).encode()
    found = list(records(raw, Dialect()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LET_GO", 1)
        short = list(records(raw, Dialect()))
        patch.setattr(module._Lines, "first_taken", _forgetful)
        assert found == short == list(records(raw, Dialect()))


def _forgetful(lines, error):
    lines._at = lines._first + 1
    return lines.taken()


@pytest.mark.parametrize("nulls", [("", "NA"), ("", "-", "?")])  # numbers parsed at once, or not
def test_a_code_does_not_lose_its_zeros_to_what_was_seen_before(nulls):
    floor = Schema.from_mapping({"zip": "BIGINT", "n": "DOUBLE"})
    text = "zip,n\n10001,0.5\n07030,1\n0,-0.5\n5,-01\n"
    decoded = decode(text, Columns.of(None, floor), null_values=nulls)
    assert decoded.frame.rows() == [(10001, 0.5), (0, -0.5)]
    assert [r.row for r in decoded.rejects] == ["07030,1", "5,-01"]
    said = "column 'zip': '07030' would lose its leading zero as a BIGINT; give a `schema`"
    assert decoded.rejects[0].reason == said
    assert decode("zip,n\n07030,1\n", Columns.of(floor, None)).frame.rows() == [(7030, 1.0)]


@settings(max_examples=400, deadline=None)
@given(st.text('a0,,""\n\n\r \té', max_size=14), st.integers(1, 3), st.sampled_from(",\t "))
@example('""a""\n', 1, ",")  # the parser would mend it
@example(",\n\na,a,", 2, ",")  # and overlook the last delimiter
def test_whatever_stands_in_a_file_both_ways_read_it_alike(text, width, delimiter):
    names, raw = tuple("abc"[:width]), text.encode()
    columns = Columns(dict.fromkeys(names, pl.String()), fixed=True)
    dialect = Dialect(delimiter=delimiter, null_values=())
    found = decode_csv(raw, names, dialect, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_read_equal", lambda *args: None)
        slow = decode_csv(raw, names, dialect, columns)
    assert (found.frame.rows(), found.rejects) == (slow.frame.rows(), slow.rejects)


def test_a_date_of_a_year_that_nothing_can_show_is_rejected():
    declared = Columns.of(Schema.from_mapping({"d": "DATE", "t": "TIMESTAMP"}), None)
    decoded = decode("d,t\n0000-01-01,2026-01-01\n2026-01-01,-2026-01-01 00:00:00\n", declared)
    assert decoded.frame.is_empty() and len(decoded.rejects) == 2
