"""Verbs of the ledger: published versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lyftnb.store.audit import note
from lyftnb.store.records import Version
from lyftnb.store.session import Session


class Versions(Session):
    """Published versions."""

    def publish_version(
        self, workflow: str, document: Mapping[str, Any], digest: str, now: datetime, by: str
    ) -> Version:
        """Store a workflow document for good; with the digest of the newest version, that version
        comes back and nothing is stored. `by` is who publishes it.
        """
        with self.opened() as database:
            newest = self.version(workflow)
            if newest is not None and newest.digest == digest:
                return newest
            number = newest.number + 1 if newest else 1
            version = Version(workflow, number, digest, dict(document), now)
            with database.transaction():
                database.append("versions", [asdict(version)])
                note(database, now, by, "publish", version.ref, {"digest": digest})
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


def _version(row: Mapping[str, Any]) -> Version:
    return Version(**{**row, "document": json.loads(row["document"])})
