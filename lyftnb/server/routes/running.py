"""Deployments that run until they are stopped: start, stop, fire, numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from lyftnb.manager import Progress
from lyftnb.model import Run
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.workspace.wire import FireBody, Page, StageBody, WorkflowBody

router = APIRouter(prefix="/running", tags=["running"])


@router.get("")
def running(ws: Ws, offset: Offset = FIRST, limit: Limit = SIZE) -> Page[str]:
    """List the deployments at work."""
    return page(ws.running, offset, limit)


@router.post("")
def start(ws: Ws, body: WorkflowBody) -> str:
    """Run a workflow from now on; gives the name of its deployment."""
    return ws.start(body.workflow, context=body.context)


@router.delete("/{deployment}", status_code=204)
def stop(ws: Ws, deployment: str, drain: Annotated[float, Query(ge=0, le=3600)] = 30.0) -> None:
    """Stop a deployment at a batch boundary, after `drain` seconds at the latest."""
    ws.stop(deployment, drain)


@router.post("/{deployment}/fire")
def fire(ws: Ws, deployment: str, body: FireBody) -> Run:
    """Fire a step of a running deployment by hand."""
    return ws.fire(deployment, body.step, body.payload)


@router.post("/{deployment}/retry", status_code=204)
def retry(ws: Ws, deployment: str, body: StageBody) -> None:
    """Let a blocked stage try again."""
    ws.retry(deployment, body.step)


@router.post("/{deployment}/skip", status_code=204)
def skip(ws: Ws, deployment: str, body: StageBody) -> None:
    """Let a blocked stage try again, and pass the batch by that fails once more."""
    ws.skip(deployment, body.step)


@router.get("/{deployment}/progress")
def progress(ws: Ws, deployment: str, texts: bool = True) -> Progress:
    """Give the numbers of a running deployment; with `texts`, what its outputs want shown, once."""
    return ws.progress(deployment) if texts else ws.numbers(deployment)
