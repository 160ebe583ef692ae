"""The websocket between a client and the studio of one workspace."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import url_path_join
from pydantic_core import to_json
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

if TYPE_CHECKING:
    from lyftnb.workspace.studio.exchange import Exchange

_MOST_WAITING = 32 * 2**20
"""Bytes that may wait for a client that does not read; then it is hung up on, and comes again."""


class StudioSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`<base_url>lyftnb/studio?path=FOLDER`: JSON frames of `workspace.studio.protocol`.

    Nothing is done on the server's loop but to hand frames over.
    """

    auth_resource = "lyftnb"
    _exchange: Exchange | None = None

    @ws_authenticated
    @authorized("execute")
    async def get(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Open the socket, for who may run code here."""
        root_dir = Path(self.settings["server_root_dir"]).expanduser().resolve()
        self._folder = folder_within(root_dir, self.get_argument("path", ""))
        await WebSocketHandler.get(self, *args, **kwargs)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin: the studio is made on a thread, which loads what it needs."""
        self._loop = IOLoop.current()
        self._waiting = 0
        self._early: list[str | bytes] = []
        super().open(*args, **kwargs)
        exchange = await asyncio.to_thread(_exchange, self._folder, self._send)
        if self.ws_connection is None:
            await asyncio.to_thread(exchange.close)
            return
        self._exchange = exchange
        for frame in self._early:
            exchange.receive(frame)

    def on_message(self, message: str | bytes) -> None:
        """Hand a frame over."""
        if self._exchange is None:
            self._early.append(message)
        else:
            self._exchange.receive(message)

    def on_close(self) -> None:
        """Let go of all that belongs to this client."""
        super().on_close()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            # Hanging up may wait for the network, which is not for the server's loop.
            IOLoop.current().run_in_executor(None, exchange.close)

    def _send(self, frame: dict[str, Any]) -> None:
        """Send a frame; called on the studio's threads."""
        self._loop.add_callback(self._write, to_json(frame, inf_nan_mode="null").decode())

    async def _write(self, text: str) -> None:
        if self.ws_connection is None:
            return
        self._waiting += len(text)
        if self._waiting > _MOST_WAITING:
            self.close(1013, "the client does not read")
            return
        try:
            await self.write_message(text)
        except WebSocketClosedError:
            return
        finally:
            self._waiting -= len(text)


def folder_within(root_dir: Path, path: str) -> Path:
    """The folder that a client names, which lies within the server's own.

    Raises:
        HTTPError: it does not, or there is no such folder.
    """
    try:
        folder = (root_dir / path.strip("/")).resolve()
        found = folder.is_relative_to(root_dir) and folder.is_dir()
    except (OSError, ValueError):
        found = False
    if not found:
        raise HTTPError(404, "there is no such folder")
    return folder


def _exchange(folder: Path, send: Any) -> Exchange:
    """A studio for the workspace that a folder lies in, as everything else finds it."""
    from lyftnb.workspace.folders import root_of
    from lyftnb.workspace.studio.exchange import Exchange

    return Exchange(root_of(folder), send)


def handlers(settings: dict[str, Any]) -> list[tuple[str, type[StudioSocket]]]:
    """Routes, below the server's base URL."""
    return [(url_path_join(settings["base_url"], "lyftnb", "studio"), StudioSocket)]
