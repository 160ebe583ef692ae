"""What planning is told about actions: all findings at once, each in its place."""

from __future__ import annotations

from typing import Any

import pytest

from lyftnb.model import ActionSpec, Schema, long_schema
from lyftnb.operators import ActionChecker, action_kinds
from lyftnb.planning.checker import Finding

SCHEMA = Schema.from_mapping({"a": "BIGINT", "t": "VARCHAR", "at": "TIMESTAMP"})
FILE = {"file": "none.csv", "on": "t", "add": ["x"]}
TABLE = Schema.from_mapping({"code": "VARCHAR", "name": "VARCHAR"})


def _check(action: Any, schema: Schema | None = SCHEMA, **tables: Schema | None) -> Any:
    return ActionChecker().check_action(ActionSpec.model_validate(action), schema, tables)


def _places(findings: tuple[Finding, ...]) -> list[tuple[str | int, ...]]:
    return [finding.path for finding in findings]


def test_each_entry_is_checked_by_itself() -> None:
    schema, findings = _check({"derive": {"x": "a + 1", "y": "b", "z": "t + 1", "w": "x * 2"}})
    assert schema is None
    assert _places(findings) == [("derive", "y"), ("derive", "z")]


@pytest.mark.parametrize(
    ("action", "place", "hint"),
    [
        ({"filtr": "a > 1"}, ("filtr",), "did you mean 'filter'?"),
        ({"aggregate": {"buy": "a"}}, ("aggregate", "buy"), "did you mean 'by'?"),
        ({"filter": "a > "}, ("filter",), "DuckDB SQL"),
        ({"filter": "a + 1"}, ("filter",), "compare it"),
        ({"filter": "sum(a) > 1"}, ("filter",), "aggregate"),
        ({"select": ["a", "tt"]}, ("select", "tt"), "'t'"),
        ({"rename": {"b": "c"}}, ("rename", "b"), "columns here: a, t, at"),
        ({"derive": {"__lyft_x": "1"}}, ("derive", "__lyft_x"), "rename"),
        ({"cast": {"a": "BIGIN"}}, ("cast", "a"), "BIGINT"),
        ({"fill": {"a": "x"}}, ("fill", "values", "a"), ""),
        ({"fill": {"values": {"a": 1}, "by": "t"}}, ("fill",), ""),
        ({"fill": {"forward": "a", "by": "tt"}}, ("fill", "by", 0), "'t'"),
        ({"fill": {"backward": ["t", "a"], "by": "a"}}, ("fill", "backward", 1), "leave it out"),
        ({"time": {"field": "at", "zone": "Europe/Berln"}}, ("time", "zone"), "Europe/Berlin"),
        ({"time": {"field": "at", "formats": ["iso", "%Q"]}}, ("time", "formats", 1), "%H %M"),
        ({"time": {"field": "at", "output": "%Y-%Q"}}, ("time", "output"), "%H %M"),
        ({"regex": {"field": "t", "pattern": "(?<x>a"}}, ("regex", "pattern"), "look-around"),
        ({"lookup": {"table": "nams", "on": "t", "add": ["name"]}}, ("lookup",), "'names'"),
        ({"lookup": {"table": "names", "on": {"a": "code"}, "add": ["name"]}},
         ("lookup", "on", "a"), "cast one"),
        ({"sql": "SELECT b FROM batch"}, ("sql",), ""),
        ({"sql": "DELETE FROM batch"}, ("sql", "query"), ""),
        ({"python": "def f(:"}, ("python", "source"), ""),
        ({"sample": {}}, ("sample",), ""),
    ],
)  # fmt: skip
def test_findings(action: Any, place: tuple[str | int, ...], hint: str) -> None:
    schema, findings = _check(action, names=TABLE)
    assert schema is None
    assert _places(findings) == [place]
    assert hint in findings[0].hint
    assert findings[0].message and "\n" not in findings[0].message


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"derive": {"x": "a / 2"}}, "a BIGINT, t VARCHAR, at TIMESTAMP, x DOUBLE"),
        ({"aggregate": {"by": "t", "compute": {"n": "count(*)"}}}, "t VARCHAR, n BIGINT"),
        ({"sql": "SELECT sum(a) AS s FROM batch"}, "s HUGEINT"),
        ({"lookup": FILE | {"types": {"t": "VARCHAR", "x": "DATE"}}},
         "a BIGINT, t VARCHAR, at TIMESTAMP, x DATE"),
        ({"lookup": {"table": "names", "on": {"t": "code"}, "add": {"long": "name"}}},
         "a BIGINT, t VARCHAR, at TIMESTAMP, long VARCHAR"),
        ({"python": "def f(lf):\n    return lf"}, None),
        ({"lookup": FILE}, None),
        ({"json": {"field": "t"}}, None),
        ({"sql": "SELECT a FROM batch WHERE t = ${run.id}"}, None),
    ],
)  # fmt: skip
def test_the_schema_that_comes_out(action: Any, expected: str | None) -> None:
    schema, findings = _check(action, names=TABLE)
    assert findings == ()
    assert (None if schema is None else str(schema)) == expected


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("uppr(a)", "unknown function uppr()", "did you mean upper()?"),
        ("1 + nope(a, other(b))", "unknown function nope()", "`sql` action"),
        ("CAST(a AS BIGIN)", "BIGIN", "BIGINT"),
    ],
)
def test_functions_and_types_are_known_without_a_schema(
    expression: str, message: str, hint: str
) -> None:
    for action in ({"derive": {"x": expression}}, {"filter": expression}):
        schema, (finding,) = _check(action, None)
        assert schema is None
        assert message in finding.message
        assert hint in finding.hint
    (finding,) = ActionChecker().check_condition(expression, None)
    assert message in finding.message


