"""Watches a workspace for somebody, and tells what happens: a few times a second at most.

One thread follows the owner's events and goes on where it stood should the owner end and come back.
It starts nobody, and does not keep an idle manager from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lyftnb.errors import LyftError
from lyftnb.model import Plan
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol import ChannelLag, Numbers, Sign, Watch

if TYPE_CHECKING:
    from lyftnb.manager import Progress

Tell = Callable[[str, Any], None]
"""Hands out news: topic and data. Called on threads of this package; must return at once."""

_LOOK_S = 0.5
_STATUS_S = 1.0
_TICK_S = 0.25


class Watcher:
    """Tells one asker of one workspace what happens in it."""

    def __init__(self, home: Home, tell: Tell, state: Callable[[], Any]) -> None:
        """Prepare; `state` says what the workspace's own news is."""
        self._home = home
        self._tell = tell
        self._state = state
        self._wanted: frozenset[str] | None = None
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._told: dict[str, Any] = {}
        self._plans: dict[str, tuple[object, Plan]] = {}
        self._status_at = 0.0

    def watch(self, asked: Watch) -> None:
        """Tell from now on, of these deployments or of all."""
        with self._lock:
            self._wanted = None if asked.deployments is None else frozenset(asked.deployments)
            self._told.clear()
            if self._thread is None:
                self._over = threading.Event()
                self._thread = threading.Thread(
                    target=self._follow, args=(self._over,), name="lyftnb-watching", daemon=True
                )
                self._thread.start()

    def unwatch(self) -> None:
        """Tell no more."""
        with self._lock:
            self._over.set()
            self._thread = None

    # -- inside

    def _follow(self, over: threading.Event) -> None:
        last: str | None = None
        up: bool | None = None
        while not over.is_set():
            if self._home.up != up:
                up = self._home.up
                self._tell("workspace", self._state())
            if up:
                with suppress(LyftError):  # it is ending: it is looked for again
                    last = self._events(over, last)
            over.wait(_LOOK_S)

    def _events(self, over: threading.Event, last: str | None) -> str | None:
        """Tell until the stream ends; the id of the last event."""
        self._statuses(now=True)
        try:
            for id, kind, what in self._home.onlooker().events(over, last):
                last = id
                if over.is_set():
                    break
                self._happened(kind, what)
        except LyftError:
            pass  # it broke; what was told counts
        return last

    def _happened(self, kind: str, what: Any) -> None:
        if kind == "progress":
            if self._wants(what.deployment):
                self._numbers(what)
            self._statuses()
            return
        if self._wants(_deployment_of(kind, what)):
            self._tell(kind, what)
        self._statuses(now=kind == "issue")

    def _wants(self, deployment: str) -> bool:
        return self._wanted is None or deployment in self._wanted

    def _numbers(self, progress: Progress) -> None:
        lags: tuple[ChannelLag, ...] = ()
        plan: Plan | None = None
        with suppress(LyftError):  # a draft's run: it is no deployment
            lags = tuple(
                ChannelLag(
                    channel=lag.channel, step=lag.step, rows=lag.rows, bytes=lag.bytes, age_s=None
                )
                for lag in self._home.onlooker().lags(progress.deployment)
            )
            plan = self._home.onlooker().history(progress.deployment)[0].plan
        self._tell("progress", Numbers(progress=progress, lags=lags, signs=signs(progress, plan)))

    def _statuses(self, *, now: bool = False) -> None:
        """Tell how deployments stand, if that is another than was told."""
        if not now and time.monotonic() - self._status_at < _STATUS_S:
            return
        self._status_at = time.monotonic()
        with suppress(LyftError):
            found = tuple(self._home.onlooker().status())
            if self._told.get("status") != found:
                self._told["status"] = found
                self._tell("status", found)


def signs(progress: Progress, plan: Plan | None) -> dict[str, Sign]:
    """Step → how it stands: as its stage does."""
    stages = {stage.stage: stage.state for stage in progress.stages}
    if plan is None:
        return dict(stages)
    return {
        job.step: stages[stage.id]
        for stage in plan.stages
        for job in stage.jobs
        if stage.id in stages
    }


def _deployment_of(kind: str, what: Any) -> str:
    if kind == "run":
        return str(what.deployment)
    place = what.place if kind == "issue" else what.job or ""
    return str(place).partition("/")[0].partition(".")[0]
