"""Messages and issues."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from lyftnb.model import Issue, Message
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.workspace.wire import MessageBody, Page

router = APIRouter(tags=["messages"])
After = Annotated[int, Query(ge=0, lt=2**63, description="The id of the last one seen.")]


@router.post("/messages")
def publish(ws: Ws, body: MessageBody) -> Message:
    """Put a message on the bus; steps that wait for its tag or type fire."""
    return ws.bus.publish(body.tag, body.payload, type=body.type, correlation=body.correlation)


@router.get("/messages")
def messages(
    ws: Ws,
    after: After = 0,
    limit: Limit = SIZE,
    kind: str | None = None,
    tag: str | None = None,
    type: str | None = None,
    source: str | None = None,
    job: str | None = None,
) -> Page[Message]:
    """List messages, oldest first. `next` is the `after` of the next page."""
    wanted: dict[str, Any] = {"kind": kind, "tag": tag, "type": type, "source": source, "job": job}
    found = ws.bus.messages(limit, after=after, **wanted)
    return Page(items=list(found), next=found[-1].id if len(found) == limit else None)


@router.get("/issues")
def issues(
    ws: Ws,
    closed: bool = False,
    code: str | None = None,
    place: str = "",
    offset: Offset = FIRST,
    limit: Limit = SIZE,
) -> Page[Issue]:
    """List issues, those raised last first."""
    found = ws.issues.list(closed=closed, code=code, place=place, limit=offset + limit + 1)
    return page(found, offset, limit)


@router.post("/issues/{number}/close", status_code=204)
def close(ws: Ws, number: int) -> None:
    """Close an issue. One whose cause is still there is raised again."""
    ws.issues.close(number)
