"""Fill in `{{name}}` from the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from lyftnb.model import Path, StepSpec
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import Graph
from lyftnb.planning.references import REFERENCE, VARIABLE, as_text
from lyftnb.planning.report import Report, choose


def expand(draft: Draft, setting: Setting) -> Draft:
    """Fill in `{{name}}` everywhere in steps but in descriptions and Python source.

    A value that is nothing but one reference takes the variable's value with its type; within a
    longer text the variable's text is put in its place. Keys are left alone.
    """
    report = Report()
    context = _Context(draft.spec.context, setting.context, report)
    steps: dict[str, StepSpec] = {}
    for name, step in draft.spec.steps.items():
        document = step.to_document()
        filled = context.fill(document, ("steps", name))
        steps[name] = step if filled is document else _remodelled(name, step, filled, report)
    spec = draft.spec.model_copy(update={"steps": steps})
    done = replace(draft, spec=spec, graph=Graph.of(spec), context=context.used)
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


def _is_verbatim(path: Path) -> bool:
    """Words for people, and Python source, where `{{` has a meaning of its own (f-strings)."""
    in_action = len(path) == 5 and path[2] == "actions"
    return path[2:] == ("description",) or (in_action and path[4] in ("description", "python"))


@dataclass
class _Context:
    own: Mapping[str, Any]
    """The workflow's own values."""
    chosen: Mapping[str, Any]
    """Values of the chosen context, which are stronger."""
    report: Report
    used: dict[str, Any] = field(default_factory=dict)
    _open: tuple[str, ...] = ()

    def fill(self, value: Any, path: Path) -> Any:
        """`value` with its references filled in; the very same object where there are none."""
        if isinstance(value, str):
            return self._fill_text(value, path) if "{{" in value else value
        if isinstance(value, dict):
            filled = {k: self._fill_entry(v, (*path, k)) for k, v in value.items()}
            return filled if any(filled[k] is not value[k] for k in value) else value
        if isinstance(value, list | tuple):
            items = [self.fill(v, (*path, i)) for i, v in enumerate(value)]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        return value

    def _fill_entry(self, value: Any, path: Path) -> Any:
        return value if _is_verbatim(path) else self.fill(value, path)

    def _fill_text(self, text: str, path: Path) -> Any:
        whole = REFERENCE.fullmatch(text)
        if whole and "}}" not in whole[1]:
            return self._lookup(whole[1], path, text)
        return REFERENCE.sub(lambda m: as_text(self._lookup(m[1], path, m[0])), text)

    def _lookup(self, name: str, path: Path, written: str) -> Any:
        """The variable's value; what was written, where there is none (and then a problem)."""
        if name in self.used:
            return self.used[name]
        if not VARIABLE.fullmatch(name):
            why = f"`{written}` names no variable, so it is left as it stands"
            self.report.warn(path, "bad_variable", why, "a variable's name has a-z, 0-9 and _")
            return written
        if name in self._open:
            ring = " -> ".join((*self._open[self._open.index(name) :], name))
            self.report.error(path, "context_cycle", f"context variables refer in a ring: {ring}")
            return written
        if name not in self.chosen and name not in self.own:
            names = dict.fromkeys((*self.chosen, *self.own))
            hint = choose(name, names, "set it under `context:` or in a context")
            why = f"unknown context variable '{name}'"
            self.report.error(path, "unknown_variable", why, hint)
            return written
        return self._value(name, path)

    def _value(self, name: str, path: Path) -> Any:
        value = self.chosen.get(name, self.own.get(name))
        place = path if name in self.chosen else ("context", name)
        self._open = (*self._open, name)
        self.used[name] = self.fill(value, place)
        self._open = self._open[:-1]
        return self.used[name]
