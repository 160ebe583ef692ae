"""Drafts: opened, changed, merged, read.

Paths lead into a workflow's document: `["steps", "clean", "actions", 1, "derive", "speed"]`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lyftnb.model import Problem
from lyftnb.workspace.studio.protocol.shapes import Shape
from lyftnb.workspace.studio.protocol.tables import Column
from lyftnb.workspace.studio.protocol.wire import Path, Wire


class Op(Wire):
    """One change of a document. `put` makes the value at `path` (in a list: replaces the item),
    `insert` puts an item before an index of a list, `remove` takes a key or an item away, `rename`
    gives a key another name in its place, `order` lists a mapping's keys anew.
    """

    op: Literal["put", "insert", "remove", "rename", "order"]
    path: Path
    value: Any = None


class DraftState(Wire):
    """A draft after a question about it. `revision` grows with each change."""

    draft: str
    revision: int
    document: dict[str, Any] | None
    """The document; None where the asker has it already, or the text holds none."""
    problems: tuple[Problem, ...]
    """All of them, worst first, each with its path; with its line where the text was given. After
    a change of the document, `draft.text` tells the lines."""
    readable: bool
    """False: the text is no YAML, or no mapping. Only `draft.replace` helps."""


class OpenDraft(Wire):
    """Begin to edit a text, or go on: `draft` is the asker's own name for it. A draft that is
    open already under that name is begun anew.
    """

    draft: str
    text: str
    file: str | None = None
    """Its file, relative to the workspace or absolute: what problems call it."""


class OpenedDraft(Wire):
    """A draft that was opened, with its plan, so that it is drawn at once as it will run."""

    state: DraftState
    shape: Shape | None
    """None: it has errors."""


class ChangeDraft(Wire):
    """Change a draft. Refused with `stale_draft` if it is at another revision, and with
    `unknown_draft` after a restart: open it again with the text.
    """

    draft: str
    revision: int
    ops: tuple[Op, ...]


class ReplaceDraft(Wire):
    """Give a draft another text, as the YAML view does."""

    draft: str
    revision: int
    text: str


class DraftText(Wire):
    """The text of a draft: comments, order and layout of what did not change are kept."""

    draft: str


class DraftSource(Wire):
    """A draft as text."""

    revision: int
    text: str
    problems: tuple[Problem, ...] = ()
    """All of its problems, each with its line in this text."""


class MergeDraft(Wire):
    """Its file has changed: bring both together, by step, channel and key."""

    draft: str
    revision: int
    base: str
    """The text that both came of."""
    theirs: str
    """The text that the file holds now."""


class Merged(Wire):
    """Both changes together. Where both changed the same, the draft's own stands."""

    state: DraftState
    conflicts: tuple[Path, ...]


class CloseDraft(Wire):
    """Forget a draft."""

    draft: str


class DraftSchemas(Wire):
    """Which columns are known where, for completion and for what a click on an edge shows."""

    draft: str


class StepSchemas(Wire):
    """The columns before each action of a step and after the last; None: not known."""

    before: tuple[tuple[Column, ...] | None, ...]
    """One more than it has actions."""
    tables: dict[str, tuple[Column, ...] | None] = Field(default_factory=dict)
    """Of the inputs that go by name."""


class Schemas(Wire):
    """What is known of columns; of a channel: those that its producer gives."""

    revision: int
    steps: dict[str, StepSchemas]
    channels: dict[str, tuple[Column, ...] | None]


class DraftPlan(Wire):
    """What a draft compiles to: regions and transports to draw. Refused if it has errors."""

    draft: str
    context: str | None = None
