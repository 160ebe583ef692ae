"""Keeps what runs in step with what is applied, whatever happens by hand or by accident.

One thread that looks every few seconds: it gathers facts, asks `planning.reconciling` what is to be
done and told, and does it. A remedy that does not help is tried again ever later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lyftnb.errors import LyftError
from lyftnb.model import Deployment, IssueDraft, Revision
from lyftnb.planning.reconciling import CODES, Actual, Desired, Findings, Remedy, reconcile
from lyftnb.workspace.lags import rows_behind

if TYPE_CHECKING:
    from lyftnb.store import Ledger

LOOK_S = 2.0
_PLAN_AGAIN_S = 60.0
_FILES_S = 5.0
_FILES_SHARE = 0.01
"""Of the time at most goes into looking for the files of segments."""
_PAUSE_S = 5.0
_MAX_PAUSE_S = 300.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hands:
    """What the reconciler may do, and look at, beside the ledger."""

    actual: Callable[[], Actual]
    """What runs, and with what, as the manager and the cluster know it."""
    drifts: Callable[[Deployment], tuple[str, ...]]
    """What planning a deployment again would change, in words."""
    remedy: Callable[[Remedy, Desired | None], None]
    """Carries a remedy out."""


@dataclass(slots=True)
class _Tried:
    """A remedy that was carried out, and may have to be again."""

    pause_s: float
    due: float


@dataclass(slots=True)
class Facts:
    """What is gathered from the ledger: dear things seldom."""

    ledger: Ledger
    hands: Hands
    _revisions: dict[str, Revision] = field(default_factory=dict)
    _drifts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _planned: tuple[int, float] = (-1, 0.0)
    """The newest entry of the audit when drifts were last looked for, and when that was."""
    _damaged: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _files_due: float = 0.0

    def desired(self) -> tuple[Desired, ...]:
        """What is applied."""
        found = []
        for deployment in self.ledger.deployments():
            known = self._revisions.get(deployment.name)
            if known is None or known.number != deployment.revision:
                known = self.ledger.revision(deployment.name, deployment.revision)
                self._revisions[deployment.name] = known
            found.append(Desired(deployment, deployment.pauses.on(known.plan)))
        return tuple(found)

    def drifts(self, desired: Sequence[Desired], now: float) -> Mapping[str, tuple[str, ...]]:
        """Looked for after each change of what is desired, and now and then."""
        newest = next((entry.entry for entry in self.ledger.audit(limit=1)), 0)
        if newest != self._planned[0] or now - self._planned[1] > _PLAN_AGAIN_S:
            self._planned = (newest, now)
            self._drifts = {d.deployment.name: self.hands.drifts(d.deployment) for d in desired}
        return self._drifts

    def lags(self, desired: Sequence[Desired]) -> Mapping[str, int]:
        """Deployment → rows that wait in spools for a stage of it."""
        return {one.deployment.name: rows_behind(self.ledger, one.plan) for one in desired}

    def damaged(self, now: float) -> Mapping[str, tuple[str, ...]]:
        """Spool → segments whose files are not there, or not as long as they were."""
        if now >= self._files_due:
            begun = time.monotonic()
            found: dict[str, list[str]] = {}
            for damage in self.ledger.verify(sizes_only=True):
                if damage.live:
                    found.setdefault(damage.spool, []).append(str(damage))
            self._damaged = {spool: tuple(words) for spool, words in found.items()}
            took = time.monotonic() - begun
            self._files_due = now + max(_FILES_S, took / _FILES_SHARE)
        return self._damaged


class Reconciler:
    """The loop. Thread-safe."""

    def __init__(self, ledger: Ledger, hands: Hands, alone: threading.RLock) -> None:
        """`alone` is held for as long as a look takes: nobody else changes what runs meanwhile."""
        self._ledger = ledger
        self._hands = hands
        self._alone = alone
        self._facts = Facts(ledger, hands)
        self._finding = threading.Lock()
        """Facts are remembered by one thread at a time."""
        self._tried: dict[Remedy, _Tried] = {}
        self._told: dict[tuple[str, str], IssueDraft] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Look from now on."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._loop, name="lyftnb-reconciler", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> Findings:
        """Look once, and do what is to be done; what was found."""
        with self._alone:
            now = time.monotonic()
            findings, desired = self.find(now)
            self._heal(findings, desired, now)
            self._tell(findings.issues)
            return findings

    def desired(self) -> tuple[Desired, ...]:
        """What is applied."""
        with self._finding:
            return self._facts.desired()

    def find(self, now: float) -> tuple[Findings, Mapping[str, Desired]]:
        """Look once, and change nothing."""
        with self._finding:
            desired = self._facts.desired()
            actual = self._hands.actual().with_facts(
                drifts=self._facts.drifts(desired, now),
                damaged=self._facts.damaged(now),
                issues=tuple(self._ledger.issues()),
                lags=self._facts.lags(desired),
            )
        return reconcile(desired, actual), {one.deployment.name: one for one in desired}

    def _loop(self) -> None:
        while not self._over.wait(LOOK_S):
            try:
                self.look()
            except Exception as error:
                # Whatever it is, the next look may do better; and nothing else keeps things right.
                level = logging.WARNING if isinstance(error, LyftError) else logging.ERROR
                _log.log(level, "reconciling failed: %s", error, exc_info=level == logging.ERROR)

    def _heal(self, findings: Findings, desired: Mapping[str, Desired], now: float) -> None:
        self._tried = {r: tried for r, tried in self._tried.items() if r in findings.remedies}
        for remedy in findings.remedies:
            tried = self._tried.get(remedy)
            if tried is not None and now < tried.due:
                continue
            pause_s = _PAUSE_S if tried is None else min(tried.pause_s * 2, _MAX_PAUSE_S)
            self._tried[remedy] = _Tried(pause_s, now + pause_s)
            _log.info("%s: %s (%s)", type(remedy).__name__, remedy.deployment, remedy.why)
            try:
                self._hands.remedy(remedy, desired.get(remedy.deployment))
            except LyftError as error:
                _log.warning("deployment '%s': %s", remedy.deployment, error)

    def _tell(self, issues: Sequence[IssueDraft]) -> None:
        """Raise what is new, has changed or was closed by hand; close what is gone."""
        left = [issue for code in CODES for issue in self._ledger.issues(code=code)]
        standing = {(i.code, i.place): IssueDraft(i.code, i.place, "") for i in left}
        found = {(draft.code, draft.place): draft for draft in issues}
        fresh = [
            draft
            for key, draft in found.items()
            if key not in standing or self._told.get(key) != draft
        ]
        if fresh:
            self._ledger.raise_issues(fresh)
        for code, place in standing.keys() - found.keys():
            self._ledger.close_issue(code, place)
        self._told = found
