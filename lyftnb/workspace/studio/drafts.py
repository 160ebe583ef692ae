"""Drafts that somebody edits: text, document and problems in step, change by change.

A draft is a value: each change makes the next one. Its text is made when it is asked for, by
changing the text before as little as possible, so that comments and layout stay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lyftnb import catalog, planning
from lyftnb.errors import InvalidWorkflow
from lyftnb.model import Problem, WorkflowSpec, draft_name, has_errors
from lyftnb.workspace.checker import checker
from lyftnb.workspace.studio.home import Surroundings
from lyftnb.workspace.studio.ops import applied, merged
from lyftnb.workspace.studio.protocol.drafts import (
    ChangeDraft,
    CloseDraft,
    DraftSource,
    DraftState,
    DraftText,
    Merged,
    MergeDraft,
    OpenDraft,
    ReplaceDraft,
)
from lyftnb.workspace.studio.remembering import RememberingChecker
from lyftnb.workspace.studio.troubles import StaleDraft, UnknownDraft, UnreadableDraft


@dataclass(frozen=True)
class Draft:
    """A draft as it stands after a change."""

    name: str
    file: str | None
    revision: int
    base: str
    """A text that its own can be made of."""
    reading: catalog.Reading
    problems: tuple[Problem, ...]
    edited: bool
    """Whether the document has been changed since it was read from `base`."""

    @property
    def document(self) -> dict[str, Any] | None:
        """What it says; None where the text holds no document."""
        return self.reading.document

    @cached_property
    def text(self) -> str:
        """It as text."""
        return catalog.edit(self.base, self.document or {}) if self.edited else self.base

    @cached_property
    def placed(self) -> tuple[Problem, ...]:
        """Its problems with their lines in the text."""
        if not self.edited or not self.problems:
            return self.problems
        lines = catalog.read(self.text, file=self.file)
        return tuple(p.with_place(self.file, lines.line_of(p.path)) for p in self.problems)

    @property
    def spec(self) -> WorkflowSpec:
        """Its typed form.

        Raises:
            InvalidWorkflow: it has errors.
        """
        if self.reading.spec is None or has_errors(self.problems):
            name = self.reading.spec.workflow if self.reading.spec else self.name
            raise planning.invalid(name, self.placed)
        return self.reading.spec

    def state(self, *, whole: bool) -> DraftState:
        """It as its asker gets it, with the document or without."""
        return DraftState(
            draft=self.name,
            revision=self.revision,
            document=self.document if whole else None,
            problems=self.problems,
            readable=self.document is not None,
        )


class Drafts:
    """The drafts of one asker. Changes come one at a time; reading is free."""

    def __init__(self, surroundings: Callable[[], Surroundings]) -> None:
        self._surroundings = surroundings
        self._drafts: dict[str, Draft] = {}
        self._lock = threading.RLock()
        self.checker = RememberingChecker(checker())

    def get(self, name: str) -> Draft:
        """A draft by its name.

        Raises:
            UnknownDraft: it is not open.
        """
        found = self._drafts.get(name)
        if found is None:
            raise UnknownDraft(f"no draft '{name}' is open", hint="open it with its text")
        return found

    def find(self, name: str) -> Draft | None:
        """A draft by its name, if it is open."""
        return self._drafts.get(name)

    def open(self, asked: OpenDraft) -> DraftState:
        """Begin a draft, in place of one of that name."""
        with self._lock:
            before = self._drafts.get(asked.draft)
            revision = before.revision + 1 if before else 1
            reading = catalog.read(asked.text, file=asked.file)
            draft = self._made(asked.draft, asked.file, revision, asked.text, reading, edited=False)
            return draft.state(whole=True)

    def change(self, asked: ChangeDraft) -> DraftState:
        """Change a draft."""
        with self._lock:
            draft = self._at(asked.draft, asked.revision)
            document = applied(_readable(draft), asked.ops)
            reading = catalog.from_document(document, draft.file)
            return self._next(draft, reading, _base(draft), edited=True).state(whole=False)

    def replace(self, asked: ReplaceDraft) -> DraftState:
        """Give a draft another text."""
        with self._lock:
            draft = self._at(asked.draft, asked.revision)
            reading = catalog.read(asked.text, file=draft.file)
            return self._next(draft, reading, asked.text, edited=False).state(whole=True)

    def text(self, asked: DraftText) -> DraftSource:
        """A draft as text, with its problems by line."""
        draft = self.get(asked.draft)
        return DraftSource(revision=draft.revision, text=draft.text, problems=draft.placed)

    def merge(self, asked: MergeDraft) -> Merged:
        """Bring a draft and what became of its file together, on the file's text."""
        with self._lock:
            draft = self._at(asked.draft, asked.revision)
            base, theirs = (_document(text, draft.file) for text in (asked.base, asked.theirs))
            document, conflicts = merged(base, _readable(draft), theirs)
            reading = catalog.from_document(document, draft.file)
            state = self._next(draft, reading, asked.theirs, edited=True).state(whole=True)
            return Merged(state=state, conflicts=conflicts)

    def close(self, asked: CloseDraft) -> None:
        """Forget a draft."""
        with self._lock:
            self._drafts.pop(asked.draft, None)

    def _at(self, name: str, revision: int) -> Draft:
        draft = self.get(name)
        if draft.revision != revision:
            raise StaleDraft(
                f"the draft is at revision {draft.revision}, not at {revision}",
                hint="open it again with the text",
            )
        return draft

    def _next(self, draft: Draft, reading: catalog.Reading, base: str, *, edited: bool) -> Draft:
        return self._made(draft.name, draft.file, draft.revision + 1, base, reading, edited=edited)

    def _made(
        self,
        name: str,
        file: str | None,
        revision: int,
        base: str,
        reading: catalog.Reading,
        *,
        edited: bool,
    ) -> Draft:
        problems = self._problems(reading)
        draft = self._drafts[name] = Draft(name, file, revision, base, reading, problems, edited)
        return draft

    def _problems(self, reading: catalog.Reading) -> tuple[Problem, ...]:
        if reading.spec is None:
            return reading.problems
        around = self._surroundings()
        found = planning.validate(
            reading.spec,
            self.checker,
            known=around.known,
            context=around.layers(reading.spec.workflow),
            secrets=around.secrets,
            deployment=draft_name(reading.spec.workflow),
        )
        return reading.with_problems(found)


def _base(draft: Draft) -> str:
    """The newest text that is there already."""
    made: str | None = draft.__dict__.get("text")
    return draft.base if made is None else made


def _readable(draft: Draft) -> dict[str, Any]:
    if draft.document is None:
        raise UnreadableDraft("the text holds no document to change", hint="mend the text first")
    return draft.document


def _document(text: str, file: str | None) -> dict[str, Any]:
    reading = catalog.read(text, file=file)
    if reading.document is None:
        raise InvalidWorkflow(
            "the texts cannot be brought together: one of them holds no document",
            where=file,
            problems=reading.problems,
        )
    return reading.document
