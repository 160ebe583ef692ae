"""Content digests. Every recipe stands here; each starts with a tag of its own."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lyftnb.model.workflow import WorkflowSpec

# No part of what a version does: layout, words for people, and settings of the deployment.
_STEP_SETTINGS = ("description", "group", "replicas", "paused", "renamed_from")


def canonical_json(value: Any) -> str:
    """One text for equal values: keys sorted, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(tag: str, value: Any) -> str:
    """The first 16 hex digits of SHA-256 over the tagged canonical JSON."""
    return hashlib.sha256(f"{tag}:{canonical_json(value)}".encode()).hexdigest()[:16]


def workflow_digest(workflow: WorkflowSpec) -> str:
    """The digest of what the workflow does, whatever surface form, order of keys or layout it has.

    Step order counts only through channels; the order of actions, merged inputs and ports counts.
    """
    document = workflow.model_dump(mode="json", by_alias=True, exclude={"ui", "description"})
    for name, spec in workflow.steps.items():
        step = document["steps"][name]
        for key in _STEP_SETTINGS:
            step.pop(key, None)
        for action in step["actions"]:
            action.pop("description", None)
        step["in"] = [[key, ref.model_dump(mode="json")] for key, ref in spec.inputs.items()]
        step["named"] = spec.named_inputs
        step["out"] = list(spec.ports.items())
        if spec.trigger is not None and not isinstance(spec.trigger, tuple):
            step["trigger"] = [step["trigger"]]
    for channel in document["channels"].values():
        channel.pop("description", None)
    return digest("workflow", document)
