"""Clients of the studio's websocket, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import websocket

TOKEN = "a-token-for-tests"


class Client:
    """Asks, and keeps what is told meanwhile."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.news: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._last = 0

    def send(self, op: str, **params: Any) -> int:
        """Ask, without waiting."""
        self._last += 1
        self.connection.send(json.dumps({"id": self._last, "op": op, "params": params}))
        return self._last

    def ask(self, op: str, **params: Any) -> Any:
        """Ask; the answer."""
        frame = self.answer(self.send(op, **params))
        assert "result" in frame, frame
        return frame["result"]

    def refused(self, op: str, **params: Any) -> Any:
        """Ask what cannot be answered; why."""
        return self.answer(self.send(op, **params))["problem"]

    def answer(self, id: int) -> dict[str, Any]:
        """The answer to a question that was sent; answers may come in any order."""
        while id not in self._answers:
            frame = self.next()
            if "id" in frame:
                self._answers[frame["id"]] = frame
            else:
                self.news.append(frame)
        return self._answers.pop(id)

    def next(self) -> dict[str, Any]:
        """The next frame."""
        found: dict[str, Any] = json.loads(self.connection.recv())
        return found

    def until(self, topic: str, wanted: Any) -> Any:
        """Data of the first news of a topic that are as wanted."""
        while True:
            frame = self.news.pop(0) if self.news else self.next()
            if frame.get("topic") == topic and wanted(frame["data"]):
                return frame["data"]


class Server:
    """Where the server is."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.host = f"127.0.0.1:{port}"

    def connect(self, path: str = "", token: str = TOKEN, **options: Any) -> Any:
        """A bare websocket."""
        url = f"ws://{self.host}/base/lyftnb/studio?path={path}"
        header = [f"Authorization: token {token}"] if token else []
        return websocket.create_connection(url, header=header, timeout=60, **options)

    def cookie(self) -> str:
        """What a browser has that has logged in."""
        with httpx.Client(trust_env=False) as browser:
            browser.get(f"http://{self.host}/base/api/status?token={TOKEN}").raise_for_status()
            return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    @contextmanager
    def client(self, path: str = "") -> Iterator[Client]:
        """A client for the while."""
        connection = self.connect(path)
        try:
            yield Client(connection)
        finally:
            connection.close()
