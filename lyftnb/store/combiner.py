"""Group commit of single calls: callers who come while a transaction runs share the next one.

Whoever comes first leads: it carries out all calls that wait, its own among them, and hands the
lead to the first of those that have come meanwhile. The others sleep until theirs is done.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from lyftnb.errors import LedgerError
from lyftnb.store.entries import Address
from lyftnb.store.keybook import KeyBook

T = TypeVar("T")
_LIMIT = 512
"""Calls in one transaction."""


class Call(Generic[T]):
    """What one caller wants done."""

    def __init__(self, needs: Sequence[Address], act: Callable[[KeyBook], T]) -> None:
        """Prepare a call.

        Args:
            needs: keys that must be brought in before it acts.
            act: does it; a call that raises must have changed nothing.
        """
        self.needs = needs
        self.act = act
        self.woken = threading.Event()
        self.done = False
        self._result: T | None = None
        self._error: BaseException | None = None

    def carry_out(self, book: KeyBook) -> None:
        """Act, and keep the result or the error for the caller."""
        self._result = self._error = None
        try:
            self._result = self.act(book)
        except Exception as error:
            self._error = error

    def fail(self, error: BaseException) -> None:
        """Let the caller have this error, whatever came before."""
        self._error = error

    def outcome(self) -> T:
        """The result; raises what the call raised."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


class Combiner:
    """Brings calls from many threads together."""

    def __init__(self, carry_out: Callable[[Sequence[Call[Any]]], None]) -> None:
        """Make a combiner; `carry_out` does calls and lets each have its outcome, and raises if
        none of them was done.
        """
        self._carry_out = carry_out
        self._mutex = threading.Lock()
        self._waiting: deque[Call[Any]] = deque()
        self._led = False

    def run(self, call: Call[T]) -> T:
        """Have a call carried out, alone or with others; its result."""
        with self._mutex:
            self._waiting.append(call)
            leads, self._led = not self._led, True
        if not leads:
            try:
                call.woken.wait()
            except BaseException:
                self._withdraw(call)
                raise
        if not call.done:
            self._lead()
        return call.outcome()

    def _lead(self) -> None:
        with self._mutex:
            count = min(len(self._waiting), _LIMIT)
            calls = [self._waiting.popleft() for _ in range(count)]
        try:
            self._carry_out(calls)
        except Exception as error:
            for call in calls:
                call.fail(error)
        except BaseException:
            # This thread alone was meant, say by Ctrl-C; it may have come before or after COMMIT.
            for call in calls:
                call.fail(_cut_off())
            raise
        finally:
            for call in calls:
                call.done = True
                call.woken.set()
            with self._mutex:
                self._appoint()

    def _appoint(self) -> None:
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].woken.set()

    def _withdraw(self, call: Call[Any]) -> None:
        """A caller was interrupted while it waited: it must not be waited for as the leader."""
        with self._mutex:
            if call in self._waiting:
                self._waiting.remove(call)
                if call.woken.is_set():
                    self._appoint()


def _cut_off() -> LedgerError:
    return LedgerError(
        "the thread that carried out this call together with its own was interrupted",
        hint="look whether the change is there before you make it again",
    )
