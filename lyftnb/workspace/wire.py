"""What travels between the manager and its clients: bodies of requests, and errors as problems.

Answers are the nouns of the model and of the store themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, model_validator
from pydantic_core import from_json, to_json

from lyftnb import errors
from lyftnb.errors import InternalError, LyftError
from lyftnb.model import Problem, WorkflowSpec
from lyftnb.store.records import Listing
from lyftnb.workspace.given import Document, Ref, Sent, Text, WorkflowLike, as_sent

T = TypeVar("T")
API = "/api/v1"
ARROW = "application/vnd.apache.arrow.stream"
PROBLEM = "application/problem+json"
REFUSED, ENDING = "refused", "manager_ending"
"""Codes of requests that nothing has looked at: of a stranger, or to a manager that is ending."""
QUIET = "X-Lyftnb-Quiet"
"""A header of those who only look on: they do not keep an idle manager from ending."""
PAGE = 100
LONGEST_PAGE = 1000


class Body(BaseModel):
    """A body of a request: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Definition(Body):
    """A document, as one of: a mapping, or the text of a file. No path of it is followed."""

    document: dict[str, Any] | None = None
    text: str | None = Field(None, description="YAML or JSON.")
    file: str | None = Field(None, description="What problems call the text's file.")

    @property
    def content(self) -> Text | Document:
        """Which it is."""
        if self.document is not None:
            return Document(self.document)
        return Text(self.text or "", self.file)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in self._choices()) != 1:
            raise ValueError(f"give exactly one of {', '.join(self._names())}")
        return self

    def _choices(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._names())

    def _names(self) -> tuple[str, ...]:
        return ("document", "text")


class WorkflowBody(Definition):
    """A workflow, as one of: a published reference, a document, or the text of a file."""

    ref: str | None = Field(None, description="NAME, or NAME@3.")
    context: str | None = None

    @property
    def workflow(self) -> Sent:
        """Which it is."""
        return Ref(self.ref) if self.ref is not None else self.content

    def _names(self) -> tuple[str, ...]:
        return ("document", "text", "ref")


class RunBody(WorkflowBody):
    """A workflow to run to the end of its inputs."""

    fresh: bool = False


class NamedBody(Body):
    """What a deployment is called."""

    name: str | None = Field(
        None, description="The deployment's, in place of WORKFLOW or WORKFLOW_CONTEXT."
    )


class SettingsBody(NamedBody):
    """What belongs to a deployment rather than to the version."""

    groups: dict[str, str] = Field(default_factory=dict, description="Step: worker group.")
    replicas: dict[str, Annotated[int, Field(ge=1, le=1024)]] = Field(
        default_factory=dict, description="Step: replicas."
    )


class ExplainBody(WorkflowBody, NamedBody):
    """A workflow whose variables are asked for."""


class PlanBody(WorkflowBody, SettingsBody):
    """A workflow to plan as a deployment."""

    from_now: list[str] = Field(
        default_factory=list,
        description="Steps that leave out what a spool holds which is new to them.",
    )


class ApplyBody(SettingsBody):
    """A plan to carry out."""

    plan: str = Field(description="The id of a plan; or NAME or NAME@3, which is planned first.")
    accept: list[str] = Field(default_factory=list, description="What may be lost or held up.")
    context: str | None = None
    gate: int | None = Field(None, ge=1, le=10_000, description="Batches of the health gate.")


class RollbackBody(Body):
    """A revision to go back to; without one, the one before."""

    revision: int | None = Field(None, ge=1, le=2**31)
    accept: list[str] = Field(default_factory=list)


class StepBody(Body):
    """The first step of a stage; without one, all of the deployment."""

    step: str | None = None


class NextFiresBody(WorkflowBody):
    """A workflow whose fires are asked for."""

    n: int = Field(5, ge=1, le=LONGEST_PAGE)


class FireBody(Body):
    """A step to fire by hand."""

    step: str
    payload: dict[str, Any] | None = None


class StageBody(Body):
    """A stage, by its first step."""

    step: str