def test_without_a_schema_only_parameters_and_syntax_are_checked() -> None:
    assert _check({"derive": {"x": "whatever + 1"}}, None) == (None, ())
    _, findings = _check({"derive": {"x": "a +", "y": "b"}}, None)
    assert _places(findings) == [("derive", "x")]
    join = {"join": {"right": "names", "on": {"t": "code"}}}
    assert _check(join, SCHEMA, names=None) == (None, ())


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"filter": "a > 1"}, True),
        ({"sample": 0.1}, True),
        ({"sample": 10}, False),
        ({"fill": {"a": 0}}, True),
        ({"fill": {"forward": "a"}}, False),
        ({"fill": {"backward": "a", "by": "t"}}, False),
        ({"python": "def f(lf):\n    return lf"}, True),
        ({"python": {"source": "def f(lf):\n    return lf", "rowwise": False}}, False),
        ({"sql": "SELECT upper(t) AS t FROM batch WHERE a > 1"}, True),
        ({"sql": "SELECT unnest(string_split(t, ',')) AS u FROM batch"}, True),
        ({"sql": "SELECT string_agg(t, ',') AS u FROM batch"}, False),
        ({"sql": "SELECT approx_quantile(a, 0.5) AS u FROM batch"}, False),
        ({"sql": "SELECT row_number() OVER () AS u FROM batch"}, False),
        ({"sql": "SELECT * FROM batch LIMIT 5"}, False),
        ({"sql": "SELECT * FROM batch, names"}, False),
        ({"sql": "SELECT * FROM names"}, False),
        ({"sql": "WITH x AS (SELECT 1) SELECT * FROM batch"}, False),
        ({"sql": "nonsense"}, True),
        ({"limit": 5}, False),
        ({"sort": "a"}, False),
        ({"distinct": None}, False),
        ({"join": {"right": "names", "on": "a"}}, False),
    ],
)
def test_rowwise(action: Any, expected: bool) -> None:
    assert ActionChecker().rowwise(ActionSpec.model_validate(action)) is expected


def test_conditions() -> None:
    checker = ActionChecker()
    assert checker.check_condition("a > 1", SCHEMA) == ()
    assert checker.check_condition("b > 1", None) == ()
    assert len(checker.check_condition("b > 1", SCHEMA)) == 1
    assert len(checker.check_condition("a >", None)) == 1


@pytest.mark.parametrize("kind", action_kinds())
def test_parameters_make_a_form(kind: str) -> None:
    schema = long_schema(ActionChecker().action_schemas()[kind])
    assert {"type", "anyOf"} & set(schema)
    assert all("description" in p or "$ref" in p for p in schema.get("properties", {}).values())
