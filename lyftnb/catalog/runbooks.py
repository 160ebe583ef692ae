"""Runbook files: read with every problem placed by line, and their JSON Schema for editors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lyftnb.catalog.placed import Placed
from lyftnb.catalog.sentences import problems as sentences
from lyftnb.catalog.tree import Node, parse
from lyftnb.model import JsonSchema, Problem, RunbookSpec, has_errors, worst_first

_UNNAMED = "unnamed"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_BEGIN = "begin with `runbook: NAME` and `workflow: NAME`"


@dataclass(frozen=True)
class RunbookReading(Placed):
    """What a file says; parts with errors are left out of `spec`, each with a problem."""

    spec: RunbookSpec | None
    left_out: frozenset[str] = frozenset()
    """Keys of the document that `spec` is without."""

    @property
    def complete(self) -> bool:
        """Whether `spec` says all that the file says."""
        return self.spec is not None and not has_errors(self.problems)


def read_runbook(text: str, file: str | None = None) -> RunbookReading:
    """Read a runbook from YAML or JSON text. Never raises for what the text holds."""
    tree = parse(text.removeprefix("\ufeff"))
    found = [p.with_place(file, p.line) for p in tree.problems]
    if tree.root is None:
        if not found:
            found = [Problem("bad_yaml", "error", (), "the file is empty", _BEGIN, file=file)]
        return RunbookReading(None, problems=tuple(found), file=file)
    return _modelled(tree.root.value, file, tree.root, found)


def runbook_from_document(document: Any) -> RunbookReading:
    """Read a runbook from plain values, as JSON or a Python dict give them."""
    return _modelled(document, None, None, [])


def runbook_schema() -> JsonSchema:
    """The JSON Schema of runbook files."""
    schema = RunbookSpec.model_json_schema()
    about = schema["properties"]["parameters"]["description"]
    schema["properties"]["parameters"] = {"$ref": _DRAFT, "description": about}
    return {"$schema": _DRAFT, **schema, "title": "lyftnb runbook"}


def _modelled(
    document: Any, file: str | None, root: Node | None, found: list[Problem]
) -> RunbookReading:
    reading = RunbookReading(None, file=file, _root=root)
    if not isinstance(document, dict):
        message = "a runbook is a mapping with `runbook`, `workflow` and `parameters`"
        problem = Problem("bad_value", "error", (), message, _BEGIN, file=file)
        return RunbookReading(None, problems=(*found, problem), file=file)
    try:
        spec = RunbookSpec.model_validate(document)
        return RunbookReading(spec, problems=tuple(found), file=file, _root=root)
    except ValidationError as failure:
        new = sentences(failure, document, RunbookSpec)
    found += [p.with_place(file, reading.line_of(p.path)) for p in new]
    wrong = {str(p.path[0]) for p in new if p.path}
    wrong |= {name for name in ("runbook", "workflow") if name not in document}
    kept = {name: value for name, value in document.items() if name not in wrong}
    rest = {"runbook": _UNNAMED, "workflow": _UNNAMED, **kept}
    spec = RunbookSpec.model_validate(rest)
    return RunbookReading(
        spec, frozenset(wrong), problems=worst_first(found), file=file, _root=root
    )
