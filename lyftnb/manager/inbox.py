"""What other threads leave for a loop to do."""

from __future__ import annotations

import queue
from collections.abc import Callable

from lyftnb.errors import StorageError

Event = Callable[[], None]


class Inbox:
    """Events, carried out one after the other by the one thread that calls `take`.

    One that the ledger cannot write for is put off, and carried out again: it is an answer of the
    engine, and nobody would bring it a second time.
    """

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._put_off: list[Event] = []

    def put(self, event: Event) -> None:
        """Leave an event; from any thread."""
        self._events.put(event)

    @property
    def empty(self) -> bool:
        """Whether nothing has been left (what was put off does not count)."""
        return self._events.empty()

    def take(self, timeout: float | None) -> bool:
        """Wait for an event, then carry out all that are there; whether there were any.

        Raises:
            StorageError: some were put off, until `again`; all others are carried out.
        """
        trouble: StorageError | None = None
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return False
        while True:
            try:
                event()
            except StorageError as error:
                self._put_off.append(event)
                trouble = error
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                break
        if trouble is not None:
            raise trouble
        return True

    def again(self) -> None:
        """Leave once more what was put off."""
        events, self._put_off = self._put_off, []
        for event in events:
            self._events.put(event)
