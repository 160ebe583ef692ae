"""Runbooks: what is wrong with one, and what an invocation's parameters make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from lyftnb.errors import InvalidParameters, InvalidRunbook, SetupError
from lyftnb.model import (
    RESERVED,
    Json,
    Problem,
    RunbookSpec,
    WorkflowSpec,
    has_errors,
    is_name,
    worst_first,
)
from lyftnb.planning.json_schema import (
    from_text,
    schema_problems,
    takes_any_text,
    takes_list,
    value_problems,
    with_defaults,
)
from lyftnb.planning.references import REFERENCE, as_text, references
from lyftnb.planning.report import Report, choose

_WORKFLOW_REF = re.compile(r"[a-z][a-z0-9_]{0,62}(@[1-9][0-9]{0,8})?")
_SQL = re.compile(r"['=<>()+*]")
"""What tells an expression from a path or a name."""
_EXPANSION = re.compile(r"\{\{|\$\{")


def parse_ref(text: str) -> tuple[str, int | None] | None:
    """`flights@3` as its parts, `flights` without a number; None if it is no reference."""
    if _WORKFLOW_REF.fullmatch(text) is None:
        return None
    name, _, number = text.partition("@")
    return name, int(number) if number else None


def variables(workflow: WorkflowSpec) -> frozenset[str]:
    """The context variables that a workflow has, or refers to; of `{{db.host}}` it is `db`."""
    documents = [dict(workflow.context), *(s.to_document() for s in workflow.steps.values())]
    paths = (path for text in _texts(documents) for path in REFERENCE.findall(text))
    return frozenset(workflow.context) | {path.partition(".")[0] for path in paths}


def check_runbook(spec: RunbookSpec, workflow: WorkflowSpec | None) -> tuple[Problem, ...]:
    """Everything that is wrong with a runbook, or doubtful, worst first.

    Args:
        spec: the runbook.
        workflow: the one that it names; None where that is not known, and a problem of its own.
    """
    report = Report()
    schema = dict(spec.parameters)
    found = list(schema_problems(schema, ("parameters",)))
    if schema.get("type", "object") != "object":
        report.error(
            ("parameters", "type"), "bad_schema", "parameters are an object", "write `type: object`"
        )
    if not has_errors(found):
        _check_parameters(spec, report)
        _check_references(spec, report)
        if workflow is not None:
            _check_context(spec, workflow, report)
    return worst_first((*found, *report.problems))


def _check_parameters(spec: RunbookSpec, report: Report) -> None:
    for name, schema in spec.properties.items():
        path = ("parameters", "properties", name)
        if not is_name(name) or name in RESERVED:
            hint = "use a-z, 0-9 and _, begin with a letter"
            taken = f"`{{{{{name}}}}}` stands for something else in a deployment's name"
            message = taken if name in RESERVED else f"'{name}' is not a name"
            report.error(path, "bad_name", message, "choose another" if name in RESERVED else hint)
        if not isinstance(schema, dict):
            continue
        if schema.get("writeOnly") or schema.get("format") == "password":
            hint = "keep it as a secret, and write `${secret.scope/name}` in the workflow"
            message = "a secret cannot be a parameter, because invocations are recorded"
            report.error(path, "secret_parameter", message, hint)
        if "default" in schema:
            whole = {**schema, "$defs": spec.parameters.get("$defs", {})}
            for problem in value_problems(schema["default"], whole):
                report.error((*path, "default"), "bad_default", problem.message, problem.hint)
    for index, name in enumerate(spec.parameters.get("required", ())):
        if name not in spec.properties:
            place = ("parameters", "required", index)
            hint = choose(name, spec.properties, "list it under `properties`")
            report.error(place, "unknown_parameter", f"there is no parameter '{name}'", hint)


def _check_references(spec: RunbookSpec, report: Report) -> None:
    for variable, value in spec.context.items():
        for name in sorted(references(value) - spec.properties.keys()):
            hint = choose(name, spec.properties, "list it under `parameters: {properties: …}`")
            message = f"there is no parameter '{name}'"
            report.error(("context", variable), "unknown_parameter", message, hint)
    always = set(RESERVED) | _given_always(spec)
    for name in sorted(references(spec.deployment) - always):
        known = {*RESERVED, *spec.properties}
        if name in known:
            message, hint = f"parameter '{name}' may be left out", "require it, or give a default"
        else:
            message, hint = f"there is no parameter '{name}'", choose(name, known)
        report.error(("deployment",), "unknown_parameter", message, hint)
    if not references(spec.deployment) and not is_name(spec.deployment):
        hint = "use a-z, 0-9 and _, begin with a letter"
        report.error(("deployment",), "bad_name", f"'{spec.deployment}' is not a name", hint)


def _given_always(spec: RunbookSpec) -> set[str]:
    """Parameters that every invocation has."""
    with_default = {n for n, s in spec.properties.items() if isinstance(s, dict) and "default" in s}
    return with_default | set(spec.parameters.get("required", ()))


def _check_context(spec: RunbookSpec, workflow: WorkflowSpec, report: Report) -> None:
    known = variables(workflow)
    for name in sorted(spec.context.keys() - known):
        message = f"{spec.workflow} has no context variable '{name}'"
        hint = choose(name, known, "it has none at all")
        report.error(("context", name), "unknown_variable", message, hint)
    mentioned = references(dict(spec.context)) | references(spec.deployment)
    for name in spec.properties:
        if name not in mentioned and name not in known:
            message = f"parameter '{name}' leads nowhere: {spec.workflow} has no such variable"
            hint = choose(name, known, "") or "mention it under `context:`"
            path = ("parameters", "properties", name)
            report.error(path, "unused_parameter", message, hint)
    _check_expressions(spec, workflow, report)


def _check_expressions(spec: RunbookSpec, workflow: WorkflowSpec, report: Report) -> None:
    """Text that anyone may choose, and that becomes part of an expression, may change what the
    expression means.
    """
    actions = [action.params for step in workflow.steps.values() for action in step.actions]
    written = {name for text in _texts(actions) if _SQL.search(text) for name in references(text)}
    for name, schema in spec.properties.items():
        if not isinstance(schema, dict) or not takes_any_text(schema, spec.parameters):
            continue
        reached = {v for v, value in spec.context.items() if name in references(value)} or {name}
        if reached & written:
            message = f"any text may be given for '{name}', and it becomes part of an expression"
            hint = "bound it with `pattern`, `enum` or `format`, so that no quote can be in it"
            path = ("parameters", "properties", name)
            report.warn(path, "unbounded_parameter", message, hint)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def invalid_runbook(name: str, problems: Sequence[Problem]) -> InvalidRunbook:
    """The error for a wrong document: its text lists the errors, `problems` holds all."""
    errors = [problem for problem in problems if problem.severity == "error"]
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    lines = "".join(f"\n  {problem}" for problem in errors)
    return InvalidRunbook(f"runbook '{name}' has {count}:{lines}", problems=tuple(problems))


# -- an invocation


def parameters_of(spec: RunbookSpec, given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters of an invocation, with defaults.

    Raises:
        InvalidParameters: they do not fit the runbook; each with what is wrong.
    """
    values = with_defaults({n: _plain(v) for n, v in given.items()}, spec.parameters)
    strange = [problem for name, value in values.items() for problem in _strange(name, value)]
    problems = strange or [*_unknown(spec, values), *value_problems(values, spec.parameters)]
    if problems:
        count = "parameter is" if len(problems) == 1 else "parameters are"
        lines = "".join(
            f"\n  {p.dotted}: {p.message}" + (f" ({p.hint})" if p.hint else "") for p in problems
        )
        raise InvalidParameters(
            f"{len(problems)} {count} wrong for runbook '{spec.runbook}':{lines}",
            problems=tuple(problems),
        )
    return values


