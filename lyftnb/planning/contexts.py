"""Which layer gives a variable its value: at plan time, in explanations, and again later.

Strongest first: what a runbook's parameters give, the deployment's override, the override of the
step's worker group, the chosen context and its parents, the workflow's own `context`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lyftnb.model import (
    DEPLOYMENT_LAYER,
    GROUP_LAYER,
    OWN_LAYER,
    Context,
    ContextValue,
    merged,
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's name and values."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LayerValue:
    """What one layer gives for a variable."""

    layer: str
    value: Any


@dataclass(frozen=True, slots=True)
class ContextLayers:
    """All that stands over a workflow's own `context`, for one deployment."""

    deployment: Layer | None = None
    groups: Mapping[str, Layer] = field(default_factory=dict)
    """By worker group."""
    chosen: tuple[Layer, ...] = ()
    """The chosen context, its parent, and so on."""
    given: Layer | None = None
    """What an invocation of a runbook gives: stronger than all others."""

    @classmethod
    def of(
        cls, contexts: Iterable[Context], deployment: str | None, context: str | None
    ) -> ContextLayers:
        """Choose among what the ledger holds. A context must exist, and so must its parents."""
        by_name = {c.layer: Layer(c.layer, c.values) for c in contexts}
        parents = {c.layer: c.parent for c in contexts}
        return cls(
            by_name.get(f"{DEPLOYMENT_LAYER}{deployment}"),
            {
                name.removeprefix(GROUP_LAYER): layer
                for name, layer in by_name.items()
                if name.startswith(GROUP_LAYER)
            },
            tuple(by_name[name] for name in lineage(parents, context)),
        )

    def with_given(self, given: Layer) -> ContextLayers:
        """The same under a layer that is stronger still."""
        return replace(self, given=given)

    def over(self, own: Mapping[str, Any], group: str) -> tuple[Layer, ...]:
        """The layers for steps of a group of a workflow with such a `context`, strongest first."""
        found = (
            self.given,
            self.deployment,
            self.groups.get(group),
            *self.chosen,
            Layer(OWN_LAYER, own),
        )
        return tuple(layer for layer in found if layer is not None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a variable has its value."""

    name: str
    group: str
    value: Any
    layer: str
    weaker: tuple[LayerValue, ...]
    """What it would be without the layers before, strongest first."""
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A variable that a plan used and that has another value now."""

    name: str
    group: str
    before: Any
    after: Any
    layer: str | None
    """Which layer gives it now; None: none does, so that planning again would fail."""
    places: tuple[str, ...]
    """The fields of the document that would change."""


def lineage(parents: Mapping[str, str | None], context: str | None) -> tuple[str, ...]:
    """A context, its parent, and so on; ends where a parent comes again."""
    found: list[str] = []
    while context is not None and context not in found:
        found.append(context)
        context = parents.get(context)
    return tuple(found)


def given(name: str, layers: Iterable[Layer]) -> tuple[LayerValue, ...]:
    """What each layer that has the variable gives, strongest first.

    A layer that has a plain value where the path goes on hides what weaker ones have below it.
    """
    found: list[LayerValue] = []
    for layer in layers:
        value: Any = layer.values
        for part in name.split("."):
            if not isinstance(value, Mapping):
                return tuple(found)
            if part not in value:
                break
            value = value[part]
        else:
            found.append(LayerValue(layer.name, value))
    return tuple(found)


def value_of(found: Iterable[LayerValue]) -> Any:
    """The value that comes of what layers give (of one at least): objects are merged."""
    first, *rest = (item.value for item in found)
    for other in rest:
        if not (isinstance(first, Mapping) and isinstance(other, Mapping)):
            break
        first = merged(first, other)
    return first


def explain(
    used: Iterable[ContextValue], layers: ContextLayers, own: Mapping[str, Any]
) -> tuple[Explanation, ...]:
    """Say of each variable that a plan used what the weaker layers would have given."""
    return tuple(
        Explanation(
            item.name,
            item.group,
            item.value,
            item.layer,
            _weaker(given(item.name, layers.over(own, item.group))),
            item.places,
        )
        for item in used
    )


def _weaker(found: tuple[LayerValue, ...]) -> tuple[LayerValue, ...]:
    return tuple(LayerValue(found[i].layer, value_of(found[i:])) for i in range(1, len(found)))


def fields_changed(
    before: Iterable[ContextValue], now: Iterable[ContextValue]
) -> tuple[FieldChange, ...]:
    """The variables of a plan (`plan.context`) that have other values now (`values_now`)."""
    there = {(item.name, item.group): item for item in now}
    found: list[FieldChange] = []
    for item in before:
        other = there.get((item.name, item.group))
        if other is not None and _same(other.value, item.value):
            continue
        value, layer = (None, None) if other is None else (other.value, other.layer)
        found.append(FieldChange(item.name, item.group, item.value, value, layer, item.places))
    return tuple(found)


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON: 1 and true are not."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and bool(a == b)
