"""Building blocks of parameter models: short forms, and what is wrong with them in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    RootModel,
    ValidationError,
)
from pydantic_core import ErrorDetails, core_schema

from lyftnb.errors import near
from lyftnb.model import JsonSchema, Path
from lyftnb.model.objections import objection, shown
from lyftnb.operators.base import ActionError


class Sql(str):
    """A parameter that is an expression; numbers, booleans and null may stand unquoted."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Read a plain value of YAML as the expression that stands for it."""
        text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        written = handler.generate_schema(str | int | float | bool | None)
        return core_schema.no_info_before_validator_function(
            _expression, text, json_schema_input_schema=written
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        """Say that it is an expression, so that forms offer columns and functions."""
        return {**handler(schema), "format": "expression"}


def _expression(value: object) -> object:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value) if isinstance(value, int | float) else value


def expressions(value: object, path: Path = ()) -> Iterator[tuple[Path, Sql]]:
    """All expressions in parameters, each with its place below the action's kind."""
    if isinstance(value, Sql):
        yield path, value
    elif isinstance(value, RootModel):
        yield from expressions(value.root, path)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from expressions(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from expressions(item, (*path, name))
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from expressions(item, (*path, i))


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1)]
"""A text that names something."""
ColumnName = Annotated[str, Field(min_length=1, json_schema_extra={"format": "column"})]
"""The name of a column that reaches the action. One without a name can be renamed, no more."""
Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_names, json_schema_input_type=ColumnName | tuple[ColumnName, ...]),
]
"""Column names: one, or a list."""
Words = Annotated[
    tuple[str, ...], BeforeValidator(_names, json_schema_input_type=str | tuple[str, ...])
]
"""Texts: one, or a list."""


def invalid_parameters(kind: str, error: ValidationError, model: type[BaseModel]) -> ActionError:
    """What pydantic found, as problems with sentences that a person can act on."""
    found = error.errors()
    places = [tuple(one["loc"]) for one in found]
    problems = tuple(
        (place, _problem(kind, one, model))
        for place, one in zip(places, found, strict=True)
        # A list whose items are wrong is not too short as well.
        if one["type"] != "too_short" or not any(_below(place, other) for other in places)
    )
    path, first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return ActionError(
        first.message + more,
        where=".".join(str(part) for part in path) or None,
        hint=first.hint,
        problems=problems,
    )


def _below(place: Path, other: Path) -> bool:
    return len(other) > len(place) and other[: len(place)] == place


def _problem(kind: str, found: ErrorDetails, model: type[BaseModel]) -> ActionError:
    key = next((part for part in reversed(found["loc"]) if isinstance(part, str)), kind)
    known = list(model.model_fields)
    match found["type"]:
        case "missing":
            return ActionError(f"'{key}' is missing", hint=_field_hint(model, key))
        case "extra_forbidden":
            guess = near(key, known)
            nested = len(found["loc"]) > 1
            listed = None if nested else f"{kind} takes: {', '.join(known)}"
            hint = f"did you mean '{guess}'?" if guess and not nested else listed
            return ActionError(f"{kind} has no parameter '{key}'", hint=hint)
        case "model_type" | "model_attributes_type":
            return ActionError(
                f"{kind} takes a map of parameters, found {shown(found['input'])}",
                hint=f"{kind} takes: {', '.join(known)}",
            )
    if found["type"] == "value_error":
        return ActionError(objection(found))
    return ActionError(f"'{key}': {objection(found)}")


def _field_hint(model: type[BaseModel], key: str) -> str | None:
    field = model.model_fields.get(key)
    return field.description if field else None
