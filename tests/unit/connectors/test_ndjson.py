"""NDJSON is decoded fast where it is clean, and to the same rows where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lyftnb.connectors.files import decode_ndjson as module
from lyftnb.connectors.files.decode_ndjson import decode_ndjson
from lyftnb.connectors.files.decoded import Columns, Decoded
from lyftnb.connectors.files.json_exact import is_exact
from lyftnb.model import Schema
from lyftnb.native import json_lines

TEXTS = st.sampled_from(
    ["", "x", ":", ":n", ": null", '":', '"a":null', "[", '["x"]', "\\", '\\"', "é", "😀", "a : b"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**63, -(2**63), 1.5, 1e300]),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", 'q"']), inner, max_size=2)
    ),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c", "n", 'q"']), VALUES, max_size=4)
STYLES = st.sampled_from(
    [
        {},
        {"separators": (",", ":")},
        {"ensure_ascii": False},
        {"separators": (" , ", " : ")},
        {"separators": (",", ":\t")},
    ]
)
GOOD = st.builds(lambda row, style: json.dumps(row, **style).encode(), OBJECTS, STYLES)
ODD = st.sampled_from(
    [
        b"",
        b"  ",
        b"{",
        b"[1]",
        b"null",
        b'{"a":1}{"a":2}',
        b'{"a":1,"a":2}',
        b'{"a":1,"a":null}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":"\\u003ax"}',
        b'{"a":01}',
        b'{"a":1e999}',
        b'{"\\u0061":1}',
        b'{"a":["x"]}\r',
        b'{"a":\x00}',
    ]
)
LINES = st.lists(st.one_of(GOOD, GOOD, ODD), max_size=12)


@pytest.fixture(scope="module", autouse=True)
def without_the_library() -> Iterator[None]:
    """What Polars and Python do is tested here; that the compiled part agrees, in unit/native."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "library", lambda: None)
        yield


def slow(raw: bytes, columns: Columns) -> Decoded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "is_exact", lambda raw, frame: False)
        return decode_ndjson(raw, columns)


def rows(decoded: Decoded) -> list[dict[str, object]]:
    return decoded.frame.to_dicts()


@settings(max_examples=300, deadline=None)
@given(
    LINES, st.sampled_from([None, {"a": "BIGINT"}, {"a": "VARCHAR", "b": "DOUBLE"}]), st.booleans()
)
@example([b'{"a":[]}', b'{"a":[1]}'], None, False)  # a list that has had no value yet
@example([b'{"a":[{"b":[[]]}]}', b'{"a":[{"b":[[true]]}]}'], None, False)
def test_the_fast_way_and_the_slow_way_agree(lines, known, fixed):
    schema = Schema.from_mapping(known) if known else None
    columns = Columns.of(schema, None) if fixed else Columns.of(None, schema)
    raw = b"\n".join(lines)
    fast, judged = decode_ndjson(raw, columns), slow(raw, columns)
    assert fast.rejects == judged.rejects
    assert fast.schema == judged.schema
    assert rows(fast) == rows(judged)


