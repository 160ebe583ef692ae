"""Where rules and passes write down what they find."""

from __future__ import annotations

from collections.abc import Iterable

from lyftnb.errors import near
from lyftnb.model import Path, Problem
from lyftnb.planning.checker import Finding


class Report:
    """A growing list of problems, in the order of finding."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found so far."""
        return tuple(self._problems)

    def error(self, path: Path, code: str, message: str, hint: str = "") -> None:
        """Something that forbids publishing and running."""
        self._problems.append(Problem(code, "error", path, message, hint))

    def warn(self, path: Path, code: str, message: str, hint: str = "") -> None:
        """Something that runs, but probably not as meant."""
        self._problems.append(Problem(code, "warning", path, message, hint))

    def note(self, path: Path, code: str, message: str, hint: str = "") -> None:
        """Something worth knowing."""
        self._problems.append(Problem(code, "note", path, message, hint))

    def findings(self, path: Path, findings: Iterable[Finding]) -> None:
        """A checker's findings about the part at `path`."""
        for found in findings:
            place = (*path, *found.path)
            self._problems.append(
                Problem(found.code, found.severity, place, found.message, found.hint)
            )


def choose(name: str, known: Iterable[str], none: str = "") -> str:
    """A hint for a name that is not among `known`: the nearest one, or what there is.

    >>> choose("etll", ["etl", "edge"])
    "did you mean 'etl'?"
    """
    names = list(dict.fromkeys(known))
    guess = near(name, names)
    if guess:
        return f"did you mean '{guess}'?"
    if not names:
        return none
    return "there is: " + ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
