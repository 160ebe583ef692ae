"""What an apply would change: a closed union of changes, and the plan that lists them.

Explaining a plan and carrying it out walk the same list.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Discriminator, TypeAdapter

from lyftnb.errors import PlanRefused
from lyftnb.model.deployment import Settings
from lyftnb.model.plan import Plan
from lyftnb.model.problem import Problem, has_errors

Verb = Literal["create", "update", "replace", "remove", "keep"]
"""What happens to a job, a channel or a schedule. A job is replaced where it reads something else,
a channel where its transport changes."""
Fate = Literal["keep", "start", "drain", "reset", "drop"]
"""What happens to a checkpoint or to an action's state."""
ALL = "all"
"""Accepts whatever a plan asks to be accepted."""
_LOSING: frozenset[Fate] = frozenset({"drain", "reset", "drop"})


_PLAN_ID = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field that differs. None: it is not there."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class SettingChange:
    """The deployment itself: which version, and which context."""

    name: str
    before: Any
    after: Any
    noun: Literal["setting"] = "setting"

    @property
    def changes(self) -> bool:
        """Always: what stays is not listed."""
        return True


@dataclass(frozen=True, slots=True)
class JobChange:
    """What happens to the job of a step."""

    verb: Verb
    step: str
    fields: tuple[FieldDiff, ...] = ()
    renamed_from: str | None = None
    noun: Literal["job"] = "job"

    @property
    def changes(self) -> bool:
        """Whether anything becomes different."""
        return self.verb != "keep" or self.renamed_from is not None


@dataclass(frozen=True, slots=True)
class ChannelChange:
    """What happens to a channel. The rows of one that is removed stay."""

    verb: Verb
    channel: str
    transport: Literal["worker", "spool"]
    fields: tuple[FieldDiff, ...] = ()
    rows: int = 0
    """What it holds."""
    noun: Literal["channel"] = "channel"

    @property
    def changes(self) -> bool:
        """Whether anything becomes different."""
        return self.verb != "keep"


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """What happens to the triggers of a step, told in words."""

    verb: Verb
    step: str
    before: str = ""
    after: str = ""
    noun: Literal["schedule"] = "schedule"

    @property
    def changes(self) -> bool:
        """Whether anything becomes different."""
        return self.verb != "keep"


@dataclass(frozen=True, slots=True)
class CheckpointChange:
    """What happens to the position of a step's input."""

    fate: Fate
    step: str
    input: str
    why: str = ""
    moved_from: str | None = None
    """The step that it moves from."""
    unread: int | None = None
    """Rows that it has yet to read, where that is known."""
    now: bool = False
    """It starts behind the rows that are there, in place of at the beginning."""
    noun: Literal["checkpoint"] = "checkpoint"

    @property
    def key(self) -> str:
        """`STEP/INPUT`."""
        return f"{self.step}/{self.input}"

    @property
    def accept(self) -> str | None:
        """By what name it must be accepted; None if it need not be."""
        return f"{self.fate}:{self.key}" if self.fate in _LOSING or self.now else None

    @property
    def changes(self) -> bool:
        """Whether anything becomes different."""
        return self.fate != "keep" or self.moved_from is not None


@dataclass(frozen=True, slots=True)
class StateChange:
    """What happens to what an action keeps from batch to batch: frames, or marks of what it saw."""

    fate: Fate
    step: str
    action: str
    kept_as: Literal["frames", "marks"]
    why: str = ""
    moved_from: str | None = None
    """The step that it moves from, or under whose name it was kept until it is reset."""
    noun: Literal["state"] = "state"

    @property
    def key(self) -> str:
        """`STEP/ACTION`."""
        return f"{self.step}/{self.action}"

    @property
    def accept(self) -> str | None:
        """By what name it must be accepted; None if it need not be."""
        return f"{self.fate}:{self.key}" if self.fate in _LOSING else None

    @property
    def changes(self) -> bool:
        """Whether anything becomes different."""
        return self.fate != "keep" or self.moved_from is not None


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """An effect on data: a column that a spool gets, or that new rows hold otherwise."""

    channel: str
    column: str
    before: str | None
    after: str | None
    noun: Literal["schema"] = "schema"

    @property
    def changes(self) -> bool:
        """An effect of other changes, not one of its own."""
        return False


@dataclass(frozen=True, slots=True)
class StaleHistory:
    """An effect on data: rows that the changed step would not make like this any more."""

    channel: str
    rows: int
    bytes: int
    because: tuple[str, ...]
    """The steps that have changed; none where nothing is applied yet: runs have made the rows."""
    reads_rows: int | None
    """What a backfill of all of it would read; None where the input lies outside."""
    reads_bytes: int | None
    noun: Literal["history"] = "history"

    @property
    def changes(self) -> bool:
        """An effect of other changes, not one of its own."""
        return False


