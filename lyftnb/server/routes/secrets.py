"""Secrets: set, rotated, removed, listed by name. No route gives a value."""

from __future__ import annotations

from fastapi import APIRouter

from lyftnb.server.routes.common import FIRST, SIZE, Limit, Offset, Ws, page
from lyftnb.store import SecretInfo
from lyftnb.workspace.wire import Page, SecretBody

router = APIRouter(tags=["secrets"])


@router.get("/secrets")
def secrets(ws: Ws, offset: Offset = FIRST, limit: Limit = SIZE) -> Page[SecretInfo]:
    """List secrets by name, without values."""
    return page(ws.secrets.list(), offset, limit)


@router.post("/secrets/{name:path}")
def set_secret(ws: Ws, name: str, body: SecretBody) -> SecretInfo:
    """Keep a new secret, `SCOPE/NAME`."""
    return ws.secrets.set(name, body.value.get_secret_value())


@router.put("/secrets/{name:path}")
def rotate(ws: Ws, name: str, body: SecretBody) -> SecretInfo:
    """Give a secret another value: the next batch that uses it takes this one."""
    return ws.secrets.rotate(name, body.value.get_secret_value())


@router.delete("/secrets/{name:path}", status_code=204)
def remove(ws: Ws, name: str) -> None:
    """Remove a secret."""
    ws.secrets.remove(name)


@router.post("/master-key")
def rotate_key(ws: Ws) -> tuple[str, str]:
    """Seal all secrets with another master key; gives the ids of the old one and the new one."""
    return ws.secrets.rotate_key()
