"""The application: routes behind the guard, errors as problems."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from fastapi import FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from lyftnb import __version__
from lyftnb.errors import LedgerError, LyftError, TryAgain
from lyftnb.server.guard import Guard, refuse
from lyftnb.server.metrics import Metrics
from lyftnb.server.routes import ROUTERS
from lyftnb.workspace.local import Workspace
from lyftnb.workspace.wire import API, ENDING, PROBLEM, ProblemDetails, problem_of

_log = logging.getLogger(__name__)
_DESCRIPTION = """\
The manager of a workspace. Send the token of `.lyftnb/manager.json` as a bearer token: it equals
the account of the user whose manager it is. Errors are problems as RFC 9457 has them, with the
codes of `lyftnb.errors`. Listings come in pages.
"""

_REFUSAL: dict[str, Any] = {
    "description": "It could not be done.",
    "model": ProblemDetails,
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
}


class Hall:
    """What all requests share."""

    def __init__(self, workspace: Workspace, token: str) -> None:
        self.workspace = workspace
        self.metrics = Metrics(workspace)
        self.ending = asyncio.Event()
        """Streams come to their end."""
        self.closed = False
        """Nothing new is taken on."""
        self._app = routed()
        self._app.state.hall = self
        self._guard = Guard(self._measured, token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: the ASGI application."""
        await self._guard(scope, receive, send)

    def idle_s(self) -> float:
        """For how long nobody has wanted anything and there was nothing to run."""
        if self.workspace.running or self.workspace.deployments:
            return 0.0
        return min(self._guard.idle_s, time.monotonic() - self.workspace.asked_at)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and count the answer under its route."""
        answered = False
        if self.closed:
            await refuse(send, 503, ENDING, "the manager is ending", "connect again in a moment")
            return

        async def counted(event: Message) -> None:
            nonlocal answered
            if event["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "")
                self.metrics.answered(route, int(event["status"]))
            answered = event["type"] == "http.response.body" and not event.get("more_body")
            await send(event)

        try:
            await self._app(scope, receive, counted)
        except Exception:
            # A defect that was answered as a problem (`_defect`) is no reason to hang up as well.
            if not answered:
                raise


def routed() -> FastAPI:
    """All routes, with what OpenAPI says of them."""
    app = FastAPI(
        title="lyftnb",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        # Pages with scripts from elsewhere have no place behind the token.
        docs_url=None,
        redoc_url=None,
        # A name that is empty is no other route.
        redirect_slashes=False,
        responses=dict.fromkeys(("default", 422), _REFUSAL),
        # The guard has looked at the token before; this tells readers of the description.
        dependencies=[Security(HTTPBearer(auto_error=False))],
    )
    for router in ROUTERS:
        app.include_router(router, prefix=API)
    app.exception_handler(LyftError)(_ours)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(UnicodeEncodeError)(_no_text)
    app.exception_handler(Exception)(_defect)
    return app


def _answer(problem: ProblemDetails) -> Response:
    headers = {"Retry-After": "1"} if problem.status == 503 else None
    return Response(problem.model_dump_json(), problem.status, headers, PROBLEM)


async def _ours(request: Request, error: Exception) -> Response:
    if isinstance(error, LedgerError) and request.app.state.hall.closed:
        error = TryAgain("the manager ended meanwhile", hint="look whether it was done, try again")
    return _answer(problem_of(error))


async def _invalid(_request: Request, error: Exception) -> Response:
    """A body or a parameter does not fit. What was sent is not repeated: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"place": ".".join(map(str, item["loc"])), "message": item["msg"]}
        for item in error.errors()
    ]
    said = "; ".join(f"{item['place']}: {item['message']}" for item in found)
    return _answer(_problem(422, said, "see /api/v1/openapi.json", found))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(_problem(error.status_code, str(error.detail), "see /api/v1/openapi.json"))


async def _no_text(_request: Request, _error: Exception) -> Response:
    return _answer(_problem(422, "a text holds half of a character", "send whole characters"))


async def _defect(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(problem_of(error))


def _problem(status: int, detail: str, hint: str, found: object = None) -> ProblemDetails:
    return ProblemDetails(
        type="urn:lyftnb:error:request",
        title="Fix the request",
        status=status,
        detail=detail.encode(errors="replace").decode(),
        code="not_found" if status == 404 else "request",
        kind="NotFound" if status == 404 else "SetupError",
        hint=hint,
        facts={} if found is None else {"found": found},
    )
