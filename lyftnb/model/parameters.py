"""What parameters of actions, inputs and outputs are: the file format of their kinds."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

JsonSchema = dict[str, Any]

_TYPE_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    NoneType: "null",
}


class Params(BaseModel):
    """Base of parameter models: frozen, unknown keys refused. They are the file format.

    A model may have short forms, and its JSON Schema has them too.

    >>> class Limit(Params):
    ...     short = {int: "rows"}
    ...     rows: int
    >>> Limit.model_validate(10)
    Limit(rows=10)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    short: ClassVar[Mapping[type, str | None]] = {}
    """Type of a bare value → the field that it stands for. None as the field: the value (null, or
    true) only says that the thing is wanted, with all its defaults."""

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        return value if isinstance(value, dict | cls) else cls.long_form(value)

    @classmethod
    def long_form(cls, value: Any) -> Any:
        """The map that a bare value stands for; the value itself where it stands for none."""
        kind = list if isinstance(value, tuple) else type(value)
        if kind not in cls.short:
            return value
        name = cls.short[kind]
        if name is None:
            return value if value is False else {}
        return {cls.model_fields[name].alias or name: value}

    @classmethod
    def short_schemas(cls, properties: Mapping[str, JsonSchema]) -> list[JsonSchema]:
        """JSON Schemas of the bare values, given those of the fields."""
        found: list[JsonSchema] = []
        for kind, name in cls.short.items():
            if name is None:
                found.append({"const": True} if kind is bool else {"type": "null"})
                continue
            field = properties[cls.model_fields[name].alias or name]
            found += [form for form in _forms(field) if form.get("type") == _TYPE_NAMES[kind]]
        shown = ("title", "description", "default")
        return [{k: v for k, v in form.items() if k not in shown} for form in found]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        """The schema of the map, beside those of the bare values."""
        schema = handler(core_schema)
        definition = handler.resolve_ref_schema(schema)
        forms = cls.short_schemas(definition.get("properties", {}))
        if forms:
            long = dict(definition)
            definition.clear()
            definition["title"] = long.pop("title", cls.__name__)
            definition["description"] = long.pop("description", "")
            definition["anyOf"] = [*forms, long]
        return schema


def _forms(schema: JsonSchema) -> list[JsonSchema]:
    """The alternatives of a schema, nested ones too, each with the format that all of it has."""
    if "anyOf" not in schema:
        return [schema]
    shared = {"format": schema["format"]} if "format" in schema else {}
    return [{**shared, **form} for inner in schema["anyOf"] for form in _forms(inner)]


def long_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a JSON Schema with short forms, the part about the map; any other schema as it is."""
    forms = schema.get("anyOf", ())
    return next((form for form in forms if "properties" in form), schema)
