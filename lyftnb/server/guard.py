"""Who may come in, and how much at a time. Around everything: not even a path is told to strangers.

The token equals the user's account: whoever has it may run code as that user.
"""

from __future__ import annotations

import hmac
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from lyftnb.errors import SetupError
from lyftnb.workspace.wire import PROBLEM, QUIET, REFUSED, ProblemDetails

_LARGEST_BODY = 32 * 2**20


class Guard:
    """ASGI middleware: a constant-time check of the bearer token, and a bound on bodies."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()
        self._inside = 0
        self._left_at = time.monotonic()

    @property
    def idle_s(self) -> float:
        """For how long nobody was in."""
        return 0.0 if self._inside else time.monotonic() - self._left_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            # There is nothing else here; a WebSocket is closed unanswered.
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = dict(scope["headers"])
        if not hmac.compare_digest(_bearer(headers.get(b"authorization", b"")), self._token):
            await refuse(send, 401, REFUSED, "the token is missing or wrong", _TOKEN_HINT)
            return
        if _is_too_large(headers.get(b"content-length", b"0")):
            hint = f"at most {_LARGEST_BODY} bytes"
            await refuse(send, 413, REFUSED, "the body is too large", hint)
            return
        if QUIET.lower().encode() in headers:
            # It only looks on: the manager may end for want of others.
            await self._app(scope, _bounded(receive), send)
            return
        self._inside += 1
        try:
            await self._app(scope, _bounded(receive), send)
        finally:
            self._inside -= 1
            self._left_at = time.monotonic()


_TOKEN_HINT = "send `Authorization: Bearer TOKEN`; the token stands in .lyftnb/manager.json"


def _bearer(header: bytes) -> bytes:
    scheme, _, token = header.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _is_too_large(length: bytes) -> bool:
    return not length.isdigit() or len(length) > 12 or int(length) > _LARGEST_BODY


def _bounded(receive: Receive) -> Receive:
    """Of a body whose length nobody told, so much and no more."""
    taken = 0

    async def bounded() -> dict[str, object]:
        nonlocal taken
        event = await receive()
        taken += len(event.get("body", b""))
        if taken > _LARGEST_BODY:
            raise SetupError("the body is too large", hint=f"at most {_LARGEST_BODY} bytes")
        return dict(event)

    return bounded


async def refuse(send: Send, status: int, code: str, detail: str, hint: str) -> None:
    """Answer with a problem, before anything has looked at the request."""
    problem = ProblemDetails(
        type=f"urn:lyftnb:error:{code}",
        title="The request is refused",
        status=status,
        detail=detail,
        code=code,
        kind="TryAgain" if status == 503 else "SetupError",
        hint=hint,
    )
    headers = [(b"content-type", PROBLEM.encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": problem.model_dump_json().encode()})
