"""The compiled decoder of CSV takes a block as the slow way would, or leaves it."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.connectors.files import decode_csv as module
from lyftnb.connectors.files.decode_csv import decode_csv
from lyftnb.connectors.files.decoded import Columns
from lyftnb.csv_text import Dialect
from lyftnb.native.csv_records import decode_csv_records
from lyftnb.native.library import is_built

pytestmark = pytest.mark.skipif(
    not is_built(), reason="the compiled part is not built: it takes a C compiler"
)

UTC = pl.Datetime("us", "UTC")
DATES = st.builds(
    "{:04}-{:02}-{:02}".format,
    st.sampled_from([1, 999, 1900, 1969, 2000, 9999]),
    st.integers(0, 13),
    st.integers(0, 32),
)
TIMES = st.one_of(
    DATES,
    st.builds(
        "{}{}{:02}:{:02}:{:02}{}{}".format,
        st.one_of(st.dates().map(str), DATES),
        st.sampled_from("T "),
        st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(["", ".5", ".123456", ".1234567", "."]),
        st.sampled_from(["", "Z", "Z", "+02:00", "-11:30", "+0200", "+99:99"]),
    ),
)
NUMBERS = st.one_of(
    st.integers(-300, 300).map(str),
    st.integers(-(2**64), 2**64).map(str),
    st.floats().map(repr),
    st.sampled_from(["007", "-0", "+5", "1.", ".5", "1e5", " 5", "5 ", "0x1", "-"]),
)
TEXTS = st.lists(
    st.sampled_from(["x", "é", "日本", "a" * 13, '"', "'", ",", "\n", "\r\n", "\t", " "]),
    max_size=4,
).map("".join)
VALUES: dict[pl.DataType, st.SearchStrategy[str]] = {
    pl.Int64(): NUMBERS,
    pl.Int32(): NUMBERS,
    pl.Float64(): NUMBERS,
    pl.Decimal(10, 2): NUMBERS,
    pl.String(): TEXTS,
    pl.Boolean(): st.sampled_from(["true", "False", "TRUE", "no"]),
    pl.Date(): TIMES,
    pl.Datetime("us"): TIMES,
    UTC: TIMES,
    pl.Datetime("ms", "UTC"): TIMES,
}
PLAIN: dict[pl.DataType, st.SearchStrategy[str]] = {
    **dict.fromkeys((pl.Int64(), pl.Int32()), st.integers(-300, 300).map(str)),
    **dict.fromkeys((pl.Float64(), pl.Decimal(10, 2)), st.decimals(-99, 99, places=2).map(str)),
    pl.String(): st.sampled_from(["x", "héllo", "long enough for a buffer", 'a "quoted" word']),
    pl.Boolean(): st.sampled_from(["true", "false"]),
    pl.Date(): st.dates().map(str),
    pl.Datetime("us"): st.datetimes().map(str),
    **dict.fromkeys((UTC, pl.Datetime("ms", "UTC")), st.datetimes().map(lambda t: f"{t}+02:00")),
}


@st.composite
def blocks(draw: st.DrawFn) -> tuple[bytes, dict[str, pl.DataType], Dialect]:
    """Records of some columns, most of them plain; the columns' types and how they are written."""
    dtypes = draw(st.lists(st.sampled_from(sorted(VALUES, key=str)), min_size=1, max_size=4))
    types = {f"c{i}": dtype for i, dtype in enumerate(dtypes)}
    dialect = Dialect(draw(st.sampled_from(",,;\t")), draw(st.sampled_from(['"', '"', "'", None])))
    odd = draw(st.booleans())
    nulls = st.sampled_from(["", "NA"])
    values = [
        st.one_of(PLAIN[dtype], PLAIN[dtype], VALUES[dtype] if odd else PLAIN[dtype], nulls)
        for dtype in dtypes
    ]
    rows = draw(st.lists(st.tuples(*values), max_size=8))
    records = [dialect.delimiter.join(written(value, dialect) for value in row) for row in rows]
    if odd and records and draw(st.booleans()):
        records.insert(
            draw(st.integers(0, len(records))), draw(st.sampled_from(["", " ", "x", "\r"]))
        )
    end = draw(st.sampled_from(["\n", "\r\n"]))
    raw = (end.join(records) + draw(st.sampled_from(["", end]))).encode()
    return damaged(raw, draw(st.integers())) if odd and draw(st.booleans()) else raw, types, dialect


def written(value: str, dialect: Dialect) -> str:
    quote = dialect.quote
    if quote and any(sign in value for sign in (dialect.delimiter, quote, "\n")):
        return f"{quote}{value.replace(quote, quote * 2)}{quote}"
    return value


def damaged(raw: bytes, seed: int) -> bytes:
    dice, out = random.Random(seed), bytearray(raw)
    if out:
        out[dice.randrange(len(out))] = dice.choice([dice.randrange(256), *b'",\n\r\0'])
    return bytes(out)


@settings(max_examples=400)
@given(blocks(), st.booleans(), st.sets(st.sampled_from(["c0", "c1", "c2"])))
def test_rows_rejects_and_columns_are_those_of_the_slow_way(block, fixed, unknown):
    raw, types, dialect = block
    known = types if fixed else {n: t for n, t in types.items() if n not in unknown}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW_BYTES", 8)
        ours = decode_csv(raw, tuple(types), dialect, Columns(known, fixed))
        patch.setattr(module, "_decode_plain", lambda *_: None)
        slow = decode_csv(raw, tuple(types), dialect, Columns(known, fixed))
    assert ours.rejects == slow.rejects
    assert ours.frame.schema == slow.frame.schema
    assert repr(ours.frame.to_dicts()) == repr(slow.frame.to_dicts())


def test_plain_records_of_all_types_are_taken():
    raw = (
        b"1,-2.5,true,2000-02-29,2000-02-29 23:59:59.5,2000-01-01T00:00:00+02:00,"
        b'"say ""hi"" to all"\r\n'
        b"\r\n"
        b"NA,,NA,,NA,,NA\r\n"
    )
    types = {
        **{"i": pl.Int64(), "f": pl.Float64(), "b": pl.Boolean(), "d": pl.Date()},
        **{"m": pl.Datetime("us"), "t": UTC, "s": pl.String()},
    }
    frame = decode_csv_records(raw, types, ",", '"', ("", "NA"))
    assert frame is not None
    assert dict(frame.schema) == types
    assert [str(value) for value in frame.row(0)] == [
        *("1", "-2.5", "True", "2000-02-29", "2000-02-29 23:59:59.500000"),
        *("1999-12-31 22:00:00+00:00", 'say "hi" to all'),
    ]
    assert frame.row(1) == (None,) * 7


@pytest.mark.parametrize(
    ("record", "delimiter"),
    [
        (b"x", ","), (b"1,2", ","), (b"01", ","), (b'"1', ","), (b'1"', ","), (b"1\r2", ","),
        (b"99999999999999999999", ","), (b"1.5", "."), (b"\xef\xbb\xbf1", ","),
    ],
)  # fmt: skip
def test_what_is_not_plain_leaves_the_block(record, delimiter):
    assert decode_csv_records(record + b"\n", {"a": pl.Int64()}, delimiter, '"', ("",)) is None
