"""Contexts: layers of variables, read and changed."""

from __future__ import annotations

from fastapi import APIRouter

from lyftnb.model import Context, ContextChange
from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.workspace.wire import Page, ParentBody, ValueBody

router = APIRouter(tags=["contexts"])


@router.get("/contexts")
def contexts(ws: Ws, offset: Offset = FIRST, limit: Limit = SIZE) -> Page[Context]:
    """List all layers."""
    return page(ws.contexts.list(), offset, limit)


@router.get("/context-changes")
def changes(
    ws: Ws, layer: str | None = None, offset: Offset = FIRST, limit: Limit = SIZE
) -> Page[ContextChange]:
    """List who changed what and when, the newest first."""
    return page(ws.contexts.history(layer, offset + limit + 1), offset, limit)


@router.post("/contexts/{name}", status_code=204)
def create(ws: Ws, name: str, body: ParentBody) -> None:
    """Make a context."""
    ws.contexts.create(name, body.parent)


@router.delete("/contexts/{name}", status_code=204)
def delete(ws: Ws, name: str) -> None:
    """Remove a context, or all of an override."""
    ws.contexts.delete(name)


@router.put("/contexts/{name}/parent", status_code=204)
def set_parent(ws: Ws, name: str, body: ParentBody) -> None:
    """Give a context another parent, or none."""
    ws.contexts.set_parent(name, body.parent)


@router.put("/contexts/{layer}/values/{path}", status_code=204)
def set_value(ws: Ws, layer: str, path: str, body: ValueBody) -> None:
    """Give a variable of a layer a value."""
    ws.contexts.set(layer, path, body.value)


@router.delete("/contexts/{layer}/values/{path}", status_code=204)
def unset(ws: Ws, layer: str, path: str) -> None:
    """Take a variable of a layer away."""
    ws.contexts.unset(layer, path)
