"""`${name || fallback}`: values that are known at run time only.

In an expression it is a bound literal (`operators.expressions`). In the parameters of an input or
an output it is filled in by `filled`: what is nothing but one reference takes the value with its
type, within a longer text its text is put in its place; `$${` stands for a plain `${`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lyftnb.errors import WorkflowError, near
from lyftnb.model.names import is_name
from lyftnb.model.plan import Job, Plan
from lyftnb.model.problem import Path, dotted

SECRET = "secret."
"""How the names of secrets begin: `secret.SCOPE/NAME`."""
ROOTS = ("run.id", "run.fire", "run.window_start", "run.window_end", "msg", "msgs", "var", "secret")
"""What a name may be, or begin with."""
PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")

_IN_PARAMETERS = re.compile(r"\$(\$\{[^{}]*\})|\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A `${name || default}`."""

    name: str
    default: str | None
    """The text behind `||`, as written; None without a default."""

    @classmethod
    def of(cls, body: str) -> Placeholder | None:
        """What stands between the braces; None if it names no value."""
        name, bar, default = body.partition("||")
        if not _NAME.fullmatch(name.strip()):
            return None
        return cls(name.strip(), default.strip() if bar else None)

    @property
    def secret(self) -> str | None:
        """`SCOPE/NAME`, if it names a secret."""
        return self.name.removeprefix(SECRET) if self.name.startswith(SECRET) else None

    @property
    def fallback(self) -> Any:
        """Its default: a quoted text, a number, true, false, null, else plain text."""
        text = self.default or ""
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
            return text[1:-1].replace(text[0] * 2, text[0])
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        for read in (int, float):
            try:
                return read(text)
            except ValueError:
                continue
        return text


def is_secret_name(name: str) -> bool:
    """Whether a secret may be called so: `SCOPE/NAME`."""
    scope, slash, own = name.partition("/")
    return bool(slash) and is_name(scope) and is_name(own)


def has_placeholder(value: Any) -> bool:
    """Whether a `${…}` stands anywhere in JSON-like data."""
    return next(placeholders(value), None) is not None


def placeholders(value: Any, path: Path = ()) -> Iterator[tuple[Path, str, Placeholder | None]]:
    """Every `${…}` in JSON-like data: its place, as it is written, and what it means (None: it
    names no value).
    """
    if isinstance(value, str):
        if "${" in value:
            for match in _IN_PARAMETERS.finditer(value):
                if match[2] is not None:
                    yield path, match[0], Placeholder.of(match[2])
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from placeholders(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from placeholders(item, (*path, index))


def secrets_named(value: Any) -> frozenset[str]:
    """The secrets (`SCOPE/NAME`) that JSON-like data refers to."""
    found = (place.secret for _, _, place in placeholders(value) if place is not None)
    return frozenset(name for name in found if name is not None)


def secrets_of_plan(plan: Plan) -> frozenset[str]:
    """The secrets that the steps of a plan name: in parameters and in expressions of actions."""
    jobs = [job for stage in plan.stages for job in stage.jobs]
    return frozenset[str]().union(*(secrets_of_job(job) for job in jobs))


def secrets_of_job(job: Job) -> frozenset[str]:
    """The secrets that a job names."""
    parts = (job.input, *job.actions, job.output)
    return secrets_named([part.params for part in parts if part is not None])


def filled(value: Any, variables: Mapping[str, Any], path: Path = ()) -> Any:
    """JSON-like data with its `${…}` filled in; the very same object where there are none.

    Raises:
        WorkflowError: a name has no value here and gives no fallback.
    """
    if isinstance(value, str):
        return _filled_text(value, variables, path) if "${" in value else value
    if isinstance(value, Mapping):
        items = {key: filled(item, variables, (*path, key)) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in value) else value
    if isinstance(value, list | tuple):
        parts = [filled(item, variables, (*path, i)) for i, item in enumerate(value)]
        return parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    return value


def _filled_text(text: str, variables: Mapping[str, Any], path: Path) -> Any:
    whole = PLACEHOLDER.fullmatch(text)
    if whole is not None:
        return _value(whole[1], variables, path)
    return _IN_PARAMETERS.sub(
        lambda match: match[1] or _as_text(_value(match[2], variables, path)), text
    )


def _value(body: str, variables: Mapping[str, Any], path: Path) -> Any:
    place = Placeholder.of(body)
    if place is not None and place.name in variables:
        return variables[place.name]
    if place is not None and place.default is not None and place.secret is None:
        return place.fallback
    name = place.name if place is not None else body
    raise WorkflowError(
        f"${{{name}}} has no value here", where=dotted(path) or None, hint=_advice(name, variables)
    )


def _advice(name: str, variables: Mapping[str, Any]) -> str:
    if name.startswith(SECRET):
        return f"set it: lyftnb secret set {name.removeprefix(SECRET)}"
    guess = near(name, variables)
    meant = f"did you mean ${{{guess}}}? Otherwise " if guess else ""
    return f"{meant}give a fallback: ${{{name} || 0}}; a plain ${{ is written $${{"


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str)
