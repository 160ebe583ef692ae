"""JSON Schema, as far as runbooks need it: check a schema, check values, read values from text.

Nothing is fetched: a schema stands in one document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from lyftnb.errors import near
from lyftnb.model import Json, JsonSchema, Path, Problem
from lyftnb.model.objections import shown
from lyftnb.planning.report import choose

_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_INNER = ("properties", "$defs", "patternProperties", "dependentSchemas")
"""Keywords whose value maps names to schemas."""
_EXAMPLES = {"date": "2026-11-26", "date-time": "2026-11-26T14:30:00+00:00"}
_BOUNDED = frozenset({"enum", "const", "pattern", "format"})
"""Keywords that leave no free choice of a text."""
_SHAPED = frozenset({"type", "anyOf", "oneOf", "allOf", "$ref"})
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def schema_problems(schema: JsonSchema, place: Path) -> Iterator[Problem]:
    """What is wrong with a schema itself: it is none, or has words that mean nothing."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        path = (*place, *error.absolute_path)
        if error.absolute_path and error.absolute_path[-1] == "type":
            message = f"{shown(error.instance)} is no type"
            hint = choose(str(error.instance), _TYPES)
        else:
            message, hint = f"not a JSON Schema: {error.message}", ""
        yield Problem("bad_schema", "error", path, message, hint)
    yield from _words(schema, schema, place)


def _words(schema: Any, whole: JsonSchema, place: Path) -> Iterator[Problem]:
    """Keywords that JSON Schema does not know, and references that lead nowhere."""
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        here = (*place, word)
        if word not in _keywords() and not word.startswith("x-"):
            guess = near(word, _keywords())
            hint = f"did you mean '{guess}'?" if guess else "begin words of your own with `x-`"
            message = f"JSON Schema knows no '{word}', so it means nothing"
            yield Problem("unknown_keyword", "warning", here, message, hint)
        elif word == "$ref" and not _leads(value, whole):
            message = f"{shown(value)} refers to nothing in this schema"
            yield Problem("bad_schema", "error", here, message, "write `#/$defs/NAME`")
        elif word in _INNER and isinstance(value, dict):
            for name, inner in value.items():
                yield from _words(inner, whole, (*here, name))
        elif word in ("items", "additionalProperties", "not", "if", "then", "else", "contains"):
            yield from _words(value, whole, here)
        elif word in ("anyOf", "allOf", "oneOf", "prefixItems") and isinstance(value, list):
            for index, inner in enumerate(value):
                yield from _words(inner, whole, (*here, index))


def _leads(ref: Any, whole: JsonSchema) -> bool:
    return isinstance(ref, str) and ref.startswith("#") and _target(ref, whole) is not None


def _target(ref: str, whole: JsonSchema) -> Any:
    """What a reference within the schema refers to; None if nothing."""
    here: Any = whole
    for part in ref.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        here = here.get(key) if isinstance(here, dict) else None
    return here


@cache
def _keywords() -> frozenset[str]:
    from jsonschema import Draft202012Validator
    from jsonschema_specifications import REGISTRY

    found = set(Draft202012Validator.META_SCHEMA["properties"])
    for part in Draft202012Validator.META_SCHEMA["allOf"]:
        vocabulary = f"https://json-schema.org/draft/2020-12/{part['$ref']}"
        found |= set(REGISTRY.contents(vocabulary)["properties"])
    return frozenset(found)


def value_problems(values: Json, schema: JsonSchema, place: Path = ()) -> Iterator[Problem]:
    """What is wrong with values under a schema that is right: one sentence for each."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    validator = Draft202012Validator(schema, registry=Registry(), format_checker=_formats())
    for error in validator.iter_errors(values):
        path = (*place, *error.absolute_path)
        if error.validator == "required":
            for name in error.validator_value:
                if name not in error.instance:
                    yield from _missing((*path, name), error.schema)
        else:
            message, hint = _objection(error)
            yield Problem("bad_parameter", "error", path, message, hint)


def _missing(path: Path, schema: JsonSchema) -> Iterator[Problem]:
    about = schema.get("properties", {}).get(path[-1], {})
    hint = str(about.get("description") or about.get("title") or "") if about else ""
    yield Problem("missing_parameter", "error", path, "is missing", hint)


def _objection(error: Any) -> tuple[str, str]:
    """What was expected and what was found; and what may have been meant."""
    word, wanted, found = error.validator, error.validator_value, shown(error.instance)
    if word == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return f"expected {' or '.join(kinds)}, found {found}", ""
    if word == "enum":
        listed = ", ".join(map(_spelled, wanted))
        guess = near(str(error.instance), map(str, wanted))
        return (
            f"expected one of {listed}; found {found}",
            f"did you mean '{guess}'?" if guess else "",
        )
    if word in _BOUNDS:
        return f"expected {_BOUNDS[word]} {wanted}, found {found}", ""
    if word == "pattern":
        return f"expected text that matches {wanted}, found {found}", ""
    if word == "format":
        return f"expected a {wanted} such as {_EXAMPLES[wanted]}, found {found}", ""
    if word in ("minLength", "minItems", "maxLength", "maxItems"):
        how = "at least" if word.startswith("min") else "at most"
        what = "characters" if word.endswith("Length") else "items"
        return f"expected {how} {wanted} {what}, found {len(error.instance)}", ""
    return error.message, ""


def _spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@cache
def _formats() -> Any:
    """Formats that are checked, whatever else is installed: dates, and times with a zone."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    checker.checks("date", raises=ValueError)(_is_date)
    checker.checks("date-time", raises=ValueError)(_is_time)
    return checker


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def with_defaults(values: Mapping[str, Json], schema: JsonSchema) -> dict[str, Json]:
    """Values with the defaults of properties that were left out, in objects within them too."""
    filled = dict(values)
    for name, inner in schema.get("properties", {}).items():
        if not isinstance(inner, dict):
            continue
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        if isinstance(filled.get(name), dict):
            filled[name] = with_defaults(filled[name], inner)
    return filled


def from_text(text: str, schema: JsonSchema, whole: JsonSchema) -> Json:
    """The value that a text stands for under a schema: text where text is allowed, else JSON.

    What it cannot be read as stays text, for validation to object to.

    >>> from_text("12", {"type": "integer"}, {}), from_text("12", {"type": "string"}, {})
    (12, '12')
    """
    kinds = _kinds(schema, whole)
    if "string" in kinds:
        return text
    for value in schema.get("enum", ()):
        if text in (value, _spelled(value)):
            return value
    if kinds == {"boolean"} and text.lower() in ("yes", "no"):
        return text.lower() == "yes"
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _no_number(text: str) -> Json:
    raise ValueError(f"{text} is not JSON")


def takes_any_text(schema: JsonSchema, whole: JsonSchema) -> bool:
    """Whether a schema takes text, and any."""
    if _BOUNDED & schema.keys():
        return False
    return "string" in _kinds(schema, whole) or not _SHAPED & schema.keys()


def takes_list(schema: JsonSchema, whole: JsonSchema) -> bool:
    """Whether a schema asks for a list, and for nothing else."""
    return _kinds(schema, whole) == {"array"}


def _kinds(schema: Any, whole: JsonSchema) -> set[str]:
    """The types that a schema names; none where it leaves them open."""
    if not isinstance(schema, dict):
        return set()
    if isinstance(schema.get("$ref"), str):
        return _kinds(_target(schema["$ref"], whole), whole)
    found = schema.get("type", [])
    kinds = {found} if isinstance(found, str) else set(found)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        kinds |= _kinds(branch, whole)
    return kinds
