"""Parsing actions: what is read, and what is rejected, text by text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.model import ActionSpec
from lyftnb.operators import Chain, ChainResult

JSON_TYPES = {
    "x": "BIGINT",
    "y": "VARCHAR",
    "z": "DOUBLE",
    "b": "BOOLEAN",
    "l": "BIGINT[]",
    "s": "STRUCT(q BIGINT, w VARCHAR[])",
    "d": "TIMESTAMP",
    "m": "STRUCT(a BIGINT)[]",
}
JSON = {"types": JSON_TYPES}
PAIRS = {"types": {"a": "BIGINT", "b": "VARCHAR"}}
RECORD = {"columns": {"n": "VARCHAR", "v": "BIGINT"}}
WORD = {"pattern": r"(?<l>\w)(?<n>\d)?"}
LOG = '1.2.3.4 - ada [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.0" 200 - "-" "Moz \\"x\\" y"'
LOG_FIELDS = {
    "client": "1.2.3.4",
    "user": "ada",
    "time": datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC),
    "method": "GET",
    "path": "/a?b",
    "protocol": "HTTP/1.0",
    "status": 200,
    "agent": 'Moz \\"x\\" y',
}


def _parse(texts: list[str | None], kind: str, params: dict[str, Any]) -> ChainResult:
    frame = pl.DataFrame({"_raw": pl.Series(texts, dtype=pl.String)})
    chain = Chain(frame.lazy(), frame.schema)
    spec = ActionSpec(kind=kind, params={**params, "keep": False, "into": "v"})
    chain.step("s", [spec], "reject", ["a"])
    return chain.collect()


def _present(value: dict[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in value.items() if v is not None}


@pytest.mark.parametrize(
    ("kind", "params", "text", "expected"),
    [
        ("json", JSON, '{"x": 9007199254740993}', {"x": 9007199254740993}),
        ("json", JSON, '{"x": 2.0, "z": 1}', {"x": 2, "z": 1.0}),
        ("json", JSON, '{"x": "12", "y": 5}', {"x": 12, "y": "5"}),
        ("json", JSON, '{"y": {"a": 1}}', {"y": '{"a":1}'}),
        ("json", JSON, '{"l": [1, null], "b": true}', {"l": [1, None], "b": True}),
        ("json", JSON, '{"s": {"w": ["a", 1]}}', {"s": {"q": None, "w": ["a", "1"]}}),
        ("json", JSON, '{"m": [{"a": 1}, {}]}', {"m": [{"a": 1}, {"a": None}]}),
        ("json", JSON, '{"d": "2020-01-02T03:04:05"}', {"d": datetime(2020, 1, 2, 3, 4, 5)}),
        ("json", JSON, '{"x": null, "new": 1}', {}),
        ("json", JSON, None, {}),
        ("csv", RECORD, '"a,""b""",2', {"n": 'a,"b"', "v": 2}),
        ("csv", RECORD, '"two\nlines",2', {"n": "two\nlines", "v": 2}),
        ("csv", RECORD, ",", {}),
        ("key_value", PAIRS, 'b="two \\"q\\" words"  a=2 c=', {"a": 2, "b": 'two "q" words'}),
        ("key_value", PAIRS, None, {}),
        ("regex", WORD | {"types": {"n": "BIGINT"}}, "-x1", {"l": "x", "n": 1}),
        ("regex", WORD, "x", {"l": "x"}),
        ("access_log", {}, LOG, LOG_FIELDS),
        ("access_log", {}, '::1 - - [01/Jan/2026:00:00:00 +0000] "\\x16" 400 0',
         {"client": "::1", "time": datetime(2026, 1, 1, tzinfo=UTC), "status": 400, "bytes": 0}),
    ],
)  # fmt: skip
def test_reads(kind: str, params: dict[str, Any], text: str | None, expected: Any) -> None:
    result = _parse([text], kind, params)
    assert result.rejects.is_empty(), result.rejects["reason"].to_list()
    assert _present(result.frame["v"][0]) == expected


