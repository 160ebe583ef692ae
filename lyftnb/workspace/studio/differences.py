"""Two documents against each other, part by part and field by field; and a plan as such marks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from lyftnb.model import (
    ChannelChange,
    CheckpointChange,
    DeploymentPlan,
    FieldDiff,
    JobChange,
    Path,
    ScheduleChange,
    StateChange,
)
from lyftnb.workspace.studio.ops import alike
from lyftnb.workspace.studio.protocol.versions import Difference, FieldChange, Mark, PartChange

Part = Mapping[str, Any]
_PATH = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def difference(before: dict[str, Any], after: dict[str, Any]) -> Difference:
    """What became of each part of a document."""
    parts = (
        *_workflow(before, after),
        *_steps(before, after),
        *_named("channel", "channels", before, after, {}),
        *_messages(before, after),
    )
    return Difference(before=before, after=after, parts=parts)


def _workflow(before: Part, after: Part) -> Iterator[PartChange]:
    fields = [
        change
        for key in ("workflow", "description", "context")
        for change in fields_of(before.get(key), after.get(key), (key,))
    ]
    if fields:
        name = str(after.get("workflow", ""))
        yield PartChange(part="workflow", name=name, mark="update", fields=tuple(fields))


def _steps(before: Part, after: Part) -> Iterator[PartChange]:
    old = _mapping(before.get("steps"))
    renames = {
        name: str(step["renamed_from"])
        for name, step in _mapping(after.get("steps")).items()
        if isinstance(step, Mapping) and step.get("renamed_from") in old and name not in old
    }
    yield from _named("step", "steps", before, after, renames)


def _named(
    part: Any, section: str, before: Part, after: Part, renames: Mapping[str, str]
) -> Iterator[PartChange]:
    """The parts of a section by name; what has another name keeps its fields apart from it."""
    old, new = _mapping(before.get(section)), _mapping(after.get(section))
    for name in (*new, *(n for n in old if n not in new and n not in renames.values())):
        was = renames.get(name, name)
        path = (section, name)
        if name not in new:
            yield PartChange(part=part, name=name, mark="remove")
        elif was not in old:
            yield PartChange(part=part, name=name, mark="create")
        else:
            gone = _without(new[name], "renamed_from") if was != name else new[name]
            fields = tuple(fields_of(old[was], gone, path))
            moved = was != name or not alike(
                _place(before, section, was), _place(after, section, name)
            )
            if fields or moved:
                mark: Mark = "update" if fields else "moved"
                renamed = was if was != name else None
                yield PartChange(part=part, name=name, mark=mark, was=renamed, fields=fields)


def _messages(before: Part, after: Part) -> Iterator[PartChange]:
    """Message edges, which go by the ends that they join and their tag."""
    old, new = (_edges(document.get("messages")) for document in (before, after))
    for name, edge in new.items():
        if name not in old:
            yield PartChange(part="message", name=name, mark="create")
        elif fields := tuple(fields_of(old[name], edge, ("messages", list(new).index(name)))):
            yield PartChange(part="message", name=name, mark="update", fields=fields)
    for name in old:
        if name not in new:
            yield PartChange(part="message", name=name, mark="remove")


def _edges(messages: Any) -> dict[str, Any]:
    listed = messages if isinstance(messages, list) else []
    edges = [edge for edge in listed if isinstance(edge, Mapping)]
    return {f"{e.get('from')} → {e.get('to')} ({e.get('tag')})": e for e in edges}


def fields_of(before: Any, after: Any, path: Path) -> Iterator[FieldChange]:
    """The fields that differ below `path`; items of lists are told apart by what they say."""
    if alike(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if before.keys() == after.keys() and all(alike(before[k], after[k]) for k in before):
            # Only their order differs.
            yield FieldChange(path=path, before=list(before), after=list(after))
        for key in dict.fromkeys((*before, *after)):
            yield from fields_of(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(before, after, path)
    else:
        yield FieldChange(path=path, before=before, after=after)


def _items(before: list[Any], after: list[Any], path: Path) -> Iterator[FieldChange]:
    """Items that were changed, put in or taken out; indexes are those of the list after."""
    texts = [[json.dumps(item, default=str) for item in items] for items in (before, after)]
    matcher = SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    for _tag, a, a_end, b, b_end in matcher.get_opcodes():
        if _tag == "equal":
            continue
        for offset in range(max(a_end - a, b_end - b)):
            old = before[a + offset] if a + offset < a_end else None
            new = after[b + offset] if b + offset < b_end else None
            yield from fields_of(old, new, (*path, b + offset))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _without(value: Any, key: str) -> Any:
    return {k: v for k, v in value.items() if k != key} if isinstance(value, Mapping) else value


def _place(document: Part, section: str, name: str) -> Any:
    """Where a part stands on the canvas."""
    return _mapping(_mapping(document.get("ui")).get(section)).get(name)


# -- plans


def parts_of(plan: DeploymentPlan) -> tuple[PartChange, ...]:
    """The changes of a plan as marks on the graph: one for each step and channel."""
    steps: dict[str, PartChange] = {}
    channels: list[PartChange] = []
    for change in plan.changes:
        if isinstance(change, JobChange):
            fields = _fields(change.fields, ("steps", change.step))
            mark: Mark = "moved" if change.verb == "keep" and change.renamed_from else change.verb
            steps[change.step] = PartChange(
                part="step", name=change.step, mark=mark, was=change.renamed_from, fields=fields
            )
        elif isinstance(change, ChannelChange):
            fields = _fields(change.fields, ("channels", change.channel))
            channels.append(
                PartChange(part="channel", name=change.channel, mark=change.verb, fields=fields)
            )
    for change in plan.changes:
        if isinstance(change, ScheduleChange | CheckpointChange | StateChange) and change.changes:
            present = steps.get(change.step)
            if present is None or present.mark == "keep":
                # A step whose schedule, place or state changes is not as it was.
                steps[change.step] = PartChange(part="step", name=change.step, mark="update")
    return (*steps.values(), *channels)


def _fields(fields: tuple[FieldDiff, ...], place: Path) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(path=(*place, *_path(f.path)), before=f.before, after=f.after) for f in fields
    )


def _path(dotted: str) -> Path:
    """The path that `model.dotted` wrote."""
    found = _PATH.findall(dotted)
    return tuple(int(index) if index else name for index, name in found)
