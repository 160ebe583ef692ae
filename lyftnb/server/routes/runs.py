"""Runs to the end of the inputs: begin, follow, cancel; and all runs there were."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from lyftnb.model import Run
from lyftnb.server.events import following
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.server.routes.system import STREAM
from lyftnb.workspace.wire import Begun, Page, RunBody

router = APIRouter(tags=["runs"])


@router.post("/runs", status_code=202)
def begin(ws: Ws, body: RunBody) -> Begun:
    """Begin to run a workflow to the end of its inputs; it goes on without its client."""
    run = ws.background.begin(body.workflow, body.context, body.fresh)
    return Begun(run=run.run, deployment=run.deployment)


@router.get("/runs")
def runs(
    ws: Ws,
    deployment: str | None = None,
    stage: str | None = None,
    offset: Offset = FIRST,
    limit: Limit = SIZE,
) -> Page[Run]:
    """List runs, newest first."""
    return page(ws.runs(deployment, stage=stage, limit=offset + limit + 1), offset, limit)


@router.get("/runs/{run}")
def run(ws: Ws, run: str) -> Run:
    """Give a run by its id, `DEPLOYMENT-NUMBER`."""
    return ws.run_of(run)


@router.get("/runs/{run}/follow", response_class=StreamingResponse, responses=STREAM)
async def follow(
    request: Request,
    ws: Ws,
    run: str,
    last_event_id: Annotated[str | None, Header(description="Go on behind this event.")] = None,
) -> StreamingResponse:
    """Follow a run that was begun here: `progress`, and at the end `done` or `failed`."""
    found = ws.background.get(run)
    flow = following(request, found, last_event_id)
    return StreamingResponse(flow, media_type="text/event-stream")


@router.post("/runs/{run}/cancel", status_code=204)
def cancel(ws: Ws, run: str) -> None:
    """End a run as Ctrl-C would: what is committed stays."""
    ws.background.get(run).cancel()
