"""The application around a workspace of this process, on a socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

import lyftnb as ln
from lyftnb.server.app import Hall
from lyftnb.workspace.local import Workspace

TOKEN = "the-token-of-the-tests"


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "lyftnb.toml").write_text('[groups.default]\n[secrets]\nkey_folder = "keys"\n')
    with ln.open(folder, serve=False) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def hall(ws: Workspace) -> Hall:
    return Hall(ws, TOKEN)


@pytest.fixture(scope="module")
def url(hall: Hall) -> Iterator[str]:
    """Where the application answers."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(hall, log_config=None, lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[httpx.Client]:
    """A client with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(url: str) -> Iterator[httpx.Client]:
    """A client without it."""
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client
