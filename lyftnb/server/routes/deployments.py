"""Deployments: plan, apply, look at them, hold them, let them go."""

from __future__ import annotations

from fastapi import APIRouter

from lyftnb.model import AuditEntry, Deployment, DeploymentPlan, Revision
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.workspace.lags import Lag
from lyftnb.workspace.wire import ApplyBody, Page, PlanBody, RollbackBody, StepBody

router = APIRouter(tags=["deployments"])


@router.post("/plans")
def plan(ws: Ws, body: PlanBody) -> DeploymentPlan:
    """Say what applying a workflow would change; a published one's plan is kept, to be applied."""
    return ws.plan(
        body.workflow,
        context=body.context,
        name=body.name,
        groups=body.groups,
        replicas=body.replicas,
        from_now=body.from_now,
    )


@router.post("/deployments")
def apply(ws: Ws, body: ApplyBody) -> Deployment:
    """Carry out a plan, all or nothing: one that was made (its id), or of a reference."""
    return ws.apply(
        body.plan,
        accept=body.accept,
        context=body.context,
        name=body.name,
        groups=body.groups or None,
        replicas=body.replicas or None,
        gate=body.gate,
    )


@router.get("/deployments")
def deployments(ws: Ws, offset: Offset = FIRST, limit: Limit = SIZE) -> Page[Deployment]:
    """List what is applied."""
    return page(ws.deployments, offset, limit)


@router.get("/deployments/{deployment}")
def deployment(ws: Ws, deployment: str) -> Deployment:
    """Give a deployment."""
    return ws.deployment(deployment)


@router.delete("/deployments/{deployment}", status_code=204)
def destroy(ws: Ws, deployment: str, data: bool = False) -> None:
    """Let a deployment run no more; with `data`, its spools are emptied, too."""
    ws.destroy(deployment, data=data)


@router.get("/deployments/{deployment}/history")
def history(ws: Ws, deployment: str, offset: Offset = FIRST, limit: Limit = SIZE) -> Page[Revision]:
    """List every apply of a deployment, the newest first."""
    return page(ws.history(deployment), offset, limit)


@router.post("/deployments/{deployment}/rollback-plan")
def plan_rollback(ws: Ws, deployment: str, body: RollbackBody) -> DeploymentPlan:
    """Say what going back to an older revision would change."""
    return ws.plan_rollback(deployment, body.revision)


@router.post("/deployments/{deployment}/rollback")
def rollback(ws: Ws, deployment: str, body: RollbackBody) -> Deployment:
    """Apply the version and the settings of an older revision."""
    return ws.rollback(deployment, body.revision, accept=body.accept)


@router.post("/deployments/{deployment}/pause")
def pause(ws: Ws, deployment: str, body: StepBody) -> Deployment:
    """Hold a deployment, or one stage of it."""
    return ws.pause(deployment, body.step)


@router.post("/deployments/{deployment}/resume")
def resume(ws: Ws, deployment: str, body: StepBody) -> Deployment:
    """Let a deployment, or one stage of it, go on."""
    return ws.resume(deployment, body.step)


@router.get("/status")
def status(
    ws: Ws, deployment: str | None = None, offset: Offset = FIRST, limit: Limit = SIZE
) -> Page[DeploymentStatus]:
    """Say how deployments stand: whether what is applied runs, and whether it works."""
    return page(ws.status(deployment), offset, limit)


@router.get("/lags")
def lags(
    ws: Ws, deployment: str | None = None, offset: Offset = FIRST, limit: Limit = SIZE
) -> Page[Lag]:
    """Say how far stages are behind on the spools that they read."""
    return page(ws.lags(deployment), offset, limit)


@router.get("/audit")
def audit(
    ws: Ws,
    ref: str | None = None,
    who: str | None = None,
    offset: Offset = FIRST,
    limit: Limit = SIZE,
) -> Page[AuditEntry]:
    """List changes of what is desired, the newest first."""
    return page(ws.audit(ref, who, offset + limit + 1), offset, limit)
