"""Who may call the owner, and what becomes of others: refused, never a hang or a crash."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from remote_kit import VERBS, Tally, TallyClient

from lyftnb.errors import SetupError, Temporary
from lyftnb.store.remote import StateAddress, StateServer
from lyftnb.store.remote import server as server_module
from lyftnb.store.remote.wire import VERSION, Frame


@pytest.fixture(scope="module")
def server() -> Iterator[StateServer]:
    with StateServer(Tally(), VERBS) as server:
        yield server


@pytest.fixture(autouse=True)
def alive(server: StateServer) -> Iterator[None]:
    """After each test the server answers, and strangers have not used up their places."""
    yield
    with TallyClient(lambda: server.address, patience_s=30.0) as client:
        assert client.echo("still here") == "still here"


def plain(address: StateAddress) -> socket.socket:
    return socket.create_connection((address.host, address.port), timeout=30)


def secured(address: StateAddress) -> ssl.SSLSocket:
    return address.client_context().wrap_socket(plain(address))


def hello(address: StateAddress, **fields: Any) -> bytes:
    header = {"version": VERSION, "token": address.token, "client": "test", **fields}
    return Frame(header).to_bytes()


def drained(connection: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    data = b""
    try:
        while more := connection.recv(2**16):
            data += more
    except (ConnectionError, ssl.SSLError):
        pass
    return data


# -- who is refused


def test_a_wrong_token_is_refused_at_once(server: StateServer) -> None:
    for token in ("", "x", server.address.token[:-1], server.address.token + "x", "ü\u2028"):
        wrong = replace(server.address, token=token)
        with (
            TallyClient(lambda: wrong) as client,  # noqa: B023 (called in this turn of the loop)
            pytest.raises(SetupError, match="refuses the token") as caught,
        ):
            client.echo(1)
        assert "state directory" in str(caught.value)


def test_another_server_is_not_spoken_to(server: StateServer) -> None:
    """It learns nothing: the certificate is checked before the token is shown."""
    tally = Tally()
    with StateServer(tally, VERBS) as other:
        address = replace(server.address, port=other.address.port)
        with (
            TallyClient(lambda: address, patience_s=0.2) as client,
            pytest.raises(Temporary, match="another server answers there"),
        ):
            client.add(1)
    assert tally.count == 0


def test_a_server_that_speaks_no_tls_is_not_spoken_to(server: StateServer) -> None:
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(2**16))
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    address = replace(server.address, port=listener.getsockname()[1])
    with TallyClient(lambda: address, patience_s=0.0) as client, pytest.raises(Temporary):
        client.echo(1)
    thread.join()
    listener.close()
    assert server.address.token.encode() not in heard[0]


@pytest.mark.parametrize("fields", [{"version": 99}, {"version": None}, {"client": 7}])
def test_another_version_is_told_ours(server: StateServer, fields: dict[str, Any]) -> None:
    with secured(server.address) as connection:
        connection.sendall(hello(server.address, **fields))
        assert b'"refused": "version"' in drained(connection)


def test_an_owner_of_another_version_is_an_error_that_says_so(
    server: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "VERSION", 2)
    with (
        TallyClient(lambda: server.address) as client,
        pytest.raises(SetupError, match=r"speaks version 2 .* this process version 1"),
    ):
        client.echo(1)


# -- hostile bytes


def test_plain_text_gets_nothing(server: StateServer) -> None:
    with plain(server.address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        assert b"HTTP" not in drained(connection)


def test_before_the_token_frames_are_small(server: StateServer) -> None:
    for lengths in ((4097, 0, 0), (10, 1, 0), (10, 0, 1), (2**32 - 1,) * 3):
        with secured(server.address) as connection:
            connection.sendall(b"".join(n.to_bytes(4) for n in lengths))
            assert drained(connection) == b""


def test_after_the_token_frames_are_bounded_too(server: StateServer) -> None:
    with secured(server.address) as connection:
        connection.sendall(hello(server.address))
        connection.sendall(b"".join(n.to_bytes(4) for n in (2, 2**31, 0)))
        assert b"known" in drained(connection)


def test_who_says_nothing_is_sent_away(
    server: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_HELLO_S", 0.1)
    for connection in (plain(server.address), secured(server.address)):
        with connection:
            assert drained(connection) == b""
    with secured(server.address) as slow:
        slow.sendall(hello(server.address)[:5])
        assert drained(slow) == b""


def test_strangers_are_few_and_keep_nobody_out_for_long(
    server: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_STRANGERS", 4)
    monkeypatch.setattr(server_module, "_HELLO_S", 0.5)
    crowd = [plain(server.address) for _ in range(20)]
    with TallyClient(lambda: server.address, patience_s=30.0) as client:
        assert client.echo(1) == 1
    for connection in crowd:
        connection.close()


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_garbage_before_tls(server: StateServer, garbage: bytes) -> None:
    with plain(server.address) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        drained(connection)


parts = st.binary(max_size=60) | st.sampled_from(
    [b"{}", b"[]", b"null", b'{"id": 1}', b"[" * 3000, b'{"id": 1, "verb": "\\ud800", "floor": 0}']
)
frames = st.builds(
    lambda header, values, body, cut: b"".join(
        (*(len(p).to_bytes(4) for p in (header, values, body)), header, values, body)
    )[: None if cut is None else -cut],
    parts,
    parts,
    parts,
    st.none() | st.integers(1, 40),
)


@given(st.lists(st.binary(max_size=40) | frames, max_size=4))
@settings(max_examples=50)
def test_garbage_instead_of_a_hello(server: StateServer, garbage: list[bytes]) -> None:
    with secured(server.address) as connection:
        _send(connection, b"".join(garbage))
        answer = drained(connection)
        assert not answer or b'"refused": "token"' in answer


headers = st.fixed_dictionaries(
    {"id": st.integers(), "floor": st.integers()},
    optional={
        "verb": st.sampled_from([*VERBS, "hidden", "__init__", "", "\ud800"]),
        "arrow": st.none() | st.lists(st.integers(-3, 3) | st.text(max_size=3), max_size=3),
        "ping": st.booleans(),
    },
)
requests = st.builds(
    lambda header, values, body: Frame(header, values, body).to_bytes(), headers, parts, parts
)


@given(st.lists(requests | frames, max_size=4))
@settings(max_examples=100)
def test_garbage_from_someone_who_has_the_token(server: StateServer, garbage: list[bytes]) -> None:
    with secured(server.address) as connection:
        _send(connection, hello(server.address) + b"".join(garbage))
        assert b'"known"' in drained(connection)


def _send(connection: ssl.SSLSocket, data: bytes) -> None:
    """Send, and let the other side see that nothing follows; it may have hung up meanwhile."""
    try:
        connection.sendall(data)
        # Not the method of `SSLSocket`: that would go on unencrypted.
        socket.socket.shutdown(connection, socket.SHUT_WR)
    except OSError:
        pass


def test_nothing_secret_is_logged(server: StateServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with secured(server.address) as connection:
        connection.sendall(hello(server.address, token=server.address.token + "!"))
        drained(connection)
    with secured(server.address) as connection:
        connection.sendall(hello(server.address) + b"\0" * 12 + b"garbage")
        drained(connection)
    with TallyClient(lambda: server.address) as client:
        client.echo("a word")
    assert caplog.records
    assert server.address.token not in caplog.text
    assert "a word" not in caplog.text
