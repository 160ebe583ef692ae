"""The owner's side: an event loop in a thread of its own that admits callers and moves frames; a
crew of threads that carries verbs out, which the ledger joins in shared transactions.

Whoever has not shown the token yet is nobody: few at a time, small frames, little patience.
"""

from __future__ import annotations

import asyncio
import atexit
import hmac
import logging
import socket
import threading
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from lyftnb.errors import LyftError, SetupError, unknown
from lyftnb.store.owner import STATE_FILE
from lyftnb.store.remote.address import StateAddress, credentials
from lyftnb.store.remote.answers import Answers
from lyftnb.store.remote.call import Verb
from lyftnb.store.remote.codec import Packed, pack_error
from lyftnb.store.remote.crew import Crew
from lyftnb.store.remote.news import News
from lyftnb.store.remote.wire import HELLO, VERSION, BadFrame, Frame, arrow_of, read_frame

T = TypeVar("T")

log = logging.getLogger(__name__)

_THREADS = 32
"""Verbs under way at a time: so many may share one transaction."""
_CALLERS = 1024
"""Connections at a time."""
_STRANGERS = 64
"""Connections at a time that have not shown the token yet."""
_HELLO_S = 5.0
"""TLS, and then the hello, may take so long each."""
_GOODBYE_S = 1.0
"""The other side may take so long to agree that the connection ends."""
_IN_FLIGHT = 1024
"""Requests of one connection that are under way; further ones wait in its socket."""
_DRAIN_S = 5.0
"""`close` gives what is under way so long to be answered."""