class SqlBody(Body):
    """One statement that reads."""

    text: str
    limit: int | None = Field(None, ge=0, le=2**31, description="At most so many rows.")


class MessageBody(Body):
    """A message to publish."""

    tag: str
    payload: Any = None
    type: str = "message"
    correlation: str | None = None


class InvokeBody(Body):
    """A runbook to run now."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    idempotency_key: str | None = None


class ParentBody(Body):
    """The context that gives what another one does not; null: none."""

    parent: str | None = None


class ValueBody(Body):
    """The value of a variable."""

    value: Any


class SecretBody(Body):
    """The value of a secret: it is set, and never read."""

    value: SecretStr


class Begun(BaseModel):
    """A run that has begun."""

    run: str
    deployment: str


class Page(BaseModel, Generic[T]):
    """A part of a listing; `next` is the `offset` (of messages: `after`) of the part behind it."""

    items: list[T]
    next: int | None = None


class Segments(BaseModel):
    """A part of a spool's list of files, which are read where they lie."""

    listing: Listing
    next: int | None = None


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it, with what `lyftnb.errors` says."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    kind: str
    """Its class in `lyftnb.errors`, or the nearest one there."""
    where: str | None = None
    hint: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


def workflow_fields(workflow: WorkflowLike, folder: Path) -> dict[str, Any]:
    """How a workflow is spelled in a `WorkflowBody`; files are read here.

    Raises:
        NotFound: there is no such file.
        InvalidWorkflow: a draft's document does not fit the model.
    """
    workflow = as_sent(workflow, folder)
    if isinstance(workflow, Text):
        return {"text": workflow.text, "file": workflow.file}
    if isinstance(workflow, Ref):
        return {"ref": workflow.ref}
    if isinstance(workflow, Document):
        return {"document": dict(workflow.document)}
    spec = workflow if isinstance(workflow, WorkflowSpec) else workflow.spec
    return {"document": spec.to_document()}


# -- errors

_STATUS: dict[type[LyftError], int] = {
    errors.NotFound: 404,
    errors.TimedOut: 504,
    errors.TryAgain: 503,
    errors.StorageFull: 507,
    errors.WorkflowError: 422,
    errors.InvalidParameters: 422,
    errors.SetupError: 400,
    errors.LedgerError: 409,
    errors.StepFailed: 409,
    errors.StageBlocked: 409,
    errors.Permanent: 409,
}


def problem_of(error: BaseException) -> ProblemDetails:
    """An error as a problem; one that is not ours becomes an `InternalError`."""
    if not isinstance(error, LyftError):
        text = f"{type(error).__name__}: {error}"
        error = InternalError(text, hint="see `lyftnb logs`, and report it")
    kinds = [kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__]
    facts = from_json(to_json(error.facts, inf_nan_mode="null", fallback=str))
    return ProblemDetails(
        type=f"urn:lyftnb:error:{error.code}",
        title=(kinds[0].__doc__ or "").partition("\n")[0].rstrip("."),
        status=next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500),
        detail=_sendable(error.message),
        code=error.code,
        kind=kinds[0].__name__,
        where=error.where and _sendable(error.where),
        hint=error.hint and _sendable(error.hint),
        facts=facts,
    )


def error_of(problem: Mapping[str, Any]) -> LyftError:
    """The error that a problem tells of, of its class or the nearest that this side knows."""
    details = ProblemDetails.model_validate(problem)
    kind = getattr(errors, details.kind, LyftError)
    facts = dict(details.facts)
    if "problems" in facts:
        facts["problems"] = adapter(tuple[Problem, ...]).validate_python(facts["problems"])
    error: LyftError = kind(details.detail, where=details.where, hint=details.hint, **facts)
    return error


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Reads and writes values of a type; made once."""
    return TypeAdapter(kind)


def _sendable(text: str) -> str:
    """The text without what UTF-8 cannot hold (half of a character in a file's name, say)."""
    return text.encode(errors="replace").decode()
