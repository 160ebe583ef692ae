"""`${…}` in parameters: filled with types kept, with fallbacks, or refused with the place."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lyftnb.errors import WorkflowError
from lyftnb.model import filled, secrets_named

VARIABLES = {
    "run.id": "w-1",
    "run.fire": datetime(2026, 5, 1, tzinfo=UTC),
    "msg": {"n": 5},
    "msg.n": 5,
    "secret.db/password": "swordfish",
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${msg.n}", 5),
        ("${msg}", {"n": 5}),
        ("n=${msg.n}, ${ run.id }", "n=5, w-1"),
        ("at ${run.fire}", "at 2026-05-01T00:00:00+00:00"),
        ("${msg} told", '{"n": 5} told'),
        ("u:${secret.db/password}@h", "u:swordfish@h"),
        ("${msg.m || 7}", 7),
        ("x${var.dir || out}", "xout"),
        ("${var.none || null}", None),
        ("$${HOME} and $${run.id}", "${HOME} and ${run.id}"),
        ({"a": ["${msg.n}", {"b": "${run.id}"}]}, {"a": [5, {"b": "w-1"}]}),
    ],
)
def test_what_is_filled_in(value: Any, expected: Any) -> None:
    assert filled(value, VARIABLES) == expected


def test_what_has_none_is_the_same_object() -> None:
    value = {"a": [1, "x", {"b": None}], "c": ("y",)}
    assert filled(value, VARIABLES) is value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${run.idd}", "did you mean ${run.id}"),
        ("${}", "has no value here"),
        ("${secret.db/other || x}", "lyftnb secret set db/other"),
    ],
)
def test_what_is_missing_is_placed(value: str, said: str) -> None:
    with pytest.raises(WorkflowError) as refused:
        filled({"rows": [{"path": value}]}, VARIABLES, ("input", "inline"))
    assert refused.value.where == "input.inline.rows[0].path"
    assert said in str(refused.value)


def test_the_secrets_that_are_named() -> None:
    params = {"a": ["${secret.a/b}", "x ${ secret.c/d } $${secret.e/f}"], "b": {"c": "${run.id}"}}
    assert secrets_named(params) == {"a/b", "c/d"}