Change = Annotated[
    SettingChange
    | JobChange
    | ChannelChange
    | ScheduleChange
    | CheckpointChange
    | StateChange
    | SchemaChange
    | StaleHistory,
    Discriminator("noun"),
]


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """What applying a version would change. It is applied just so, or refused as stale."""

    id: str
    """`DEPLOYMENT-…`: it is the same for the same plan."""
    deployment: str
    workflow: str
    version: int | None
    """None: a draft. It can be read, and run, but not applied."""
    context: str | None
    settings: Settings
    based_on: int
    """The revision that is deployed; 0: none."""
    compiled: Plan
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    """Errors among them forbid to apply it."""
    digest: str
    """Of all that it depends on."""
    text: str = field(default="", compare=False)
    """It in words, as `str` gives it."""
    before: Plan | None = None
    """What the deployed revision is compiled to; None: nothing is deployed."""

    @property
    def ref(self) -> str:
        """What it is a plan of: `WORKFLOW@VERSION`, or the draft's name."""
        return self.workflow if self.version is None else f"{self.workflow}@{self.version}"

    @property
    def empty(self) -> bool:
        """Whether applying it would change nothing."""
        return not any(change.changes for change in self.changes)

    @property
    def blocked(self) -> bool:
        """Whether a problem forbids to apply it."""
        return has_errors(self.problems)

    def require_published(self) -> None:
        """Refuse a draft's plan.

        Raises:
            PlanRefused: it is one.
        """
        if self.version is None:
            raise PlanRefused(
                f"'{self.workflow}' is a draft, and drafts are not applied",
                where=f"plan {self.id}",
                hint="publish it, and plan what you get: lyftnb publish FILE",
            )

    @property
    def to_accept(self) -> tuple[str, ...]:
        """What must be accepted, by name, because something would be lost or held up."""
        asked = (c.accept for c in self.changes if isinstance(c, CheckpointChange | StateChange))
        return tuple(name for name in asked if name is not None)

    def unaccepted(self, accept: Collection[str]) -> tuple[str, ...]:
        """What is left to accept, given such names: `drop:clean/raw`, `drop` for all drops, or
        `all`.
        """
        if ALL in accept:
            return ()
        return tuple(
            name
            for name in self.to_accept
            if name not in accept and name.partition(":")[0] not in accept
        )

    @property
    def renames(self) -> dict[str, str]:
        """Step → what it was called until now."""
        jobs = (change for change in self.changes if isinstance(change, JobChange))
        return {job.step: job.renamed_from for job in jobs if job.renamed_from is not None}

    @property
    def from_now(self) -> tuple[str, ...]:
        """The steps that start behind the rows that are there."""
        found = (c.step for c in self.changes if isinstance(c, CheckpointChange) and c.now)
        return tuple(dict.fromkeys(found))

    @property
    def to_drain(self) -> tuple[str, ...]:
        """The steps that must have read all there is before the switch."""
        return tuple(
            change.step
            for change in self.changes
            if isinstance(change, CheckpointChange) and change.fate == "drain"
        )

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        count = sum(change.changes for change in self.changes)
        return f"DeploymentPlan({self.id!r}, {count} change{'' if count == 1 else 's'})"

    def to_document(self) -> dict[str, Any]:
        """It as JSON, but for what it is compiled to."""
        return {
            "id": self.id,
            "deployment": self.deployment,
            "ref": self.ref,
            "context": self.context,
            "settings": {
                "groups": {**self.settings.groups},
                "replicas": {**self.settings.replicas},
            },
            "based_on": self.based_on,
            "empty": self.empty,
            "changes": [_document_of(change) for change in self.changes],
            "accept": list(self.to_accept),
            "problems": [
                {
                    "code": problem.code,
                    "severity": problem.severity,
                    "place": problem.place,
                    "message": problem.message,
                    "hint": problem.hint,
                }
                for problem in self.problems
            ],
            "digest": self.digest,
        }


@cache
def _change() -> TypeAdapter[Change]:
    """Made when it is first needed: that takes longer than a short command has."""
    return TypeAdapter(Change)


def is_plan_id(text: str) -> bool:
    """Whether a text is the id of a plan, and so no reference to a version."""
    return _PLAN_ID.fullmatch(text) is not None


def _document_of(change: Change) -> dict[str, Any]:
    document: dict[str, Any] = _change().dump_python(change, mode="json")
    if isinstance(change, CheckpointChange | StateChange):
        document["accept"] = change.accept
    return document
