"""Contexts in the ledger: what may be set, whose parent may be whose, and who changed what."""

from pathlib import Path

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import LyftError, NotFound, SetupError
from lyftnb.store import Ledger, query


def _values(ledger: Ledger) -> dict[str, object]:
    return {c.layer: c.values for c in ledger.contexts()}


def test_values_are_typed_and_survive_reopening(tmp_path: Path, clock: ManualClock) -> None:
    with Ledger.open(tmp_path / "state", clock) as ledger:
        ledger.create_context("base", None, "ada")
        ledger.create_context("prod", "base", "ada")
        ledger.set_context("base", "db", {"host": "a", "ports": [1, 2]}, "ada")
        ledger.set_context("prod", "db.tls", True, "ada")
        ledger.set_context("prod", "none", None, "ada")
        ledger.set_context("group:etl", "n", 1.5, "ada")
    with Ledger.open(tmp_path / "state", clock) as ledger:
        assert _values(ledger) == {
            "base": {"db": {"host": "a", "ports": [1, 2]}},
            "prod": {"db": {"tls": True}, "none": None},
            "group:etl": {"n": 1.5},
        }
        assert {c.layer: c.parent for c in ledger.contexts()}["prod"] == "base"


def test_every_change_is_a_row_for_good(ledger: Ledger, clock: ManualClock) -> None:
    ledger.create_context("prod", None, "ada")
    ledger.set_context("prod", "n", 1, "ada")
    clock.advance(5)
    ledger.set_context("prod", "n", 2, "bob")
    ledger.unset_context("prod", "n", "bob")
    ledger.set_context("deployment:w", "n", 3, "cyd")
    ledger.unset_context("deployment:w", "n", "cyd")
    ledger.delete_context("prod", "cyd")
    assert _values(ledger) == {}
    told = [
        (c.change, c.layer, c.edit, c.path, c.before, c.after, c.changed_by)
        for c in reversed(ledger.context_changes())
    ]
    assert told == [
        (1, "prod", "create", None, None, None, "ada"),
        (2, "prod", "set", "n", None, 1, "ada"),
        (3, "prod", "set", "n", 1, 2, "bob"),
        (4, "prod", "unset", "n", 2, None, "bob"),
        (5, "deployment:w", "set", "n", None, 3, "cyd"),
        (6, "deployment:w", "unset", "n", 3, None, "cyd"),
        (7, "prod", "delete", None, {}, None, "cyd"),
    ]
    seen = query(ledger, "SELECT count(DISTINCT changed_at) FROM lyftnb.context_changes")
    assert seen.item() == 2


def test_parents_make_no_ring(ledger: Ledger) -> None:
    for name, parent in (("a", None), ("b", "a"), ("c", "b")):
        ledger.create_context(name, parent, "ada")
    with pytest.raises(SetupError, match="a -> c -> b -> a"):
        ledger.set_context_parent("a", "c", "ada")
    with pytest.raises(SetupError, match="a -> a"):
        ledger.set_context_parent("a", "a", "ada")
    with pytest.raises(SetupError, match="'b' is the parent of c"):
        ledger.delete_context("b", "ada")
    ledger.set_context_parent("c", None, "ada")
    ledger.set_context_parent("a", "c", "ada")
    assert {c.layer: c.parent for c in ledger.contexts()} == {"a": "c", "b": "a", "c": None}


WRONG = [
    (lambda w: w.create_context("prod", None, "x"), "there is a context 'prod' already"),
    (lambda w: w.create_context("draft", None, "x"), "'draft' cannot be the name"),
    (lambda w: w.create_context("workflow", None, "x"), "'workflow' cannot be the name"),
    (lambda w: w.create_context("group:etl", None, "x"), "cannot be the name"),
    (lambda w: w.create_context("test", "group:etl", "x"), "unknown context 'group:etl'"),
    (lambda w: w.set_context("prd", "n", 1, "x"), "did you mean 'prod'"),
    (lambda w: w.set_context("group:E", "n", 1, "x"), "no layer of variables"),
    (lambda w: w.set_context("prod", "a..b", 1, "x"), "no name of a variable"),
    (lambda w: w.set_context("prod", "n", float("nan"), "x"), "is not JSON"),
    (lambda w: w.set_context("prod", "n.x", 1, "x"), "'n' holds a value of its own"),
    (lambda w: w.unset_context("prod", "m", "x"), "unknown variable 'm'"),
    (lambda w: w.delete_context("group:gpu", "x"), "unknown context 'group:gpu'"),
]


@pytest.mark.parametrize(("call", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_changes_nothing(ledger: Ledger, call: object, said: str) -> None:
    ledger.create_context("prod", None, "ada")
    ledger.set_context("prod", "n", 1, "ada")
    ledger.set_context("group:etl", "n", 1, "ada")
    before = ledger.contexts(), ledger.context_changes()
    with pytest.raises(LyftError) as refused:
        call(ledger)  # type: ignore[operator]
    assert isinstance(refused.value, SetupError | NotFound)
    assert said in str(refused.value)
    assert (ledger.contexts(), ledger.context_changes()) == before
