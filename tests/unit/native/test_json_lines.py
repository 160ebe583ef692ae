"""The compiled decoder takes only what is plain, and takes it as the slow way would."""

from __future__ import annotations

import json
import random
import struct

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lyftnb.connectors.files import decode_ndjson as module
from lyftnb.connectors.files.decode_ndjson import decode_ndjson
from lyftnb.connectors.files.decoded import Columns, Decoded
from lyftnb.native import json_lines
from lyftnb.native.json_lines import PlainLines, decode_json_lines
from lyftnb.native.library import is_built

pytestmark = pytest.mark.skipif(
    not is_built(), reason="the compiled part is not built: it takes a C compiler"
)

TYPES = {
    "a": pl.Int64(),
    "b": pl.String(),
    "c": pl.Float64(),
    "d": pl.Boolean(),
    "é": pl.String(),
    "n": pl.Null(),
}
PIECES = ["x", "y" * 13, "é", "日本", "😀", "\n", '"', "\\", "/", "\x01", "\x7f", "\ud800"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
DIGITS = st.text("0123456789", max_size=21)
NUMBERS = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(repr),
    st.builds("{}.{}{}".format, DIGITS, DIGITS, st.sampled_from(["", "e5", "E-3", "e+30", "e999"])),
    st.sampled_from(["-0", "-0.0", "00", "1e22", "1e23", str(2**63), str(-(2**63)), str(2**64)]),
)
VALUES = st.one_of(
    st.builds(json.dumps, TEXTS, ensure_ascii=st.booleans()),
    NUMBERS,
    st.sampled_from(["true", "false", "null", "null", "[]", '{"a":1}', '["x"]', "nul", ""]),
)
FIELDS = st.tuples(st.sampled_from([*TYPES, "zz", "a\\"]).map(json.dumps), VALUES)


def line_of(fields: list[tuple[str, str]], blank: str) -> bytes:
    text = f"{blank},{blank}".join(f"{name}{blank}:{blank}{value}" for name, value in fields)
    return f"{{{text}{blank}}}".encode("utf-8", "surrogatepass")


def damaged(line: bytes, seed: int) -> bytes:
    """The line with one byte changed, put in or taken out."""
    dice, out = random.Random(seed), bytearray(line)
    at = dice.randrange(len(out))
    new = [
        dice.choice([dice.randrange(256), *b'"\\{}[],:\r\t\0']) for _ in range(dice.randrange(2))
    ]
    out[at : at + dice.randrange(2)] = bytes(new)
    return bytes(out).replace(b"\n", b"")


LINES = st.builds(line_of, st.lists(FIELDS, max_size=6), st.sampled_from(["", " ", "\t"]))
BLOCKS = st.builds(
    lambda end, lines, last: end.join(lines) + last,
    st.sampled_from([b"\n", b"\r\n"]),
    st.lists(
        st.one_of(
            LINES,
            LINES,
            st.builds(damaged, LINES, st.integers()),
            st.sampled_from([b"", b" \r\t", b'{"b":"some text","a":7}']),
        ),
        max_size=8,
    ),
    st.sampled_from([b"", b"\n"]),
)


def by_polars(raw: bytes, columns: Columns) -> Decoded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "decode_json_lines", lambda raw, types: None)
        return decode_ndjson(raw, columns)


@settings(max_examples=400)
@given(BLOCKS, st.sets(st.sampled_from(sorted(TYPES)), min_size=1), st.booleans())
@example(b'{"c":18446744073709551616}\n{', {"c"}, True)  # more than 64 bits, beside what is bad
def test_rows_rejects_and_columns_are_those_of_the_slow_way(raw, names, fixed):
    columns = Columns({name: TYPES[name] for name in sorted(names)}, fixed)
    ours, slow = decode_ndjson(raw, columns), by_polars(raw, columns)
    assert ours.rejects == slow.rejects
    assert ours.frame.schema == slow.frame.schema
    # As text, for a zero may have a sign.
    assert repr(ours.frame.to_dicts()) == repr(slow.frame.to_dicts())


def plain(*lines: bytes, **types: pl.DataType) -> PlainLines:
    found = decode_json_lines(b"\n".join(lines) + b"\n", types)
    assert found is not None
    return found


