"""Verbs of the ledger: deployments, their revisions, and the plans that lead from one to the next.

An apply is one transaction: the new revision, what becomes of positions and state, and the audit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from lyftnb.errors import LedgerError, NotFound, PlanRefused, unknown
from lyftnb.model import (
    BatchOutcome,
    CheckpointChange,
    Deployment,
    DeploymentPlan,
    Gate,
    Pauses,
    Revision,
    Settings,
    command_words,
    plan_document,
    plan_from,
)
from lyftnb.model.deployment import Cause
from lyftnb.store.audit import note
from lyftnb.store.database import Database
from lyftnb.store.families import Setting
from lyftnb.store.migrating import Migration
from lyftnb.store.session import Session

KEPT_PLANS = 1000
"""So many plans are kept at most, to be applied by their ids."""


class Deployments(Session):
    """What is to run. `by` is who asks for it."""

    def deployments(self) -> list[Deployment]:
        """All that are applied, by name."""
        with self.opened() as database:
            return [_deployment(row) for row in database.rows("deployments", deployment=None)]

    def deployment(self, name: str) -> Deployment | None:
        """One of them; None if it is not applied."""
        with self.opened() as database:
            return _find(database, name)

    def owner(self, name: str) -> str | None:
        """The workflow that a deployment's name belongs to: what is applied so, or what was and has
        left data. None: nobody's.
        """
        with self.opened() as database:
            found = _find(database, name)
            if found is not None:
                return found.workflow
            if not self.has_data(name):
                return None
            rows = database.rows("last_workflow", deployment=name)
            return rows[0]["workflow"] if rows else None

    def has_data(self, deployment: str) -> bool:
        """Whether spools of a deployment hold rows, or inputs of it have been read."""
        with self.opened() as database:
            held = database.rows("holds_rows", deployment=deployment)[0]["held"]
            return held or bool(self.positions(deployment))

    def revisions(self, deployment: str) -> list[Revision]:
        """Every apply of a deployment, newest first; also of one that was destroyed."""
        with self.opened() as database:
            rows = database.rows("revisions", deployment=deployment, revision=None)
        return [_revision(row) for row in rows]

    def revision(self, deployment: str, number: int) -> Revision:
        """One of them.

        Raises:
            NotFound: there is none of that number.
        """
        with self.opened() as database:
            rows = database.rows("revisions", deployment=deployment, revision=number)
        if not rows:
            raise NotFound(
                f"deployment '{deployment}' has no revision {number}",
                hint=f"list them: lyftnb history {deployment}",
            )
        return _revision(rows[0])

    # -- plans

    def keep_plan(self, plan: DeploymentPlan, request: Mapping[str, Any], by: str) -> None:
        """Keep a plan so that it can be applied by its id, with what was asked for."""
        with self.changing() as setting:
            setting.database.run("remove_plan", plan=plan.id)
            row = {
                "plan": plan.id,
                "deployment": plan.deployment,
                "digest": plan.digest,
                "request": dict(request),
                "document": plan.to_document(),
                "made_at": setting.now,
                "made_by": by,
            }
            setting.database.append("plans", [row])

    def kept_plan(self, id: str) -> tuple[str, str, dict[str, Any]]:
        """Deployment, digest and request of a plan that was kept.

        Raises:
            NotFound: there is none of that id.
        """
        with self.opened() as database:
            rows = database.rows("plan", plan=id)
            if not rows:
                raise unknown("plan", id, [row["plan"] for row in database.rows("plan_ids")])
        return rows[0]["deployment"], rows[0]["digest"], json.loads(rows[0]["request"])

    def expire_plans(self, before: datetime) -> int:
        """Remove plans that were made before an instant, and all but the newest `KEPT_PLANS`; how
        many. What was applied stays in the revisions.
        """
        with self.changing() as setting:
            return len(setting.database.rows("expire_plans", before=before, kept=KEPT_PLANS))

    # -- facts for planning

    def positions(self, deployment: str) -> dict[str, dict[str, Any]]:
        """`STEP/INPUT` → the items of its position, where there are any."""
        prefix = f"{deployment}/"
        with self.opened():
            return {
                key.removeprefix(prefix): dict(standing.items)
                for key, standing in self.mirror.positions.items()
                if key.startswith(prefix) and standing.items
            }

    def marked(self, deployment: str) -> frozenset[str]:
        """`STEP/ACTION` of the actions that have marked what they saw."""
        with self.opened() as database:
            rows = database.rows("mark_scopes", deployment=deployment)
        return frozenset(row["scope"].removeprefix(f"{deployment}/") for row in rows)

    # -- changes

    def apply_plan(
        self,
        plan: DeploymentPlan,
        changes: Sequence[str],
        by: str,
        cause: Cause = "apply",
        gate: int | None = None,
    ) -> Deployment:
        """Make a plan's version the one that is to run: its revision, what becomes of positions and
        state, and the audit, all or nothing.

        Args:
            plan: what to carry out. Whether it was accepted is the caller's to see.
            changes: what it changes, in words, for the history.
            by: who applies it.
            cause: what it came of.
            gate: over so many batches it may do no worse than the revision before it.

        Raises:
            PlanRefused: another revision is deployed than the plan was made for, or an input that
                was to be read to its end has not been.
        """
        with self.opened():
            with self.changing() as setting:
                before = _find(setting.database, plan.deployment)
                _require_base(plan, before)
                _require_drained(setting, plan)
                migration = Migration(setting, plan)
                migration.carry_out()
                made = _write_revision(setting, plan, changes, by, cause, before, gate)
            for name, key in migration.gone:
                getattr(self.mirror, name).pop(key)
            return made

    def pause_deployment(
        self, name: str, pauses: Pauses, by: str, what: str, on: str
    ) -> Deployment:
        """Note what of a deployment is held back.

        Args:
            name: the deployment.
            pauses: all that is paused from now on.
            by: who asks for it.
            what: `pause` or `resume`, for the audit.
            on: the stage that it was about; empty: all of them.

        Raises:
            NotFound: it is not applied.
        """
        with self.changing() as setting:
            changed = replace(_required(setting.database, name), pauses=pauses)
            _write(setting.database, changed)
            detail = {"stage": on} if on else {}
            note(setting.database, setting.now, by, what, name, detail)
            return changed

    def open_gate(self, name: str, revision: int) -> None:
        """Let a revision stand: its gate is no more. One that has been replaced is left alone."""
        with self.changing() as setting:
            found = _find(setting.database, name)
            if found is not None and found.revision == revision:
                _write(setting.database, replace(found, gate=None))

    def outcomes(
        self, name: str, *, after: int | None = None, until: int | None = None, limit: int
    ) -> list[BatchOutcome]:
        """How batches of a deployment went: the first after a snapshot, or the last until one."""
        query, snapshot = ("outcomes_until", until) if after is None else ("outcomes_after", after)
        with self.opened() as database:
            rows = database.rows(query, deployment=name, snapshot=snapshot, limit=limit)
        return [BatchOutcome(**row) for row in rows]

    def destroy_deployment(self, name: str, by: str, *, data: bool) -> None:
        """A deployment is to run no more. Its history stays, and its data; whether the caller goes
        on to forget them is noted.

        Raises:
            NotFound: it is not applied; where data is to go, it has not left any either.
        """
        with self.opened():
            left = data and self.owner(name) is not None
            with self.changing() as setting:
                find = _find if left else _required
                gone = find(setting.database, name)
                setting.database.run("remove_deployment", deployment=name)
                detail = {"revision": gone.revision, "version": gone.ref} if gone else {}
                note(setting.database, setting.now, by, "destroy", name, {**detail, "data": data})


def _require_base(plan: DeploymentPlan, before: Deployment | None) -> None:
    found = before.revision if before else 0
    if found != plan.based_on:
        told = [f"revision {n}" if n else "no revision" for n in (plan.based_on, found)]
        raise PlanRefused(
            f"the plan is stale: it was made for {told[0]}, and {told[1]} is deployed",
            where=f"plan {plan.id}",
            hint="plan again, and look at what it says now",
        )


def _require_drained(setting: Setting, plan: DeploymentPlan) -> None:
    drains = [c for c in plan.changes if isinstance(c, CheckpointChange) and c.fate == "drain"]
    if not drains:
        return
    before = _revision(
        setting.database.rows("revisions", deployment=plan.deployment, revision=plan.based_on)[0]
    )
    for change in drains:
        streams = before.plan.stage_of(change.step).streams
        spool = next(s for s in streams if s.name == change.input).spool(plan.deployment)
        known = setting.state.spools.get(spool)
        standing = setting.state.positions.get(f"{plan.deployment}/{change.key}")
        seq = standing.items.get("seq", 0) if standing else 0
        left = (known.next_seq if known else 0) - seq
        if left > 0:
            raise PlanRefused(
                f"'{change.step}' has {left:,} rows of {spool} left to read",
                where=f"plan {plan.id}",
                hint="they would be lost: let it read them first, then apply again",
            )


def _write_revision(
    setting: Setting,
    plan: DeploymentPlan,
    changes: Sequence[str],
    by: str,
    cause: Cause,
    before: Deployment | None,
    gate: int | None,
) -> Deployment:
    assert plan.version is not None
    last = setting.database.rows("last_revision", deployment=plan.deployment)[0]["revision"]
    stages = {stage.id for stage in plan.compiled.stages}
    pauses = before.pauses if before else Pauses()
    made = Deployment(
        plan.deployment,
        plan.workflow,
        plan.version,
        plan.context,
        last + 1,
        plan.settings,
        replace(pauses, stages={s: on for s, on in pauses.stages.items() if s in stages}),
        setting.now,
        by,
        gate=Gate(gate, before.revision, setting.state.snapshot) if gate and before else None,
    )
    row = _row(made)
    del row["pauses"], row["gate"]
    row |= {"plan": plan_document(plan.compiled), "renames": plan.renames}
    row |= {"cause": cause, "plan_id": plan.id}
    setting.database.append("revisions", [row | {"changes": list(changes)}])
    _write(setting.database, made)
    what = "apply" if cause == "apply" else "rollback"
    detail = {"revision": made.revision, "version": made.ref, "plan": plan.id, "cause": cause}
    note(setting.database, setting.now, by, what, made.name, detail)
    return made


def _write(database: Database, deployment: Deployment) -> None:
    database.run("remove_deployment", deployment=deployment.name)
    database.append("deployments", [_row(deployment)])


def _row(deployment: Deployment) -> dict[str, Any]:
    return {
        "deployment": deployment.name,
        "workflow": deployment.workflow,
        "version": deployment.version,
        "context": deployment.context,
        "revision": deployment.revision,
        "settings": deployment.settings.to_document(),
        "pauses": {"whole": deployment.pauses.whole, "stages": dict(deployment.pauses.stages)},
        "gate": None if deployment.gate is None else asdict(deployment.gate),
        "applied_at": deployment.applied_at,
        "applied_by": deployment.applied_by,
    }


def _find(database: Database, name: str) -> Deployment | None:
    rows = database.rows("deployments", deployment=name)
    return _deployment(rows[0]) if rows else None


def _required(database: Database, name: str) -> Deployment:
    found = _find(database, name)
    if found is None:
        known = [row["deployment"] for row in database.rows("deployments", deployment=None)]
        raise unknown("deployment", name, known)
    return found


def _deployment(row: Mapping[str, Any]) -> Deployment:
    return Deployment(
        row["deployment"],
        row["workflow"],
        row["version"],
        row["context"],
        row["revision"],
        Settings(**json.loads(row["settings"])),
        Pauses(**json.loads(row["pauses"])),
        row["applied_at"],
        row["applied_by"],
        None if row["gate"] is None else Gate(**json.loads(row["gate"])),
    )


def _revision(row: Mapping[str, Any]) -> Revision:
    try:
        plan = plan_from(row["plan"])
    except ValueError as error:
        ref = f"{row['workflow']}@{row['version']}"
        words = command_words(ref, row["context"], row["deployment"])
        raise LedgerError(
            "the plan of a revision cannot be read: another lyftnb wrote it",
            where=f"deployment {row['deployment']}, revision {row['revision']}",
            hint=f"apply it anew: lyftnb apply {words}",
        ) from error
    return Revision(
        row["deployment"],
        row["revision"],
        row["workflow"],
        row["version"],
        row["context"],
        Settings(**json.loads(row["settings"])),
        plan,
        json.loads(row["renames"]),
        row["cause"],
        row["plan_id"],
        tuple(json.loads(row["changes"])),
        row["applied_at"],
        row["applied_by"],
    )
