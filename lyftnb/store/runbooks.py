"""Verbs of the ledger: runbooks and their invocations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lyftnb.errors import NotFound, SetupError
from lyftnb.model import (
    InvocationRecord,
    InvocationStatus,
    MessageDraft,
    Run,
    StepCount,
    canonical_json,
)
from lyftnb.store.audit import note
from lyftnb.store.families import Setting
from lyftnb.store.messages import publish
from lyftnb.store.payloads import check_text
from lyftnb.store.records import RunbookVersion
from lyftnb.store.runs import fire
from lyftnb.store.session import Session

INVOCATION_ENDED = "invocation-ended"
"""Type of the system message that tells of an invocation's end; its correlation names it."""


class Runbooks(Session):
    """Published runbooks, and what was invoked of them."""

    def publish_runbook(
        self, runbook: str, document: Mapping[str, Any], digest: str, now: datetime, by: str
    ) -> RunbookVersion:
        """Store a runbook's document for good; with the digest of the newest version, that version
        comes back and nothing is stored. `by` is who publishes it.
        """
        with self.opened() as database:
            newest = self.runbook(runbook)
            if newest is not None and newest.digest == digest:
                return newest
            number = newest.number + 1 if newest else 1
            version = RunbookVersion(runbook, number, digest, dict(document), now)
            with database.transaction():
                database.append("runbooks", [asdict(version)])
                note(database, now, by, "runbook publish", version.ref, {"digest": digest})
            return version

    def runbook(self, runbook: str, number: int | None = None) -> RunbookVersion | None:
        """A published runbook, the newest version without `number`; None if there is none."""
        with self.opened() as database:
            rows = database.rows("runbook", runbook=runbook, number=number)
        return _version(rows[0]) if rows else None

    def runbooks(self, runbook: str | None = None) -> list[RunbookVersion]:
        """Published versions, by runbook and number."""
        with self.opened() as database:
            return [_version(row) for row in database.rows("runbooks", runbook=runbook)]

    def invoke(
        self,
        runbook: RunbookVersion,
        parameters: Mapping[str, Any],
        deployment: Callable[[int], str],
        key: str | None = None,
    ) -> tuple[InvocationRecord, bool]:
        """Note an invocation, to be begun; and whether it is one to begin.

        With the key of an earlier one, that one comes back. If it was cut off it is to be begun
        again; whatever else became of it stands.

        Args:
            runbook: the version.
            parameters: checked, with defaults.
            deployment: number of the invocation → the name of its deployment. Should it raise,
                nothing is noted.
            key: says that it is the same invocation, however often it is asked for.

        Raises:
            SetupError: the key belongs to an invocation with other parameters.
            BadData: the key is no text.
        """
        if key is not None:
            check_text(key, "idempotency key", f"runbook {runbook.ref}")
        with self.changing() as setting:
            known = self._of_key(setting, runbook.runbook, key)
            if known is not None:
                return self._again(setting, known, parameters)
            (row,) = setting.database.rows("next_invocation", runbook=runbook.runbook)
            record = InvocationRecord(
                invocation=f"{runbook.runbook}-{row['number']}",
                runbook=runbook.runbook,
                version=runbook.number,
                workflow=str(runbook.document["workflow"]),
                deployment=deployment(row["number"]),
                parameters=dict(parameters),
                status="queued",
                invoked_at=setting.now,
                key=key,
            )
            setting.database.append("invocations", [asdict(record)])
            return record, True

    def resume_invocation(self, invocation: str) -> InvocationRecord:
        """Have an invocation that did not come to its end begun again.

        Raises:
            NotFound: there is no such invocation.
            SetupError: it is done, or at work.
        """
        with self.changing() as setting:
            rows = setting.database.rows("requeue_invocation", invocation=invocation)
        if rows:
            return _record(rows[0])
        found = self.invocation(invocation)
        raise SetupError(
            f"invocation '{invocation}' is {found.status}; there is nothing to take up again",
            hint="invoke the runbook once more",
        )

    def begin_invocation(self, record: InvocationRecord, now: datetime) -> Run:
        """Begin the run of an invocation."""
        run = Run(
            "",
            record.deployment,
            cause="runbook",
            status="running",
            fired_at=now,
            started_at=now,
            correlation=record.invocation,
        )
        with self.changing() as setting:
            (made,) = fire(setting, [run])
            setting.database.run(
                "begin_invocation", invocation=record.invocation, run=made.run, instant=now
            )
            return made

    def end_invocation(
        self, invocation: str, status: InvocationStatus, error: Mapping[str, Any] | None = None
    ) -> bool:
        """Note how an invocation ended; False if it had ended before."""
        with self.changing() as setting:
            rows = setting.database.rows(
                "end_invocation",
                invocation=invocation,
                status=status,
                error=None if error is None else json.dumps(error, default=str),
                instant=setting.now,
            )
            publish(setting, [_ended(_record(row)) for row in rows])
            return bool(rows)

    def invocation(self, invocation: str) -> InvocationRecord:
        """An invocation as it stands.

        Raises:
            NotFound: there is none of that id.
        """
        with self.opened() as database:
            rows = database.rows("invocation", invocation=invocation)
        if not rows:
            raise NotFound(
                f"there is no invocation '{invocation}'",
                hint="they are called RUNBOOK-NUMBER; list them with `lyftnb runbook invocations`",
            )
        return _record(rows[0])

    def invocations(
        self,
        runbook: str | None = None,
        status: str | None = None,
        limit: int = 100,
    ) -> list[InvocationRecord]:
        """Invocations, newest first."""
        with self.opened() as database:
            rows = database.rows("invocations", runbook=runbook, status=status, limit=limit)
        return [_record(row) for row in rows]

    def invocation_counts(self, invocation: str) -> tuple[StepCount, ...]:
        """What the runs of an invocation have committed so far, step by step."""
        with self.opened() as database:
            rows = database.rows("invocation_counts", invocation=invocation)
        return tuple(StepCount(**row) for row in rows)

    def _of_key(self, setting: Setting, runbook: str, key: str | None) -> InvocationRecord | None:
        if key is None:
            return None
        rows = setting.database.rows("invocation_of_key", runbook=runbook, key=key)
        return _record(rows[0]) if rows else None

    def _again(
        self, setting: Setting, known: InvocationRecord, parameters: Mapping[str, Any]
    ) -> tuple[InvocationRecord, bool]:
        if canonical_json(known.parameters) != canonical_json(parameters):
            raise SetupError(
                f"the key '{known.key}' belongs to {known.invocation}, which has other parameters",
                hint="use another key for another invocation",
            )
        if known.status != "lost":
            return known, False
        (row,) = setting.database.rows("requeue_invocation", invocation=known.invocation)
        return _record(row), True


def _ended(record: InvocationRecord) -> MessageDraft:
    payload = {
        "invocation": record.invocation,
        "runbook": record.ref,
        "status": record.status,
        "run": record.run,
    }
    return MessageDraft(
        payload=payload,
        kind="system",
        source="manager",
        type=INVOCATION_ENDED,
        run=record.run,
        correlation=record.invocation,
    )


def _version(row: Mapping[str, Any]) -> RunbookVersion:
    return RunbookVersion(**{**row, "document": json.loads(row["document"])})


def _record(row: Mapping[str, Any]) -> InvocationRecord:
    error = None if row["error"] is None else json.loads(row["error"])
    return InvocationRecord(**{**row, "parameters": json.loads(row["parameters"]), "error": error})
