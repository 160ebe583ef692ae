"""The client's connection to the owner, seen from its event loop: made when there is something to
say, made again when it breaks, and whatever has no answer yet is said again.

What may not be carried out twice is sent a second time only to an owner that would know it again
(`answers`); where the owner is a new one, nobody can tell whether it was.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from lyftnb.errors import LedgerError, LyftError, OutcomeUnknown, SetupError, Temporary
from lyftnb.store.remote.address import StateAddress
from lyftnb.store.remote.call import Verb
from lyftnb.store.remote.codec import Packed
from lyftnb.store.remote.wire import HELLO, VERSION, BadFrame, Frame, read_frame

_JITTER = random.Random()
"""Of our own: programs that seed the common one must find it as they left it."""

_REMEMBERED = ("repeatable", "once")
"""Effects of which the owner keeps the answers until we have them."""
_CONNECT_S = 5.0
_MIN_PAUSE_S = 0.02
_MAX_PAUSE_S = 1.0
_PING_S = 15.0
"""An owner that is connected and says nothing for so long is asked whether it is there; after as
long again it counts as away."""


@dataclass(eq=False, slots=True)
class Request:
    """A call that has no answer yet."""

    verb: Verb
    call: Packed
    asked_at: float
    answer: Future[Frame] = field(default_factory=Future)
    number: int = 0
    sent: bool = False
    """It may have been carried out."""


class Line:
    """Keeps the connection. All of it runs on one event loop."""

    def __init__(
        self, client: str, address: Callable[[], StateAddress | None], patience_s: float
    ) -> None:
        self._client = client
        self._address = address
        self._patience_s = patience_s
        self._pending: dict[int, Request] = {}
        self._wanted = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0
        self._heard = 0
        self._away_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether the owner is there now."""
        return self._writer is not None

    @property
    def is_asked(self) -> bool:
        """Whether a call is under way that is more than waiting for news."""
        return any(request.verb.effect != "wait" for request in self._pending.values())

    def post(self, requests: Iterable[Request]) -> None:
        """Send requests as soon as there is a connection."""
        new = list(requests)
        for request in new:
            self._number += 1
            request.number = self._number
            self._pending[request.number] = request
        self._wanted.set()
        if self._writer is not None:
            self._send(new, self._writer)

    def drop(self, request: Request) -> None:
        """Nobody waits for its answer any more."""
        self._pending.pop(request.number, None)

    async def keep(self) -> None:
        """Connect, converse, connect again; until cancelled. Then what is left fails."""
        pause = _MIN_PAUSE_S
        try:
            while True:
                if not self._pending:
                    self._wanted.clear()
                    await self._wanted.wait()
                began_at = self._away_at
                try:
                    await self._converse()
                except SetupError as refusal:
                    self._fail(list(self._pending.values()), refusal)
                except (OSError, EOFError, TimeoutError, BadFrame) as error:
                    self._give_up(error)
                pause = _MIN_PAUSE_S if self._away_at > began_at else min(pause * 2, _MAX_PAUSE_S)
                await asyncio.sleep(pause * _JITTER.uniform(0.5, 1.0))
        finally:
            closed = LedgerError("the connection to the owner is closed", hint="open it again")
            self._fail(list(self._pending.values()), closed)

    async def _converse(self) -> None:
        """One connection, until it breaks."""
        address = self._address()
        if address is None:
            raise _NobodyThere
        writer = None
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(
                    address.host, address.port, ssl=address.client_context(), limit=2**20
                )
                known = await self._introduced(address, reader, writer)
            await self._take_answers(known, reader, writer)
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _introduced(
        self, address: StateAddress, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Show the token; gives whether the owner knows what we asked it before."""
        hello = {"version": VERSION, "token": address.token, "client": self._client}
        writer.write(Frame(hello).to_bytes())
        welcome = (await read_frame(reader, HELLO)).header
        refused = welcome.get("refused")
        if refused is not None:
            raise _refusal(str(refused), welcome.get("version"))
        return bool(welcome.get("known"))

    async def _take_answers(
        self, known: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not known:
            lost = [r for r in self._pending.values() if r.sent and r.verb.effect == "once"]
            self._fail(lost, _unknown_outcome())
        self._writer = writer
        watch = asyncio.create_task(self._watch(writer))
        try:
            self._send(self._pending.values(), writer)
            while True:
                frame = await read_frame(reader)
                self._heard += 1
                answered = self._pending.pop(frame.header.get("id", 0), None)
                if answered is not None:
                    answered.answer.set_result(frame)
        finally:
            watch.cancel()
            self._writer = None
            self._away_at = time.monotonic()

    def _send(self, requests: Iterable[Request], writer: asyncio.StreamWriter) -> None:
        changes = (r.number for r in self._pending.values() if r.verb.effect in _REMEMBERED)
        floor = min(changes, default=self._number + 1)
        frames = []
        for request in requests:
            request.sent = True
            call = request.call
            header = {"id": request.number, "verb": request.verb.name, "floor": floor}
            frames.append(Frame({**header, **call.header}, call.values, call.body).to_bytes())
        writer.write(b"".join(frames))

    async def _watch(self, writer: asyncio.StreamWriter) -> None:
        """Break a connection over which nothing comes, not even the answer to a ping."""
        silent, heard = 0, self._heard
        while True:
            await asyncio.sleep(_PING_S)
            silent = silent + 1 if self._pending and self._heard == heard else 0
            heard = self._heard
            if silent == 1:
                writer.write(Frame({"ping": True}).to_bytes())
            elif silent > 1:
                writer.transport.abort()
                return

    def _give_up(self, why: Exception) -> None:
        """Fail what has waited for an owner for as long as we are patient."""
        oldest = time.monotonic() - self._patience_s
        tired = [r for r in self._pending.values() if max(r.asked_at, self._away_at) <= oldest]
        self._fail(tired, _away(self._patience_s, why))

    def _fail(self, requests: list[Request], error: LyftError) -> None:
        for request in requests:
            del self._pending[request.number]
            # Each its own: raised in its thread, it gets that thread's traceback.
            request.answer.set_exception(error.with_where(f"state verb {request.verb.name}"))


class _NobodyThere(OSError):
    """No owner has left an address."""


def _away(patience_s: float, why: Exception) -> Temporary:
    match why:
        case _NobodyThere():
            what = "no owner has left its address"
        case ssl.SSLError():
            what = "another server answers there"
        case ConnectionRefusedError():
            what = "nobody answers at its address"
        case _:
            what = f"the connection fails: {str(why) or type(why).__name__}"
    return Temporary(
        f"the owner of the workspace has been away for {patience_s:g} s: {what}",
        hint="see whether the process that owns the workspace still runs, and start it again",
    )


def _unknown_outcome() -> OutcomeUnknown:
    return OutcomeUnknown(
        "the owner of the workspace was lost before it answered, and the new one cannot tell "
        "whether this was carried out",
        hint="look whether it was, and repeat it if not",
    )


def _refusal(what: str, version: object) -> SetupError:
    if what == "token":
        return SetupError(
            "the owner of the workspace refuses the token",
            hint="take the address that the owner has left in the state directory",
        )
    return SetupError(
        f"the owner of the workspace speaks version {version} of the state protocol, this process "
        f"version {VERSION}",
        hint="use the same lyftnb on both sides",
    )
