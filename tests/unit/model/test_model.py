"""What the nouns promise: digests that see what matters, schemas that unite, names that fit SQL."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb import errors
from lyftnb.model import (
    Problem,
    Schema,
    WorkflowSpec,
    united,
    widened,
    workflow_digest,
    worst_first,
)


def digest(**changes: Any) -> str:
    step: dict[str, Any] = {"in": "raw", "actions": [{"filter": "n > 1"}], "out": "kept"}
    document: dict[str, Any] = {"workflow": "w", "steps": {"s": step | changes.pop("step", {})}}
    return workflow_digest(WorkflowSpec.model_validate(document | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "words"},
        {"ui": {"s": {"x": 1}}},
        {"step": {"description": "words"}},
        {"step": {"group": "etl", "replicas": 4, "paused": True}},
        {"step": {"in": ["raw"]}},
        {"step": {"out": {"out": "kept"}}},
        {"step": {"actions": [{"filter": "n > 1", "description": "words"}]}},
    ],
)
def test_digest_ignores_words_layout_settings_and_surface_form(changes: dict[str, Any]) -> None:
    assert digest(**changes) == digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"context": {"x": 1}},
        {"channels": {"kept": {"transport": "spool"}}},
        {"step": {"in": {"raw": "raw"}}},
        {"step": {"actions": [{"filter": "n > 2"}]}},
        {"step": {"actions": [{"filter": "n > 1", "on_error": "drop"}]}},
        {"step": {"out": {"x": "kept", "y": "other"}}},
        {"step": {"retry": {"attempts": 2}}},
    ],
)
def test_digest_sees_what_a_version_does(changes: dict[str, Any]) -> None:
    assert digest(**changes) != digest()


NUMBERS = st.sampled_from(
    [
        "TINYINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "UINTEGER",
        "UBIGINT",
        "FLOAT",
        "DOUBLE",
    ]
)


@given(NUMBERS, NUMBERS)
def test_widening_is_commutative_and_stays_put(a: str, b: str) -> None:
    wide = widened(a, b)
    assert wide == widened(b, a)
    assert wide is not None
    assert widened(wide, a) == wide


def test_united_keeps_order_and_names_clashes() -> None:
    a = Schema.from_mapping({"x": "INTEGER", "y": "VARCHAR"})
    b = Schema.from_mapping({"z": "DATE", "y": "BIGINT", "x": "DOUBLE"})
    union, clashes = united(a, b)
    assert union.to_mapping() == {"x": "DOUBLE", "y": "VARCHAR", "z": "DATE"}
    assert clashes == {"y": ("VARCHAR", "BIGINT")}


def test_problems_come_worst_first_and_once() -> None:
    note = Problem("n", "note", ("steps", "a"), "m")
    error = Problem("e", "error", ("steps", "a", "actions", 0), "m")
    assert worst_first([note, error, note]) == (error, note)
    assert error.dotted == "steps.a.actions[0]"


def tree(kind: type[errors.LyftError]) -> list[type[errors.LyftError]]:
    return [kind, *(sub for child in kind.__subclasses__() for sub in tree(child))]


@pytest.mark.parametrize("kind", tree(errors.LyftError), ids=lambda kind: kind.__name__)
def test_errors_survive_the_way_from_a_worker(kind: type[errors.LyftError]) -> None:
    error = kind("what", where="there", hint="do this", extra=1).with_where("step s")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error) == "step s: there: what\n  hint: do this"
    assert again.facts["extra"] == 1


def test_error_codes_are_unique_and_drawn() -> None:
    ours = [k for k in tree(errors.LyftError) if k.__module__ == "lyftnb.errors"]
    assert len({kind.code for kind in ours}) == len(ours)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in ours)
