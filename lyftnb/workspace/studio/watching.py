"""Watches a workspace for somebody, and tells what happens: a few times a second at most.

One thread follows the owner's events, hands them on, and goes on where it stood should the owner
end and come back. Another tells how deployments stand (`Standings`). Nobody is started by this, and
an idle manager is not kept from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lyftnb.errors import LyftError
from lyftnb.workspace.studio.drift import Drift
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.running import Watch
from lyftnb.workspace.studio.standings import Standings, Tell

_LOOK_S = 0.5


class Watcher:
    """Tells one asker of one workspace what happens in it."""

    def __init__(self, home: Home, drift: Drift, tell: Tell, state: Callable[[], Any]) -> None:
        """Prepare; `state` says what the workspace's own news is."""
        self._home = home
        self._drift = drift
        self._tell = tell
        self._state = state
        self._standings = Standings(home, drift, tell, self._wants)
        self._wanted: frozenset[str] | None = None
        self._over = threading.Event()
        self._over.set()
        self._lock = threading.Lock()

    def watch(self, asked: Watch) -> None:
        """Tell from now on, of these deployments or of all."""
        with self._lock:
            self._wanted = None if asked.deployments is None else frozenset(asked.deployments)
            if self._over.is_set():
                self._over = threading.Event()
                # The one before may be telling its last: this is another's.
                self._standings = Standings(self._home, self._drift, self._tell, self._wants)
                self._begin("watching", self._follow)
                self._begin("standings", self._standings.tell_until)
            self._standings.begin_anew()

    def unwatch(self) -> None:
        """Tell no more."""
        with self._lock:
            self._over.set()
            self._standings.wake()

    # -- inside

    def _begin(self, name: str, work: Callable[[threading.Event], None]) -> None:
        over, name = self._over, f"lyftnb-{name}"
        threading.Thread(target=work, args=(over,), name=name, daemon=True).start()

    def _follow(self, over: threading.Event) -> None:
        last: str | None = None
        up: bool | None = None
        while not over.is_set():
            if self._home.up != up:
                up = self._home.up
                self._tell("workspace", self._state())
            if up:
                self._standings.changed(soon=True)
                last = self._events(over, last)
            over.wait(_LOOK_S)

    def _events(self, over: threading.Event, last: str | None) -> str | None:
        """Hand on what happens until the stream ends; the id of the last event."""
        with suppress(LyftError):  # it is ending, and looked for again; what was told counts
            for id, kind, what in self._home.onlooker().events(over, last):
                last = id
                if over.is_set():
                    break
                self._happened(kind, what)
        return last

    def _happened(self, kind: str, what: Any) -> None:
        if kind == "progress":
            self._standings.progressed(what)
            return
        if self._wants(_deployment_of(kind, what)):
            self._tell(kind, what)
        self._standings.changed(soon=kind == "issue")

    def _wants(self, deployment: str) -> bool:
        return self._wanted is None or deployment in self._wanted


def _deployment_of(kind: str, what: Any) -> str:
    if kind == "run":
        return str(what.deployment)
    place = what.place if kind == "issue" else what.job or ""
    return str(place).partition("/")[0].partition(".")[0]
