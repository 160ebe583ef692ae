"""Problems of a file, placed in it: what readings have in common, whatever they read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lyftnb.catalog.tree import Node
from lyftnb.model import Path, Problem, worst_first


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A file that was read, with every problem in it."""

    problems: tuple[Problem, ...] = ()
    file: str | None = None
    _root: Node | None = field(default=None, repr=False)

    def line_of(self, path: Path) -> int | None:
        """As `Node.line_of`; None where there is no text."""
        return None if self._root is None else self._root.line_of(path)

    def with_problems(self, found: Iterable[Problem]) -> tuple[Problem, ...]:
        """The problems of the file and those `found` in what it says, placed in the file."""
        placed = [p.with_place(self.file, self.line_of(p.path)) for p in found]
        return in_order((*self.problems, *placed))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The worst first, and those alike by line."""
    return worst_first(sorted(problems, key=lambda p: p.line or 0))
