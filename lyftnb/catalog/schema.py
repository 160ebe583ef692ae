"""The JSON Schema of a whole workflow document, for editors, forms and docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lyftnb.model import ActionSpec, InputSpec, JsonSchema, OutputSpec, WorkflowSpec

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAME: JsonSchema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"}
_SPOOL: JsonSchema = {
    "type": "object",
    "description": "A channel of another deployment.",
    "properties": {"deployment": _NAME, "channel": _NAME},
    "required": ["deployment", "channel"],
    "additionalProperties": False,
}
# What is nothing but a reference takes its variable's value, of whatever type.
_REFERENCE: JsonSchema = {
    "type": "string",
    "pattern": r"^(\{\{.*\}\}|\$\{.*\})$",
    "description": "A variable of the context, or a value of the run.",
}
_LITERAL_TYPES = ("integer", "number", "boolean")
# One word that stands for a whole mapping, where the models take one.
_SHORT_FORMS = {
    "DispatchSpec": ["clone", "round_robin"],
    "TriggerSpec": ["manual"],
}


def document_schema(
    actions: Mapping[str, JsonSchema],
    inputs: Mapping[str, JsonSchema],
    outputs: Mapping[str, JsonSchema],
) -> JsonSchema:
    """The schema of a document, given the schemas of the parameters of each kind.

    Args:
        actions: kind of action → JSON Schema of its parameters (as Pydantic makes it).
        inputs: the same for outside inputs; `spool` is known here.
        outputs: the same for outputs.
    """
    schema = WorkflowSpec.model_json_schema()
    definitions: dict[str, JsonSchema] = schema["$defs"]
    definitions["Reference"] = _REFERENCE
    kinds = {
        ActionSpec: actions,
        InputSpec: {"spool": _SPOOL, **inputs},
        OutputSpec: outputs,
    }
    for model, own in kinds.items():
        name = model.__name__
        common = {
            key: value
            for key, value in definitions[name]["properties"].items()
            if key not in ("kind", "params")
        }
        branches = []
        for kind, params in own.items():
            hoisted = _hoisted(_with_references(params), f"{name}.{kind}", definitions)
            branches.append(_one_kind(kind, hoisted, common))
        definitions[name] = {"description": definitions[name]["description"], "anyOf": branches}
    for name, words in _SHORT_FORMS.items():
        definitions[name] = {"anyOf": [{"enum": words}, definitions[name]]}
    return {"$schema": _DRAFT, **schema, "title": "lyftnb workflow"}


def _one_kind(kind: str, params: JsonSchema, common: JsonSchema) -> JsonSchema:
    return {
        "title": kind,
        "type": "object",
        "properties": {kind: params, **common},
        "required": [kind],
        "additionalProperties": False,
    }


def _with_references(value: Any) -> Any:
    """The schema with `{{name}}` allowed wherever something other than plain text is asked for."""
    if isinstance(value, list):
        return [_with_references(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if "enum" in value or value.get("type") in _LITERAL_TYPES:
        return {"anyOf": [value, {"$ref": "#/$defs/Reference"}]}
    return {key: _with_references(inner) for key, inner in value.items()}


def _hoisted(schema: JsonSchema, prefix: str, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """The schema with its own definitions moved to the document's, under names of their own."""
    own = schema.get("$defs", {})
    renamed = {name: f"{prefix}.{name}" for name in own}
    for name, definition in own.items():
        definitions[renamed[name]] = _relinked(definition, renamed)
    rest = {key: value for key, value in schema.items() if key != "$defs"}
    moved: JsonSchema = _relinked(rest, renamed)
    return moved


def _relinked(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        out = {key: _relinked(inner, renamed) for key, inner in value.items()}
        reference = value.get("$ref")
        if isinstance(reference, str):
            name = reference.rsplit("/", 1)[1]
            out["$ref"] = f"#/$defs/{renamed.get(name, name)}"
        return out
    return [_relinked(inner, renamed) for inner in value] if isinstance(value, list) else value
