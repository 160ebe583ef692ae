"""The JSON Schema of the contract: what TypeScript's types are made from, and by what to know it.

python -m lyftnb.workspace.studio.schema
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from lyftnb import __version__
from lyftnb.model import JsonSchema
from lyftnb.workspace.studio.protocol.questions import QUESTIONS, TOPICS
from lyftnb.workspace.studio.protocol.wire import Trouble
from lyftnb.workspace.studio.protocol.workspace import Release

_AT = "#/$defs/{model}"


def protocol_schema() -> JsonSchema:
    """One schema: `Questions` and `Answers` by the name of the question, `News` by topic."""
    questions = {name: TypeAdapter(asked) for name, (asked, _) in QUESTIONS.items()}
    answers = {name: TypeAdapter(answer) for name, (_, answer) in QUESTIONS.items()}
    news = {topic: TypeAdapter(kind) for topic, kind in TOPICS.items()}
    inputs = [
        *((("Questions", name), "validation", kind) for name, kind in questions.items()),
        *((("Answers", name), "serialization", kind) for name, kind in answers.items()),
        *((("News", topic), "serialization", kind) for topic, kind in news.items()),
        (("Trouble", ""), "serialization", TypeAdapter(Trouble)),
    ]
    found, definitions = TypeAdapter.json_schemas(inputs, ref_template=_AT)  # type: ignore[arg-type]
    groups: dict[str, JsonSchema] = {}
    for ((group, name), _), schema in found.items():
        if name:
            groups.setdefault(group, {})[name] = schema
    shapes = {group: _object(properties) for group, properties in groups.items()}
    parts = {name: _untitled(part) for name, part in definitions["$defs"].items()}
    names = (*shapes, "Trouble")
    whole = _object({name: {"$ref": _AT.format(model=name)} for name in names})
    return {"title": "Protocol", **whole, "$defs": {**parts, **shapes}}


@cache
def release() -> Release:
    """What this process has loaded, whatever has been installed since."""
    # The names of parts alone: how pydantic words a schema differs between its own versions.
    parts = {
        name: sorted(part["properties"])
        for name, part in protocol_schema()["$defs"].items()
        if "properties" in part
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Release(version=__version__, protocol=digest[:16])


def _object(properties: JsonSchema) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _untitled(value: Any) -> Any:
    """Without the titles of fields: each would become a type with a name of its own."""
    if isinstance(value, list):
        return [_untitled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _untitled(inner)
        for key, inner in value.items()
        if key != "title" or not isinstance(inner, str)
    }


if __name__ == "__main__":
    print(
        json.dumps(
            {**protocol_schema(), "release": release().model_dump()}, indent=1, sort_keys=True
        )
    )
