"""What routes share: the workspace, pages, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic_core import to_json

from lyftnb.workspace.local import Workspace
from lyftnb.workspace.wire import ARROW, LONGEST_PAGE, PAGE, Page

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")
_FAR = 2**31


def workspace(request: Request) -> Workspace:
    """The workspace that this process manages."""
    found: Workspace = request.app.state.hall.workspace
    return found


Ws = Annotated[Workspace, Depends(workspace)]
Offset = Annotated[int, Query(ge=0, le=_FAR, description="So many items are left out.")]
Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="At most so many items.")]
FIRST: int = 0
SIZE: int = PAGE


def page(items: Sequence[T], offset: int, limit: int) -> Page[T]:
    """A part of a listing that is there as a whole."""
    end = offset + limit
    return Page(items=list(items[offset:end]), next=end if end < len(items) else None)


TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows as a list of objects, or an Arrow stream if that is accepted.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""What OpenAPI says of a table."""


def table(request: Request, frame: pl.DataFrame) -> Response:
    """A table in the form that the client takes."""
    if ARROW in request.headers.get("accept", ""):
        from io import BytesIO

        content = BytesIO()
        frame.write_ipc_stream(content)
        return Response(content.getvalue(), media_type=ARROW)
    from lyftnb.dtypes import showable

    rows = to_json(
        showable(frame).to_dicts(), fallback=str, inf_nan_mode="null", bytes_mode="base64"
    )
    return Response(rows, media_type="application/json")
