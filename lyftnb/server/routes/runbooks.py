"""Runbooks: publish, invoke, look at what became of it."""

from __future__ import annotations

from fastapi import APIRouter

from lyftnb.model import InvocationRecord, Plan, Problem
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.store import RunbookVersion
from lyftnb.workspace.given import Document, Text
from lyftnb.workspace.invocation import InvocationResult
from lyftnb.workspace.runbooks import RunbookLike
from lyftnb.workspace.wire import Definition, InvokeBody, Page

router = APIRouter(tags=["runbooks"])


@router.post("/runbooks/validate")
def validate(ws: Ws, body: Definition) -> tuple[Problem, ...]:
    """Find all problems of a runbook, worst first."""
    return ws.runbooks.validate(_given(body.content))


@router.post("/runbooks/publish")
def publish(ws: Ws, body: Definition) -> RunbookVersion:
    """Freeze a runbook as its next version; unchanged, the same version comes back."""
    return ws.runbooks.publish(_given(body.content))


@router.get("/runbooks")
def versions(
    ws: Ws, runbook: str | None = None, offset: Offset = FIRST, limit: Limit = SIZE
) -> Page[RunbookVersion]:
    """List published runbooks, oldest first."""
    return page(ws.runbooks.versions(runbook), offset, limit)


@router.get("/runbooks/{ref}")
def version(ws: Ws, ref: str) -> RunbookVersion:
    """Give a published runbook: `NAME` (the newest) or `NAME@3`."""
    return ws.runbooks.get(ref)


@router.post("/runbooks/{ref}/plan")
def plan(ws: Ws, ref: str, body: InvokeBody) -> Plan:
    """Say what an invocation would run."""
    return ws.runbooks.plan(ref, body.parameters)


@router.post("/runbooks/{ref}/invoke", status_code=202)
def invoke(ws: Ws, ref: str, body: InvokeBody) -> InvocationRecord:
    """Run a runbook now; poll its invocation."""
    found = ws.runbooks.invoke(ref, body.parameters, idempotency_key=body.idempotency_key)
    return found.record


@router.get("/invocations")
def invocations(
    ws: Ws,
    runbook: str | None = None,
    status: str | None = None,
    offset: Offset = FIRST,
    limit: Limit = SIZE,
) -> Page[InvocationRecord]:
    """List invocations, newest first."""
    found = ws.runbooks.invocations(runbook, status, offset + limit + 1)
    part = page(found, offset, limit)
    return Page(items=[each.record for each in part.items], next=part.next)


@router.get("/invocations/{id}")
def invocation(ws: Ws, id: str) -> InvocationRecord:
    """Give an invocation by its id, `RUNBOOK-NUMBER`."""
    return ws.runbooks.invocation(id).record


@router.get("/invocations/{id}/result")
def result(ws: Ws, id: str) -> InvocationResult:
    """Say what an invocation has done so far."""
    return ws.runbooks.invocation(id).result


@router.post("/invocations/{id}/cancel")
def cancel(ws: Ws, id: str) -> bool:
    """End an invocation at a batch boundary; false if it is not at work."""
    return ws.runbooks.invocation(id).cancel()


@router.post("/invocations/{id}/resume")
def resume(ws: Ws, id: str) -> InvocationRecord:
    """Take an invocation up again, where it was cut off, cancelled, blocked or failed."""
    return ws.runbooks.invocation(id).resume().record


def _given(content: Text | Document) -> RunbookLike:
    return content if isinstance(content, Text) else content.document
