"""Which keys, and which values of a few, may stand at a place of a workflow that is being written.

The text need not be whole, and seldom is: the way to the cursor is read off the indentation, and
followed through the JSON Schema of the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

JsonSchema = Mapping[str, Any]

_LINE = re.compile(r"(?P<indent> *)(?P<dashes>(?:- +)*)(?:(?P<key>[^\s:#{\[]+):)?(?P<rest>.*)")
_ITEM = ""
"""In a path: an item of a list."""


def keys_at(text: Sequence[str], at: int, line: str) -> list[str]:
    """Completions at the end of `line`, which is the one number `at` of a text up to the cursor:
    keys with their colon, or values.
    """
    place = _LINE.match(line)
    if place is None or _is_flow(place["rest"]):
        return []
    column = len(place["indent"]) + len(place["dashes"])
    path = _path(text[:at], len(place["indent"]), column, bool(place["dashes"]))
    if place["key"] is None:
        found = (f"{key}:" for schema in _at(path) for key in schema.get("properties", {}))
    elif place["key"] in ("in", "out"):
        found = (channel for channel in _channels(text))
    else:
        found = (value for schema in _at([*path, place["key"]]) for value in _values(schema))
    return list(dict.fromkeys(found))


def _channels(text: Sequence[str]) -> Iterator[str]:
    """The channels that a text names: those that it declares, and those that steps write."""
    for number, line in enumerate(text):
        found = _LINE.match(line)
        if found is not None and found["key"] is not None:
            indent = len(found["indent"])
            if found["key"] == "out" and found["rest"].strip().isidentifier():
                yield found["rest"].strip()
            elif indent and _path(text[:number], indent, indent, False) == ["channels"]:
                yield found["key"]


def _is_flow(rest: str) -> bool:
    """Whether a mapping or a list in braces was begun: there the indentation says nothing."""
    return "{" in rest or "[" in rest


def _path(lines: Sequence[str], indent: int, column: int, item: bool) -> list[str]:
    """The keys that lead to a place; `_ITEM` for each list on the way."""
    path: list[str] = []
    if item:
        path.append(_ITEM)
        column = indent + 1  # a list may stand as far to the left as its key
    for above in reversed(lines):
        found = _LINE.match(above)
        if found is None or found["key"] is None or found["key"].startswith("#"):
            continue
        dashes = len(found["dashes"])
        at = len(found["indent"]) + dashes
        if at < column:
            path.append(found["key"])
            column = at
        if dashes and at <= column and len(found["indent"]) < column:
            path.append(_ITEM)
            column = len(found["indent"]) + 1
    return path[::-1]


@cache
def _document() -> JsonSchema:
    from lyftnb.workspace.checker import checker

    return checker().document_schema()


def _at(path: Sequence[str]) -> list[JsonSchema]:
    """The schemas that may hold at the end of a path."""
    found = list(_whole(_document()))
    for part in path:
        found = [inner for schema in found for inner in _inside(schema, part)]
    return found


def _inside(schema: JsonSchema, part: str) -> Iterator[JsonSchema]:
    if part == _ITEM:
        inner = schema.get("items")
    else:
        named = next(iter(schema.get("patternProperties", {}).values()), None)
        inner = schema.get("properties", {}).get(part, named)
    if isinstance(inner, Mapping):
        yield from _whole(inner)


def _whole(schema: JsonSchema) -> Iterator[JsonSchema]:
    """A schema and its alternatives, references followed."""
    ref = schema.get("$ref")
    if ref is not None:
        yield from _whole(_document()["$defs"][ref.rpartition("/")[2]])
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, ()):
            yield from _whole(inner)


def _values(schema: JsonSchema) -> Iterator[str]:
    given = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
    yield from (str(value) for value in given if value is not None)
    if schema.get("type") == "boolean":
        yield from ("true", "false")
