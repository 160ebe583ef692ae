"""The audit: who changed what is desired, and when. A row goes with the change it tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lyftnb.model import AuditEntry
from lyftnb.store.database import Database
from lyftnb.store.session import Session


class Audit(Session):
    """Reading the audit; writing is `note`'s, for the other verbs."""

    def audit(
        self, ref: str | None = None, who: str | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Changes of desired state, newest first; `ref` gives a workflow's versions too."""
        with self.opened() as database:
            rows = database.rows("audit", ref=ref, who=who, limit=limit)
        return [AuditEntry(**{**row, "detail": json.loads(row["detail"])}) for row in rows]


def note(
    database: Database, at: datetime, who: str, what: str, ref: str, detail: Mapping[str, Any]
) -> None:
    """Write one row, within the transaction of the change itself. No detail holds a secret."""
    entry = database.rows("last_audit_entry")[0]["entry"] + 1
    row = {
        "entry": entry,
        "changed_at": at,
        "who": who,
        "what": what,
        "ref": ref,
        "detail": dict(detail),
    }
    database.append("audit", [row])
