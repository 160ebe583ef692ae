"""The other side: calls the owner's verbs from any thread of any process."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from contextlib import suppress
from typing import Any, Self

from lyftnb.clock import awaited
from lyftnb.errors import LedgerError, SetupError
from lyftnb.store.remote.address import StateAddress
from lyftnb.store.remote.call import Verb
from lyftnb.store.remote.codec import Packed, unpack_error
from lyftnb.store.remote.line import Line, Request
from lyftnb.store.remote.wire import BadFrame, arrow_of, check_size

PATIENCE_S = 60.0


class Client:
    """A connection to the owner, made when it is first needed and again when it breaks.
    Thread-safe: requests of all threads share it.

    Subclasses declare the verbs (`call.read` and the like); whoever calls one waits for its answer.
    """

    def __init__(
        self, address: Callable[[], StateAddress | None], *, patience_s: float = PATIENCE_S
    ) -> None:
        """Prepare; nothing is connected or started yet.

        Args:
            address: tells where the owner is now; asked again before each attempt to connect.
            patience_s: how long a call waits for an owner that is away.
        """
        self._line = Line(secrets.token_hex(16), address, patience_s)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._posts: list[Request] = []
        """Requests that the loop has yet to see: those of many threads wake it once."""

    def ask(self, verb: Verb, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a verb and wait for its result.

        Raises:
            Temporary: the owner was away for longer than this client's patience.
            OutcomeUnknown: the owner was lost with the call under way, and the next one cannot tell
                whether it was carried out.
            SetupError: the owner refuses this client, or an argument cannot be sent.
            LyftError: what the verb itself raised.
        """
        call = verb.pack_call(args, kwargs)
        try:
            check_size(call.values, call.body)
        except BadFrame as error:
            raise SetupError(
                f"the request is too large: {error}",
                where=f"state verb {verb.name}",
                hint="send it in parts",
            ) from None
        request = Request(verb, call, time.monotonic())
        with self._lock:
            # Under the lock, so that it is posted before the loop ends, or not at all.
            loop = self._running()
            self._posts.append(request)
            if len(self._posts) == 1:
                loop.call_soon_threadsafe(self._post)
        try:
            awaited(lambda seconds: futures.wait((request.answer,), seconds).done)
            frame = request.answer.result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(self._line.drop, request)
            raise
        packed = Packed(frame.values, frame.body, arrow_of(frame.header))
        if frame.header.get("failed"):
            raise unpack_error(packed)
        return verb.unpack_result(packed)

    @property
    def is_asked(self) -> bool:
        """Whether a call is under way that is more than waiting for news. For the address's sake:
        on the loop.
        """
        return self._line.is_asked

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Hang up; calls under way fail. May be called twice."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None or self._keeping is None:
            return
        # Not under the lock: the loop needs it to take what was asked before, which fails then.
        loop.call_soon_threadsafe(self._keeping.cancel)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "there" if self._line.connected else "not connected"
        return f"{type(self).__name__}({state})"

    def _post(self) -> None:
        with self._lock:
            posts, self._posts = self._posts, []
        self._line.post(posts)

    def _running(self) -> asyncio.AbstractEventLoop:
        """The event loop, its thread started with the first call. To be called under the lock."""
        if self._closed:
            raise LedgerError("the connection to the owner is closed", hint="open it again")
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._keeping = self._loop.create_task(self._line.keep())
            self._thread = threading.Thread(
                target=_run, args=(self._loop, self._keeping), name="lyftnb-state", daemon=True
            )
            self._thread.start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop, keeping: asyncio.Task[None]) -> None:
    asyncio.set_event_loop(loop)
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(keeping)
    loop.close()
