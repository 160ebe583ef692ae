"""Read a workflow file, with every problem in it, as far as it can be read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lyftnb.catalog.placed import Placed, in_order
from lyftnb.catalog.sentences import problems as sentences
from lyftnb.catalog.tree import MAX_DEPTH, Node, parse
from lyftnb.model import Path, Problem, WorkflowSpec, has_errors

_UNNAMED = "unnamed"
"""What a workflow without a valid name is called while the rest is checked."""
_BODIES = ("input", "output")
# Findings about something absent, which may stand in a part that was left out: of the step itself,
# or anywhere.
_ABSENT_IN_STEP = frozenset(
    {"no_body", "no_input", "no_output", "no_ports", "no_dispatch", "unknown_port", "one_port",
     "bad_conditional", "idle_port", "no_default", "nothing_to_watch", "with_alone"}
)  # fmt: skip
_VARIABLE = "unknown_variable"
_ABSENT = frozenset(
    {"unknown_channel", "no_producer", "unread_channel", "unused_channel", "unknown_step",
     "unpartitioned", _VARIABLE}
)  # fmt: skip
_ENDS = frozenset({"in", "out"})
_OF_CHANNELS = frozenset({"unread_channel", "unpartitioned"})
"""Findings about channels that hang on how one is declared."""


@dataclass(frozen=True)
class Reading(Placed):
    """What a file says.

    `spec` holds all that could be modelled; parts with errors are left out of it, each with a
    problem, so that the rest can still be validated. It is None where nothing could be read.
    """

    document: dict[str, Any] | None
    """The file as plain values."""
    spec: WorkflowSpec | None
    left_out: frozenset[Path] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether `spec` says all that the file says."""
        return self.spec is not None and not has_errors(self.problems)

    def with_problems(self, found: Iterable[Problem]) -> tuple[Problem, ...]:
        """The problems of the file and those `found` in `spec` by validation, placed in the file.

        Problems that only follow from a part having been left out are dropped.
        """
        return super().with_problems(p for p in found if not self._follows(p))

    def _follows(self, problem: Problem) -> bool:
        path = problem.path
        for gone in self.left_out:
            if path[: len(gone)] == gone:
                return True
            if problem.code in _ABSENT_IN_STEP and gone[:2] == path[:2]:
                return True
            if problem.code in _ABSENT and _may_hold(gone, problem.code):
                return True
        return False


def _may_hold(gone: Path, code: str) -> bool:
    """Whether a part that was left out may hold what a finding misses."""
    section = gone[0]
    if section not in WorkflowSpec.model_fields:
        return True  # the key of a whole section, misspelled
    if section == "context" or code == _VARIABLE:
        return section == "context" and code == _VARIABLE
    if section == "steps":
        return len(gone) <= 2 or gone[2] in _ENDS
    return section == "channels" and (len(gone) <= 2 or code in _OF_CHANNELS)


def read(text: str, file: str | None = None) -> Reading:
    """Read a workflow from YAML or JSON text. Never raises for what the text holds.

    Args:
        text: the file's content.
        file: its name, for the problems' places.
    """
    text = text.removeprefix("\ufeff")
    as_json = _json(text)
    tree = parse(text)
    if tree.root is None and as_json is not None:
        return from_document(as_json, file)
    found = [p.with_place(file, p.line) for p in tree.problems]
    if tree.root is None:
        if not found:
            hint = "begin with `workflow: NAME` and `steps:`"
            found = [Problem("bad_yaml", "error", (), "the file is empty", hint, file=file)]
        return Reading(None, None, problems=tuple(found), file=file)
    document = tree.root.value if as_json is None else as_json
    return _modelled(document, file, tree.root, found)


def from_document(document: Any, file: str | None = None) -> Reading:
    """Read a workflow from plain values, as JSON or a Python dict give them."""
    if _deeper(document, MAX_DEPTH):
        why = f"nested more than {MAX_DEPTH} levels deep"
        problem = Problem("bad_value", "error", (), why, file=file)
        return Reading(None, None, problems=(problem,), file=file)
    return _modelled(document, file, None, [])


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple):
        return False
    return levels < 0 or any(_deeper(part, levels - 1) for part in inner)


def _json(text: str) -> Any:
    """What the text says as JSON; None where it is none.

    Most JSON is YAML, but not all: it escapes characters beyond 16 bits as pairs, and it takes
    bare control characters for text.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(text, parse_constant=_no_number)
        json.dumps(document, ensure_ascii=False).encode()  # half a pair is no character
    except (ValueError, RecursionError):
        return None
    return document


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _modelled(document: Any, file: str | None, root: Node | None, found: list[Problem]) -> Reading:
    if not isinstance(document, dict):
        hint = "begin with `workflow: NAME` and `steps:`"
        message = "a workflow is a mapping with `workflow` and `steps`"
        found = [*found, Problem("bad_value", "error", (), message, hint, file=file)]
        return Reading(None, None, problems=tuple(found), file=file, _root=root)
    reading = Reading(document, None, file=file, _root=root)
    left_out: set[Path] = set()
    remainder = document
    spec = None
    # Each round leaves out at least one part; a second one finds what the first hid.
    while spec is None and remainder is not None:
        try:
            spec = WorkflowSpec.model_validate(remainder)
        except ValidationError as failure:
            new = sentences(failure, remainder)
            # What is wrong only because something within it was left out has been reported.
            fresh = [p for p in new if not any(gone[: len(p.path)] == p.path for gone in left_out)]
            found += [p.with_place(file, reading.line_of(p.path)) for p in fresh]
            remainder = _without([p.path for p in new], remainder, left_out)
    return Reading(
        document, spec, frozenset(left_out), problems=in_order(found), file=file, _root=root
    )


def _without(wrong: Iterable[Path], document: Any, left_out: set[Path]) -> Any:
    """A copy of `document` without the parts that are wrong; None where nothing can be kept."""
    document = _copy(document)
    before = len(left_out)
    for path in wrong:
        if path in ((), ("workflow",)):
            if document.get("workflow") == _UNNAMED:
                return None
            document["workflow"] = _UNNAMED
            left_out.add(("workflow",))
            continue
        target = _removable(path)
        left_out.add(target)
        holder = document
        for part in target[:-1]:
            holder = holder[part] if _has(holder, part) else {}
        if _has(holder, target[-1]):
            if _is_body(target):
                holder[target[-1]] = {"kind": "", "params": None}
            else:
                del holder[target[-1]]
    return document if len(left_out) > before else None


def _has(holder: Any, part: str | int) -> bool:
    if isinstance(holder, list):
        return isinstance(part, int) and part < len(holder)
    return isinstance(holder, dict) and part in holder


def _removable(path: Path) -> Path:
    """The smallest part around `path` that can go without shifting others: no item of a list."""
    for i, part in enumerate(path):
        if isinstance(part, int):
            action = path[0] == "steps" and path[2:3] == ("actions",) and i == 3
            if not action:
                return path[:i]
            if len(path) < 5:
                return path[: i + 1]
    return path


def _is_body(path: Path) -> bool:
    """Whether a part can be left open, so that what is around it keeps its meaning."""
    if path[0] != "steps":
        return False
    action = len(path) == 4 and path[2] == "actions"
    return action or (len(path) == 3 and path[2] in _BODIES)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