def _unknown(spec: RunbookSpec, values: Mapping[str, Json]) -> Iterator[Problem]:
    for name in values:
        if name not in spec.properties:
            hint = choose(name, spec.properties, "the runbook has none")
            yield Problem("unknown_parameter", "error", (name,), "there is no such parameter", hint)


def _plain(value: Any) -> Json:
    """A value as JSON has it: dates and times as text."""
    return value.isoformat() if isinstance(value, date) else value


def _strange(name: str, value: Any) -> Iterator[Problem]:
    """What no parameter can be. Whoever invokes a runbook gives values; what the workflow does with
    them stays its own.
    """
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield Problem("bad_parameter", "error", (name,), f"cannot be written as JSON: {error}")
        return
    if _EXPANSION.search(text):
        message = "is taken as it stands, so it may not hold `{{` or `${`"
        yield Problem("bad_parameter", "error", (name,), message)


def parameters_from_text(spec: RunbookSpec, given: Mapping[str, Sequence[str]]) -> dict[str, Json]:
    """Parameters as a command line has them, in the types that the runbook gives them: name → the
    texts it was given with. The last one counts, but for lists, which take them all.
    """
    values: dict[str, Json] = {}
    for name, texts in given.items():
        schema = spec.properties.get(name, {})
        if takes_list(schema, spec.parameters) and not texts[-1].lstrip().startswith("["):
            items = schema.get("items", {})
            values[name] = [from_text(text, items, spec.parameters) for text in texts]
        else:
            values[name] = from_text(texts[-1], schema, spec.parameters)
    return values


def context_of(spec: RunbookSpec, values: Mapping[str, Json]) -> dict[str, Json]:
    """The context values that parameters stand for; stronger than all others.

    What refers to a parameter that was left out is left to the workflow's own value.
    """
    mentioned = references(dict(spec.context))
    context = {name: value for name, value in values.items() if name not in mentioned}
    for variable, value in spec.context.items():
        if references(value) <= values.keys():
            context[variable] = _filled(value, values)
    return context


def deployment_of(spec: RunbookSpec, values: Mapping[str, Json], number: int) -> str:
    """The name of the deployment that an invocation runs as.

    Raises:
        SetupError: its parameters make no name.
    """
    known = {**values, "runbook": spec.runbook, "invocation": number}
    name = str(_filled(spec.deployment, known))
    if not is_name(name):
        raise SetupError(
            f"'{name}' cannot be the name of a deployment",
            where=f"runbook {spec.runbook}: deployment",
            hint="names have a-z, 0-9 and _, begin with a letter, and are at most 63 characters; "
            "bound the parameters in it with a `pattern`",
        )
    return name


def _filled(value: Any, known: Mapping[str, Json]) -> Any:
    """A value with its `{{…}}` filled in; one that is nothing else keeps the type."""
    if isinstance(value, dict):
        return {key: _filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole and whole[1] in known:
        return known[whole[1]]
    return REFERENCE.sub(lambda m: as_text(known[m[1]]) if m[1] in known else m[0], value)
