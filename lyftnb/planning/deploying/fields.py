"""Field by field: two documents held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from lyftnb.model import FieldDiff, Job, Plan, PlannedChannel, canonical_json

PLACING = frozenset({"group", "replicas", "retry", "on_fail", "paused"})
"""Fields that say where and when a job runs, not what it makes."""
OF_STAGES = ("retry", "on_fail", "paused")
"""Fields of a stage, which its first job has for it."""
_DERIVED = ("step", "rowwise", "stateful", "states", "relay", "triggers")


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    """Writes values of a type; made when it is first needed."""
    return TypeAdapter(kind)


def job_document(job: Job, plan: Plan) -> dict[str, Any]:
    """What there is to say of a job, filled in; of a stage's root, with the stage's own fields."""
    document = _dumped(job)
    for name in _DERIVED:
        document.pop(name)
    document["ports"] = dict(job.ports)
    document["inputs"] = {ref.pop("name"): _said(ref) for ref in document["inputs"]}
    stage = plan.stage_of(job.step)
    if stage.root.step == job.step:
        whole = _dumped(stage)
        document |= {name: whole[name] for name in OF_STAGES}
    return _said(document) | {name: document[name] for name in OF_STAGES if name in document}


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """Without what stands there only for not being said."""
    return {name: value for name, value in document.items() if value not in (None, [], {}, False)}


def channel_document(channel: PlannedChannel) -> dict[str, Any]:
    """What there is to say of a channel."""
    document = _dumped(channel)
    spec = {**document["spec"]}
    spec.pop("transport")
    spec.pop("description")
    return {"transport": channel.transport, "replaced": channel.replaced, **spec}


def differences(before: Any, after: Any, path: str = "") -> Iterator[FieldDiff]:
    """The fields that differ; items of lists by their place, or, where the lists differ in length,
    those that came and went.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{path}.{name}" if path else str(name)
            yield from differences(before.get(name), after.get(name), inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(before, after, path)
    elif canonical_json(before) != canonical_json(after):
        yield FieldDiff(path, before, after)


def _items(before: list[Any], after: list[Any], path: str) -> Iterator[FieldDiff]:
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{index}]")
        return
    matcher = SequenceMatcher(None, _texts(before), _texts(after), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            for index in range(i1, i2):
                yield FieldDiff(f"{path}[{index}]", before[index], None)
            for index in range(j1, j2):
                yield FieldDiff(f"{path}[{index}]", None, after[index])


def _texts(items: Sequence[Any]) -> list[str]:
    return [canonical_json(item) for item in items]


def _dumped(value: Any) -> dict[str, Any]:
    document: dict[str, Any] = _adapter(value.__class__).dump_python(
        value, mode="json", by_alias=True
    )
    return document
