"""The message bus, as people use it: publish, subscribe, look back, ask."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from lyftnb.clock import awaited
from lyftnb.errors import SetupError, unknown
from lyftnb.model import Json, Message, MessageDraft, canonical_json
from lyftnb.model.objections import shown
from lyftnb.workspace.tabular import Table, View, facts, listed

if TYPE_CHECKING:
    from lyftnb.workspace.waiting import Verbs

_PAGE = 1000
_SHOWN_CHARACTERS = 100
_SHOWN_ROWS = 10
_PROPERTIES = ("kind", "tag", "type", "source", "job")
COLUMNS = ("id", "time", "type", "tag", "from", "payload")


class Asker(Protocol):
    """Who gets requests answered."""

    def ask(self, target: str, payload: Json, timeout_s: float) -> Json:
        """Ask, and wait for the one reply."""
        ...


class Bus:
    """Messages of a workspace: durable, in one order, to be read by anyone from anywhere on."""

    def __init__(self, ledger: Verbs, requests: Callable[[], Asker]) -> None:
        self._ledger = ledger
        self._requests = requests

    def publish(
        self,
        tag: str,
        payload: Json = None,
        *,
        type: str = "message",
        correlation: str | None = None,
    ) -> Message:
        """Put a message on the bus; steps that wait for its tag or type fire.

        Raises:
            BadData: the payload is not JSON or too large, or the tag or type is no text.
        """
        draft = MessageDraft(tag=tag, payload=payload, type=type, correlation=correlation)
        (message,) = self._ledger.publish([draft])
        assert message is not None  # nothing led to it, so no chain can be too deep
        return message

    def messages(self, limit: int = 100, *, after: int | None = None, **wanted: str) -> MessageLog:
        """Messages in order: the newest, or with `after` those that follow a message's id.

        Args:
            limit: at most so many.
            after: begin behind the message of this id.
            wanted: only of this `kind`, `tag`, `type`, `source` or `job`.
        """
        narrowed = _narrowed(wanted)
        if after is not None:
            return MessageLog(self._ledger.messages(after, limit=limit, **narrowed))
        return MessageLog(reversed(self._ledger.recent_messages(limit, **narrowed)))

    def subscribe(
        self,
        name: str | None = None,
        *,
        after: int | None = None,
        timeout: float | None = None,
        **wanted: str,
    ) -> Subscription:
        """Messages as they come, one by one: `for message in ws.bus.subscribe("audit"): …`.

        Args:
            name: whose reading it is. A named one goes on where it stood, over restarts; a message
                counts as read when the next one is asked for (or at the end of a `with` block), so
                that one whose work was cut off comes again.
            after: where one that is new, or has no name, begins: behind the message of this id.
                Default: with the next message that comes; 0: with the oldest there is.
            timeout: end when nothing came for so many seconds. Default: when the workspace closes.
            wanted: only of this `kind`, `tag`, `type`, `source` or `job`.
        """
        return Subscription(self._ledger, name, after, timeout, _narrowed(wanted))

    def unsubscribe(self, name: str) -> bool:
        """Forget where a named subscription stands; False if there was none."""
        return self._ledger.end_subscription(name)

    def request(self, target: str, payload: Json, timeout: float = 10.0) -> Json:
        """Ask a worker, a job or the manager, and wait for the one reply.

        Args:
            target: `manager`, `worker:GROUP`, `worker:NAME` or `job:DEPLOYMENT/STEP`.
            payload: the question: `"health"`, or with options `{"ask": "files", "glob": "*.csv"}`.
            timeout: seconds to wait. A reply that comes later is in the log, and nowhere else.

        Raises:
            TimedOut: there was no reply in time.
            NotFound: there is no such target or question.

        >>> ws.bus.request("worker:default", "versions")["polars"]  # doctest: +SKIP
        '2.1.0'
        """
        if not 0 < timeout < float("inf"):
            raise SetupError(
                f"the timeout must be a number of seconds above 0, not {shown(timeout)}"
            )
        return self._requests().ask(target, payload, timeout)

    @property
    def newest(self) -> int:
        """The id of the newest message; 0 if there was none."""
        return self._ledger.newest_message()

    def __repr__(self) -> str:
        return f"Bus({self.newest:,} messages so far)"

    def _repr_html_(self) -> str:
        found = self.messages(_SHOWN_ROWS)
        more = f", the newest {len(found)}" if self.newest > len(found) else ""
        return listed(MESSAGES, found, f"{self.newest:,} messages so far{more}")


class Subscription:
    """An iterator over messages; waits for the next one. For one thread; `close` from any."""

    def __init__(
        self,
        ledger: Verbs,
        name: str | None,
        after: int | None,
        timeout: float | None,
        wanted: dict[str, str],
    ) -> None:
        self.name = name
        self._ledger = ledger
        self._timeout = timeout
        self._wanted = wanted
        if name is not None:
            self._seen = ledger.subscription(name, after)
        else:
            self._seen = ledger.newest_message() if after is None else after
        self._acked = self._seen
        self._page: deque[Message] = deque()
        self._over = threading.Event()
        self._news = threading.Event()
        # A loop that was left by `break` closes nothing: the ledger must not keep it alive.
        listening = ledger.listen(_listener(self._news, self._over), ("messages",))
        self._stop_listening = weakref.finalize(self, listening)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        """The next message; the one before it counts as read."""
        self.ack()
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while not self._over.is_set():
            self._news.clear()
            if message := self._take():
                return message
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._over.is_set() and not awaited(self._news.wait, left):
                break
        raise StopIteration

    def ack(self) -> None:
        """Have a named subscription go on behind the last message taken, should it be cut off."""
        if self.name is not None and self._seen > self._acked and not self._ledger.closed:
            self._ledger.advance(self.name, self._seen)
            self._acked = self._seen

    def close(self) -> None:
        """End the iteration, also one that waits in another thread. Acknowledges nothing."""
        self._stop_listening()
        self._over.set()
        self._news.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            self.ack()
        self.close()

    def __repr__(self) -> str:
        what = ", ".join(f"{key}={value!r}" for key, value in self._wanted.items())
        name = "" if self.name is None else repr(self.name)
        return f"Subscription({', '.join(filter(None, (name, what)))}; read up to {self._seen})"

    def _repr_html_(self) -> str:
        read = ("read up to", self._seen)
        return facts((("subscription", self.name), *self._wanted.items(), read))

    def _take(self) -> Message | None:
        """The next message that is there; what is passed over on the way counts as seen."""
        if not self._page:
            newest = self._ledger.newest_message()
            if newest > self._seen:
                found = self._ledger.messages(self._seen, newest, _PAGE, **self._wanted)
                self._page.extend(found)
                if len(found) < _PAGE:
                    self._skip_to(newest)
        if not self._page:
            return None
        message = self._page.popleft()
        self._seen = message.id
        return message

    def _skip_to(self, newest: int) -> None:
        """Where nothing is wanted up to the newest message, the subscription moves there."""
        if not self._page:
            self._seen = newest
            self.ack()


def _listener(news: threading.Event, over: threading.Event) -> Callable[[frozenset[str]], None]:
    def told(topics: frozenset[str]) -> None:
        if "closed" in topics:
            over.set()
        if topics & {"messages", "closed"}:
            news.set()

    return told


def line(message: Message) -> tuple[str, ...]:
    """A message under `COLUMNS`, its payload cut short."""
    payload = canonical_json(message.payload)
    short = payload if len(payload) <= _SHOWN_CHARACTERS else f"{payload[: _SHOWN_CHARACTERS - 1]}…"
    return (
        str(message.id),
        _moment(message.at),
        message.type,
        message.tag or "",
        message.job or message.source,
        short,
    )


MESSAGES: Final[View[Message]] = View("no messages", COLUMNS, line)


class MessageLog(Table[Message]):
    """Messages, oldest first; shown as a table."""

    view = MESSAGES


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _narrowed(wanted: dict[str, Any]) -> dict[str, Any]:
    for name in wanted:
        if name not in _PROPERTIES:
            raise unknown("property of messages", name, _PROPERTIES)
    return {name: value for name, value in wanted.items() if value is not None}
