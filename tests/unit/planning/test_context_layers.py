"""Layers of contexts: which one gives a value, what the weaker ones would have given, and what a
plan would take now.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from planning_kit import found, planned, spec_of

from lyftnb.model import flattened, has_value, merged, value_at, with_value, without_value
from lyftnb.planning import (
    ContextLayers,
    Layer,
    describe,
    explain,
    fields_changed,
    values_now,
)

NAMES = st.sampled_from(("a", "b", "c"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)

OWN = {"dir": "data", "n": 1, "db": {"host": "own", "port": 5432}}
LAYERS = ContextLayers(
    deployment=Layer("deployment:w", {"n": 4}),
    groups={"etl": Layer("group:etl", {"n": 3, "db": {"host": "near"}})},
    chosen=(Layer("prod", {"n": 2, "db": {"host": "prod"}}), Layer("base", {"dir": "shared"})),
)


def _uses(text: str, group: str | None = None) -> dict[str, Any]:
    step = {"input": {"files": {"path": text}}, "output": {"print": 1}}
    return step if group is None else step | {"group": group}


def _path(plan: Any, step: str) -> Any:
    return plan.stage_of(step).source.params["path"]


@settings(max_examples=300, deadline=None)
@given(OBJECTS, PATHS, VALUES)
def test_a_value_that_is_set_is_there_and_nothing_else_changes(
    values: dict[str, Any], path: str, value: Any
) -> None:
    try:
        changed = with_value(values, path, value)
    except ValueError as error:
        # Only where a plain value stands in the way.
        blocked = str(error)
        assert path.startswith(f"{blocked}.")
        assert not isinstance(value_at(values, blocked), dict)
        return
    assert has_value(changed, path)
    assert value_at(changed, path) == value
    assert not has_value(without_value(changed, path), path)
    apart = {k: v for k, v in flattened(values).items() if not _related(k, path)}
    assert apart.items() <= flattened(changed).items()
    assert apart.items() <= flattened(without_value(changed, path)).items()


def _related(a: str, b: str) -> bool:
    return f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")


@settings(max_examples=300, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=4), PATHS)
def test_a_variable_is_what_the_merged_layers_hold(layers: list[dict[str, Any]], path: str) -> None:
    chosen = tuple(Layer(f"l{i}", values) for i, values in enumerate(layers))
    whole: dict[str, Any] = {}
    for values in reversed(layers):
        whole = merged(values, whole)
    spec = spec_of({"s": _uses(f"{{{{{path}}}}}")})
    if not has_value(whole, path):
        context = ContextLayers(chosen=chosen)
        assert found(spec, context=context) == ["unknown_variable steps.s.input.files.path"]
        return
    made = planned(spec, context=ContextLayers(chosen=chosen))
    assert _path(made, "s") == value_at(whole, path)
    [used] = made.context
    # The layer that is named does give it, and no stronger one does.
    first = next(layer for layer in chosen if has_value(layer.values, path))
    assert used.layer == first.name


def test_the_strongest_layer_wins_and_a_groups_only_for_its_steps() -> None:
    spec = spec_of(
        {"a": _uses("{{n}}/{{db.host}}/{{dir}}"), "b": _uses("{{db.host}}:{{db.port}}", "etl")},
        context=OWN,
    )
    made = planned(spec, context=LAYERS)
    assert _path(made, "a") == "4/prod/shared"
    assert _path(made, "b") == "near:5432"
    assert {(v.name, v.group): v.layer for v in made.context} == {
        ("n", "default"): "deployment:w",
        ("db.host", "default"): "prod",
        ("dir", "default"): "base",
        ("db.host", "etl"): "group:etl",
        ("db.port", "etl"): "workflow",
    }
    assert "db.host = 'near', from group:etl (group etl)" in describe(made)
    assert "n = 4, from deployment:w\n" in describe(made)


def test_an_explanation_tells_what_weaker_layers_would_give() -> None:
    spec = spec_of({"b": _uses("{{n}}/{{db}}", "etl")}, context=OWN)
    made = planned(spec, context=LAYERS)
    n, db = explain(made.context, LAYERS, spec.context)
    assert [(w.value, w.layer) for w in n.weaker] == [
        (3, "group:etl"),
        (2, "prod"),
        (1, "workflow"),
    ]
    assert (db.value, db.layer) == ({"host": "near", "port": 5432}, "group:etl")
    assert [(w.value["host"], w.layer) for w in db.weaker] == [
        ("prod", "prod"),
        ("own", "workflow"),
    ]
    assert n.places == ("steps.b.input.files.path",)


def test_a_later_look_tells_the_fields_that_would_change() -> None:
    own = {"url": "http://{{db.host}}/{{n}}", "n": 1, "db": {"host": "own"}}
    spec = spec_of({"a": _uses("{{url}}"), "b": _uses("{{n}}", "etl")}, context=own)
    before = planned(spec, context=LAYERS).context
    assert fields_changed(before, values_now(before, LAYERS, own)) == ()

    moved = ContextLayers(chosen=(Layer("prod", {"n": 4, "db": {"host": "new"}}),))
    changes = fields_changed(before, values_now(before, moved, own))
    assert [(c.name, c.group, c.before, c.after, c.layer) for c in changes] == [
        ("db.host", "default", "prod", "new", "prod"),
        ("url", "default", "http://prod/4", "http://new/4", "workflow"),
    ]
    assert {c.places for c in changes} == {("steps.a.input.files.path",)}

    [gone] = fields_changed(before[:1], values_now(before[:1], ContextLayers(), {}))
    assert (gone.name, gone.after, gone.layer) == (before[0].name, None, None)


def test_a_plain_value_hides_what_weaker_layers_have_below_it() -> None:
    spec = spec_of({"a": _uses("{{db.host}}")}, context=OWN)
    hidden = ContextLayers(chosen=(Layer("prod", {"db": "none"}),))
    assert found(spec, context=hidden) == ["unknown_variable steps.a.input.files.path"]
