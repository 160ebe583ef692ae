"""Watches revisions that stand under a health gate, and has the old one back if they do worse."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from lyftnb.errors import LyftError
from lyftnb.model import Deployment, Gate
from lyftnb.planning.deploying import Verdict, judge

if TYPE_CHECKING:
    from lyftnb.store import Ledger

_LOOK_S = 0.5
_BLOCKED = "stage_blocked"
ROLLED_BACK = "rolled_back"
"""The issue of a deployment whose newest revision its gate did not let stand."""
_log = logging.getLogger(__name__)


class GoBack(Protocol):
    """Applies an older revision of a deployment again, unless another one came meanwhile."""

    def __call__(self, deployment: Deployment, revision: int) -> None:
        """Go back to it."""
        ...


class Gatekeeper:
    """One thread, for as long as a gate is open. Thread-safe."""

    def __init__(self, ledger: Ledger, go_back: GoBack) -> None:
        self._ledger = ledger
        self._go_back = go_back
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def watch(self) -> None:
        """Look at the gates that are open, from now on."""
        with self._lock:
            if self._thread is None and self._gated() and not self._over.is_set():
                self._thread = threading.Thread(
                    target=self._loop, name="lyftnb-gatekeeper", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Look no more; gates that are open are looked at by the next owner."""
        self._over.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _loop(self) -> None:
        while not self._over.wait(_LOOK_S):
            for deployment in self._gated():
                try:
                    self._look(deployment)
                except LyftError as error:
                    _log.warning("the gate of '%s': %s", deployment.name, error)
            with self._lock:
                if not self._gated():
                    self._thread = None
                    return

    def _gated(self) -> list[Deployment]:
        return [found for found in self._ledger.deployments() if found.gate is not None]

    def _look(self, deployment: Deployment) -> None:
        gate = deployment.gate
        assert gate is not None
        verdict = self._verdict(deployment, gate)
        if not verdict.settled:
            return
        if not verdict.worse:
            self._ledger.open_gate(deployment.name, deployment.revision)
            return
        cause = (
            f"revision {deployment.revision} ({deployment.ref}) was rolled back: {verdict.worse}"
        )
        hint = f"see what it did, and apply a better one: lyftnb history {deployment.name}"
        try:
            self._go_back(deployment, gate.before)
        except LyftError as error:
            cause = (
                f"revision {deployment.revision} does worse ({verdict.worse}) and stays: {error}"
            )
            # Once is enough: a person has to look at it.
            self._ledger.open_gate(deployment.name, deployment.revision)
        with suppress(LyftError):
            self._ledger.raise_issue(ROLLED_BACK, deployment.name, cause, hint=hint)

    def _verdict(self, deployment: Deployment, gate: Gate) -> Verdict:
        ledger, name = self._ledger, deployment.name
        blocked = [
            issue.place.partition("/")[2]
            for issue in ledger.issues(code=_BLOCKED, place_prefix=name)
            if issue.last_at >= deployment.applied_at
        ]
        before = ledger.outcomes(name, until=gate.snapshot, limit=gate.batches)
        after = ledger.outcomes(name, after=gate.snapshot, limit=gate.batches)
        return judge(before, after, gate.batches, blocked)
