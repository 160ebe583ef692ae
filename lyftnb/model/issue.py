"""An issue: a problem that a person should see, with its cause. One row for each code and place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lyftnb.model.problem import Severity


@dataclass(frozen=True, slots=True)
class IssueDraft:
    """What is wrong, before the ledger knows whether that is news."""

    code: str
    """What kind of problem: a stable word that programs may match on."""
    place: str
    """Where: `DEPLOYMENT/STAGE`, a spool, a file, a group, …"""
    cause: str
    severity: Severity = "error"
    hint: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as the ledger has it. Cause, severity, hint and facts are the newest."""

    id: int
    code: str
    place: str
    cause: str
    severity: Severity
    hint: str | None
    facts: Mapping[str, Any]
    count: int
    """How often it was raised since it is open."""
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None = None
