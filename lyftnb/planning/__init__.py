"""Verbs without effects: validate a workflow, and plan it.

Passes are one file and one function each (`passes`), rules of validation one file per subject
(`rules`); `due` says when triggers fire. Planning checks structure itself and asks a `Checker`
about kinds, parameters, expressions and types. It must not know Polars, DuckDB, Dask, files or the
time: the same document, context and checker give the same plan, always.
"""

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
from lyftnb.planning.describe import describe, traits
from lyftnb.planning.due import describe_trigger
from lyftnb.planning.filling import values_now
from lyftnb.planning.passes.normalise import SPOOL as SPOOL_INPUT
from lyftnb.planning.planner import columns, invalid, plan, validate, written
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
    "ContextLayers",
    "Explanation",
    "FieldChange",
    "Finding",
    "Flowing",
    "Layer",
    "LayerValue",
    "check_runbook",
    "columns",
    "context_of",
    "deployment_of",
    "describe",
    "describe_trigger",
    "explain",
    "fields_changed",
    "invalid",
    "invalid_runbook",
    "lineage",
    "parameters_from_text",
    "parameters_of",
    "parse_ref",
    "plan",
    "traits",
    "validate",
    "values_now",
    "written",
]
