"""Changes of documents, and two changes of one brought together."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb.errors import SetupError
from lyftnb.workspace.studio.ops import alike, applied, merged
from lyftnb.workspace.studio.protocol.drafts import Op

KEYS = st.sampled_from(["a", "b", "c", "steps"])
VALUES = st.recursive(
    st.integers(0, 3) | st.booleans() | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
PATHS = st.lists(KEYS | st.integers(0, 3), max_size=3).map(tuple)
OPS = st.builds(
    Op,
    op=st.sampled_from(["put", "insert", "remove", "rename", "order"]),
    path=PATHS,
    value=VALUES | KEYS,
)


def changed(document: dict[str, Any], *ops: tuple[str, list[str | int], Any]) -> dict[str, Any]:
    return applied(document, [Op(op=o, path=tuple(p), value=v) for o, p, v in ops])  # type: ignore[arg-type]


def test_each_kind_of_change() -> None:
    before = {"steps": {"a": {"actions": [1, 2]}, "b": {}}}
    assert changed(before, ("put", ["steps", "a", "actions", 0], 9))["steps"]["a"] == {
        "actions": [9, 2]
    }
    assert changed(before, ("insert", ["steps", "a", "actions", 2], 3))["steps"]["a"] == {
        "actions": [1, 2, 3]
    }
    assert changed(before, ("remove", ["steps", "a", "actions", 0], None))["steps"]["a"] == {
        "actions": [2]
    }
    assert list(changed(before, ("rename", ["steps", "a"], "c"))["steps"]) == ["c", "b"]
    assert list(changed(before, ("order", ["steps"], ["b", "a"]))["steps"]) == ["b", "a"]
    made = changed(before, ("put", ["ui", "steps", "a"], {"x": 1}))
    assert made["ui"] == {"steps": {"a": {"x": 1}}}
    begun = changed(before, ("insert", ["steps", "b", "actions", 0], {"filter": "x"}))
    assert begun["steps"]["b"] == {"actions": [{"filter": "x"}]}


@given(DOCUMENTS, OPS)
def test_a_change_never_touches_what_was_there(document: dict[str, Any], op: Op) -> None:
    kept = copy.deepcopy(document)
    try:
        applied(document, [op])
    except SetupError as error:
        assert error.hint
    assert alike(document, kept)


@pytest.mark.parametrize(
    "op",
    [
        Op(op="remove", path=("none",)),
        Op(op="insert", path=("steps", 0), value=1),
        Op(op="rename", path=("steps", "a"), value="b"),
        Op(op="order", path=("steps",), value=["a"]),
        Op(op="put", path=(), value=[1]),
        Op(op="put", path=("steps", "a", 7), value=1),
    ],
)
def test_what_does_not_fit_is_refused(op: Op) -> None:
    with pytest.raises(SetupError, match="does not fit"):
        applied({"steps": {"a": {}, "b": {}}}, [op])


@given(DOCUMENTS, DOCUMENTS)
def test_one_sided_changes_merge_without_a_conflict(
    base: dict[str, Any], ours: dict[str, Any]
) -> None:
    assert merged(base, ours, base) == (ours, ())
    found, conflicts = merged(base, base, ours)
    assert conflicts == () and found == ours
    assert merged(base, ours, ours) == (ours, ())


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_merge_keeps_what_only_one_side_changed(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    found, conflicts = merged(base, ours, theirs)
    for key in {*base, *ours, *theirs}:
        sides = [document.get(key) for document in (base, ours, theirs)]
        there = [key in document for document in (base, ours, theirs)]
        if alike(sides[0], sides[1]) and there[0] == there[1]:
            assert alike(found.get(key), sides[2]) and (key in found) == there[2]
        if alike(sides[0], sides[2]) and there[0] == there[2]:
            assert alike(found.get(key), sides[1]) and (key in found) == there[1]
    if not conflicts:
        again, _ = merged(base, theirs, ours)
        assert again == found


def test_a_clash_keeps_ours_and_is_told() -> None:
    base = {"steps": {"a": {"group": "x"}, "b": {}}}
    ours = {"steps": {"a": {"group": "y"}, "b": {}, "c": {}}}
    theirs = {"steps": {"a": {"group": "z"}, "d": {}, "b": {}}}
    found, conflicts = merged(base, ours, theirs)
    assert found == {"steps": {"a": {"group": "y"}, "d": {}, "b": {}, "c": {}}}
    assert list(found["steps"]) == ["a", "d", "b", "c"]
    assert conflicts == (("steps", "a", "group"),)