_REQUEST = {"id": int, "verb": str, "floor": int}
"""What the header of a request must hold."""

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class StateServer:
    """Answers requests from other processes with the verbs of `target`. Use as a context manager,
    or call `close`; `address` says how to reach it.
    """

    def __init__(
        self,
        target: object,
        verbs: Mapping[str, Verb],
        *,
        host: str = "127.0.0.1",
        state_dir: Path | None = None,
    ) -> None:
        """Start to answer.

        Args:
            target: whose methods are called: the ledger.
            verbs: the verbs that may be called, by name; there are no others.
            host: where to listen: an address of this machine, on a port that is free.
            state_dir: leave the address here, for other processes of this user.

        Raises:
            SetupError: the host is no address of this machine.
        """
        self._target = target
        self._verbs = dict(verbs)
        certificate, token, self._context = credentials()
        self._token = token.encode()
        self._listener = _listen(host)
        self.address = StateAddress(host, self._listener.getsockname()[1], certificate, token)
        self._file = None if state_dir is None else state_dir / STATE_FILE
        self._answers = Answers()
        self._news = News()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calls: set[asyncio.Future[bytes]] = set()
        self._connections = self._strangers = 0
        self.asked_at = time.monotonic()
        """When a caller has wanted something last (`time.monotonic`)."""
        self._loop = asyncio.new_event_loop()
        self._crew = Crew(self._loop, _THREADS, "lyftnb-state")
        self._loop.set_exception_handler(_note)
        self._thread = threading.Thread(target=self._serve, name="lyftnb-state", daemon=True)
        self._thread.start()
        if state_dir is not None:
            try:
                self.address.save(state_dir)
            except BaseException:
                self.close()
                raise
        # A program may end without a word; no thread is to be in the ledger's engine then.
        atexit.register(self.close)

    def tell(self, topics: frozenset[str]) -> None:
        """Wake whoever waits for news of these topics. From any thread; returns at once."""
        # A loop that has ended has nobody who waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.tell, topics)

    def close(self) -> None:
        """Answer what is under way and let nobody else in; may be called twice."""
        if not self._thread.is_alive():
            return
        atexit.unregister(self.close)
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._crew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"StateServer({self.address.host}:{self.address.port})"

    # -- the loop's side

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._spawn(self._accept())
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _stop(self) -> None:
        self._listener.close()
        if self._calls:
            await asyncio.wait(self._calls, timeout=_DRAIN_S)
        left: list[asyncio.Future[Any]] = [*self._tasks, *self._calls]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        while True:
            try:
                connection, _peer = await self._loop.sock_accept(self._listener)
            except OSError as error:
                # Out of file descriptors, most likely: those who wait are let in when some go.
                log.warning("a connection could not be accepted: %s", error.strerror)
                await asyncio.sleep(1)
                continue
            if self._connections >= _CALLERS or self._strangers >= _STRANGERS:
                connection.close()
                continue
            self._spawn(self._attend(connection))

    async def _attend(self, connection: socket.socket) -> None:
        """One connection, from its first byte to its last."""
        self._connections += 1
        writer = None
        try:
            self._strangers += 1
            try:
                reader, writer = await self._secured(connection)
                async with asyncio.timeout(_HELLO_S):
                    hello = await read_frame(reader, HELLO)
                    caller = await self._admitted(hello, writer)
            finally:
                self._strangers -= 1
            if caller is not None:
                with self._answers.present(caller):
                    await self._converse(caller, reader, writer)
        except (BadFrame, EOFError, OSError, TimeoutError) as error:
            log.debug("a connection ended: %s", type(error).__name__)
        finally:
            self._connections -= 1
            await _hung_up(connection, writer)

    async def _secured(self, connection: socket.socket) -> _Streams:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        reader = asyncio.StreamReader(limit=2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=_HELLO_S
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def _admitted(self, hello: Frame, writer: asyncio.StreamWriter) -> str | None:
        """The caller's id, once it has shown the token and speaks our version."""
        header = hello.header
        token, caller = header.get("token"), header.get("client")
        shown = token.encode(errors="replace") if isinstance(token, str) else b""
        answer: dict[str, Any] = {"version": VERSION}
        admitted = False
        if not hmac.compare_digest(shown, self._token):
            answer["refused"] = "token"
        elif header.get("version") != VERSION or not isinstance(caller, str):
            answer["refused"] = "version"
        else:
            admitted = True
            answer["known"] = self._answers.known(caller)
        writer.write(Frame(answer).to_bytes())
        await writer.drain()
        return str(caller) if admitted else None

    async def _converse(
        self, caller: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take requests and send each its answer when there is one."""
        room = asyncio.Semaphore(_IN_FLIGHT)

        ready: list[bytes] = []

        def reply(answer: asyncio.Future[bytes]) -> None:
            room.release()
            if not answer.cancelled():
                ready.append(answer.result())
                if len(ready) == 1:
                    self._loop.call_soon(send)

        def send() -> None:
            # Who is gone asks again if it wants to know.
            if not writer.is_closing():
                writer.write(b"".join(ready))
            ready.clear()

        while True:
            frame = await read_frame(reader)
            if "ping" in frame.header:
                writer.write(Frame({"pong": True}).to_bytes())
                continue
            if not all(isinstance(frame.header.get(k), kind) for k, kind in _REQUEST.items()):
                raise BadFrame("a request has no id, no verb or no floor")
            await room.acquire()
            self._answer(caller, frame).add_done_callback(reply)
            # Whoever does not take its answers is not asked for more.
            await writer.drain()

    def _answer(self, caller: str, frame: Frame) -> asyncio.Future[bytes]:
        """The answer's frame: carried out now, or what the same request was answered before."""
        self.asked_at = time.monotonic()
        header = frame.header
        verb = self._verbs.get(header["verb"])
        if verb is None:
            no = self._loop.create_future()
            no.set_result(_failed(frame, unknown("state verb", header["verb"], self._verbs)))
            return no
        if verb.effect == "wait":
            return self._spawn(self._wait_out(verb, frame))

        def work() -> asyncio.Future[bytes]:
            return self._kept(self._crew.begin(lambda: self._carry_out(verb, frame)))

        if verb.effect == "read":
            return work()
        return self._answers.once(caller, header["id"], header["floor"], work)

    def _kept(self, call: asyncio.Future[bytes]) -> asyncio.Future[bytes]:
        """The same, known to `close` until it is done."""
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _wait_out(self, verb: Verb, frame: Frame) -> bytes:
        try:
            return _answered(frame, await verb.wait_out(self._news, _call(frame)))
        except Exception as error:
            return _failed(frame, error)

    # -- the crew's side

    def _carry_out(self, verb: Verb, frame: Frame) -> bytes:
        try:
            return _answered(frame, verb.carry_out(self._target, _call(frame)))
        except Exception as error:
            return _failed(frame, error)


def _call(request: Frame) -> Packed:
    return Packed(request.values, request.body, arrow_of(request.header))


def _answered(request: Frame, result: Packed) -> bytes:
    header = {"id": request.header["id"], **result.header}
    try:
        return Frame(header, result.values, result.body).to_bytes()
    except BadFrame as error:
        raise SetupError(
            f"the answer is too large: {error}",
            where=f"state verb {request.header['verb']}",
            hint="ask for less at a time",
        ) from None


def _failed(request: Frame, error: Exception) -> bytes:
    if not isinstance(error, LyftError):
        log.error("the state verb %s failed", request.header["verb"], exc_info=error)
    header = {"id": request.header["id"], "failed": True}
    return Frame(header, pack_error(error).values).to_bytes()


def _listen(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family, backlog=_STRANGERS)
    except OSError as error:
        raise SetupError(
            f"the state protocol cannot listen on {host}: {error.strerror or error}",
            hint="check the addresses of this machine",
        ) from error
    listener.setblocking(False)
    return listener


async def _hung_up(connection: socket.socket, writer: asyncio.StreamWriter | None) -> None:
    """Close a connection: with a word if the other side listens, else without."""
    if writer is None:
        connection.close()
        return
    try:
        async with asyncio.timeout(_GOODBYE_S):
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def _note(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    log.debug("the event loop of the state protocol: %s", context.get("message"))
