"""A document under the settings of its deployment."""

from __future__ import annotations

from lyftnb.errors import unknown
from lyftnb.model import Settings, WorkflowSpec


def with_settings(spec: WorkflowSpec, settings: Settings) -> WorkflowSpec:
    """The document with groups and replicas as the deployment has them.

    Raises:
        NotFound: a setting names a step that the workflow does not have.
    """
    steps = dict(spec.steps)
    for field, values in (("group", settings.groups), ("replicas", settings.replicas)):
        for name, value in values.items():
            if name not in steps:
                raise unknown("step", name, spec.steps, where=f"workflow {spec.workflow}")
            # Validated anew, because a model's copy takes anything.
            document = steps[name].to_document() | {field: value}
            steps[name] = type(steps[name]).model_validate(document)
    return spec.model_copy(update={"steps": steps})
