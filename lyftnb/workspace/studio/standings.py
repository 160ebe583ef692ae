"""How deployments stand and how far they are: gathered as it comes in, told together at each tick.

What a tick costs the owner does not depend on how much has happened: one question about the lags
of all that has moved, and at most one a second about how deployments stand.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lyftnb.errors import LyftError
from lyftnb.model import Plan
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.workspace.studio.drift import Drift
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.running import ChannelLag, Numbers, Sign
from lyftnb.workspace.studio.speeds import Speeds

if TYPE_CHECKING:
    from lyftnb.manager import Progress

Tell = Callable[[str, Any], None]
"""Hands out news: topic and data. Called on threads of this package; must return at once."""

_TICK_S = 0.25
_CALM_S = 1.0
"""So often what moves without an event is looked at: ages of lags, files of workflows."""
_ANYHOW_S = 5.0
"""So often deployments are asked about without an event: others may have destroyed one."""
_CALM_SIGNS = frozenset({"running", "waiting", "done"})
"""Signs that drift takes the place of: all is well but for it."""


class Standings:
    """Tells one asker. Thread-safe."""

    def __init__(self, home: Home, drift: Drift, tell: Tell, wants: Callable[[str], bool]) -> None:
        """Prepare; `wants` says whether numbers of a deployment are to be told."""
        self._home = home
        self._drift = drift
        self._tell = tell
        self._wants = wants
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._fresh: dict[str, Progress] = {}
        """Deployment → numbers that came since the last tick."""
        self._anew = self._stale = self._urgent = True
        """Whether all is to be told again; whether deployments may stand otherwise than was found
        last; whether that is news which should not wait."""
        # From here on: of the one thread that tells.
        self._looked_at = self._asked_at = -math.inf
        self._standing: dict[str, DeploymentStatus] = {}
        self._told: tuple[DeploymentStatus, ...] | None = None
        self._progress: dict[str, Progress] = {}
        """Deployment → its newest numbers, wanted or not."""
        self._numbers: dict[str, Numbers] = {}
        """Deployment → what was told of it last."""
        self._plans: dict[tuple[str, int], Plan] = {}
        self._speeds = Speeds()

    def begin_anew(self) -> None:
        """Tell all that is known and wanted, though it was told before."""
        with self._lock:
            self._anew = True
        self.changed(soon=True)

    def progressed(self, progress: Progress) -> None:
        """Take in numbers of a deployment, to be told."""
        with self._lock:
            self._fresh[progress.deployment] = progress
        self.changed()

    def changed(self, *, soon: bool = False) -> None:
        """Look again how deployments stand."""
        with self._lock:
            self._stale = True
            self._urgent = self._urgent or soon
        self.wake()

    def wake(self) -> None:
        """Let the thread that tells look at once."""
        self._due.set()

    def tell_until(self, over: threading.Event) -> None:
        """Tell what there is at each tick, until `over` is set."""
        while True:
            self._due.wait(_CALM_S)
            self._due.clear()
            if over.is_set():
                return
            if self._home.up:
                with suppress(LyftError):  # it is ending: who follows it says when it is back
                    self.tick(time.monotonic())
            over.wait(_TICK_S)

    def tick(self, now: float) -> None:
        """Tell what is new at this time (`time.monotonic`)."""
        calm = now - self._looked_at >= _CALM_S
        if self._to_be_asked(now, calm):
            self._asked_at = now
            self._statuses()
        if calm:
            self._looked_at = now
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            anew, self._anew = self._anew, False
        self._progress |= fresh
        for progress in fresh.values():
            self._speeds.note(progress, now)
        # What stands still may be older, or have drifted, by now.
        looked_at = self._progress if anew or calm else fresh
        wanted = {
            name: self._speeds.told(new, now)
            for name, new in looked_at.items()
            if self._wants(name)
        }
        self._tell_numbers(wanted, wanted if anew else fresh)
        self._progress = {n: new for n, new in self._progress.items() if n in self._standing}
        self._speeds.keep(self._progress)

    # -- inside

    def _to_be_asked(self, now: float, calm: bool) -> bool:
        """Whether to ask how deployments stand."""
        with self._lock:
            ask = self._urgent or (calm and self._stale) or now - self._asked_at >= _ANYHOW_S
            self._urgent = False
            self._stale = self._stale and not ask
        return ask

    def _statuses(self) -> None:
        """Tell how deployments stand, if that is otherwise than was told."""
        found = tuple(self._home.onlooker().status())
        self._standing = {status.name: status for status in found}
        self._numbers = {n: told for n, told in self._numbers.items() if n in self._standing}
        if self._anew or self._told != found:
            self._told = found
            self._tell("status", found)

    def _tell_numbers(self, numbers: Mapping[str, Progress], fresh: Collection[str]) -> None:
        applied = [name for name in numbers if name in self._standing]
        asked = [name for name in applied if name in fresh or self._is_behind(name)]
        lags = self._lags(asked)
        for name, progress in numbers.items():
            told = self._numbers.get(name)
            known = told.lags if told is not None else ()
            made = Numbers(
                progress=progress,
                lags=lags.get(name, ()) if name in asked else known,
                signs=self._signs(progress),
            )
            if name in fresh or made != told:
                self._tell("progress", made)
            if name in self._standing:
                self._numbers[name] = made

    def _is_behind(self, deployment: str) -> bool:
        told = self._numbers.get(deployment)
        return told is not None and any(lag.rows for lag in told.lags)

    def _lags(self, deployments: Collection[str]) -> dict[str, tuple[ChannelLag, ...]]:
        """The lags of these, asked for at once."""
        if not deployments:
            return {}
        only = next(iter(deployments)) if len(deployments) == 1 else None
        found: dict[str, tuple[ChannelLag, ...]] = {}
        for lag in self._home.onlooker().lags(only):
            told = ChannelLag(
                channel=lag.channel, step=lag.step, rows=lag.rows, bytes=lag.bytes, age_s=lag.age_s
            )
            found[lag.deployment] = (*found.get(lag.deployment, ()), told)
        return found

    def _signs(self, progress: Progress) -> dict[str, Sign]:
        status = self._standing.get(progress.deployment)
        if status is None:  # a draft's run: it is no deployment
            return signs(progress, None)
        plan = self._plan(status)
        return signs(progress, plan, self._drift.steps(self._home.onlooker(), status, plan))

    def _plan(self, status: DeploymentStatus) -> Plan:
        """What a deployment was compiled to: asked for once for each revision."""
        key = (status.name, status.revision)
        if key not in self._plans:
            newest = self._home.onlooker().history(status.name)[0]
            self._plans = {k: p for k, p in self._plans.items() if k[0] != status.name}
            self._plans[status.name, newest.number] = newest.plan
            return newest.plan
        return self._plans[key]


def signs(progress: Progress, plan: Plan | None, drifted: Collection[str] = ()) -> dict[str, Sign]:
    """Step → how it stands: as its stage does, or that it has drifted where nothing worse is to be
    told.
    """
    states: dict[str, Sign] = {stage.stage: stage.state for stage in progress.stages}
    if plan is None:
        return states
    found: dict[str, Sign] = {}
    for stage in plan.stages:
        if stage.id in states:
            state = states[stage.id]
            for job in stage.jobs:
                hidden = job.step in drifted and state in _CALM_SIGNS
                found[job.step] = "drifted" if hidden else state
    return found
