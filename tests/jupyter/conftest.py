"""A real Jupyter server in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("websocket", reason="needs the extra `lab`")
pytest.importorskip("jupyter_server", reason="needs the extra `lab`")

from tests.jupyter_kit import TOKEN, Server
from tests.manager_kit import ended

_UP_S = 60


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own below the server's; its manager ends with the test."""
    made = server.folder / tmp_path.name
    made.mkdir()
    yield made
    ended(made)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server below a base URL."""
    tmp_path = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "port": port,
        "port_retries": 0,
        "root_dir": tmp_path,
        "base_url": "/base/",
        "open_browser": False,
        "allow_root": True,
        "jpserver_extensions": "{'lyftnb.jupyter': True}",
    }
    command = [sys.executable, "-m", "jupyter_server"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    command += [f"--IdentityProvider.token={TOKEN}"]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / ".config")}
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{port}/base/api", process, tmp_path / "server.log")
        yield Server(tmp_path, port)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it answers."""
    with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=8)) as client:
        for _ in range(_UP_S * 5):
            try:
                client.get(url, timeout=5)
                return
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
    raise AssertionError(f"the server did not come up: {log.read_text()}")
