"""The part of a workspace that deploys: plan, apply, look back, pause, destroy.

What is to run is in the ledger. Whether it runs here as well is another matter: it does from
`serve_deployments` on, and then each change takes hold at once, at a batch boundary.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace

from lyftnb.errors import NotFound, SetupError, unknown
from lyftnb.model import (
    AuditEntry,
    Deployment,
    DeploymentPlan,
    Pauses,
    Revision,
    Settings,
    is_plan_id,
)
from lyftnb.planning.reconciling import SEGMENTS_DAMAGED
from lyftnb.workspace.applying import Applying, alone, request_of
from lyftnb.workspace.contexts import user
from lyftnb.workspace.given import PlanLike, WorkflowLike, plan_named
from lyftnb.workspace.nouns import AUDIT, DEPLOYMENTS, REVISIONS
from lyftnb.workspace.tabular import Table

_log = logging.getLogger(__name__)


class Deployments(Applying):
    """Deployments of a workspace."""

    # -- planning

    def plan(
        self,
        workflow: WorkflowLike,
        *,
        context: str | None = None,
        name: str | None = None,
        groups: Mapping[str, str] | None = None,
        replicas: Mapping[str, int] | None = None,
        from_now: Collection[str] = (),
    ) -> DeploymentPlan:
        """What applying a workflow would change, with what it compiles to (`plan.compiled`).

        Args:
            workflow: a published reference; or a draft, planned as deployment `NAME_draft`.
            context: as for `run`.
            name: the deployment's, in place of `WORKFLOW` or `WORKFLOW_CONTEXT`: so a workflow can
                be deployed several times, each with its own positions, state and spools. A name
                that another workflow's deployment has is a problem of the plan.
            groups: step → worker group, in place of the document's, from this apply on.
            replicas: step → replicas, likewise.
            from_now: steps that are to read a spool which is new to them from now on, and leave
                out the rows that it has.

        Raises:
            InvalidWorkflow: it has errors.
            NotFound: a setting names a step that there is not.
            SetupError: it cannot have that name.
        """
        given = self._given(workflow)
        settings = Settings(groups or {}, replicas or {})
        plan = self._plan(given, context, settings, name=name, kept=True, from_now=from_now)
        if plan.version is not None:
            self._ledger.keep_plan(plan, request_of(plan), user())
        return plan

    @alone
    def apply(
        self,
        plan: PlanLike,
        *,
        accept: Collection[str] = (),
        context: str | None = None,
        name: str | None = None,
        groups: Mapping[str, str] | None = None,
        replicas: Mapping[str, int] | None = None,
        gate: int | None = None,
    ) -> Deployment:
        """Carry a plan out, all or nothing: what was deployed goes on if it fails.

        Args:
            plan: a plan, its id, or a published version or its reference, which is planned first.
            accept: what would be lost or held up and may be, by the names that the plan gives
                (`drop:clean/raw`), by kind (`drop`), or `all`.
            context: with a reference, as for `plan`.
            name: with a reference, as for `plan`.
            groups: with a reference, as for `plan`.
            replicas: with a reference, as for `plan`.
            gate: the health gate: if it rejects more of its rows over its first so many batches
                than the revision before over its last ones, if more batches fail, or a stage is
                blocked, the one before is applied again by itself, and an issue tells why.

        Raises:
            PlanRefused: it is stale, has errors, is a draft's, or needs to be accepted.
            NotFound: there is no such plan or version.
        """
        plan = plan_named(plan)
        if isinstance(plan, str) and not is_plan_id(plan):
            plan = self.plan(plan, context=context, name=name, groups=groups, replicas=replicas)
        elif context or name or groups or replicas:
            raise SetupError(
                "a plan has its context, name and settings already",
                hint="give them with a reference, or plan again",
            )
        return self._apply(self._fresh(plan), accept, "apply", gate)

    @alone
    def rollback(
        self, deployment: str, revision: int | None = None, *, accept: Collection[str] = ()
    ) -> Deployment:
        """Apply the version and the settings of an older revision; the one before without a number.

        Positions and data stay where they are: it goes on from here, under the older version.

        Raises:
            NotFound: there is no such deployment or revision.
            PlanRefused: something would be lost that was not accepted.
        """
        return self._apply(self.plan_rollback(deployment, revision), accept, "rollback")

    def plan_rollback(self, deployment: str, revision: int | None = None) -> DeploymentPlan:
        """What `rollback` would change."""
        present = self.deployment(deployment)
        number = revision if revision is not None else present.revision - 1
        if number < 1:
            raise NotFound(
                f"deployment '{deployment}' has no revision before its first",
                hint=f"list them: lyftnb history {deployment}",
            )
        return self._plan_back(deployment, number)

    # -- looking

    @property
    def deployments(self) -> Table[Deployment]:
        """What is applied, by name."""
        return Table(self._ledger.deployments(), DEPLOYMENTS)

    def deployment(self, name: str) -> Deployment:
        """A deployment by its name.

        Raises:
            NotFound: it is not applied.
        """
        found = self._ledger.deployment(name)
        if found is None:
            raise unknown("deployment", name, [d.name for d in self.deployments])
        return found

    def history(self, deployment: str) -> Table[Revision]:
        """Every apply of a deployment, newest first: who, when, what it changed.

        Raises:
            NotFound: it was never applied.
        """
        found = self._ledger.revisions(deployment)
        if not found:
            raise unknown("deployment", deployment, [d.name for d in self.deployments])
        return Table(found, REVISIONS)

    def audit(
        self, ref: str | None = None, who: str | None = None, limit: int = 100
    ) -> Table[AuditEntry]:
        """Changes of what is desired, newest first: who made them, when, and of what.

        Args:
            ref: only of this deployment, workflow (all its versions), context or secret.
            who: only by this user.
            limit: at most so many.
        """
        return Table(self._ledger.audit(ref, who, limit), AUDIT)

    # -- changing

    @alone
    def pause(self, deployment: str, step: str | None = None) -> Deployment:
        """Hold a deployment, or one stage of it, from the next batch boundary until `resume`.

        Args:
            deployment: its name.
            step: the first step of a stage; left out: all of them.

        Raises:
            NotFound: there is no such deployment or step.
            SetupError: the step runs within a stage of another.
        """
        before = self.deployment(deployment).pauses
        if step is None:
            return self._pause(deployment, replace(before, whole=True), "pause")
        self._require_stage(deployment, step)
        held = {**before.stages, step: True}
        return self._pause(deployment, replace(before, stages=held), "pause", step)

    @alone
    def resume(self, deployment: str, step: str | None = None) -> Deployment:
        """Let a deployment, or one stage of it, go on from where it was held. Without a step all of
        it runs as its document says.

        Raises:
            NotFound: there is no such deployment or step.
            SetupError: the deployment is paused as a whole, so that no stage of it can go on.
        """
        before = self.deployment(deployment).pauses
        if step is None:
            return self._pause(deployment, Pauses(), "resume")
        self._require_stage(deployment, step)
        if before.whole:
            raise SetupError(
                f"all of deployment '{deployment}' is paused",
                hint=f"lyftnb resume {deployment}",
            )
        going = {**before.stages, step: False}
        return self._pause(deployment, replace(before, stages=going), "resume", step)

    @alone
    def destroy(self, deployment: str, *, data: bool = False) -> None:
        """Let a deployment run no more. Its data, positions and history stay, so that it goes on
        from there if it is applied again.

        Args:
            deployment: its name.
            data: empty its spools, and forget positions and state, also of one that was destroyed
                before without. Snapshots of the past can still be read for as long as they are
                kept.

        Raises:
            NotFound: there is no such deployment.
            SetupError: another deployment reads the data that would go.
        """
        if not (data and self._ledger.owner(deployment)):
            self.deployment(deployment)
        readers = self._readers(deployment) if data else []
        if readers:
            raise SetupError(
                f"the data of '{deployment}' is read by {', '.join(readers)}",
                hint="destroy these first, or keep the data",
            )
        if self._manager is not None:
            self._manager.stop(deployment)
        self._ledger.destroy_deployment(deployment, user(), data=data)
        # Its data stays, and with it what is wrong there.
        self._ledger.close_issues(deployment, () if data else (SEGMENTS_DAMAGED,))
        _log.info("destroy: %s%s", deployment, ", with its data" if data else "")
        if data:
            self._ledger.forget(deployment)
