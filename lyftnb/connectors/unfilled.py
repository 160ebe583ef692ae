"""Parameters in which `${…}` still stands: what can be said of them before a run fills them in."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lyftnb.model import Params, has_placeholder


class Kind(Protocol):
    """A source or a sink."""

    Params: ClassVar[type[Params]]

    def parse(self, raw: Any) -> Any:
        """The parameter model from the document's value."""
        ...


def parse_unfilled(kind: Kind, raw: Any) -> Any:
    """The parameters as far as they go: a field that cannot hold its text holds it all the same.

    Raises:
        ValidationError: something is wrong that no run will fill in.
    """
    try:
        return kind.parse(raw)
    except ValidationError as error:
        if not all(is_unfilled(item) for item in error.errors()):
            raise
    model: type[Params] = kind.Params
    return model.model_construct(**model.long_form(raw) if not isinstance(raw, dict) else raw)


def is_unfilled(error: ErrorDetails) -> bool:
    """Whether pydantic objects to a value that a run will fill in."""
    return error["type"] != "extra_forbidden" and has_placeholder(error["input"])
