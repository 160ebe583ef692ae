"""The part of a workspace that serves deployments: it runs what is applied, keeps it so, and says
how each stands.
"""

from __future__ import annotations

import logging
import time
from functools import cached_property

from lyftnb.clock import Clock
from lyftnb.errors import LyftError, NotFound, unknown
from lyftnb.model import Deployment, Settings
from lyftnb.planning.deploying import full_sentence_of
from lyftnb.planning.reconciling import (
    Actual,
    DeploymentStatus,
    Desired,
    Findings,
    Remedy,
    StopDeployment,
    SwitchDeployment,
)
from lyftnb.workspace.applying import alone
from lyftnb.workspace.deployments import Deployments
from lyftnb.workspace.lags import Lag, lags_of
from lyftnb.workspace.nouns import LAGS, STATUSES
from lyftnb.workspace.reconciler import Hands, Reconciler
from lyftnb.workspace.tabular import Table

_log = logging.getLogger(__name__)


class Serving(Deployments):
    """Deployments that are run, and kept as they are to be."""

    _clock: Clock

    @alone
    def serve_deployments(self) -> tuple[str, ...]:
        """Run all that is applied, here and from now on, and keep it so: what differs is brought to
        what is applied, and what cannot be is an issue. Gives the names of those that run; one that
        cannot start leaves an issue and holds nobody up.
        """
        self._serves = True
        self._reconciler.look()
        self._reconciler.begin()
        self._gatekeeper.watch()
        return self._manager.deployments if self._manager is not None else ()

    def status(self, deployment: str | None = None) -> Table[DeploymentStatus]:
        """How deployments stand, by name: whether what runs is what is applied (`sync`), and
        whether it works (`health`), each with its reason.

        Raises:
            NotFound: there is no such deployment.
        """
        # An apply may be at work for as long as its batches take; looking need not wait for it.
        findings, _ = self._reconciler.find(time.monotonic())
        found = [s for s in findings.statuses if deployment in (None, s.name)]
        if deployment is not None and not found:
            raise unknown("deployment", deployment, [s.name for s in findings.statuses])
        return Table(found, STATUSES)

    def lags(self, deployment: str | None = None) -> Table[Lag]:
        """How far the stages of a deployment, or of all, are behind on the spools that they read:
        rows, bytes, and for how long the first of these rows has been there.

        Raises:
            NotFound: there is no such deployment.
        """
        plans = {one.deployment.name: one.plan for one in self._reconciler.desired()}
        if deployment is not None and deployment not in plans:
            raise unknown("deployment", deployment, plans)
        asked = plans.values() if deployment is None else [plans[deployment]]
        return Table(lags_of(self._ledger, asked, self._clock.now()), LAGS)

    def reconcile(self) -> Findings:
        """Look now, rather than within the next seconds: what was found, and is being mended.

        Raises:
            NotFound: deployments are not served here.
        """
        if not self._serves:
            raise NotFound("no deployments are served here", hint="ws.serve_deployments()")
        return self._reconciler.look()

    def _serve_no_more(self) -> None:
        """Let what runs run, and look after it no more."""
        self._serves = False
        self._reconciler.close()
        self._gatekeeper.close()
        del self._reconciler, self._gatekeeper

    # -- the reconciler's hands

    @cached_property
    def _reconciler(self) -> Reconciler:
        return Reconciler(
            self._ledger, Hands(self._actual, self._drifts, self._remedy), self._deploys
        )

    def _actual(self) -> Actual:
        """See `Hands`."""
        # Of one whose loop has ended nothing runs any more.
        manager = self._manager if self._manager is not None and self._manager.alive else None
        at_work = manager.at_work if manager is not None else {}
        return Actual(
            running={name: work.plan for name, work in at_work.items()},
            managed=frozenset(at_work) - self._begun,
            set_aside=manager.set_aside if manager is not None else {},
            slots=self._compute.slots,
            secrets=self._secret_names(),
            busy=manager.busy if manager is not None else frozenset(),
        )

    def _drifts(self, deployment: Deployment) -> tuple[str, ...]:
        """See `Hands`."""
        try:
            plan = self._plan(
                self._given(deployment.ref),
                deployment.context,
                Settings(),
                name=deployment.name,
                kept=True,
                renames={},
            )
        except LyftError as error:
            return (error.message,)
        return tuple(full_sentence_of(change) for change in plan.changes if change.changes)

    def _remedy(self, remedy: Remedy, desired: Desired | None) -> None:
        """See `Hands`."""
        if self._manager is not None and not self._manager.alive:
            _log.error("the manager's loop has ended; all that is applied is started anew")
            self._manager.abandon()
            self._manager = None
        if isinstance(remedy, StopDeployment):
            if self._manager is not None:
                self._manager.stop(remedy.deployment)
        elif desired is not None and isinstance(remedy, SwitchDeployment):
            # It is true already: what is applied takes over.
            manager = self._manager_for(self._run_env(desired.plan))
            manager.switch(desired.plan, _nothing, _nothing)
        elif desired is not None:
            self._start_applied(desired.deployment)


def _nothing() -> None:
    """The ledger says already what it is to say."""
