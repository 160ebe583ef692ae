"""Plans and deployments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from lyftnb.model import Change, Deployment, Problem
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.workspace.studio.protocol.shapes import Shape
from lyftnb.workspace.studio.protocol.versions import PartChange
from lyftnb.workspace.studio.protocol.wire import Wire


class MakePlan(Wire):
    """Say what applying a published version would change."""

    ref: str
    context: str | None = None
    name: str | None = None
    """The deployment's; null: what it comes to by itself."""
    groups: dict[str, str] = Field(default_factory=dict)
    replicas: dict[str, int] = Field(default_factory=dict)


class PlanView(Wire):
    """A plan as a screen shows it."""

    id: str
    deployment: str
    ref: str
    context: str | None
    based_on: int
    """The revision that is deployed; 0: none."""
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    accept: tuple[str, ...]
    """What must be accepted by name, or it is refused."""
    empty: bool
    text: str
    parts: tuple[PartChange, ...]
    """The changes as marks on the graph."""
    shape: Shape
    document: dict[str, Any]


class Apply(Wire):
    """Carry a plan out."""

    plan: str
    accept: tuple[str, ...] = ()
    gate: int | None = None


class GetDeployment(Wire):
    """One deployment."""

    deployment: str


class GetDeployedSteps(Wire):
    """The steps of all deployments of a workflow, with no manager started; null where it cannot be
    told.
    """

    workflow: str


class Rollback(Wire):
    """Apply an older revision again; without one, the one before."""

    deployment: str
    revision: int | None = None
    accept: tuple[str, ...] = ()


class Hold(Wire):
    """Pause or resume a deployment, or one stage of it."""

    deployment: str
    step: str | None = None


class Destroy(Wire):
    """Let a deployment run no more; with `data`, its spools are emptied, too."""

    deployment: str
    data: bool = False


class StageOf(Wire):
    """A stage of a deployment, by its first step: to retry, to skip, to fire."""

    deployment: str
    step: str
    payload: dict[str, Any] | None = None
    """Of a fire by hand."""


class RevisionInfo(Wire):
    """One apply of a deployment."""

    number: int
    ref: str
    context: str | None
    cause: str
    changes: tuple[str, ...]
    applied_at: datetime
    applied_by: str


class DeploymentView(Wire):
    """A deployment as the sidebar and the canvas show it."""

    deployment: Deployment
    status: DeploymentStatus
    drifted: tuple[str, ...]
    """Steps whose compiled form would differ now."""
    history: tuple[RevisionInfo, ...]
    shape: Shape
    document: dict[str, Any]
