"""Versions, plans and deployments, as a canvas asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lyftnb.model import Deployment, DeploymentPlan, Revision
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.workspace.given import Ref
from lyftnb.workspace.studio.differences import difference, parts_of
from lyftnb.workspace.studio.drafts import Draft
from lyftnb.workspace.studio.drift import Drift
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.deployments import (
    Apply,
    DeploymentView,
    Destroy,
    GetDeployment,
    Hold,
    MakePlan,
    PlanView,
    RevisionInfo,
    Rollback,
)
from lyftnb.workspace.studio.protocol.listings import Listing
from lyftnb.workspace.studio.protocol.versions import (
    Compare,
    Difference,
    GetVersion,
    ListVersions,
    Publish,
    VersionDocument,
    VersionInfo,
)
from lyftnb.workspace.studio.shapes import shape_of

if TYPE_CHECKING:
    from lyftnb.store import Version

DraftOf = Callable[[str], Draft | None]
"""A draft by its name; None where none is open."""


class Deployments:
    """What is published and applied in a workspace."""

    def __init__(self, home: Home, drift: Drift) -> None:
        self._home = home
        self._drift = drift

    # -- versions

    def versions(self, asked: ListVersions) -> tuple[VersionInfo, ...]:
        """Published versions, newest first."""
        found = self._home.workspace().versions(asked.workflow)
        newest = sorted(found, key=lambda version: version.published_at, reverse=True)
        return tuple(_version(version) for version in newest)

    def version(self, asked: GetVersion) -> VersionDocument:
        """One of them, whole."""
        found = self._home.workspace().version(asked.ref)
        return VersionDocument(info=_version(found), document=found.document)

    def publish(self, asked: Publish, draft: Draft) -> VersionInfo:
        """Freeze a draft."""
        workspace = self._home.workspace()
        return _version(workspace.publish(draft.spec, context=asked.context))

    def compare(self, asked: Compare, draft_of: DraftOf) -> Difference:
        """Two documents against each other: drafts, or published ones."""
        return difference(*(self._document(name, draft_of) for name in (asked.before, asked.after)))

    def _document(self, name: str, draft_of: DraftOf) -> dict[str, Any]:
        draft = draft_of(name)
        if draft is None or draft.document is None:
            return self._home.workspace().version(name).document
        # A published version says short forms at length; so does the draft that is held against it.
        spec, whole = draft.reading.spec, draft.reading.complete
        return spec.to_document() if spec is not None and whole else draft.document

    # -- plans

    def plan(self, asked: MakePlan) -> PlanView:
        """What applying a version would change."""
        workspace = self._home.workspace()
        plan = workspace.plan(
            Ref(asked.ref),
            context=asked.context,
            name=asked.name,
            groups=asked.groups,
            replicas=asked.replicas,
        )
        return _plan(plan, workspace.version(plan.ref).document)

    def apply(self, asked: Apply) -> Deployment:
        """Carry a plan out."""
        return self._home.workspace().apply(asked.plan, accept=asked.accept, gate=asked.gate)

    # -- deployments

    def statuses(self, asked: Listing) -> tuple[DeploymentStatus, ...]:
        """How deployments stand; asked again at every news, as listings are."""
        found = self._home.onlooker().status(asked.deployment)
        return tuple(found[asked.offset : asked.offset + asked.limit])

    def deployment(self, asked: GetDeployment) -> DeploymentView:
        """One deployment, with the graph that runs; asked again at every news."""
        workspace = self._home.onlooker()
        deployment = workspace.deployment(asked.deployment)
        history = workspace.history(asked.deployment)
        status = workspace.status(asked.deployment)[0]
        return DeploymentView(
            deployment=deployment,
            status=status,
            drifted=tuple(sorted(self._drift.steps(workspace, status, history[0].plan))),
            history=tuple(_revision(revision) for revision in history),
            shape=shape_of(deployment.pauses.on(history[0].plan), deployment.revision),
            document=workspace.version(deployment.ref).document,
        )

    def rollback(self, asked: Rollback) -> Deployment:
        """Apply an older revision again."""
        workspace = self._home.workspace()
        return workspace.rollback(asked.deployment, asked.revision, accept=asked.accept)

    def pause(self, asked: Hold) -> Deployment:
        """Hold a deployment, or a stage of it."""
        return self._home.workspace().pause(asked.deployment, asked.step)

    def resume(self, asked: Hold) -> Deployment:
        """Let it go on."""
        return self._home.workspace().resume(asked.deployment, asked.step)

    def destroy(self, asked: Destroy) -> None:
        """Let it run no more."""
        self._home.workspace().destroy(asked.deployment, data=asked.data)


def _version(version: Version) -> VersionInfo:
    return VersionInfo(
        ref=version.ref,
        workflow=version.workflow,
        number=version.number,
        digest=version.digest,
        published_at=version.published_at,
    )


def _revision(revision: Revision) -> RevisionInfo:
    return RevisionInfo(
        number=revision.number,
        ref=revision.ref,
        context=revision.context,
        cause=revision.cause,
        changes=revision.changes,
        applied_at=revision.applied_at,
        applied_by=revision.applied_by,
    )


def _plan(plan: DeploymentPlan, document: dict[str, Any]) -> PlanView:
    return PlanView(
        id=plan.id,
        deployment=plan.deployment,
        ref=plan.ref,
        context=plan.context,
        based_on=plan.based_on,
        changes=plan.changes,
        problems=plan.problems,
        accept=plan.to_accept,
        empty=plan.empty,
        text=plan.text,
        parts=parts_of(plan),
        shape=shape_of(plan.compiled, plan.based_on),
        document=document,
    )
