"""A named lock, as people use it: held for as long as a block runs, renewed meanwhile."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from lyftnb.errors import LockLost, LyftError, SetupError, StorageError, TimedOut, TryAgain
from lyftnb.workspace.tabular import facts
from lyftnb.workspace.waiting import Waiting

if TYPE_CHECKING:
    from lyftnb.workspace.waiting import Verbs

TTL_S = 30.0


class Lock:
    """One holder at a time, over threads and processes. Not reentrant; for one block at a time.

    While it is held, a thread renews it. It is *lost* when it was not renewed within its `ttl` (the
    owner of the workspace was away for too long, or this process stood still): then `held` is
    False, `on_lost` is called, and the end of the block raises `LockLost`. Nobody can stop a block
    that runs on after that; so let what it writes to check the `token`, which is larger than all
    before it, or ask `check` before each step.

    >>> with ws.lock("nightly", ttl=30) as lock:  # doctest: +SKIP
    ...     for part in parts:
    ...         lock.check()
    ...         write(part, fence=lock.token)
    """

    def __init__(
        self,
        state: Verbs,
        name: str,
        ttl: float = TTL_S,
        *,
        wait: float | None = None,
        holder: str | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; nothing is acquired yet.

        Args:
            state: where the lock lives.
            name: its name.
            ttl: seconds after which it is free again if its holder is gone.
            wait: seconds for which a `with` block waits for it; None: for ever.
            holder: who holds it, for people to read; default: this process.
            on_lost: called when it is lost, on another thread.
        """
        if not 0 < ttl < float("inf"):
            raise SetupError(
                f"a lock's ttl must be a number of seconds above 0, not {ttl}", where=f"lock {name}"
            )
        self.name = name
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self._state = state
        self._ttl = ttl
        self._wait = wait
        self._on_lost = on_lost
        self._change = threading.Condition()
        self._token: int | None = None
        self._until = 0.0
        """By our own clock; from before it was asked for, so that it is never later than the
        ledger's."""
        self._standing = False
        self._is_lost = False

    @property
    def topic(self) -> str:
        """What there is news of when it becomes free."""
        return f"lock:{self.name}"

    @property
    def token(self) -> int | None:
        """The fencing token it was last acquired under; None before that."""
        return self._token

    @property
    def held(self) -> bool:
        """Whether it is ours now, as far as can be known here."""
        return self._standing and time.monotonic() < self._until

    def check(self) -> None:
        """Go on only if the lock is held.

        Raises:
            LockLost: it is not, or not any more.
        """
        if not self.held:
            raise self._not_held()

    def acquire(self, wait: float | None = None) -> bool:
        """Take the lock, waiting for it up to `wait` seconds (None: for ever); whether it is held.

        Raises:
            SetupError: this object holds it already.
        """
        return self.acquire_while(Waiting(self._state, self.topic), wait)

    def acquire_while(self, waiting: Waiting, wait: float | None = None) -> bool:
        """As `acquire`, until another thread ends the waiting (for `topic`)."""
        if self.held:
            raise SetupError(
                "it is held already", where=f"lock {self.name}", hint="release it first"
            )
        if waiting.until(self._take, wait) is None:
            return False
        for work in (self._keep, self._guard):
            threading.Thread(
                target=work, args=(self._token,), name=f"lyftnb-lock-{self.name}", daemon=True
            ).start()
        return True

    def renew(self) -> bool:
        """Hold it for another `ttl` from now; False: it is lost. A thread does so by itself."""
        token = self._token
        return token is not None and self._standing and self._renew(token)

    def release(self) -> bool:
        """Let the next one in; False if it was lost already, or never held."""
        with self._change:
            was_ours, in_time = self._standing, self.held
            self._standing = False
            self._is_lost = self._is_lost or (was_ours and not in_time)
            self._change.notify_all()
        if not in_time or self._token is None:
            return False
        self._is_lost = not self._state.lock_release(self.name, self._token)
        return not self._is_lost

    def __enter__(self) -> Self:
        """Acquire it.

        Raises:
            TimedOut: somebody else held it for all of `wait`.
        """
        if not self.acquire(self._wait):
            holder = next((k.holder for k in self._state.locks() if k.name == self.name), "")
            raise TimedOut(
                f"the lock '{self.name}' did not become free within {self._wait:g} s",
                where=f"held by {holder}" if holder else None,
                hint="wait for longer, or see `lyftnb lock ls`",
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Release it.

        Raises:
            LockLost: it was lost while the block ran, which came to its end.
        """
        try:
            self.release()
        except LyftError:
            # The block's own error says more; the lock runs out by itself.
            if kind is None:
                raise
        if kind is None and self._is_lost:
            raise self._not_held()

    def __repr__(self) -> str:
        return f"Lock({self.name}: {self._stands})"

    def _repr_html_(self) -> str:
        held = next((lock for lock in self._state.locks() if lock.name == self.name), None)
        by = None if held is None else held.holder
        return facts((("lock", self.name), ("here", self._stands), ("held by", by)))

    # -- inside

    @property
    def _stands(self) -> str:
        if self.held:
            return f"held under token {self._token}"
        return "lost" if self._is_lost else "not held"

    def _take(self) -> int | None:
        began = time.monotonic()
        token = self._state.lock_acquire(self.name, self.holder, self._ttl)
        if token is not None:
            with self._change:
                self._token, self._until = token, began + self._ttl
                self._standing, self._is_lost = True, False
        return token

    def _renew(self, token: int) -> bool:
        began = time.monotonic()
        kept = self._state.lock_renew(self.name, token, self._ttl)
        with self._change:
            if kept and self._token == token:
                self._until = began + self._ttl
        if not kept:
            self._lose(token)
        return kept

    def _keep(self, token: int) -> None:
        """Renew it, well before it runs out, until it is released or lost."""
        pause = self._ttl / 3
        while self._pause(token, pause):
            try:
                if not self._renew(token):
                    return
                pause = self._ttl / 3
            except (TryAgain, StorageError):
                # There may be time for another attempt; `_guard` knows when there is not.
                pause = self._ttl / 10
            except LyftError:
                self._lose(token)
                return

    def _pause(self, token: int, seconds: float) -> bool:
        with self._change:
            self._change.wait_for(lambda: not self._is_ours(token), seconds)
            return self._is_ours(token)

    def _guard(self, token: int) -> None:
        """See when it runs out, also while a renewal waits for an owner that is away."""
        while self._is_ours(token):
            left = self._until - time.monotonic()
            if left <= 0:
                self._lose(token)
            else:
                self._pause(token, left)

    def _is_ours(self, token: int) -> bool:
        return self._standing and self._token == token

    def _lose(self, token: int) -> None:
        with self._change:
            if not self._is_ours(token):
                return
            self._standing, self._is_lost = False, True
            self._change.notify_all()
        if self._on_lost is not None:
            self._on_lost()

    def _not_held(self) -> LockLost:
        return LockLost(
            f"the lock '{self.name}' is not held any more",
            where=f"token {self._token}",
            hint="undo or repeat what it guarded; a longer ttl forgives longer pauses",
        )
