"""A workflow survives every form it can be written in."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb import catalog
from lyftnb.catalog.scalars import meaning, written
from lyftnb.errors import WorkflowError
from lyftnb.model import WorkflowSpec, workflow_digest
from lyftnb.testing import strategies

quick = settings(max_examples=80, deadline=None)


@quick
@given(strategies.workflows())
def test_yaml_loses_nothing(spec: WorkflowSpec) -> None:
    reading = catalog.read(catalog.write(spec))
    assert reading.problems == ()
    assert reading.spec == spec
    assert reading.spec.to_document() == spec.to_document()
    assert workflow_digest(reading.spec) == workflow_digest(spec)


@quick
@given(strategies.workflows())
def test_json_and_plain_values_lose_nothing(spec: WorkflowSpec) -> None:
    as_json = catalog.read(catalog.write_json(spec))
    assert as_json.problems == ()
    assert as_json.spec == spec
    escaped = catalog.read(json.dumps(spec.to_document()))
    assert escaped.spec == spec
    assert catalog.from_document(spec.to_document()).spec == spec


@quick
@given(strategies.scalars())
def test_scalars_keep_value_and_type(value: Any) -> None:
    reading = catalog.read(f"workflow: a\ncontext: {{v: {written(value)}}}")
    assert reading.spec is not None
    found = reading.spec.context["v"]
    assert (type(found), found) == (type(value), value)


@quick
@given(st.text(st.sampled_from("0123456789+-._eExoabcTtrue~nul"), max_size=8))
def test_bare_words_mean_what_they_meant_when_written_back(word: str) -> None:
    assert meaning(written(meaning(word)).strip('"')) == meaning(word)


def test_a_file_in_the_order_of_the_house() -> None:
    document = {
        "steps": {
            "clean": {
                "out": "flights",
                "actions": [
                    {"filter": "distance >= {{least}} AND origin <> 'JFK'"},
                    {"python": "def f(df):\n    return df\n", "id": "own"},
                ],
                "in": "raw",
            }
        },
        "channels": {"flights": {"transport": "spool", "retention": {"days": 4}}},
        "workflow": "flights",
        "context": {"least": 100},
    }
    assert catalog.write(WorkflowSpec.model_validate(document)) == (
        "workflow: flights\n"
        "context: {least: 100}\n"
        "channels:\n"
        "  flights: {transport: spool, retention: {days: 4}}\n"
        "steps:\n"
        "  clean:\n"
        "    in: raw\n"
        "    actions:\n"
        "      - filter: \"distance >= {{least}} AND origin <> 'JFK'\"\n"
        "      - python: |\n"
        "          def f(df):\n"
        "              return df\n"
        "        id: own\n"
        "    out: flights\n"
    )


def test_numbers_that_no_file_can_hold_are_refused() -> None:
    spec = WorkflowSpec(workflow="a", context={"x": float("inf")})
    with pytest.raises(WorkflowError, match="cannot hold the number inf"):
        catalog.write(spec)
