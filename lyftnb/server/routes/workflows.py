"""Workflows: what is wrong with one, its versions, its plan, its fires."""

from __future__ import annotations

from fastapi import APIRouter

from lyftnb.model import Plan, Problem
from lyftnb.planning import Explanation
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.store import Version
from lyftnb.workspace.next_fires import NextFire
from lyftnb.workspace.wire import ExplainBody, NextFiresBody, Page, WorkflowBody

router = APIRouter(tags=["workflows"])


@router.post("/workflows/validate")
def validate(ws: Ws, body: WorkflowBody) -> tuple[Problem, ...]:
    """Find all problems of a workflow, worst first."""
    return ws.validate(body.workflow, context=body.context)


@router.post("/workflows/publish")
def publish(ws: Ws, body: WorkflowBody) -> Version:
    """Freeze a workflow as its next version; unchanged, the same version comes back."""
    return ws.publish(body.workflow, context=body.context)


@router.post("/workflows/trace")
def plan_to_trace(ws: Ws, body: WorkflowBody) -> Plan:
    """Plan a workflow for a trace by the client, who is lent the secrets that the plan names."""
    return ws.plan_to_trace(body.workflow, context=body.context)


@router.post("/workflows/explain")
def explain(ws: Ws, body: ExplainBody) -> tuple[Explanation, ...]:
    """Say of each variable that a workflow uses which layer gives it its value."""
    return tuple(ws.contexts.explain(body.workflow, body.context, body.name))


@router.post("/workflows/next-fires")
def next_fires(ws: Ws, body: NextFiresBody) -> list[NextFire]:
    """Say when the clock will fire the steps of a workflow, soonest first."""
    return list(ws.next_fires(body.workflow, body.n))


@router.get("/versions")
def versions(
    ws: Ws, workflow: str | None = None, offset: Offset = FIRST, limit: Limit = SIZE
) -> Page[Version]:
    """List published versions, oldest first."""
    return page(ws.versions(workflow), offset, limit)


@router.get("/versions/{ref}")
def version(ws: Ws, ref: str) -> Version:
    """Give a published version: `NAME` (the newest) or `NAME@3`."""
    return ws.version(ref)
