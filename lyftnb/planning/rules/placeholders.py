"""`${…}`: names that no run can fill in, and secrets: where they may stand, and that they exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lyftnb import model
from lyftnb.model import ROOTS, ActionSpec, Path, StepSpec, is_secret_name
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report, choose

_PLACES = "secrets may stand in parameters of inputs and outputs, and in expressions of actions"


def placeholders(draft: Draft, setting: Setting, report: Report) -> None:
    """Names of values that do not exist; secrets that are missing, or where they would show."""
    for name, step in draft.spec.steps.items():
        path = ("steps", name)
        for part in ("input", "output"):
            spec = getattr(step, part)
            if spec is not None:
                place: Path = (*path, part, spec.kind)
                _names(place, spec.params, report)
                _secrets(place, spec.params, setting, report)
        for index, action in enumerate(step.actions):
            place = (*path, "actions", index, action.kind)
            params = _without_source(action)
            _unknown(place, params, report)
            _secrets(place, params, setting, report)
        for place, value in _elsewhere(path, step):
            for at, written, found in model.placeholders(value, place):
                if found is not None and found.secret is not None:
                    why = f"{written} would be stored or shown here"
                    report.error(at, "secret_not_here", why, _PLACES)


def _names(path: Path, params: Any, report: Report) -> None:
    """What cannot be filled in, in parameters; the parser says so of what is no name at all in
    expressions.
    """
    for at, written, found in model.placeholders(params, path):
        if found is None:
            why = f"{written} names no value"
            hint = "write ${run.id}, or ${msg.last || 0} with a fallback; a plain ${ is written $${"
            report.error(at, "bad_placeholder", why, hint)
    _unknown(path, params, report)


def _unknown(path: Path, params: Any, report: Report) -> None:
    """Names that nothing gives a value when it runs."""
    for at, written, found in model.placeholders(params, path):
        if found is not None and found.secret is None and not _is_known(found.name):
            guess = choose(found.name, ROOTS)
            if not guess.startswith("did you mean"):
                guess = f"a variable of a context is written {{{{{found.name}}}}}; {guess}"
            hint = f"{guess}; a plain ${{ is written $${{"
            report.error(at, "unknown_placeholder", f"nothing gives {written} a value", hint)


def _secrets(path: Path, params: Any, setting: Setting, report: Report) -> None:
    for at, _, found in model.placeholders(params, path):
        name = found.secret if found is not None else None
        if found is None or name is None:
            continue
        if not is_secret_name(name):
            hint = "write ${secret.SCOPE/NAME}, both of small letters, digits and _"
            report.error(at, "bad_secret", f"'{name}' is no name of a secret", hint)
        elif found.default is not None:
            hint = "set the secret instead"
            report.error(at, "bad_secret", "a secret has no fallback", hint)
        elif setting.secrets is not None and name not in setting.secrets:
            _missing(at, name, setting, report)


def _missing(at: Path, name: str, setting: Setting, report: Report) -> None:
    """An error where something is to run; a workflow may be written before its secrets are set."""
    say = report.error if setting.runs else report.warn
    guess = choose(name, setting.secrets or ()).partition("; ")[0]
    meant = f"{guess} Otherwise " if guess.startswith("did you mean") else ""
    say(at, "missing_secret", f"there is no secret {name}", f"{meant}lyftnb secret set {name}")


def _is_known(name: str) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in ROOTS)


def _without_source(action: ActionSpec) -> Any:
    """The parameters, but for Python source."""
    if action.kind != "python" or not isinstance(action.params, Mapping):
        return None if action.kind == "python" else action.params
    return {key: value for key, value in action.params.items() if key != "source"}


def _elsewhere(path: Path, step: StepSpec) -> Iterator[tuple[Path, Any]]:
    """The parts of a step whose texts are stored or shown as they come out."""
    document = step.to_document()
    for key, value in document.items():
        if key not in ("input", "output", "actions"):
            yield (*path, key), value
    for index, action in enumerate(step.actions):
        if action.kind == "python":
            place = (*path, "actions", index, "python")
            if isinstance(action.params, Mapping):
                yield (*place, "source"), action.params.get("source")
            else:
                yield place, action.params
