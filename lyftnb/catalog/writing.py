"""Write a workflow as a fresh file, in the house's key order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lyftnb.catalog.layout import lines
from lyftnb.errors import WorkflowError
from lyftnb.model import WorkflowSpec

_WORKFLOW = ("workflow", "description", "context", "channels", "steps", "messages", "ui")
_STEP = (
    "description", "uses", "with", "in", "input", "notebook", "trigger", "frame", "group",
    "replicas", "paused", "actions", "out", "dispatch", "output", "emit", "retry", "on_error",
    "on_fail", "renamed_from",
)  # fmt: skip


def write(spec: WorkflowSpec) -> str:
    """The workflow as YAML. Reading it gives an equal workflow.

    Raises:
        WorkflowError: a value that no file can hold (an infinite number).
    """
    return text_of(spec.to_document())


def write_json(spec: WorkflowSpec) -> str:
    """The workflow as JSON, in the same key order.

    Raises:
        WorkflowError: as for `write`.
    """
    document = _ordered(spec.to_document())
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as failure:
        raise WorkflowError("a workflow file cannot hold an infinite number") from failure


def text_of(document: dict[str, Any]) -> str:
    """A document as YAML."""
    document = _ordered(document)
    return "\n".join(lines(document, (), 0)) + "\n"


def _ordered(document: dict[str, Any]) -> dict[str, Any]:
    out = _sorted(document, _WORKFLOW)
    steps = out.get("steps")
    if isinstance(steps, dict):
        out["steps"] = {
            name: _sorted(step, _STEP) if isinstance(step, dict) else step
            for name, step in steps.items()
        }
    return out


def _sorted(mapping: dict[str, Any], order: Iterable[str]) -> dict[str, Any]:
    return {key: mapping[key] for key in (*order, *mapping) if key in mapping}
