"""The life of the manager: take the ledger, listen, leave the address; drain and let go."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from lyftnb.errors import ConfigError
from lyftnb.server.app import Hall
from lyftnb.server.log import log_to
from lyftnb.store import this_process
from lyftnb.store.owner import MANAGER
from lyftnb.store.remote.address import credentials
from lyftnb.workspace.address import ManagerAddress
from lyftnb.workspace.config import Config, ManagerConfig
from lyftnb.workspace.finding import LOG_FILE
from lyftnb.workspace.folders import FILE_NAME, STATE_DIR
from lyftnb.workspace.local import Workspace

_TOKEN_BYTES = 32
_LOOK_S = 0.5
_KEPT_S = 60
"""So long connections of clients are kept that ask nothing: longer than clients keep them."""
_GOODBYE_S = 5
"""So long answers that are under way may take once all that runs has ended."""
_log = logging.getLogger(__name__)


def run(root: Path, *, stays: bool, detached: bool) -> None:
    """Be the manager of the workspace at `root`, until SIGTERM, SIGINT or idleness ends it.

    Raises:
        WorkspaceBusy: another process holds the ledger.
        ConfigError: settings are wrong.
        StorageError: the ledger cannot be opened.
    """
    config = Config.load(root)
    _require_safe(config.manager)
    with Workspace(root, config, command=MANAGER) as workspace:
        log = log_to(root / STATE_DIR / LOG_FILE, screen=not detached)
        faulthandler.enable()
        # Whoever has started it waits for the end of the pipe that is its stderr.
        up = log.take_outputs if detached else lambda: None
        asyncio.run(_serve(workspace, config.manager, stays, up))
        _log.info("ended")


async def _serve(
    workspace: Workspace, config: ManagerConfig, stays: bool, up: Callable[[], None]
) -> None:
    listening = _listening(config)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    hall = Hall(workspace, token)
    server, certificate = _server(hall, config)
    answering = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not answering.done():
        await asyncio.sleep(0.01)
    address = ManagerAddress(
        url=_url(listening, config),
        token=token,
        process=this_process(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        stays=stays,
        certificate=certificate,
    )
    state_dir = workspace.path / STATE_DIR
    address.save(state_dir)
    _log.info("up at %s, process %s", address.url, address.pid)
    up()
    # Not before: workers take their time, and who asks meanwhile is answered.
    serving = asyncio.create_task(asyncio.to_thread(workspace.serve_deployments))
    serving.add_done_callback(_note_failure)
    idle = None if stays else config.idle_exit
    await _until_asked(server, hall, answering, idle)
    # Nobody new is to come: they wait for the ledger instead.
    ManagerAddress.forget(state_dir)
    hall.closed = True
    _log.info("ending")
    await asyncio.wait({serving}, timeout=config.drain)
    await asyncio.to_thread(workspace.close)
    hall.ending.set()
    server.should_exit = True
    await answering


def _note_failure(serving: asyncio.Task[tuple[str, ...]]) -> None:
    if not serving.cancelled() and serving.exception() is not None:
        _log.error("what is applied could not be started", exc_info=serving.exception())


def _server(hall: Hall, config: ManagerConfig) -> tuple[_Server, str | None]:
    """What answers, and with TLS the certificate (PEM) by which clients know it."""
    settings = uvicorn.Config(
        hall,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GOODBYE_S,
        timeout_keep_alive=_KEPT_S,
        lifespan="off",
        server_header=False,
    )
    settings.load()
    certificate = None
    if config.tls:
        certificate, _token, settings.ssl = credentials()
    return _Server(settings), certificate


async def _until_asked(
    server: _Server, hall: Hall, answering: asyncio.Task[None], idle_s: float | None
) -> None:
    """Wait until somebody asks it to end, or nobody has wanted anything for a while."""
    while not answering.done():
        try:
            await asyncio.wait_for(server.asked.wait(), _LOOK_S)
            return
        except TimeoutError:
            if idle_s is not None and hall.idle_s() > idle_s:
                _log.info("nobody has wanted anything for %.0f s", idle_s)
                return


class _Server(uvicorn.Server):
    """Leaves it to us what a signal means: first what runs comes to its end, then the answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Ask for the end; a second signal does not wait for answers."""
        if self.asked.is_set():
            self.force_exit = True
        self._loop.call_soon_threadsafe(self.asked.set)


def _require_safe(config: ManagerConfig) -> None:
    if config.tls or config.host == "localhost":
        return
    try:
        loopback = ip_address(config.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigError(
            f"{config.host} is no loopback address, and the token would travel in clear",
            where=f"{FILE_NAME}: manager.host",
            hint="set tls = true beside it, or leave host out",
        )


def _listening(config: ManagerConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # Said to be TCP, or else asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {config.host}, port {config.port}: {error.strerror or error}",
            where=f"{FILE_NAME}: manager",
            hint="choose another port, or leave it out",
        ) from None
    return listening


def _url(listening: socket.socket, config: ManagerConfig) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    if host in ("0.0.0.0", "[::]"):
        host = socket.gethostname()
    return f"{'https' if config.tls else 'http'}://{host}:{listening.getsockname()[1]}"
