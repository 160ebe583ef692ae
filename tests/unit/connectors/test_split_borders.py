"""Wherever a file is cut, and whenever it grows: the same rows, and the same rejects at the same
lines, as those that a plain reader of the whole file finds.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.connectors.follow_kit import Reader

FIELDS = st.text(alphabet='ab0,;\t"\r\n é\x00\u2028', max_size=6)
SIZES = st.sampled_from([1, 2, 7, 31, 1 << 20])
ENDS = st.sampled_from(["\n", "\r\n"])
MARKS = st.sampled_from([b"", b"\xef\xbb\xbf"])
PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}


def taken(name: str, content: bytes, size: int, **params: object) -> tuple[list, list]:
    """The rows of a file that is read in pieces, and (line, text) of each reject."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(content)
        reader = Reader(Path(folder), path=name, **params)
        frame = reader.take(split_bytes=size)
        assert reader.take().is_empty()
        assert not reader.problems
        return (frame.rows() if frame.width else []), places(reader, name)


def places(reader: Reader, name: str) -> list[tuple[int, str]]:
    found = [re.match(rf"{re.escape(name)}:(\d+): ", r.reason) for r in reader.refused]
    return [(int(f[1]), r.row) for f, r in zip(found, reader.refused, strict=True) if f]


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


@st.composite
def delimited(draw: st.DrawFn, delimiter: str, width: int) -> tuple[bytes, list, list]:
    """A file, its records, and (line, text) of what is none in it."""
    end = draw(ENDS)
    plain = delimiter.join("x" * width)
    whole = draw(MARKS) + (delimiter.join("abc"[:width]) + end).encode()
    rows, refused = [], []
    for kind in draw(st.lists(st.sampled_from(["good"] * 6 + ["blank", "wide", "bytes"]))):
        line = whole.count(b"\n") + 1
        if kind == "good":
            rows.append(draw(st.tuples(*[FIELDS] * width)))
            always = draw(st.booleans())
            odd = re.compile(rf"[\r\n\"{delimiter}]")
            texts = (quoted(f) if always or odd.search(f) else f for f in rows[-1])
            whole += (delimiter.join(texts) + end).encode()
        elif kind == "blank":
            rows += [("",)] if width == 1 else []
            whole += end.encode()
        elif kind == "wide":
            refused.append((line, plain + delimiter))
            whole += (plain + delimiter + end).encode()
        else:
            refused.append((line, plain + "\\xff"))
            whole += plain.encode() + b"\xff" + end.encode()
    if draw(st.booleans()) and not whole.endswith((end * 2).encode()):
        whole = whole.removesuffix(end.encode())
    return whole, rows, refused


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from([(",", "csv"), ("\t", "tsv")]), st.integers(1, 3), SIZES)
def test_delimited_records(data, kind, width, size):
    delimiter, suffix = kind
    content, rows, refused = data.draw(delimited(delimiter, width))
    columns = dict.fromkeys("abc"[:width], "VARCHAR")
    found = taken(f"f.{suffix}", content, size, schema=columns, null_values=[])
    assert found == (rows, refused)


ODD_LINES = [
    *(b"", b"  ", b"{", b"[]", b"\x00", b'{"i": 1', b'{"i": 1.5}', b'{"i": NaN}'),
    *(b'{"i": 1, "i": 2}', b'{"i": 1} {"i": 2}', b'{"s": "\xff"}', b'{"s": "\x01"}'),
    *(b'{"s": "\\ud800"}', b'{"i": 1, "s": "\\u0000"}', b'{"i": 9223372036854775808}'),
]
LINES = st.lists(
    st.one_of(
        st.builds(
            lambda i, s: json.dumps({"i": i, "s": s}, ensure_ascii=False).encode(),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.text(alphabet='a"\\\n\r\t é\x00\u2028\x85', max_size=30),
        ),
        st.sampled_from(ODD_LINES),
    ),
    max_size=10,
)


def is_bigint(value: object) -> bool:
    return value is None or (type(value) is int and -(2**63) <= value < 2**63)


def naive(lines: list[bytes]) -> tuple[list, list]:
    """What the lines hold by the json module, under the columns i BIGINT and s VARCHAR."""
    rows, refused = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            pairs = json.loads(line, object_pairs_hook=tuple)
            row = dict(pairs)
            str(row.get("s")).encode()
            good = type(pairs) is tuple and len(row) == len(pairs) and is_bigint(row.get("i"))
        except (ValueError, TypeError):
            good = False
        if good:
            rows.append((row.get("i"), row.get("s")))
        else:
            refused.append(number)
    return rows, refused


