"""Deployments through the manager: the same interface as `serving.Serving`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lyftnb.model import AuditEntry, Deployment, DeploymentPlan, Revision
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.workspace.book import part
from lyftnb.workspace.client import Client
from lyftnb.workspace.given import PlanLike, WorkflowLike, plan_named
from lyftnb.workspace.lags import Lag
from lyftnb.workspace.nouns import AUDIT, DEPLOYMENTS, LAGS, REVISIONS, STATUSES
from lyftnb.workspace.tabular import Table
from lyftnb.workspace.wire import workflow_fields


class RemoteDeployments:
    """Deployments of a workspace."""

    path: Path
    _http: Client

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
        """What applying a workflow would change; see `Workspace.plan`."""
        body = {
            **workflow_fields(workflow, self.path),
            "context": context,
            "name": name,
            "groups": dict(groups or {}),
            "replicas": dict(replicas or {}),
            "from_now": list(from_now),
        }
        found: DeploymentPlan = self._http.ask("/plans", DeploymentPlan, body)
        return found

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
        """Carry a plan out, all or nothing; see `Workspace.apply`."""
        plan = plan_named(plan)
        if isinstance(plan, DeploymentPlan):
            plan.require_published()
            plan = plan.id
        body = {
            "plan": plan,
            "accept": list(accept),
            "context": context,
            "name": name,
            "groups": dict(groups or {}),
            "replicas": dict(replicas or {}),
            "gate": gate,
        }
        return self._made("/deployments", body)

    def rollback(
        self, deployment: str, revision: int | None = None, *, accept: Collection[str] = ()
    ) -> Deployment:
        """Apply an older revision again; see `Workspace.rollback`."""
        body = {"revision": revision, "accept": list(accept)}
        return self._made(f"/deployments/{part(deployment)}/rollback", body)

    def plan_rollback(self, deployment: str, revision: int | None = None) -> DeploymentPlan:
        """What `rollback` would change."""
        path = f"/deployments/{part(deployment)}/rollback-plan"
        found: DeploymentPlan = self._http.ask(path, DeploymentPlan, {"revision": revision})
        return found

    # -- looking

    @property
    def deployments(self) -> Table[Deployment]:
        """What is applied, by name."""
        return Table(self._http.pages("/deployments", Deployment), DEPLOYMENTS)

    def deployment(self, name: str) -> Deployment:
        """A deployment by its name."""
        found: Deployment = self._http.get(f"/deployments/{part(name)}", Deployment)
        return found

    def history(self, deployment: str) -> Table[Revision]:
        """Every apply of a deployment, newest first; see `Workspace.history`."""
        path = f"/deployments/{part(deployment)}/history"
        return Table(self._http.pages(path, Revision), REVISIONS)

    def status(self, deployment: str | None = None) -> Table[DeploymentStatus]:
        """How deployments stand; see `Workspace.status`."""
        found = self._http.pages("/status", DeploymentStatus, **_given(deployment=deployment))
        return Table(found, STATUSES)

    def audit(
        self, ref: str | None = None, who: str | None = None, limit: int = 100
    ) -> Table[AuditEntry]:
        """Changes of what is desired, newest first; see `Workspace.audit`."""
        found = self._http.pages("/audit", AuditEntry, limit, **_given(ref=ref, who=who))
        return Table(found, AUDIT)

    def lags(self, deployment: str | None = None) -> Table[Lag]:
        """How far stages are behind on what they read; see `Workspace.lags`."""
        return Table(self._http.pages("/lags", Lag, **_given(deployment=deployment)), LAGS)

    # -- changing

    def pause(self, deployment: str, step: str | None = None) -> Deployment:
        """Hold a deployment, or one stage of it; see `Workspace.pause`."""
        return self._made(f"/deployments/{part(deployment)}/pause", {"step": step})

    def resume(self, deployment: str, step: str | None = None) -> Deployment:
        """Let a deployment, or one stage of it, go on; see `Workspace.resume`."""
        return self._made(f"/deployments/{part(deployment)}/resume", {"step": step})

    def destroy(self, deployment: str, *, data: bool = False) -> None:
        """Let a deployment run no more; see `Workspace.destroy`."""
        self._http.delete(f"/deployments/{part(deployment)}", data=data)

    # -- inside

    def _made(self, path: str, body: Mapping[str, Any]) -> Deployment:
        found: Deployment = self._http.post(path, Deployment, body)
        return found


def _given(**query: Any) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
