"""How a workspace carries plans out: made from facts, switched as one.

The ledger's transaction makes an apply true; the manager sees to it that nothing of the deployment
runs at that moment, and that what ran before runs on if anything fails.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from lyftnb import planning
from lyftnb.errors import LyftError, PlanRefused, SetupError, unknown
from lyftnb.model import (
    ALL,
    NO_CONTEXT,
    Deployment,
    DeploymentPlan,
    Pauses,
    Plan,
    Revision,
    Settings,
    command_words,
    names_since,
)
from lyftnb.model.deployment import Cause
from lyftnb.planning import deploying
from lyftnb.planning.deploying import Observed, ObservedSpool
from lyftnb.workspace.contexts import Contexts, user
from lyftnb.workspace.gatekeeper import ROLLED_BACK, Gatekeeper
from lyftnb.workspace.given import Given, WorkflowLike, World

if TYPE_CHECKING:
    from lyftnb.manager import Manager, RunEnv
    from lyftnb.store import Ledger
    from lyftnb.workspace.compute import Compute

_log = logging.getLogger(__name__)
NOT_STARTED = "deployment_not_started"
"""The issue of a deployment that is applied and could not be started."""
P = ParamSpec("P")
T = TypeVar("T")
D = TypeVar("D", bound="Applying")
_ACCEPTED = ("start", "drain", "reset", "drop", "all")


def alone(verb: Callable[Concatenate[D, P], T]) -> Callable[Concatenate[D, P], T]:
    """Let a verb that changes what runs be carried out by one thread at a time."""

    @wraps(verb)
    def carried_out(self: D, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._deploys:
            return verb(self, *args, **kwargs)

    return carried_out


class Applying(ABC):
    """The inner half of `Deployments`."""

    contexts: Contexts
    _ledger: Ledger
    _compute: Compute
    _manager: Manager | None
    _serves: bool
    """Whether all that is applied runs here."""
    _begun: set[str]
    """Deployments that were started without being applied (`start`)."""
    _deploys: threading.RLock
    """Whoever changes what runs does so alone."""

    # -- what the rest of the workspace gives

    @abstractmethod
    def _given(self, workflow: WorkflowLike) -> Given: ...

    @abstractmethod
    def _world(
        self, given: Given, context: str | None, *, name: str | None = None, fresh: bool = False
    ) -> World: ...

    @abstractmethod
    def _secret_names(self) -> frozenset[str]: ...

    @abstractmethod
    def _run_env(self, plan: Plan) -> RunEnv: ...

    @abstractmethod
    def _manager_for(self, env: RunEnv) -> Manager: ...

    # -- planning

    def _plan(
        self,
        given: Given,
        context: str | None,
        settings: Settings,
        *,
        name: str | None = None,
        kept: bool = False,
        renames: Mapping[str, str] | None = None,
        from_now: Collection[str] = (),
    ) -> DeploymentPlan:
        """Plan it under these settings.

        Args:
            given: the workflow.
            context: as people gave it.
            settings: the deployment's.
            name: the deployment's; without, what it comes to by itself.
            kept: the settings that it has are kept below these.
            renames: step → what it is called now; without, as the document says.
            from_now: steps that start behind the rows that are there.
        """
        from lyftnb.workspace.checker import checker

        world = self._world(given, context, name=name)
        spec = given.checked(world)
        deployed = self._deployed(world.deployment)
        steps = spec.steps
        if renames is None:
            renames = {n: s.renamed_from for n, s in steps.items() if s.renamed_from is not None}
        if kept and deployed is not None:
            settings = settings.over(_renamed(deployed.settings, renames).of_steps(steps))
        under = replace(given, spec=deploying.with_settings(spec, settings))
        others = {n: s for n, s in world.known.items() if not n.startswith(f"{world.deployment}.")}
        return deploying.deploy(
            under.plan(world, groups=None),
            context=world.chosen,
            settings=settings,
            renames=renames,
            deployed=deployed,
            observed=self._observed(world.deployment or ""),
            from_now=from_now,
            written=planning.written(under.spec or spec, checker(), world.context, others),
        )

    def _deployed(self, name: str | None) -> Revision | None:
        found = self._ledger.deployment(name) if name is not None else None
        return self._ledger.revision(found.name, found.revision) if found else None

    def _observed(self, deployment: str) -> Observed:
        ledger = self._ledger
        return Observed(
            positions=ledger.positions(deployment),
            spools={
                info.spool: ObservedSpool(
                    info.rows, info.bytes, info.next_seq, info.schema, info.state
                )
                for info in ledger.spools()
            },
            marks=ledger.marked(deployment),
            owner=ledger.owner(deployment),
            open_stages=frozenset(claim.stage for claim in ledger.open_claims(deployment)),
            groups=self._compute.group_sizes,
        )

    def _fresh(self, plan: DeploymentPlan | str) -> DeploymentPlan:
        """The plan made again, which must come out as it was.

        Raises:
            PlanRefused: it does not.
        """
        if isinstance(plan, DeploymentPlan):
            id, name, digest, asked = plan.id, plan.deployment, plan.digest, request_of(plan)
            plan.require_published()
        else:
            id = plan
            name, digest, asked = self._ledger.kept_plan(plan)
        given = self._given(asked["ref"])
        settings = Settings(asked["groups"], asked["replicas"])
        now = self._plan(
            given,
            asked["context"] or NO_CONTEXT,
            settings,
            name=name,
            renames=asked["renames"],
            from_now=asked["from_now"],
        )
        if now.digest != digest:
            raise PlanRefused(
                f"the plan is stale: {_what_moved(now)}",
                where=f"plan {id}",
                hint="plan again, and look at what it says now: lyftnb plan "
                + command_words(asked["ref"], asked["context"] or NO_CONTEXT, name),
                stale=True,
            )
        return now

    def _apply(
        self,
        plan: DeploymentPlan,
        accept: Collection[str],
        cause: Cause,
        gate: int | None = None,
    ) -> Deployment:
        _require_known(plan, accept)
        if plan.blocked:
            errors = [problem for problem in plan.problems if problem.severity == "error"]
            raise PlanRefused(
                f"{errors[0].message}" + (f" (and {len(errors) - 1} more)" * (len(errors) > 1)),
                where=f"plan {plan.id}: {errors[0].place}",
                hint=errors[0].hint or "see the problems of the plan",
            )
        missing = plan.unaccepted(accept)
        if missing:
            raise PlanRefused(
                f"this must be accepted first: {', '.join(missing)}",
                where=f"plan {plan.id}",
                hint=" ".join(f"--accept {name}" for name in missing),
                accept=list(missing),
            )
        present = self._ledger.deployment(plan.deployment)
        if plan.empty and present is not None:
            return present
        if gate is not None and (gate < 1 or present is None):
            raise SetupError(
                f"a gate of {gate} batches cannot be held",
                where=f"plan {plan.id}",
                hint="it takes a number from 1 on, and a revision to go back to",
            )
        made = self._switch(plan, cause, gate)
        _log.info("%s: %s is %s, revision %d", cause, made.name, made.ref, made.revision)
        if cause != "gate":
            self._ledger.close_issue(ROLLED_BACK, plan.deployment)
        if self._serves:
            self._gatekeeper.watch()
        return made

    def _switch(self, plan: DeploymentPlan, cause: Cause, gate: int | None) -> Deployment:
        """Carry it out in the ledger and, if it runs here, in the manager, at a batch boundary."""
        changes = [deploying.sentence_of(c) for c in plan.changes if c.changes]
        made: list[Deployment] = []

        def commit() -> None:
            made.append(self._ledger.apply_plan(plan, changes, user(), cause, gate))

        before = self._deployed(plan.deployment)
        if not self._runs(plan.deployment):
            self._drain(plan, before)
            commit()
            return made[0]
        # A worker in each of its groups, before anything stops.
        env = self._run_env(plan.compiled)
        present = self._ledger.deployment(plan.deployment)
        pauses = present.pauses if present else Pauses()
        self._manager_for(env).switch(
            pauses.on(plan.compiled),
            commit,
            lambda: self._withdraw(plan.deployment, before),
            drain=lambda: self._drain(plan, before),
        )
        self._ledger.close_issue(NOT_STARTED, plan.deployment)
        return made[0]

    def _withdraw(self, name: str, before: Revision | None) -> None:
        """Put the revision back that was there before one which could not start."""
        if before is None:
            self._ledger.destroy_deployment(name, user(), data=False)
            return
        back = deploying.deploy(
            before.plan,
            context=before.context,
            settings=before.settings,
            renames=names_since(self._ledger.revisions(name), before.number),
            deployed=self._deployed(name),
            observed=self._observed(name),
        )
        changes = [deploying.sentence_of(c) for c in back.changes if c.changes]
        self._ledger.apply_plan(back, changes, user(), "failure")

    @cached_property
    def _gatekeeper(self) -> Gatekeeper:
        return Gatekeeper(self._ledger, self._go_back)

    def _go_back(self, deployment: Deployment, revision: int) -> None:
        """See `GoBack`."""
        with self._deploys:
            present = self._ledger.deployment(deployment.name)
            if present is None or present.revision != deployment.revision:
                return
            self._apply(self._plan_back(deployment.name, revision), (ALL,), "gate")

    def _plan_back(self, deployment: str, number: int) -> DeploymentPlan:
        """Plan an older revision anew; steps that were renamed since get their names back."""
        old = self._ledger.revision(deployment, number)
        renames = names_since(self._ledger.revisions(deployment), number)
        return self._plan(
            self._given(old.ref),
            old.context or NO_CONTEXT,
            old.settings,
            name=deployment,
            renames=renames,
        )

    def _drain(self, plan: DeploymentPlan, before: Revision | None) -> None:
        """Have the stages read all there is whose channels will not be spools any more."""
        if not plan.to_drain or before is None:
            return
        from lyftnb.manager import BoundedRun

        stages = tuple(
            replace(stage, upstream=(), paused=False)
            for stage in before.plan.stages
            if stage.id in plan.to_drain
        )
        rest = replace(before.plan, stages=stages)
        BoundedRun(rest, self._run_env(rest)).run()

    def _runs(self, deployment: str) -> bool:
        """Whether it runs here, or is to."""
        started = self._manager.deployments if self._manager is not None else ()
        return self._serves or deployment in started

    def _start_applied(self, deployment: Deployment) -> None:
        try:
            plan = deployment.pauses.on(
                self._ledger.revision(deployment.name, deployment.revision).plan
            )
            self._manager_for(self._run_env(plan)).start(plan)
            self._ledger.close_issue(NOT_STARTED, deployment.name)
        except LyftError as error:
            _log.warning("deployment '%s' could not be started: %s", deployment.name, error)
            with suppress(LyftError):
                self._ledger.raise_issue(
                    NOT_STARTED, deployment.name, error.message, hint=error.hint
                )

    def _pause(self, name: str, pauses: Pauses, what: str, step: str = "") -> Deployment:
        made: list[Deployment] = []

        def commit() -> None:
            made.append(self._ledger.pause_deployment(name, pauses, user(), what, step))
            _log.info("%s: %s", what, f"{name}, {step}" if step else name)

        if not self._runs(name):
            commit()
            return made[0]
        before, revision = self._ledger.deployment(name), self._deployed(name)
        assert before is not None and revision is not None
        undone = "resume" if what == "pause" else "pause"

        def withdraw() -> None:
            self._ledger.pause_deployment(name, before.pauses, user(), undone, step)

        plan = pauses.on(revision.plan)
        # What is held needs no workers.
        manager = self._manager or self._manager_for(self._run_env(plan))
        manager.switch(plan, commit, withdraw)
        return made[0]

    def _require_stage(self, deployment: str, step: str) -> None:
        revision = self._deployed(deployment)
        assert revision is not None
        plan = revision.plan
        steps = {job.step: stage.id for stage in plan.stages for job in stage.jobs}
        if step not in steps:
            raise unknown("step", step, steps, where=f"deployment {deployment}")
        if steps[step] != step:
            raise SetupError(
                f"step '{step}' runs within the stage of '{steps[step]}', and stops with it",
                where=f"deployment {deployment}",
                hint=f"pause '{steps[step]}'; or give the step a spool of its own to read from",
            )

    def _refuse_another(self, plan: Plan) -> None:
        """See that a run by hand is of the version that is applied, if one is: it would move
        positions and state that belong to that one.
        """
        applied = self._ledger.deployment(plan.deployment)
        if applied is not None and applied.version != plan.version:
            raise SetupError(
                f"deployment '{plan.deployment}' is applied as {applied.ref}",
                hint=f"run {applied.ref}, or apply {plan.workflow}@{plan.version} first",
            )

    def _refuse_foreign(self, plan: Plan) -> None:
        """See that nothing but its own workflow runs as a deployment, or on what one has left."""
        owner = self._ledger.owner(plan.deployment)
        if owner not in (None, plan.workflow):
            message, hint = planning.taken(plan.deployment, owner)
            raise SetupError(message, hint=hint)

    def _readers(self, deployment: str) -> list[str]:
        """Other deployments that read spools of this one."""
        found: list[str] = []
        for other in self._ledger.deployments():
            revision = self._ledger.revision(other.name, other.revision)
            refs = [
                ref for stage in revision.plan.stages for job in stage.jobs for ref in job.inputs
            ]
            if any(ref.deployment == deployment for ref in refs):
                found.append(other.name)
        return found


def request_of(plan: DeploymentPlan) -> dict[str, Any]:
    """What must be asked for to get this plan again."""
    asked: dict[str, Any] = {"ref": plan.ref, "context": plan.context, "renames": plan.renames}
    asked["from_now"] = list(plan.from_now)
    return asked | plan.settings.to_document()


def _renamed(settings: Settings, renames: Mapping[str, str]) -> Settings:
    new = {old: name for name, old in renames.items()}
    return Settings(
        {new.get(step, step): value for step, value in settings.groups.items()},
        {new.get(step, step): value for step, value in settings.replicas.items()},
    )


def _what_moved(now: DeploymentPlan) -> str:
    base = f"it is based on revision {now.based_on} now" if now.based_on else "nothing is deployed"
    return f"what it depends on has changed since ({base})"


def _require_known(plan: DeploymentPlan, accept: Collection[str]) -> None:
    """Names to accept that mean nothing are mistakes; the plan may simply not need them."""
    for name in accept:
        if name.partition(":")[0] not in _ACCEPTED:
            raise unknown("thing to accept", name, [*plan.to_accept, *_ACCEPTED])
