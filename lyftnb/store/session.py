"""An open ledger: what all of its verbs stand on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lyftnb.clock import Clock
from lyftnb.errors import LedgerError, NotFound
from lyftnb.store.database import Database
from lyftnb.store.families import Setting
from lyftnb.store.mirror import Mirror, load, reloaded
from lyftnb.store.owner import Ownership

Listener = Callable[[frozenset[str]], None]
"""Is told what has changed: `messages`, `issues`, `queue:NAME`, `lock:NAME` (it was released); and
`closed`, at the end.
"""

_log = logging.getLogger(__name__)


class Session:
    """One lock, one database, one mirror. Verbs work within `opened`, one at a time."""

    def __init__(self, root: Path, clock: Clock, ownership: Ownership, database: Database) -> None:
        self.root = root
        """The storage root: where segments' paths start."""
        self.clock = clock
        self.state_dir = database.file.parent
        self._ownership = ownership
        self._database = database
        self._lock = threading.RLock()
        self.mirror: Mirror = load(database)
        self._closed = False
        self._nesting = 0
        self._news: set[str] = set()
        self._listeners: list[tuple[Listener, frozenset[str]]] = []
        self._holder: int | None = None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Close the file and let the next owner in; may be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._database.close()
            self._ownership.release()
        # Whoever waits for news must not wait for ever.
        self._call_listeners(frozenset({"closed"}))

    def snapshot(self) -> int:
        """The newest snapshot; 0 before the first commit."""
        with self.opened():
            return self.mirror.snapshot

    def snapshot_at(self, instant: datetime) -> int:
        """The newest snapshot that was committed at `instant` or before; 0 if there was none."""
        with self.opened() as database:
            return int(database.rows("snapshot_at", instant=instant)[0]["snapshot"])

    def as_of(self, at: int | datetime) -> int:
        """The snapshot that a number or a time (aware; UTC if not) means.

        Raises:
            NotFound: there is no such snapshot yet.
        """
        if isinstance(at, datetime):
            return self.snapshot_at(at if at.tzinfo else at.replace(tzinfo=UTC))
        newest = self.snapshot()
        if not 0 <= at <= newest:
            raise NotFound(
                f"there is no snapshot {at}",
                where=str(self.state_dir),
                hint=f"the newest is {newest}",
            )
        return at

    def listen(self, listener: Listener, topics: Collection[str] = ()) -> Callable[[], None]:
        """Call `listener` after each transaction that put something into a queue or on the bus, so
        that nobody has to poll; the result ends it. With `topics` it is told of these alone, and of
        the end.

        It is called on the thread that carried the transaction out, outside the ledger's lock, and
        must return at once: set an event, wake a loop. Several changes may come as one call.
        """
        entry = (listener, frozenset(topics))
        with self._lock:
            self._listeners.append(entry)

        def end() -> None:
            with self._lock:
                if entry in self._listeners:
                    self._listeners.remove(entry)

        return end

    def tell(self, news: Iterable[str]) -> None:
        """Have listeners told as soon as the lock is free."""
        with self._lock:
            self._news |= set(news)

    def opened(self) -> AbstractContextManager[Database]:
        """The database, for as long as the lock is held."""
        return _Opened(self)

    @contextmanager
    def changing(self) -> Iterator[Setting]:
        """A transaction over an overlay, which becomes the present state once it is through."""
        with self.opened() as database:
            state = self.mirror.overlay()
            setting = Setting(database, state, self.root, self.clock.now())
            with database.transaction():
                yield setting
            self.mirror.absorb(state)
            self.tell(setting.news)

    def _reopen(self) -> None:
        """Go on from what the file says: whether the last transaction took place may be unknown."""
        self._database.reopen()
        self.mirror = reloaded(self._database, self.mirror)

    def _call_listeners(self, news: frozenset[str]) -> None:
        for listener, topics in tuple(self._listeners):
            if topics and not news & (topics | {"closed"}):
                continue
            try:
                listener(news)
            except Exception:
                # What it was told about has happened, whatever it makes of it.
                _log.exception("a listener of the ledger failed")

    def _held_here(self) -> bool:
        """Whether this thread holds the lock: then it must not wait for another one."""
        return self._holder == threading.get_ident()


class _Opened:
    """Holds the lock of a session. A class, because a generator costs three times as much, and many
    a verb that is answered from memory costs nothing else.
    """

    __slots__ = ("_before", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._before: int | None = None

    def __enter__(self) -> Database:
        session = self._session
        session._lock.acquire()
        if session._closed:
            session._lock.release()
            raise LedgerError(
                "the ledger is closed", where=str(session.state_dir), hint="open it again"
            )
        if session._database.invalid and not session._nesting:
            try:
                session._reopen()
            except BaseException:
                session._lock.release()
                raise
        self._before, session._holder = session._holder, threading.get_ident()
        session._nesting += 1
        return session._database

    def __exit__(self, *_: object) -> None:
        session = self._session
        session._nesting -= 1
        session._holder = self._before
        news: set[str] = set()
        if session._news and not session._nesting:
            news, session._news = session._news, news
        session._lock.release()
        if news:
            session._call_listeners(frozenset(news))