@settings(max_examples=1000)
@given(
    st.one_of(
        st.binary(min_size=8, max_size=8).map(lambda bits: repr(struct.unpack("<d", bits)[0])),
        st.builds("{}.{}".format, st.integers(0, 10**9), st.integers(0, 10**10)),
        st.builds("{}e{}".format, st.integers(-(2**63), 2**63), st.integers(-22, 22)),
    ).filter(lambda text: "n" not in text)
)
@example("9007199254740993.0")  # between two doubles
@example("0.5000000000000000001")
@example("1844674407370955161.5")
def test_a_float_is_the_nearest_one_or_left(text):
    frame = plain(b'{"x":%s}' % text.encode(), x=pl.Float64()).frame
    assert [repr(value) for value in frame["x"]] in ([], [repr(float(text))])


def test_what_is_plain_is_taken_and_what_is_odd_is_named():
    lines = [
        b'{"a":1,"b":"x"}',
        b'{"a":"1"}',
        b"",
        b'{"b":null,"z":null}',
        b'{"a":2} x',
        b'{"a":3}',
    ]
    raw = b"\n".join(lines)  # so the last has no end
    found = decode_json_lines(raw, {"a": pl.Int64(), "b": pl.String()})
    assert found is not None
    assert found.frame.rows() == [(1, "x"), (None, None)]
    assert [(raw[begin:end], before) for begin, end, before in found.odd] == [
        (lines[1], 1), (lines[4], 2), (lines[5], 2),
    ]  # fmt: skip


def test_a_block_that_is_odd_for_the_most_part_is_given_up():
    lines = [b'{"a":"no number"}'] * 300
    assert decode_json_lines(b"\n".join([*lines, b""]), {"a": pl.Int64()}) is None
    assert decode_json_lines(b"\n".join([b'{"a":1}'] * 300 + lines), {"a": pl.Int64()}) is not None


def test_a_block_of_many_columns_in_ever_another_order_is_given_up():
    names, dice = [f"column {i}" for i in range(1000)], random.Random(1)
    in_order = b"{%s}\n" % ",".join(f'"{name}":1' for name in names).encode()
    shuffled = b"".join(
        b"{%s}\n" % ",".join(f'"{name}":1' for name in dice.sample(names, 1000)).encode()
        for _ in range(20)
    )
    types = dict.fromkeys(names, pl.Int64())
    assert decode_json_lines(in_order * 20, types) is not None
    assert decode_json_lines(shuffled, types) is None


@pytest.mark.parametrize("line", [b"\x0b", b"\x0c", b"\x0c \x0b"])
def test_white_space_that_json_does_not_know_is_a_bad_line_beside_plain_ones(line):
    raw = b'{"a":1}\n%s\n{"a":"x"}\n{"a":2}\n' % line
    found = decode_ndjson(raw, Columns({"a": pl.Int64()}, fixed=True))
    assert found.frame["a"].to_list() == [1, 2]
    assert [(reject.position, reject.code) for reject in found.rejects] == [
        (1, "bad_json"), (2, "bad_value"),
    ]  # fmt: skip


def test_texts_live_as_long_as_the_frame():
    frame = plain(
        *(b'{"b":"%s \\n %d"}' % (b"long" * 5, i) for i in range(1000)), b=pl.String()
    ).frame
    kept = frame.filter(pl.int_range(pl.len()) % 7 == 0)
    del frame
    assert kept["b"].to_list() == ["long" * 5 + f" \n {i}" for i in range(0, 1000, 7)]


@pytest.mark.parametrize(
    "types", [{}, {"a": pl.List(pl.Int64())}, {'a"': pl.Int64()}, {"a\\": pl.Int64()}], ids=str
)
def test_it_does_not_begin_where_it_cannot_end(types):
    assert decode_json_lines(b'{"a":1}\n', types) is None


def test_without_the_library_all_is_decoded_by_polars(monkeypatch):
    monkeypatch.setattr(json_lines, "library", lambda: None)
    assert decode_json_lines(b'{"a":1}\n', {"a": pl.Int64()}) is None
    assert decode_ndjson(b'{"a":1}\n', Columns({"a": pl.Int64()})).frame.rows() == [(1,)]
