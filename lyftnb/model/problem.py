"""A problem: one finding of validation, with its place and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

Severity = Literal["error", "warning", "note"]
Path = tuple[str | int, ...]

_ORDER = {"error": 0, "warning": 1, "note": 2}


def dotted(path: Path) -> str:
    """A path into a document as people read it.

    >>> dotted(("steps", "clean", "actions", 1))
    'steps.clean.actions[1]'
    """
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else (f".{part}" if out else str(part))
    return out


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `path` leads into the document: `("steps", "clean", "actions", 1, "derive")`."""

    code: str
    severity: Severity
    path: Path
    message: str
    hint: str = ""
    file: str | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)

    @property
    def dotted(self) -> str:
        """The path as people read it."""
        return dotted(self.path)

    @property
    def place(self) -> str:
        """File, line and path, as far as known."""
        if self.file and self.line:
            at = f"{self.file}:{self.line}"
        else:
            at = self.file or (f"line {self.line}" if self.line else "")
        return ": ".join(part for part in (at, self.dotted) if part)

    def with_place(self, file: str | None, line: int | None) -> Problem:
        """The same problem, with its place in a file."""
        return replace(self, file=file, line=line)

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        place = f" {self.place}" if self.place else ""
        return f"{self.severity} [{self.code}]{place}: {self.message}{hint}"


def worst_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Errors, then warnings, then notes; each in document order as given, without repeats."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: _ORDER[p.severity]))


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of the problems forbids publishing and running."""
    return any(p.severity == "error" for p in problems)
