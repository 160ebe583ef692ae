"""Locks: one holder at a time, for as long as it renews, with fencing tokens.

A token is larger than all earlier ones of its lock, for ever, so a holder that stalled past its
time is found out by whoever checks the token. The commit does (`Claim.locks`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from lyftnb.errors import StateError
from lyftnb.model import Commit, Refused, is_state_name
from lyftnb.store.entries import expiry
from lyftnb.store.families import Setting
from lyftnb.store.mirror import LockStanding
from lyftnb.store.records import Lock
from lyftnb.store.session import Session


class Locks(Session):
    """Named locks; a leader is whoever holds one."""

    def lock_acquire(self, name: str, holder: str, ttl_s: float) -> int | None:
        """Take a lock that nobody holds.

        Args:
            name: the lock; it need not exist.
            holder: who takes it, for people. A holder is known by its token alone: whoever lost the
                token waits like all others.
            ttl_s: seconds for which it is held, unless renewed.

        Returns:
            The fencing token, larger than all before; None if somebody holds the lock.
        """
        if not is_state_name(name):
            raise StateError(
                f"'{name}' cannot name a lock",
                hint="use letters, digits and _ . : -, as in `etl.leader`",
            )
        with self.opened():
            now = self.clock.now()
            standing = self.mirror.locks.get(name)
            if standing is not None and standing.held(now):
                return None
            token = standing.token + 1 if standing else 1
            self._stand(name, LockStanding(token, holder, now, self._until(ttl_s)))
            return token

    def lock_renew(self, name: str, token: int, ttl_s: float) -> bool:
        """Hold a lock for `ttl_s` seconds from now; False: it is lost, expired or taken over."""
        with self.opened():
            standing = self._held(name, token)
            if standing is None:
                return False
            self._stand(name, replace(standing, expires_at=self._until(ttl_s)))
            return True

    def lock_release(self, name: str, token: int) -> bool:
        """Let the next one in; False: the lock was lost already, expired or taken over."""
        with self.opened():
            standing = self._held(name, token)
            if standing is None:
                return False
            self._stand(name, replace(standing, holder=None))
            self.tell([f"lock:{name}"])
            return True

    def locks_release_of(self, holder: str) -> list[str]:
        """Let the next ones in to all that a holder held when it came to its end; their names."""
        with self.opened():
            now = self.clock.now()
            held = {
                name: standing.token
                for name, standing in self.mirror.locks.items()
                if standing.holder == holder and standing.held(now)
            }
            return [name for name, token in held.items() if self.lock_release(name, token)]

    def locks(self) -> list[Lock]:
        """The locks that are held, by name."""
        with self.opened():
            now = self.clock.now()
            return [
                Lock(name, held.holder or "", held.token, held.acquired_at, held.expires_at)
                for name, held in sorted(self.mirror.locks.items())
                if held.held(now)
            ]

    def _until(self, ttl_s: float) -> datetime:
        until = expiry(self.clock.now(), ttl_s)
        assert until is not None
        return until

    def _held(self, name: str, token: int) -> LockStanding | None:
        standing = self.mirror.locks.get(name)
        if standing is None or standing.token != token or not standing.held(self.clock.now()):
            return None
        return standing

    def _stand(self, name: str, standing: LockStanding) -> None:
        with self._database.transaction():
            self._database.run("forget_lock", lock=name)
            row = {slot: getattr(standing, slot) for slot in LockStanding.__slots__}
            self._database.append("locks", [{"name": name, **row}])
        self.mirror.locks[name] = standing


class HeldLocks:
    """The locks that a batch relies on: a commit needs every token to be current, and in time."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def refused(self, commit: Commit) -> Refused | None:
        """Whether a lock was lost."""
        for lock in commit.claim.locks:
            standing = self._setting.state.locks.get(lock.name)
            if standing is None or standing.token != lock.token:
                found = f"token {standing.token}" if standing else "no such lock"
            elif standing.holder is None:
                found = "it was released"
            elif standing.expires_at <= self._setting.now:
                found = f"it expired at {standing.expires_at:%H:%M:%S} UTC"
            else:
                continue
            expected = f"lock {lock.name} held under token {lock.token}"
            return Refused(commit.claim.batch, "lock", expected, found)
        return None

    def take(self, commit: Commit, snapshot: int) -> None:
        """A commit changes no lock."""

    def write(self) -> None:
        """A commit changes no lock."""
