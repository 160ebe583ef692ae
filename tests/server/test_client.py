"""The client and managers that come and go."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from lyftnb.errors import LedgerError, OutcomeUnknown, SetupError, Temporary, TryAgain
from lyftnb.server.app import Hall
from lyftnb.store import this_process
from lyftnb.store.records import Version
from lyftnb.workspace import client as client_module
from lyftnb.workspace.address import ManagerAddress
from lyftnb.workspace.client import Client
from lyftnb.workspace.wire import API, ENDING, error_of
from tests.server.conftest import TOKEN


def address(url: str, token: str = TOKEN) -> ManagerAddress:
    return ManagerAddress(url, token, this_process(), "", True)


class Managers:
    """One after the other, as they are asked for."""

    def __init__(self, *addresses: ManagerAddress) -> None:
        self._left = list(addresses)

    def __call__(self) -> ManagerAddress:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


@pytest.fixture
def nobody() -> ManagerAddress:
    """Where nobody answers."""
    return address("http://127.0.0.1:1")


def test_the_next_manager_is_asked(url: str, nobody: ManagerAddress) -> None:
    for before in (nobody, address(url, "another-token")):
        client = Client(Managers(before, address(url)))
        assert client.get("/health")["status"] == "ok"
        assert client.post("/messages", body={"tag": "asked"})["tag"] == "asked"
        client.close()
        with pytest.raises(LedgerError, match="closed"):
            client.get("/health")


def test_there_is_no_next_one(
    url: str, nobody: ManagerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PATIENCE_S", 0.2)
    client = Client(Managers(nobody))
    with pytest.raises(Temporary, match="cannot be reached"):
        client.post("/messages", body={"tag": "asked"})
    client.close()
    client = Client(Managers(address(url, "wrong")))
    with pytest.raises(SetupError, match="token"):
        client.get("/health")
    client.close()


def test_one_that_is_ending_takes_nothing_on(hall: Hall, http: httpx.Client) -> None:
    hall.closed = True
    try:
        answer = http.get(f"{API}/health")
    finally:
        hall.closed = False
    assert answer.status_code == 503 and answer.json()["code"] == ENDING
    assert isinstance(error_of(answer.json()), TryAgain)


def test_an_answer_of_something_else_is_no_bare_error(url: str) -> None:
    client = Client(Managers(address(url)))
    with pytest.raises(SetupError, match="cannot be read"):
        client.get("/health", Version)
    with pytest.raises(SetupError, match="cannot be read"):
        client.pages("/health", Version)
    with pytest.raises(SetupError, match="Not Found"):
        client.get("/versions/", Version)
    client.close()


@pytest.fixture
def rude() -> Iterator[ManagerAddress]:
    """One that hangs up on whatever it is asked."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.recv(1)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        yield address(f"http://127.0.0.1:{listening.getsockname()[1]}")
        listening.shutdown(socket.SHUT_RDWR)


def test_what_may_have_happened_is_not_repeated(url: str, rude: ManagerAddress) -> None:
    client = Client(Managers(rude, address(url)))
    with pytest.raises(OutcomeUnknown, match="before it answered"):
        client.post("/messages", body={"tag": "asked"})
    assert client.get("/health")["status"] == "ok"  # a question is asked again
    client.close()


def test_a_stream_is_read_event_by_event(hall: Hall, url: str) -> None:
    client = Client(Managers(address(url)))
    hall.workspace.bus.publish("first", {"n": 1})
    newest = hall.workspace.bus.newest
    stream = client.stream("/events?kinds=message", f"{newest - 1}-0-0")
    told = (event for event in stream if event[1])  # those without a kind only say that it lives
    id, kind, data = next(told)
    assert (kind, data["payload"], id) == ("message", {"n": 1}, f"{newest}-0-0")
    hall.workspace.bus.publish("second", 2)
    assert next(told)[2]["payload"] == 2
    stream.close()
    with pytest.raises(SetupError, match="Last-Event-ID"):
        next(client.stream("/events", "x"))
    client.close()
