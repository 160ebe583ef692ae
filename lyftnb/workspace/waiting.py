"""Waiting for what another thread or process does: woken by the ledger's news, and looking again
now and then, for what only time brings (a delay or a lease that runs out).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from lyftnb.store import Ledger
    from lyftnb.store.remote import StateClient

    Verbs: TypeAlias = Ledger | StateClient
    """The ledger, or another process's way to it: the same verbs."""

T = TypeVar("T")

_LOOK_S = 1.0


class Waiting:
    """One wait, which another thread may end."""

    def __init__(self, state: Verbs, topic: str) -> None:
        self._state = state
        self._topic = topic
        self._news = threading.Event()
        self._over = False

    def until(self, look: Callable[[], T | None], timeout: float | None) -> T | None:
        """What `look` finds, once it finds something; None if that is not within `timeout` seconds
        (None: ever), or if the wait was ended.
        """
        found = None if self._over else look()
        if found is not None or timeout == 0 or self._over:
            return found
        deadline = None if timeout is None else time.monotonic() + timeout
        news = self._news
        stop_listening = self._state.listen(lambda _: news.set(), (self._topic,))
        try:
            while not self._over:
                news.clear()
                found = look()
                left = _LOOK_S if deadline is None else deadline - time.monotonic()
                if found is not None or left <= 0:
                    return found
                if not self._over:
                    news.wait(min(left, _LOOK_S))
            return None
        finally:
            stop_listening()

    def end(self) -> None:
        """Have `until` give up, now and later; from any thread."""
        self._over = True
        self._news.set()
