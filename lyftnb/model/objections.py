"""What pydantic objects to, in words: the same for documents, parameters and settings."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

SHAPES = {
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
"""Errors that only say that a value has another shape than one branch of a union expected."""
_EXPECTED = SHAPES | {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "too_short": "at least one",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_SHOWN = 60


def objection(error: ErrorDetails) -> str:
    """What was expected and what was found, without the place.

    >>> objection({"type": "int_parsing", "loc": ("n",), "msg": "", "input": "many"})
    "expected a whole number, found 'many'"
    >>> objection({"type": "string_too_short", "loc": ("path",), "msg": "", "input": ""})
    'nothing is filled in'
    >>> long = {"type": "string_too_long", "loc": (), "msg": "", "input": ";;"}
    >>> objection(long | {"ctx": {"max_length": 1}})
    "expected at most 1 character, found ';;'"
    """
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(ctx["error"])
    if error["input"] == "" and kind in ("string_too_short", "string_pattern_mismatch"):
        return "nothing is filled in"
    if kind == "too_short" and not error["input"]:
        return "expected at least one, found none"
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        expected = f"{word} {ctx[key]:g}"
    elif kind == "literal_error":
        expected = ctx["expected"]
    elif kind == "string_too_long":
        expected = f"at most {ctx['max_length']} character{'s' * (ctx['max_length'] != 1)}"
    elif kind == "string_pattern_mismatch":
        expected = f"text of the form {ctx['pattern']}"
    else:
        expected = _EXPECTED.get(kind) or error["msg"].removeprefix("Input should be ")
    return f"expected {expected}, found {shown(error['input'])}"


def shown(value: Any) -> str:
    """A value as an error quotes it: short, and a container by its kind alone."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}…"
