"""Parameters with `${…}` in them: filled in for a run, and what can be said of them before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lyftnb.errors import WorkflowError
from lyftnb.model import Params, Path, dotted, filled, has_placeholder
from lyftnb.model.objections import objection


class Kind(Protocol):
    """A source or a sink."""

    Params: ClassVar[type[Params]]

    def parse(self, raw: Any) -> Any:
        """The parameter model from the document's value."""
        ...


def parse_filled(kind: Kind, raw: Any, variables: Mapping[str, Any], place: Path) -> Any:
    """The parameters with `${…}` filled in, right before they are used.

    Raises:
        WorkflowError: a name has no value, or its value does not fit; `place` says where.
    """
    try:
        return kind.parse(filled(raw, variables, place))
    except ValidationError as error:
        first = error.errors()[0]
        raise WorkflowError(
            f"what the run gives does not fit: {objection(first)}",
            where=dotted((*place, *first["loc"])),
            hint="look at what sets the value",
        ) from None


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
    names = ("extra_forbidden", "missing")
    return error["type"] not in names and has_placeholder(error["input"])
