"""Whether the manager is well, its numbers, and what happens in it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from lyftnb import __version__
from lyftnb.server.events import events
from lyftnb.server.routes.common import Ws
from lyftnb.workspace.happenings import Kind, Position

router = APIRouter(tags=["system"])
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}
}


class Health(BaseModel):
    """The manager answers, and its ledger does."""

    status: str = "ok"
    version: str = __version__
    snapshot: int
    running: tuple[str, ...]


@router.get("/health")
def health(ws: Ws) -> Health:
    """Say that all is well."""
    return Health(snapshot=ws.snapshot, running=ws.running)


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Give the numbers of the workspace to Prometheus."""
    text = request.app.state.hall.metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/events", response_class=StreamingResponse, responses=STREAM)
async def stream(
    request: Request,
    ws: Ws,
    kinds: Annotated[list[Kind] | None, Query(description="Only of these kinds.")] = None,
    last_event_id: Annotated[str | None, Header(description="Go on behind this event.")] = None,
) -> StreamingResponse:
    """Follow messages, issues, runs and progress as they come."""
    last = None if last_event_id is None else Position.of(last_event_id)
    flow = events(request, ws, last, frozenset(kinds or ()))
    return StreamingResponse(flow, media_type="text/event-stream")
