"""Verbs of the ledger: published versions, and runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lyftnb.store.records import Run, Version
from lyftnb.store.session import Session


class Versions(Session):
    """Published versions and runs."""

    def publish_version(
        self, workflow: str, document: Mapping[str, Any], digest: str, now: datetime
    ) -> Version:
        """Store a workflow document for good; with the digest of the newest version, that version
        comes back and nothing is stored.
        """
        with self.opened() as database:
            newest = self.version(workflow)
            if newest is not None and newest.digest == digest:
                return newest
            number = newest.number + 1 if newest else 1
            version = Version(workflow, number, digest, dict(document), now)
            database.append("versions", [asdict(version)])
            return version

    def version(self, workflow: str, number: int | None = None) -> Version | None:
        """A published version, the newest without `number`; None if there is none."""
        with self.opened() as database:
            rows = database.rows("version", workflow=workflow, number=number)
        return _version(rows[0]) if rows else None

    def versions(self, workflow: str | None = None) -> list[Version]:
        """Published versions, by workflow and number."""
        with self.opened() as database:
            return [_version(row) for row in database.rows("versions", workflow=workflow)]

    def begin_run(self, deployment: str, now: datetime) -> str:
        """Note that a run has started; its id, `DEPLOYMENT-NUMBER`."""
        with self.opened() as database:
            number = int(database.rows("last_run", deployment=deployment)[0]["number"]) + 1
            row = {
                "run": f"{deployment}-{number}",
                "deployment": deployment,
                "number": number,
                "status": "running",
                "started_at": now,
            }
            database.append("runs", [row])
            return str(row["run"])

    def end_run(self, run: str, status: str, now: datetime) -> None:
        """Note how a run ended."""
        with self.opened() as database:
            database.run("end_run", run=run, status=status, instant=now)

    def runs(self, deployment: str | None = None, limit: int = 100) -> list[Run]:
        """Runs, newest first."""
        with self.opened() as database:
            rows = database.rows("runs", deployment=deployment, limit=limit)
        return [Run(**row) for row in rows]


def _version(row: Mapping[str, Any]) -> Version:
    return Version(**{**row, "document": json.loads(row["document"])})