@settings(max_examples=200, deadline=None)
@given(LINES, ENDS, MARKS, SIZES, st.booleans())
def test_lines_of_json(lines, end, mark, size, ended):
    content = mark + end.encode().join(lines) + (end.encode() if ended else b"")
    found, refused = taken("f.ndjson", content, size, schema={"i": "BIGINT", "s": "VARCHAR"})
    assert (found, [line for line, _ in refused]) == naive(lines)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=6).filter(lambda b: b"\n" not in b)), MARKS, SIZES)
def test_lines_of_text(lines, mark, size):
    content = mark + b"".join(line + b"\n" for line in lines)
    assume(content[:2] not in (b"\xff\xfe", b"\xfe\xff"))
    found, refused = taken("f.txt", content, size)
    rows, bad = [], []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1], 1):
        try:
            rows.append((line.removesuffix(b"\r").decode(),))
        except UnicodeDecodeError:
            bad.append((number, line.decode(errors="backslashreplace")))
    assert (found, refused) == (rows, bad)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(["gz", "zst"]), st.integers(1, 2))
def test_packed_in_any_number_of_members(data, packer, width):
    content, rows, refused = data.draw(delimited(",", width))
    at = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=3)))
    members = [content[a:b] for a, b in zip([0, *at], [*at, len(content)], strict=True)]
    packed = b"".join(map(PACKERS[packer], members))
    columns = dict.fromkeys("abc"[:width], "VARCHAR")
    found = taken(f"f.csv.{packer}", packed, 7, schema=columns, null_values=[])
    assert found == (rows, refused)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 2), SIZES)
def test_a_file_that_grows_by_any_bytes(data, width, size):
    content, rows, refused = data.draw(delimited(",", width))
    at = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    columns = dict.fromkeys("abc"[:width], "VARCHAR")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f.csv")
        reader = Reader(Path(folder), path="f.csv", schema=columns, null_values=[], settle="1h")
        found = []
        for begin, end in zip([0, *at], [*at, len(content)], strict=True):
            with open(path, "ab") as file:
                file.write(content[begin:end])
            frame = reader.take(split_bytes=size, bounded=end == len(content))
            found += frame.rows() if frame.width else []
        assert (found, places(reader, "f.csv")) == (rows, refused)


@pytest.mark.parametrize(
    ("name", "first", "rest", "rows"),
    [
        ("f.csv", b"a\n1", b"\r\n2\n", [("1",), ("2",)]),
        ("f.csv", b"a", b"\n1\n", [("1",)]),
        ("f.txt", b"one", b"\ntwo\n", [("one",), ("two",)]),
        ("f.txt", b"one\r", b"\n\ntwo\n", [("one",), ("",), ("two",)]),
    ],
)
def test_the_end_of_a_line_that_was_taken_without_it_is_no_line(tmp_path, name, first, rest, rows):
    reader = Reader(tmp_path, path=name, **({"schema": {"a": "VARCHAR"}} if "csv" in name else {}))
    (tmp_path / name).write_bytes(first)
    found = reader.take().rows()
    (tmp_path / name).write_bytes(first + rest)
    assert found + reader.take().rows() == rows


def test_a_header_longer_than_what_is_read_for_it(tmp_path, monkeypatch):
    names = [f"column_number_{i}" for i in range(20)]
    row = ",".join(map(str, range(20)))
    (tmp_path / "f.csv").write_text(",".join(names) + f"\n{row}\n{row}\n")
    module = "lyftnb.connectors.files.source"
    monkeypatch.setattr(f"{module}._HEADER_BYTES", 50)
    reader = Reader(tmp_path, path="f.csv")
    assert reader.take(split_bytes=10).columns == names
    monkeypatch.setattr(f"{module}._LONG_HEADER_BYTES", 200)
    reader = Reader(tmp_path, path="f.csv")
    assert reader.take(split_bytes=10).is_empty()
    assert "the first record is longer than 200 bytes" in reader.refused[0].reason


def test_rejects_say_where_they_stand(tmp_path, monkeypatch):
    (tmp_path / "f.txt").write_bytes(b"one\n\xff\n")
    (tmp_path / "f.json").write_text('[{"a": 1}, 5]')
    (tmp_path / "g.json").write_text('{"a": 1}\n{"a": 2}\n')
    monkeypatch.setattr("lyftnb.connectors.files.source._COUNTED_BYTES", 3)
    reader = Reader(tmp_path, path="*")
    reader.take(split_bytes=1)
    said = [reject.reason for reject in reader.refused]
    assert said[0].startswith("f.json, element 2: a JSON object was expected")
    assert said[1] == "f.txt, line 1 from byte 4: not UTF-8 at byte 0"
    assert said[2].startswith("g.json: Extra data") and "`format: ndjson`" in said[2]
