"""A small object to call from afar, and a wire that can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa

from lyftnb.errors import LyftError
from lyftnb.store.remote import Client, StateAddress
from lyftnb.store.remote.call import once, read, repeatable, verbs_of, wait
from lyftnb.store.remote.news import News


class Tally:
    """What the server under test calls."""

    def __init__(self) -> None:
        self.count = 0
        self.puts: list[int] = []
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.failure: Exception | None = None

    def total(self) -> int:
        return self.count

    def add(self, number: int, *, times: int = 1) -> int:
        self.count += number * times
        return self.count

    def put(self, number: int) -> None:
        self.puts.append(number)

    def echo(self, value: Any) -> Any:
        return value

    def sums(self, table: pa.Table, columns: list[str]) -> Any:
        return pa.array([sum(table[name].to_pylist()) for name in columns], pa.uint64())

    def slow(self, number: int) -> int:
        self.begun.set()
        assert self.gate.wait(30)
        return self.add(number)

    def fail(self) -> None:
        assert self.failure is not None
        raise self.failure

    def hidden(self) -> str:
        return "not for others"


class TallyClient(Client):
    """The same from afar."""

    total = read(Tally.total)
    echo = read(Tally.echo)
    sums = read(Tally.sums)
    fail = read(Tally.fail)
    put = repeatable(Tally.put)
    add = once(Tally.add)
    slow = once(Tally.slow)
    news = wait(News.news)


VERBS = verbs_of(TallyClient)


class Wire:
    """A proxy before a server; `cut` and `hush` tell what becomes of the next answer."""

    def __init__(self, address: StateAddress) -> None:
        self._to = (address.host, address.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = StateAddress(
            "127.0.0.1", self._listener.getsockname()[1], address.certificate, address.token
        )
        self.connections = 0
        self._ends: list[socket.socket] = []
        self._cut = self._hushed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break the connection instead of delivering the next answer."""
        self._cut = True

    def hush(self) -> None:
        """Deliver no more answers over the connections that are open now."""
        self._hushed = True

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._to)
            except OSError:
                return
            self.connections += 1
            self._hushed = False
            self._ends += [near, far]
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                if answers and self._cut:
                    self._cut = False
                    break
                if not (answers and self._hushed):
                    sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wired(address: StateAddress) -> Iterator[Wire]:
    wire = Wire(address)
    try:
        yield wire
    finally:
        wire.close()


def all_errors(kind: type[LyftError] = LyftError) -> list[type[LyftError]]:
    """Every class of the tree that all sides know."""
    if kind.__module__ != LyftError.__module__:
        return []
    return [kind, *(below for child in kind.__subclasses__() for below in all_errors(child))]
