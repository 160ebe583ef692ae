"""Runbooks: each thing that can be wrong with one has its place, and parameters become context."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb.errors import InvalidParameters, SetupError
from lyftnb.model import RunbookSpec, WorkflowSpec
from lyftnb.planning import (
    check_runbook,
    context_of,
    deployment_of,
    parameters_from_text,
    parameters_of,
    parse_ref,
)

WORKFLOW = WorkflowSpec.model_validate(
    {
        "workflow": "sales",
        "context": {"customer": "none", "least": 0, "folder": "data", "days": ["mon"]},
        "steps": {
            "read": {"input": {"files": {"path": "{{folder}}/{{store.path}}"}}, "out": "raw"},
            "pick": {
                "in": "raw",
                "actions": [{"filter": "customer = '{{customer}}' AND n >= {{least}}"}],
                "output": {"print": {}},
            },
        },
    }
)
CUSTOMER = {"type": "string", "pattern": "^[a-z]+$", "description": "whose orders"}


def runbook(
    properties: dict[str, Any] | None = None, required: Any = (), **rest: Any
) -> RunbookSpec:
    schema = {"type": "object", "properties": properties or {}, "required": list(required)}
    document = {"runbook": "backfill", "workflow": "sales@1", "parameters": schema, **rest}
    return RunbookSpec.model_validate(document)


WRONG: list[tuple[RunbookSpec, str, str, str]] = [
    (
        runbook({"least": {"type": "integr"}}),
        "bad_schema", "parameters.properties.least.type", "did you mean 'integer'?",
    ),
    (
        runbook({"least": {"type": "integer", "defualt": 3}}),
        "unknown_keyword", "parameters.properties.least.defualt", "did you mean 'default'?",
    ),
    (
        runbook({"least": {"$ref": "https://example.org/least"}}),
        "bad_schema", "parameters.properties.least.$ref", "#/$defs/NAME",
    ),
    (
        runbook(parameters={"type": "array"}),
        "bad_schema", "parameters.type", "write `type: object`",
    ),
    (
        runbook({"customer": CUSTOMER}, ["custmer"]),
        "unknown_parameter", "parameters.required[0]", "did you mean 'customer'?",
    ),
    (
        runbook({"least": {"type": "integer", "default": "many"}}),
        "bad_default", "parameters.properties.least.default", "expected integer, found 'many'",
    ),
    (
        runbook({"Least": {"type": "integer"}}),
        "bad_name", "parameters.properties.Least", "is not a name",
    ),
    (
        runbook({"invocation": {"type": "integer"}}),
        "bad_name", "parameters.properties.invocation", "stands for something else",
    ),
    (
        runbook({"customer": {**CUSTOMER, "format": "password"}}),
        "secret_parameter", "parameters.properties.customer", "${secret.scope/name}",
    ),
    (
        runbook({"custmer": CUSTOMER}),
        "unused_parameter", "parameters.properties.custmer", "did you mean 'customer'?",
    ),
    (
        runbook({"customer": CUSTOMER}, context={"floder": "in/{{customer}}"}),
        "unknown_variable", "context.floder", "did you mean 'folder'?",
    ),
    (
        runbook({"customer": CUSTOMER}, context={"folder": "in/{{custmer}}"}),
        "unknown_parameter", "context.folder", "did you mean 'customer'?",
    ),
    (
        runbook({"customer": CUSTOMER}, deployment="of_{{customer}}"),
        "unknown_parameter", "deployment", "may be left out",
    ),
    (
        runbook({"customer": CUSTOMER}, deployment="Sales Now"),
        "bad_name", "deployment", "is not a name",
    ),
    (
        runbook({"customer": {"type": "string"}}, ["customer"]),
        "unbounded_parameter", "parameters.properties.customer", "bound it with `pattern`",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "code", "place", "says"), WRONG, ids=lambda v: str(v)[:24])
def test_what_is_wrong_has_a_place_and_a_way_out(
    spec: RunbookSpec, code: str, place: str, says: str
) -> None:
    found = {(p.code, p.dotted): p for p in check_runbook(spec, WORKFLOW)}
    assert (code, place) in found, list(found)
    assert says in str(found[code, place])


def test_a_right_runbook_has_no_problems() -> None:
    spec = runbook(
        {
            "customer": CUSTOMER,
            "since": {"type": "string", "format": "date", "default": "2026-01-01"},
            "days": {"type": "array", "items": {"$ref": "#/$defs/day"}},
            "least": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        ["customer"],
        context={"folder": "data/{{since}}", "store": {"path": "{{customer}}.csv"}},
        deployment="sales_{{customer}}",
    )
    days = {**spec.parameters, "$defs": {"day": {"enum": ["mon", "tue"]}}}
    assert check_runbook(spec.model_copy(update={"parameters": days}), WORKFLOW) == ()


def test_references_are_to_workflows_by_name_and_number() -> None:
    assert parse_ref("flights") == ("flights", None)
    assert parse_ref("flights@12") == ("flights", 12)
    assert [parse_ref(text) for text in ("Flights", "flights@", "flights@0", "a b")] == [None] * 4


# -- parameters

ORDERS = runbook(
    {
        "customer": CUSTOMER,
        "least": {"type": "integer", "default": 1, "minimum": 0, "maximum": 9},
        "since": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "size": {"enum": ["small", "large", 3]},
        "days": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        "more": {
            "type": "object",
            "properties": {"note": {"type": "string", "default": "none"}},
            "additionalProperties": False,
        },
    },
    ["customer"],
)


def test_defaults_are_filled_in_also_within_objects() -> None:
    values = parameters_of(ORDERS, {"customer": "x", "more": {}, "since": date(2026, 5, 1)})
    assert values == {
        "customer": "x",
        "least": 1,
        "since": "2026-05-01",
        "more": {"note": "none"},
    }


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "customer: is missing (whose orders)"),
    ({"customer": 3}, "customer: expected string, found 3"),
    ({"customer": "X"}, "customer: expected text that matches ^[a-z]+$, found 'X'"),
    ({"customr": "x", "customer": "x"}, "customr: there is no such parameter (did you mean"),
    ({"customer": "x", "least": -1}, "least: expected at least 0, found -1"),
    ({"customer": "x", "least": 10}, "least: expected at most 9, found 10"),
    ({"customer": "x", "least": True}, "least: expected integer, found true"),
    ({"customer": "x", "since": "yesterday"}, "since: expected a date such as 2026-11-26, found"),
    ({"customer": "x", "at": "2026-01-01T00:00:00"}, "at: expected a date-time such as"),
    ({"customer": "x", "size": "smal"}, "(did you mean 'small'?)"),
    ({"customer": "x", "days": [1]}, "days: expected at least 2 items, found 1"),
    ({"customer": "x", "days": [1, "b"]}, "days[1]: expected integer, found 'b'"),
    ({"customer": "x", "more": {"not": 1}}, "more: Additional properties are not allowed"),
    ({"customer": "{{folder}}"}, "customer: is taken as it stands"),
    ({"customer": "x", "more": {"note": "${secret.a/b}"}}, "more: is taken as it stands"),
    ({"customer": "x", "least": float("nan")}, "least: cannot be written as JSON"),
    ({"customer": object()}, "customer: cannot be written as JSON"),
]


@pytest.mark.parametrize(("values", "says"), BAD, ids=lambda v: str(v)[:30])
def test_each_wrong_parameter_is_named(values: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        parameters_of(ORDERS, values)
    assert says in str(caught.value)


def test_all_wrong_parameters_are_told_at_once() -> None:
    with pytest.raises(InvalidParameters) as caught:
        parameters_of(ORDERS, {"least": -1, "size": "x", "days": [1]})
    assert {p.path[0] for p in caught.value.problems} == {"customer", "least", "size", "days"}


def test_texts_take_the_types_of_their_parameters() -> None:
    texts = {
        "customer": ["12"],
        "least": ["3"],
        "size": ["3"],
        "days": ["1", "2"],
        "more": ['{"note": "x"}'],
        "unheard": ["of"],
    }
    assert parameters_from_text(ORDERS, texts) == {
        "customer": "12",
        "least": 3,
        "size": 3,
        "days": [1, 2],
        "more": {"note": "x"},
        "unheard": "of",
    }
    assert parameters_from_text(ORDERS, {"days": ["[4, 5]"], "least": ["few"]}) == {
        "days": [4, 5],
        "least": "few",
    }


KINDS = {
    "string": st.text(),
    "integer": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
    "object": st.dictionaries(st.text(), st.integers()),
}


@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_a_value_survives_its_text(data: st.DataObject, kind: str) -> None:
    value = data.draw(KINDS[kind])
    text = value if isinstance(value, str) else json.dumps(value)
    spec = runbook({"p": {"type": kind}})
    assert parameters_from_text(spec, {"p": [text]}) == {"p": value}


# -- what becomes of them


def test_parameters_go_to_variables_of_their_name_or_where_the_runbook_says() -> None:
    spec = runbook(
        {"customer": CUSTOMER, "least": {"type": "integer"}, "year": {"type": "integer"}},
        context={"folder": "data/{{year}}/{{customer}}", "days": "{{year}}"},
    )
    assert context_of(spec, {"customer": "x", "least": 3, "year": 2026}) == {
        "least": 3,
        "folder": "data/2026/x",
        "days": 2026,
    }
    # Without a year the workflow's own folder stands.
    assert context_of(spec, {"customer": "x", "least": 3}) == {"least": 3}


def test_an_invocation_runs_as_a_deployment_of_its_own_unless_told_otherwise() -> None:
    properties = {"customer": {"type": "string"}}
    assert deployment_of(runbook(properties), {"customer": "x"}, 12) == "backfill_12"
    shared = runbook(properties, ["customer"], deployment="sales_{{customer}}")
    assert deployment_of(shared, {"customer": "x"}, 12) == "sales_x"
    with pytest.raises(SetupError, match="'sales_O'Brien' cannot be the name of a deployment"):
        deployment_of(shared, {"customer": "O'Brien"}, 12)
