"""Verbs without effects: validate a workflow, and plan it.

Passes are one file and one function each (`passes`), rules of validation one file per subject
(`rules`); `due` says when triggers fire. Planning checks structure itself and asks a `Checker`
about kinds, parameters, expressions and types. It must not know Polars, DuckDB, Dask, files or the
time: the same document, context and checker give the same plan, always.
Importing it loads nothing: each name comes with its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.planning.checker import Checker, Finding
    from lyftnb.planning.contexts import (
        ContextLayers,
        Explanation,
        FieldChange,
        Layer,
        LayerValue,
        explain,
        fields_changed,
        lineage,
    )
    from lyftnb.planning.deployment_names import Claims, check_name, require_free, taken
    from lyftnb.planning.describing import describe, traits
    from lyftnb.planning.due import describe_trigger
    from lyftnb.planning.filling import values_now
    from lyftnb.planning.passes.normalise import SPOOL_INPUT
    from lyftnb.planning.planner import columns, filled, invalid, plan, validate, written
    from lyftnb.planning.rules.schemas import Flowing
    from lyftnb.planning.runbooks import (
        check_runbook,
        context_of,
        deployment_of,
        invalid_runbook,
        parameters_from_text,
        parameters_of,
        parse_ref,
    )

__all__ = [
    "SPOOL_INPUT",
    "Checker",
    "Claims",
    "ContextLayers",
    "Explanation",
    "FieldChange",
    "Finding",
    "Flowing",
    "Layer",
    "LayerValue",
    "check_name",
    "check_runbook",
    "columns",
    "context_of",
    "deployment_of",
    "describe",
    "describe_trigger",
    "explain",
    "fields_changed",
    "filled",
    "invalid",
    "invalid_runbook",
    "lineage",
    "parameters_from_text",
    "parameters_of",
    "parse_ref",
    "plan",
    "require_free",
    "taken",
    "traits",
    "validate",
    "values_now",
    "written",
]

_HOMES = {
    "Checker": "lyftnb.planning.checker",
    "Claims": "lyftnb.planning.deployment_names",
    "ContextLayers": "lyftnb.planning.contexts",
    "Explanation": "lyftnb.planning.contexts",
    "FieldChange": "lyftnb.planning.contexts",
    "Finding": "lyftnb.planning.checker",
    "Flowing": "lyftnb.planning.rules.schemas",
    "Layer": "lyftnb.planning.contexts",
    "LayerValue": "lyftnb.planning.contexts",
    "SPOOL_INPUT": "lyftnb.planning.passes.normalise",
    "check_name": "lyftnb.planning.deployment_names",
    "check_runbook": "lyftnb.planning.runbooks",
    "columns": "lyftnb.planning.planner",
    "filled": "lyftnb.planning.planner",
    "context_of": "lyftnb.planning.runbooks",
    "deployment_of": "lyftnb.planning.runbooks",
    "describe": "lyftnb.planning.describing",
    "describe_trigger": "lyftnb.planning.due",
    "explain": "lyftnb.planning.contexts",
    "fields_changed": "lyftnb.planning.contexts",
    "invalid": "lyftnb.planning.planner",
    "invalid_runbook": "lyftnb.planning.runbooks",
    "lineage": "lyftnb.planning.contexts",
    "parameters_from_text": "lyftnb.planning.runbooks",
    "parameters_of": "lyftnb.planning.runbooks",
    "parse_ref": "lyftnb.planning.runbooks",
    "plan": "lyftnb.planning.planner",
    "require_free": "lyftnb.planning.deployment_names",
    "taken": "lyftnb.planning.deployment_names",
    "traits": "lyftnb.planning.describing",
    "validate": "lyftnb.planning.planner",
    "values_now": "lyftnb.planning.filling",
    "written": "lyftnb.planning.planner",
}

__getattr__ = lazy(__name__, _HOMES)
