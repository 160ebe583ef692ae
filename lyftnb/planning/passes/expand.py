"""Fill in `{{name}}` from the context."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from lyftnb.model import DEFAULT_GROUP, StepSpec
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.filling import Filling
from lyftnb.planning.graph import Graph
from lyftnb.planning.report import Report


def expand(draft: Draft, setting: Setting) -> Draft:
    """Fill in `{{name}}` everywhere in steps but in descriptions and Python source.

    A value that is nothing but one reference takes the variable's value with its type; within a
    longer text the variable's text is put in its place. Keys are left alone.
    """
    report = Report()
    fillings: dict[str, Filling] = {}
    steps: dict[str, StepSpec] = {}
    for name, step in draft.spec.steps.items():
        group = step.group or DEFAULT_GROUP
        if group not in fillings:
            layers = setting.context.over(draft.spec.context, group)
            fillings[group] = Filling(layers, group, report)
        document = step.to_document()
        filled = fillings[group].fill(document, ("steps", name))
        steps[name] = step if filled is document else _remodelled(name, step, filled, report)
    spec = draft.spec.model_copy(update={"steps": steps})
    used = tuple(value for filling in fillings.values() for value in filling.used)
    done = replace(draft, spec=spec, graph=Graph.of(spec), context=used)
    return done.with_problems(report.problems)


def _remodelled(name: str, step: StepSpec, document: dict[str, Any], report: Report) -> StepSpec:
    try:
        return StepSpec.model_validate(document)
    except ValidationError as failure:
        for error in failure.errors(include_url=False):
            report.error(
                ("steps", name, *error["loc"]),
                "bad_expansion",
                f"the value that the context gives does not fit here: {error['input']!r}",
                "change the variable, or write the value out",
            )
        return step