def first_of_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A key that is repeated with null says nothing new."""
    out: dict[str, object] = {}
    for key, value in pairs:
        out.setdefault(key, value)
    return out


def holds(found: object, said: object) -> bool:
    """Whether a decoded value says what the JSON said: absent fields are null."""
    if isinstance(said, dict) and isinstance(found, dict):
        return all(holds(value, said.get(name)) for name, value in found.items()) and (
            {name for name, value in said.items() if value is not None} <= set(found)
        )
    if isinstance(said, list) and isinstance(found, list):
        return len(said) == len(found) and all(map(holds, found, said))
    return found == said and isinstance(found, str) == isinstance(said, str)


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_no_line_is_lost_and_each_row_says_what_its_line_said(lines):
    decoded = decode_ndjson(b"\n".join(lines), Columns({}))
    given_lines = [line for line in lines if line.strip()]
    refused = {reject.position for reject in decoded.rejects}
    good = [
        json.loads(line, object_pairs_hook=first_of_each)
        for i, line in enumerate(given_lines)
        if i not in refused
    ]
    assert len(good) + len(refused) == len(given_lines)
    if decoded.frame.width:
        assert decoded.frame.height == len(good)
        assert all(map(holds, rows(decoded), good))


@settings(max_examples=300, deadline=None)
@given(st.lists(GOOD, min_size=1, max_size=6), st.sampled_from(["a", "b"]))
def test_a_proof_never_holds_where_a_field_or_a_type_was_lost(lines, dropped):
    raw = b"\n".join(lines)
    types = {n: t for n, t in decode_ndjson(raw, Columns({})).frame.schema.items() if n != dropped}
    said = any(json.loads(line).get(dropped) is not None for line in lines)
    try:
        frame = pl.scan_ndjson(raw, schema={"z": pl.String(), **types}).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return
    assert not (said and is_exact(raw, frame))


@pytest.mark.parametrize("fixed", [True, False])
def test_null_in_an_unknown_field_says_nothing_whatever_stands_beside_it(fixed):
    columns = Columns({"a": pl.Int64()}, fixed)
    for beside in (b"", b"{"):  # the second block is judged line by line
        decoded = decode_ndjson(b'{"a": 1, "b": null}\n' + beside, columns)
        assert decoded.frame.to_dicts() == [{"a": 1}]


def test_a_number_too_large_where_only_null_was_seen_is_rejected():
    raw = b'{"s": {"a": null}, "n": []}\n{"s": {"a": 9223372036854775808}}\n{"s": {"a": 1}}'
    decoded = decode_ndjson(raw, Columns({}))
    assert [reject.position for reject in decoded.rejects] == [1]
    assert decoded.frame["s"].to_list() == [{"a": None}, {"a": 1}]


def test_one_bad_line_among_many_stands_alone():
    lines = [b'{"i": %d, "s": "x"}' % i for i in range(5_000)]
    lines[3_210] = b'{"i": 3210, "s": '
    decoded = decode_ndjson(b"\n".join(lines), Columns({}))
    (reject,) = decoded.rejects
    assert (reject.row, reject.code, reject.position) == ('{"i": 3210, "s":', "bad_json", 3_210)
    assert decoded.frame["i"].to_list() == [i for i in range(5_000) if i != 3_210]


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (b'{"i": 7, "new": [1, null]}', {"i": "BIGINT", "new": "BIGINT[]"}),
        (b'{"i": 7.5}', {"i": "DOUBLE"}),
        (b'{"i": null}', {"i": "BIGINT"}),
    ],
)
def test_columns_grow_in_the_midst_of_a_block(line, columns):
    lines = [b'{"i": %d}' % i for i in range(2_000)]
    lines[1_500] = line
    decoded = decode_ndjson(b"\n".join(lines), Columns({}))
    assert decoded.schema.to_mapping() == columns
    assert decoded.frame.height == 2_000
    assert not decoded.rejects


def test_a_clash_with_the_floor_rejects_the_line():
    floor = Schema.from_mapping({"i": "BIGINT", "s": "VARCHAR"})
    decoded = decode_ndjson(b'{"i":"x"}\n{"i":1,"s":5}\n{"i":2}\n', Columns.of(None, floor))
    assert rows(decoded) == [{"i": 2, "s": None}]
    assert [r.reason for r in decoded.rejects] == [
        "field 'i': BIGINT was expected, found a text (\"x\")",
        "field 's': VARCHAR was expected, found an integer (5)",
    ]


def test_declared_types_convert_and_reject_what_does_not_fit():
    declared = Schema.from_mapping(
        {"t": "TIMESTAMP", "small": "TINYINT", "money": "DECIMAL(6,2)", "day": "DATE"}
    )
    raw = b"\n".join(
        [
            b'{"t":"2026-01-02T03:04:05.5Z","small":7,"money":12.5,"day":"2026-01-02"}',
            b'{"t":"soon","small":1}',
            b"oops",
            b'{"small":300}',
            b'{"other":1}',
        ]
    )
    decoded = decode_ndjson(raw, Columns.of(declared, None))
    assert [str(v) for v in decoded.frame.row(0)] == [
        "2026-01-02 03:04:05.500000",
        "7",
        "12.50",
        "2026-01-02",
    ]
    assert [(r.position, r.code) for r in decoded.rejects] == [
        (1, "bad_value"),
        (2, "bad_json"),
        (3, "bad_value"),
        (4, "bad_value"),
    ]


def test_a_wider_number_than_the_floor_keeps_its_fraction():
    floor = Schema.from_mapping({"n": "BIGINT"})
    decoded = decode_ndjson(b'{"n":1}\n{"n":2.5}\n', Columns.of(None, floor))
    assert decoded.frame["n"].to_list() == [1.0, 2.5]
    assert decoded.schema == Schema.from_mapping({"n": "DOUBLE"})


def test_objects_without_fields_are_rejected_for_what_they_are():
    decoded = decode_ndjson(b"{}\n{}\n", Columns({}))
    assert [reject.row for reject in decoded.rejects] == ["{}", "{}"]
    assert "without fields" in decoded.rejects[0].reason
