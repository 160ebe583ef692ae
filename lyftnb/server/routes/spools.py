"""Spools: what there is, which files hold it, and SQL over it. Rows do not pass through here, but
for the answers of queries.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lyftnb.errors import TimedOut
from lyftnb.server.routes.common import FIRST, SIZE, TABLE, Limit, Offset, Ws, page, table
from lyftnb.store import Damage, SpoolInfo, SweepReport
from lyftnb.workspace.wire import Page, Segments, SqlBody

router = APIRouter(tags=["spools"])

_QUERIES = threading.BoundedSemaphore(4)
"""Queries at a time: each has its own bound of memory."""
_QUEUE_S = 60.0

Seq = Annotated[int | None, Query(ge=0, lt=2**63)]
At = Annotated[
    Annotated[int, Query(ge=0, lt=2**63)] | datetime | None,
    Query(description="A snapshot's number, or a time: the spool as it stood then."),
]


@router.get("/spools")
def spools(ws: Ws, offset: Offset = FIRST, limit: Limit = SIZE) -> Page[SpoolInfo]:
    """List all spools, by name."""
    return page(ws.spools(), offset, limit)


@router.post("/spools/verify")
def verify(ws: Ws, spool: str | None = None) -> list[Damage]:
    """Check every file of a spool, or of all, against what was committed."""
    return ws.verify() if spool is None else ws.spool(spool).verify()


@router.post("/spools/sweep")
def sweep(ws: Ws) -> SweepReport:
    """Remove staged files that no commit names."""
    return ws.sweep()


@router.get("/spools/{name}")
def spool(ws: Ws, name: str) -> SpoolInfo:
    """Give a spool: `DEPLOYMENT.CHANNEL`, or the channel alone while that is unique."""
    return ws.spool(name).info


@router.get("/spools/{name}/segments")
def segments(
    ws: Ws,
    name: str,
    since: Seq = None,
    until: Seq = None,
    at: At = None,
    offset: Offset = FIRST,
    limit: Limit = SIZE,
) -> Segments:
    """List the files that hold a spool's rows, in sequence order. Ask for the next page with `at`
    set to the snapshot of the first.
    """
    found = ws.spool(name).listing(since, until, at)
    part = page(found.segments, offset, limit)
    return Segments(listing=replace(found, segments=tuple(part.items)), next=part.next)


@router.get("/spools/{name}/history", response_class=Response, responses=TABLE)
def history(request: Request, ws: Ws, name: str) -> Response:
    """Tell which snapshots changed a spool, oldest first."""
    return table(request, ws.spool(name).history())


@router.post("/sql", response_class=Response, responses=TABLE)
def sql(request: Request, ws: Ws, body: SqlBody) -> Response:
    """Answer one statement that reads, over spools by name and state tables under `lyftnb.`."""
    if not _QUERIES.acquire(timeout=_QUEUE_S):
        raise TimedOut("other queries take all the room", hint="try again in a moment")
    try:
        return table(request, ws.sql(body.text, limit=body.limit))
    finally:
        _QUERIES.release()