@pytest.mark.parametrize(
    ("kind", "params", "code", "texts"),
    [
        ("json", JSON, "bad_json", ["", "{", "5", "null", "[1]", '{"x":1}{"x":2}']),
        ("json", {}, "bad_json", ["", "{", "5", "null", "[1]"]),
        ("json", JSON, "bad_value",
         ['{"x": 1.5}', '{"x": "a"}', '{"x": true}', '{"x": 99999999999999999999}',
          '{"b": "maybe"}',
          '{"l": 5}', '{"l": [1, "a"]}', '{"s": 5}', '{"s": {"q": "a"}}', '{"m": [5]}',
          '{"m": [{"a": 1}, {"a": "q"}]}', '{"d": "soon"}']),
        ("csv", RECORD, "bad_csv", ["", "a", "a,1,2", '"open,1', "a,1\nb,2"]),
        ("csv", RECORD, "bad_value", ["a,b"]),
        ("key_value", PAIRS, "bad_key_value", ["", "nope", "a=1 junk", 'b="open']),
        ("key_value", PAIRS, "bad_value", ["a=x", "a="]),
        ("regex", {"pattern": "(?<l>[a-z])"}, "no_match", ["", "1"]),
        ("access_log", {}, "bad_access_log", ["", "x", LOG.replace("10/Oct", "99/Oct")]),
        ("access_log", {"format": "common"}, "bad_access_log", [LOG]),
    ],
)  # fmt: skip
def test_rejects(kind: str, params: dict[str, Any], code: str, texts: list[str]) -> None:
    result = _parse(texts, kind, params)
    assert result.frame.is_empty()
    assert result.rejects["code"].to_list() == [code] * len(texts)
    assert [json.loads(row)["_raw"] for row in result.rejects["_row"]] == texts
    assert result.rejects["position"].to_list() == list(range(len(texts)))


def test_json_without_types_takes_them_from_the_rows() -> None:
    texts = ['{"a": 1, "b": [1, 2.5]}', '{"a": "x", "s": {"q": 1}}', "{"]
    result = _parse(texts, "json", {})
    assert result.schema["v"] == pl.Struct(
        {"a": pl.String, "b": pl.List(pl.Float64), "s": pl.Struct({"q": pl.Int64})}
    )
    assert result.frame["v"].to_list() == [
        {"a": "1", "b": [1.0, 2.5], "s": None},
        {"a": "x", "b": None, "s": {"q": 1}},
    ]
    assert result.rejects["position"].to_list() == [2]


def test_a_key_that_no_column_can_have_stops_no_row() -> None:
    rows = [{"a": 1}, {"": 5, "__lyft_x": 1}, {"n": {"": 5}}, {"m": {'q"': 1}}]
    texts = [json.dumps(row, separators=(",", ":")) for row in rows]
    assert _parse(texts, "json", {}).frame["v"].to_list() == [
        {"a": 1, "n": None, "m": None},
        {"a": None, "n": None, "m": None},
        {"a": None, "n": '{"":5}', "m": None},
        {"a": None, "n": None, "m": '{"q\\"":1}'},
    ]


def test_keys_without_types_are_taken_from_the_rows() -> None:
    result = _parse(["a=1 b=x", 'c="y z"'], "key_value", {})
    assert result.frame["v"].to_list() == [
        {"a": "1", "b": "x", "c": None},
        {"a": None, "b": None, "c": "y z"},
    ]


values = st.fixed_dictionaries(
    {},
    optional={
        "x": st.integers(-(2**63), 2**63 - 1),
        "y": st.text(),
        "z": st.floats(allow_nan=False, allow_infinity=False),
        "b": st.booleans(),
        "l": st.lists(st.one_of(st.none(), st.integers(-(2**40), 2**40))),
        "m": st.lists(st.fixed_dictionaries({"a": st.integers(-5, 5)}), max_size=3),
    },
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(values, max_size=5))
def test_json_gives_back_what_was_written(rows: list[dict[str, Any]]) -> None:
    result = _parse([json.dumps(row) for row in rows], "json", {"types": JSON_TYPES})
    assert result.rejects.is_empty()
    assert [_present(value) for value in result.frame["v"]] == rows


def test_side_by_side_with_a_prefix() -> None:
    frame = pl.DataFrame({"t": ["1,2"], "a": [0]})
    chain = Chain(frame.lazy(), frame.schema)
    params = {"field": "t", "columns": ["a", "b"], "prefix": "p_"}
    chain.step("s", [ActionSpec(kind="csv", params=params)], "reject", ["a"])
    assert chain.collect().frame.to_dicts() == [{"t": "1,2", "a": 0, "p_a": "1", "p_b": "2"}]
