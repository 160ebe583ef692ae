"""What the models object to, as problems that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lyftnb.errors import near
from lyftnb.model import Path, Problem, WorkflowSpec
from lyftnb.model.objections import SHAPES, objection, shown

_BAD_KEY = "[key]"


def problems(
    failure: ValidationError, document: Any, model: type[BaseModel] = WorkflowSpec
) -> list[Problem]:
    """The failures of a model over `document`, in its words; one problem to a place."""
    by_place: dict[Path, list[ErrorDetails]] = {}
    for error in failure.errors(include_url=False):
        by_place.setdefault(_place(error["loc"], document), []).append(error)
    out = []
    for place, errors in by_place.items():
        telling = [e for e in errors if e["type"] not in SHAPES]
        inside = any(p != place and p[: len(place)] == place for p in by_place)
        if telling:
            out += [_problem(place, e, model) for e in telling]
        elif not inside:
            out.append(_wrong_shape(place, errors))
    return list(dict.fromkeys(out))


def _place(loc: Sequence[str | int], document: Any) -> Path:
    """The parts of a location that lead through the document: the names of branches left out."""
    path: list[str | int] = []
    here = document
    for part in loc:
        if isinstance(here, dict):
            leads = part in here
        else:
            leads = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if leads:
            here = here[part]
            path.append(part)
    return tuple(path)


def _problem(place: Path, error: ErrorDetails, model: type[BaseModel]) -> Problem:
    kind, value = error["type"], error["input"]
    last = error["loc"][-1] if error["loc"] else ""
    if kind == "extra_forbidden":
        return Problem(
            "unknown_key", "error", place, f"unknown key '{last}'", _keys_hint(place, model)
        )
    if kind == "missing":
        return Problem("missing_key", "error", place, f"`{last}` is missing", f"add `{last}:`")
    if kind == "literal_error":
        return _literal(place, error)
    if kind == "string_pattern_mismatch":
        which = "the key" if last == _BAD_KEY else "the value"
        return Problem(
            "bad_name",
            "error",
            place,
            f"{which} {shown(value)} is not a name",
            "use a-z, 0-9 and _, begin with a letter, at most 63 characters",
        )
    return _bad(place, objection(error), value)


def _bad(place: Path, message: str, value: Any) -> Problem:
    return Problem("bad_value", "error", place, message, _expansion_hint(value))


def _literal(place: Path, error: ErrorDetails) -> Problem:
    value = error["input"]
    words = [word.strip("'") for word in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    guess = near(str(value), words)
    hint = f"did you mean '{guess}'?" if guess else _expansion_hint(value)
    return Problem("bad_value", "error", place, objection(error), hint)


def _wrong_shape(place: Path, errors: Iterable[ErrorDetails]) -> Problem:
    errors = list(errors)
    shapes = list(dict.fromkeys(SHAPES[e["type"]] for e in errors))
    expected = shapes[0] if len(shapes) == 1 else f"{', '.join(shapes[:-1])} or {shapes[-1]}"
    value = errors[0]["input"]
    return _bad(place, f"expected {expected}, found {shown(value)}", value)


def _expansion_hint(value: Any) -> str:
    if isinstance(value, str) and "{{" in value:
        return "`{{…}}` cannot stand here, because the value must be known in the file"
    return ""


def _keys_hint(place: Path, model: type[BaseModel]) -> str:
    known = known_keys(place[:-1], model)
    guess = near(str(place[-1]), known)
    if guess:
        return f"did you mean '{guess}'?"
    return "known keys: " + ", ".join(known) if known else ""


def known_keys(path: Path, model: type[BaseModel] = WorkflowSpec) -> list[str]:
    """The keys that the document may have at `path`, read off its JSON Schema.

    >>> known_keys(("steps", "clean", "retry"))
    ['attempts', 'delay', 'max_delay']
    """
    root = _schema(model)
    here = [root]
    for part in path:
        here = [inner for schema in here for inner in _inner(schema, part, root)]
    branches = (branch for schema in here for branch in _branches(schema, root))
    found = (key for branch in branches for key in _properties(branch))
    return list(dict.fromkeys(found))


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    return properties


def _branches(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A schema with references followed and alternatives laid side by side."""
    if "$ref" in schema:
        return _branches(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if "anyOf" in schema:
        return [branch for inner in schema["anyOf"] for branch in _branches(inner, root)]
    return [schema]


def _inner(
    schema: Mapping[str, Any], part: str | int, root: Mapping[str, Any]
) -> list[dict[str, Any]]:
    found = []
    for branch in _branches(schema, root):
        if isinstance(part, int):
            inner = branch.get("items")
        else:
            inner = _properties(branch).get(part) or branch.get("additionalProperties")
            patterns = branch.get("patternProperties", {})
            inner = inner or next(iter(patterns.values()), None)
        if isinstance(inner, dict):
            found.append(inner)
    return found
