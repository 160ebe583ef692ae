"""Leader election: whoever holds the lock leads, and the others stand by."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from lyftnb.clock import awaited
from lyftnb.errors import LyftError, StorageError, TryAgain
from lyftnb.workspace.state_lock import TTL_S, Lock
from lyftnb.workspace.tabular import facts
from lyftnb.workspace.waiting import Waiting

if TYPE_CHECKING:
    from lyftnb.workspace.waiting import Verbs

_PAUSE_S = 1.0
_log = logging.getLogger(__name__)


class Leader:
    """A candidate. Once it campaigns it leads whenever nobody else does, until it resigns.

    There is at most one leader at a time, as far as locks can say: one that stood still past its
    `ttl` is told late. What it writes to can tell by the `token`, which grows with every leader.

    >>> with ws.leader("ingest") as candidate:  # doctest: +SKIP
    ...     candidate.wait()
    ...     while candidate.is_leader:
    ...         work()
    """

    def __init__(
        self, state: Verbs, name: str, ttl: float = TTL_S, *, holder: str | None = None
    ) -> None:
        self.name = name
        self._state = state
        self._lock = Lock(state, name, ttl, holder=holder, on_lost=self._lost)
        self._callbacks: list[Callable[[bool], None]] = []
        self._change = threading.Condition()
        self._standing = False
        self._waiting = Waiting(state, self._lock.topic)
        self._thread: threading.Thread | None = None

    @property
    def is_leader(self) -> bool:
        """Whether this candidate leads now, as far as can be known here."""
        return self._lock.held

    @property
    def token(self) -> int | None:
        """The fencing token under which it leads, or led last."""
        return self._lock.token

    @property
    def leader(self) -> str | None:
        """Who leads now; None if nobody does."""
        return next((k.holder for k in self._state.locks() if k.name == self.name), None)

    def on_change(self, callback: Callable[[bool], None]) -> Self:
        """Call this with True when the candidate becomes leader and with False when it is no longer
        one; on another thread, and it should return soon.
        """
        self._callbacks.append(callback)
        return self

    def campaign(self) -> Self:
        """Stand for election from now on; returns at once. Who loses the lead stands again."""
        with self._change:
            if self._standing:
                return self
            self._standing, self._waiting = True, Waiting(self._state, self._lock.topic)
            self._thread = threading.Thread(
                target=self._stand, name=f"lyftnb-leader-{self.name}", daemon=True
            )
        self._thread.start()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to become the leader; False: not within `timeout` seconds, or it has resigned."""

        def settled(seconds: float) -> bool:
            return self._change.wait_for(lambda: self.is_leader or not self._standing, seconds)

        with self._change:
            awaited(settled, timeout)
            return self.is_leader

    def resign(self) -> None:
        """Stand no longer; if it leads, the next one leads at once."""
        with self._change:
            thread, self._thread, self._standing = self._thread, None, False
            self._change.notify_all()
        self._waiting.end()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def __enter__(self) -> Self:
        return self.campaign()

    def __exit__(self, *_: object) -> None:
        self.resign()

    def __repr__(self) -> str:
        return f"Leader({self.name}: {self._stands})"

    def _repr_html_(self) -> str:
        return facts((("office", self.name), ("here", self._stands), ("leader", self.leader)))

    # -- inside

    @property
    def _stands(self) -> str:
        if self.is_leader:
            return "leads"
        return "stands by" if self._standing else "does not stand"

    def _stand(self) -> None:
        while self._standing:
            try:
                elected = self._lock.acquire_while(self._waiting)
            except (TryAgain, StorageError):
                self._pause(_PAUSE_S)
                continue
            except LyftError as error:
                _log.warning("the candidate for '%s' stands no longer: %s", self.name, error)
                break
            if elected:
                self._lead()
        with self._change:
            self._standing = False
            self._change.notify_all()

    def _lead(self) -> None:
        """From the election until the lead is lost or given up."""
        self._tell(True)
        with self._change:
            self._change.notify_all()
            self._change.wait_for(lambda: not self._standing or not self.is_leader)
        try:
            self._lock.release()
        except LyftError as error:
            _log.warning("the lock '%s' could not be released: %s", self.name, error)
        self._tell(False)

    def _pause(self, seconds: float) -> None:
        with self._change:
            self._change.wait_for(lambda: not self._standing, seconds)

    def _lost(self) -> None:
        with self._change:
            self._change.notify_all()

    def _tell(self, leads: bool) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(leads)
            except Exception:
                # Whoever is told must not keep the lock from being renewed or released.
                _log.exception("a callback of the candidate for '%s' failed", self.name)
