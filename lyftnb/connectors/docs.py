"""The reference page of inputs and outputs, made from their parameter models.

`python -m lyftnb.connectors.docs` prints it; `docs/connectors.md` is its text.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from lyftnb.connectors.base import Sink, Source
from lyftnb.connectors.registry import SINKS, SOURCES
from lyftnb.model import long_schema

_INTRO = """# Inputs and outputs

Made from the code by `python -m lyftnb.connectors.docs`; a test holds it true. How to write your
own stands in `extending-connectors.md`.
"""


def reference() -> str:
    """The page, as Markdown."""
    parts = [_INTRO, "## Inputs\n"]
    parts += [_section(name, SOURCES[name]) for name in SOURCES]
    parts.append("## Outputs\n")
    parts += [_section(name, SINKS[name]) for name in SINKS]
    return "\n".join(parts)


def _section(name: str, connector: Source[Any] | Sink[Any]) -> str:
    schema = connector.Params.model_json_schema(by_alias=True)
    lines = [f"### `{name}`\n", inspect.cleandoc(type(connector).__doc__ or ""), ""]
    if isinstance(connector, Sink):
        lines += [f"Delivery: {connector.delivery}.", ""]
    lines += _table(schema)
    for title, inner in schema.get("$defs", {}).items():
        lines += [f"`{title.removesuffix('Params')}`: {inner.get('description', '')}", ""]
        lines += _table(inner)
    return "\n".join(lines)


def _table(schema: Mapping[str, Any]) -> list[str]:
    schema = long_schema(schema)
    properties = schema.get("properties", {})
    if not properties:
        return []
    required = set(schema.get("required", ()))
    rows = ["| parameter | type | default | meaning |", "|---|---|---|---|"]
    for name, field in properties.items():
        default = "required" if name in required else _code(field.get("default"))
        meaning = str(field.get("description", "")).replace("|", "\\|")
        rows.append(f"| `{name}` | {_type(field)} | {default} | {meaning} |")
    return [*rows, ""]


def _code(value: Any) -> str:
    return "" if value is None else f"`{value}`"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1].removesuffix("Params")
    if "anyOf" in field:
        kinds = [_type(kind) for kind in field["anyOf"]]
        return " or ".join(kind for kind in kinds if kind != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if "items" in field else "list"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map to {_type(field['additionalProperties'])}"
    return str(field.get("type", "any"))


if __name__ == "__main__":
    print(reference(), end="")
