"""A workflow as people give it (an object, a file, a published reference), read and checked."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lyftnb import catalog, planning
from lyftnb.errors import InvalidWorkflow, NotFound, SetupError
from lyftnb.model import DeploymentPlan, Plan, Problem, Schema, WorkflowSpec, has_errors
from lyftnb.planning import ContextLayers
from lyftnb.store.records import Version
from lyftnb.workspace.text_file import text_of

_REF = re.compile(r"^([a-z][a-z0-9_]*)(?:@(\d{1,9}))?$")


class HasSpec(Protocol):
    """A draft that people edit, such as `lyftnb.Workflow`."""

    @property
    def spec(self) -> WorkflowSpec:
        """What it says now."""
        ...


def as_sent(workflow: WorkflowLike, folder: Path) -> WorkflowSpec | HasSpec | Sent:
    """What is to be read: a path's text or a reference, and of a draft that says what its file
    says the text, so that what is wrong with it is told by its line.

    Raises:
        NotFound: there is no such file.
        SetupError: it is nothing that a workflow could be.
    """
    if isinstance(workflow, str | Path):
        return sent(workflow, folder)
    if isinstance(workflow, Version):
        return Ref(workflow.ref)
    if isinstance(workflow, WorkflowSpec | Text | Document | Ref):
        return workflow
    if not hasattr(workflow, "spec"):
        raise SetupError(
            f"a workflow is expected, found {reprlib.repr(workflow)}",
            hint="give a Workflow, a *.workflow.yaml file's path, or a published NAME or NAME@3",
        )
    text = getattr(workflow, "as_loaded", None)
    return workflow if text is None else Text(text, str(getattr(workflow, "file", None)))


def plan_named(plan: PlanLike) -> DeploymentPlan | str:
    """The plan to carry out; an id or a reference where the plan itself is elsewhere.

    Raises:
        SetupError: it is nothing that could be planned or applied.
    """
    if isinstance(plan, DeploymentPlan | str):
        return plan
    if isinstance(plan, Version):
        return plan.ref
    raise SetupError(
        f"a plan is expected, found {reprlib.repr(plan)}",
        hint="give what `plan` returns, its id, or a published NAME or NAME@3; a draft is "
        "published first: ws.publish(workflow)",
    )


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a workflow's or a runbook's file, as somebody else has read it."""

    text: str
    file: str | None = None
    """What problems call the file; it is not opened."""


@dataclass(frozen=True, slots=True)
class Document:
    """A workflow's or a runbook's document, which may hold anything."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """A published reference, which is never taken for a path."""

    ref: str


Sent = Text | Document | Ref
"""What others send: nothing in it leads to a file."""
WorkflowLike = HasSpec | WorkflowSpec | Version | str | Path | Sent
"""A draft, a document, a file's path, or a published version or its reference (`flights`,
`flights@3`)."""


PlanLike = DeploymentPlan | Version | str
"""A plan, its id, or a published version or its reference, which is planned first."""


class Published(Protocol):
    """Looks a published version up; the newest without a number."""

    def __call__(self, name: str, number: int | None) -> tuple[WorkflowSpec, int]:
        """The document and its number; NotFound if there is none."""
        ...


class _Version(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def document(self) -> Mapping[str, Any]: ...


def published(
    find: Callable[[str], _Version], name: str, number: int | None
) -> tuple[WorkflowSpec, int]:
    """As `Published`, of whoever finds versions by their references."""
    version = find(name if number is None else f"{name}@{number}")
    return WorkflowSpec.model_validate(version.document), version.number


@dataclass(frozen=True, slots=True)
class World:
    """What a workflow is held against in a workspace."""

    deployment: str | None
    """What it runs as; None where the document cannot be read."""
    known: Mapping[str, Schema]
    """Schemas of spools that exist, by full name."""
    context: ContextLayers
    secrets: frozenset[str]
    """The secrets that there are."""
    chosen: str | None
    """The context that holds; None: none does."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was given, read as far as it can be read."""

    spec: WorkflowSpec | None
    reading: catalog.Reading | None = None
    """Where it came from a file: its problems and lines."""
    version: int | None = None
    """Where it came from a published reference."""

    @classmethod
    def of(cls, workflow: WorkflowLike, folder: Path, published: Published) -> Given:
        """Read what was given; a text is first a file's path, then a reference.

        Raises:
            NotFound: there is no such file or version.
            WorkflowError: the file is no text.
        """
        workflow = as_sent(workflow, folder)
        if isinstance(workflow, WorkflowSpec):
            return cls(workflow)
        if isinstance(workflow, Text):
            reading = catalog.read(workflow.text, file=workflow.file)
        elif isinstance(workflow, Document):
            reading = catalog.from_document(workflow.document)
        elif isinstance(workflow, Ref):
            match = _REF.match(workflow.ref)
            if match is None:
                raise _no_file(workflow.ref)
            spec, number = published(match[1], int(match[2]) if match[2] else None)
            return cls(spec, version=number)
        else:
            return cls(workflow.spec)
        return cls(reading.spec, reading)

    @property
    def is_read(self) -> bool:
        """Whether all of it could be read; it may be wrong all the same."""
        return self.spec is not None and not (self.reading and has_errors(self.reading.problems))

    def problems(self, world: World) -> tuple[Problem, ...]:
        """Everything that is wrong or worth knowing, worst first."""
        from lyftnb.workspace.checker import checker

        found: tuple[Problem, ...] = ()
        if self.spec is not None:
            found = planning.validate(
                self.spec,
                checker(),
                known=world.known,
                context=world.context,
                secrets=world.secrets,
                deployment=world.deployment,
            )
        return self.reading.with_problems(found) if self.reading else found

    def checked(self, world: World) -> WorkflowSpec:
        """The document, which is right.

        Raises:
            InvalidWorkflow: it has errors; all are listed.
        """
        problems = self.problems(world)
        if self.spec is None or has_errors(problems):
            name = self.spec.workflow if self.spec else "?"
            raise planning.invalid(name, problems)
        return self.spec

    def plan(self, world: World, groups: Mapping[str, int] | None) -> Plan:
        """What it compiles to.

        Raises:
            InvalidWorkflow: it has errors.
            GroupUnavailable: a step asks for a group that has no workers.
        """
        from lyftnb.workspace.checker import checker

        spec = self.spec
        if spec is None or not self.is_read:
            spec = self.checked(world)  # raises: a part of the file could not be read
        try:
            return planning.plan(
                spec,
                deployment=world.deployment or "",
                version=self.version,
                checker=checker(),
                context=world.context,
                groups=groups,
                known=world.known,
                secrets=world.secrets,
            )
        except InvalidWorkflow as error:
            if self.reading is None:
                raise
            placed = self.reading.with_problems(error.problems)
            raise planning.invalid(spec.workflow, placed) from None


def sent(workflow: str | Path, folder: Path) -> Text | Ref:
    """What a text means: a file's path, from here or from the workspace's folder, else a reference.

    Raises:
        NotFound: it is neither.
        WorkflowError: the file is no text.
    """
    for path in (Path(workflow), folder / workflow):
        if path.is_file():
            return Text(text_of(path), str(workflow))
    if _REF.match(str(workflow)) is None or (folder / workflow).is_dir():
        raise _no_file(workflow)
    return Ref(str(workflow))


def _no_file(workflow: str | Path) -> NotFound:
    return NotFound(
        f"there is no file {workflow}",
        hint="name a *.workflow.yaml file, or a published NAME or NAME@3",
    )
