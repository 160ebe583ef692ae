"""The draft of a workflow, as people build it in Python or load it from a file.

It holds the document, nothing derived: YAML, Python and the canvas are three views of it. The
typed, frozen form is `draft.spec`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lyftnb import catalog
from lyftnb.errors import InvalidWorkflow, NotFound, WorkflowError, unknown
from lyftnb.model import Plan, Problem, RunSummary, WorkflowSpec, draft_name, workflow_digest
from lyftnb.wording import counted
from lyftnb.workspace.nouns import PROBLEMS, Problems
from lyftnb.workspace.step import Document, Step, outline, plain, unreserved
from lyftnb.workspace.svg import Picture, draw
from lyftnb.workspace.tabular import listed
from lyftnb.workspace.text_file import newline_of, text_of
from lyftnb.workspace.viewing import view

if TYPE_CHECKING:
    from lyftnb.engine import Trace
    from lyftnb.workspace.entering import AnyWorkspace


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a draft's file said when it was loaded."""

    text: str
    reading: catalog.Reading
    document: Document


class Workflow:
    """A draft: mutable, until it is published.

    >>> wf = Workflow("hello", description="three rows")
    >>> rows = wf.step("rows", out="numbers").input("inline", rows=[{"x": 1}, {"x": 2}])
    >>> double = wf.step("double", in_="numbers", out="doubled").derive(y="x * 2")
    >>> wf
    workflow hello: three rows
      rows: inline → numbers
      double: numbers → derive → doubled
    """

    def __init__(
        self,
        name: str,
        *,
        description: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        self._document: Document = {"workflow": name}
        self._file: Path | None = None
        self._text: str | None = None
        """The text that a canvas has made of it last, with its comments."""
        self._loaded: _Loaded | None = None
        if description is not None:
            self._document["description"] = description
        if context:
            self._document["context"] = plain(context)

    # -- building

    @property
    def name(self) -> str:
        """The workflow's name."""
        return str(self._document.get("workflow", ""))

    def channel(self, name: str, **settings: Any) -> Self:
        """Declare a channel, or change its declaration: `wf.channel("raw", transport="spool")`."""
        channels = self._document.setdefault("channels", {})
        channels[name] = {**channels.get(name, {}), **_settings(settings)}
        return self

    def step(self, name: str, **settings: Any) -> Step:
        """Add a step: its edges and settings here, its body by the methods of what comes back.

        `in` is written `in_`. A step of that name that exists is taken up again, with the settings
        changed.
        """
        step = self._document.setdefault("steps", {}).setdefault(name, {})
        step.update(_settings(settings))
        return Step(name, step)

    def remove_step(self, name: str) -> Self:
        """Take a step out.

        Raises:
            NotFound: there is no such step.
        """
        steps = self._document.get("steps", {})
        if name not in steps:
            raise unknown("step", name, steps)
        del steps[name]
        return self

    @property
    def steps(self) -> dict[str, Step]:
        """The steps by name, in the document's order."""
        return {name: Step(name, doc) for name, doc in self._document.get("steps", {}).items()}

    # -- forms

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The draft in a file. Problems of its content are for `validate` to tell.

        Raises:
            NotFound: there is no such file.
            WorkflowError: the file is not UTF-8.
            InvalidWorkflow: the file holds no document at all (not YAML, or no mapping), or a key
                twice, of which a draft would keep but the last.
        """
        file = Path(path)
        if not file.is_file():
            raise NotFound(f"there is no file {file}", hint="name a *.workflow.yaml file")
        text = text_of(file)
        reading = _unambiguous(text, str(file))
        draft = cls.from_dict(reading.document or {})
        draft._file = file
        draft._loaded = _Loaded(text, reading, draft.to_dict())
        return draft

    @classmethod
    def from_yaml(cls, text: str, file: str | None = None) -> Self:
        """The draft that a YAML (or JSON) text spells."""
        return cls.from_dict(_unambiguous(text, file).document or {})

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The draft that a document holds; the document is copied."""
        draft = cls(str(document.get("workflow", "")))
        draft._document = plain(copy.deepcopy(dict(document)))
        return draft

    def to_dict(self) -> Document:
        """The document, as a copy."""
        return copy.deepcopy(self._document)

    def to_yaml(self) -> str:
        """The document as YAML, in the house's order of keys."""
        return catalog.write(self.spec)

    def save(self, path: str | Path | None = None) -> Path:
        """Write the draft to a file, all or nothing; where it came from unless told otherwise.

        Comments, order and layout of a file that exists are kept.
        """
        target = Path(path) if path is not None else self._file
        if target is None:
            raise WorkflowError(
                f"{self.name} has no file yet", hint=f'save("{self.name}.workflow.yaml")'
            )
        if self._text is not None:
            text = catalog.edit(self._text, self.spec.to_document())
        elif target.is_file():
            text = catalog.edit(text_of(target), self.spec.to_document())
        else:
            text = self.to_yaml()
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        scratch.write_text(text, encoding="utf-8", newline=newline_of(target))
        scratch.replace(target)
        self._file = target
        self._loaded = _Loaded(text, catalog.read(text, str(target)), self.to_dict())
        return target

    @property
    def spec(self) -> WorkflowSpec:
        """The typed, frozen form.

        Raises:
            InvalidWorkflow: the document does not fit the model; all problems are listed.
        """
        reading = self._read()
        if reading.spec is None or not reading.complete:
            raise _invalid(reading.problems, self._place)
        return reading.spec

    @property
    def digest(self) -> str:
        """Digest of what the workflow does: layout, words for people and settings do not count."""
        return workflow_digest(self.spec)

    @property
    def as_loaded(self) -> str | None:
        """The text of its file, as long as it says what that said: so problems have their lines."""
        loaded = self._loaded
        unchanged = loaded is not None and catalog.same(loaded.document, self._document, ())
        return loaded.text if loaded is not None and unchanged else None

    def _read(self) -> catalog.Reading:
        if self._loaded is not None and self.as_loaded is not None:
            return self._loaded.reading
        return catalog.from_document(self._document)

    @property
    def _place(self) -> str:
        return str(self._file) if self._file else f"workflow {self.name}"

    @property
    def file(self) -> Path | None:
        """Where it came from, or was saved last."""
        return self._file

    @property
    def text(self) -> str:
        """It as a file would hold it now: the file's own text, changed as little as possible."""
        if self._text is not None:
            return catalog.edit(self._text, self._document)
        if self._file is not None and self._file.is_file():
            return catalog.edit(text_of(self._file), self._document)
        reading = self._read()
        if reading.spec is not None and reading.complete:
            return catalog.write(reading.spec)
        return catalog.edit("", self._document)

    def take(self, text: str) -> None:
        """Become what a text says, comments and all: the canvas hands its changes over so. A text
        that holds no document changes nothing.
        """
        reading = catalog.read(text, file=self._place)
        if reading.document is not None:
            self._document, self._text = plain(reading.document), text

    def edit(self, height: int = 0) -> Any:
        """The canvas, in a notebook: what is changed there changes this draft; `save` writes it.

        Raises:
            SetupError: ipywidgets is not installed.
        """
        return view("edit", self, height)

    # -- looking, trying, running

    def validate(self, workspace: AnyWorkspace | None = None) -> Problems:
        """All problems at once, errors first; with a workspace, against its spools' schemas too."""
        from lyftnb import planning
        from lyftnb.workspace.checker import checker

        reading = self._read()
        if workspace is not None and reading.complete:
            return workspace.validate(self)
        found = planning.validate(reading.spec, checker()) if reading.spec else ()
        return Problems(reading.with_problems(found))

    def plan(self, workspace: AnyWorkspace | None = None) -> Plan:
        """What the draft compiles to.

        Raises:
            InvalidWorkflow: it has errors.
        """
        from lyftnb import planning
        from lyftnb.workspace.checker import checker

        if workspace is not None:
            return workspace.plan(self).compiled
        return planning.plan(
            self.spec, deployment=draft_name(self.name), version=None, checker=checker()
        )

    def show(self, *, planned: bool = False) -> Picture:
        """The graph as a picture, which a notebook shows live; `planned` shows the stages and
        transports that would run.
        """
        if planned:
            return Picture(self.plan())
        return Picture(self.spec, lambda: view("show", self))

    def trace(
        self, rows: int = 20, *, context: str | None = None, workspace: AnyWorkspace | None = None
    ) -> Trace:
        """Run on a sample and keep the events after each action; nothing is stored."""
        with _opened(workspace) as ws:
            return ws.trace(self, rows=rows, context=context)

    def run(
        self,
        *,
        context: str | None = None,
        fresh: bool = False,
        workspace: AnyWorkspace | None = None,
    ) -> RunSummary:
        """Run to the end of the inputs, as deployment `NAME_draft`, with a context's variables.

        Without a workspace, the one of the current folder is opened for as long as it takes.
        """
        with _opened(workspace) as ws:
            return ws.run(self, context=context, fresh=fresh)

    def __repr__(self) -> str:
        about = self._document.get("description")
        head = f"workflow {self.name}" + (f": {about}" if about else "")
        steps = self._document.get("steps", {})
        return "\n".join([head, *(f"  {outline(name, step)}" for name, step in steps.items())])

    def _repr_html_(self) -> str:
        reading = self._read()
        drawn = draw(reading.spec) if reading.spec else ""
        if not reading.problems:
            return drawn
        lines = catalog.read(self.text)
        placed = [p.with_place(None, lines.line_of(p.path)) for p in reading.problems]
        return drawn + listed(PROBLEMS, placed)


def _settings(named: Mapping[str, Any]) -> Document:
    return {unreserved(key): plain(value) for key, value in named.items()}


def _unambiguous(text: str, file: str | None) -> catalog.Reading:
    """What a text says, which is a document, and nothing twice."""
    reading = catalog.read(text, file=file)
    twice = tuple(p for p in reading.problems if p.code == "duplicate_key")
    if reading.document is None or twice:
        raise _invalid(twice or reading.problems, file)
    return reading


def _invalid(problems: tuple[Problem, ...], where: str | None) -> InvalidWorkflow:
    errors = [p for p in problems if p.severity == "error"]
    count = counted(len(errors), "problem")
    lines = "\n".join(f"  {p}" for p in errors)
    return InvalidWorkflow(f"{count}:\n{lines}", where=where, problems=tuple(problems))


@contextmanager
def _opened(workspace: AnyWorkspace | None) -> Iterator[AnyWorkspace]:
    """The workspace as given, or that of the current folder for the while."""
    if workspace is not None:
        yield workspace
        return
    from lyftnb.workspace.entering import enter

    with enter(".") as own:
        yield own
