"""A runbook: a published "run this now", with parameters; and its invocations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from lyftnb.model.digest import digest
from lyftnb.model.names import Name
from lyftnb.model.workflow import Json, Model

WORKFLOW_REF = r"^[a-z][a-z0-9_]{0,62}(@[1-9][0-9]*)?$"
OWN_DEPLOYMENT = "{{runbook}}_{{invocation}}"
"""The deployment's name where the document has none: each invocation runs apart from all others."""
RESERVED = ("runbook", "invocation")
"""What `{{…}}` stands for in a deployment's name, beside the parameters."""

InvocationStatus = Literal["queued", "running", "done", "blocked", "failed", "cancelled", "lost"]
ENDED: frozenset[str] = frozenset({"done", "blocked", "failed", "cancelled", "lost"})


class RunbookSpec(Model):
    """A runbook's document."""

    runbook: Name
    title: str | None = Field(None, description="what people see, on a button or over a form")
    description: str | None = None
    workflow: str = Field(
        json_schema_extra={"pattern": WORKFLOW_REF},
        description="a published workflow: `NAME@3`, or `NAME` for the newest as the runbook is "
        "published",
    )
    parameters: dict[str, Json] = Field(
        default_factory=dict,
        description="a JSON Schema of an object: one property for each parameter",
    )
    context: dict[Name, Json] = Field(
        default_factory=dict,
        description="context variable → its value, with `{{parameter}}` in it; a parameter that is "
        "not mentioned goes to the variable of its own name",
    )
    deployment: str = Field(
        OWN_DEPLOYMENT,
        min_length=1,
        description="the deployment that an invocation runs as, with `{{parameter}}`, "
        "`{{runbook}}` and `{{invocation}}` (its number) in it; invocations of one deployment run "
        "one after the other and go on from its checkpoint",
    )

    @property
    def properties(self) -> Mapping[str, Json]:
        """Parameter → its JSON Schema, as far as the document has a mapping there."""
        found = self.parameters.get("properties", {})
        return found if isinstance(found, dict) else {}


def runbook_digest(runbook: RunbookSpec) -> str:
    """The digest of a runbook's document: of its words too, because people see them in the form."""
    return digest("runbook", runbook.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True, slots=True)
class InvocationRecord:
    """An invocation as the ledger has it."""

    invocation: str
    """`RUNBOOK-NUMBER`."""
    runbook: str
    version: int
    """The runbook's."""
    workflow: str
    """`NAME@NUMBER`."""
    deployment: str
    parameters: Mapping[str, Any]
    """As given, with defaults filled in."""
    status: InvocationStatus
    invoked_at: datetime
    key: str | None = None
    """The idempotency key that it was invoked with."""
    attempts: int = 1
    """How often it was set going: more than once if it was cut off and taken up again."""
    run: str | None = None
    """The run of its newest attempt."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: Mapping[str, Any] | None = None
    """Why it did not come to its end: `code`, `message`, `where`, `hint`."""

    @property
    def number(self) -> int:
        """Its number among the runbook's invocations."""
        return int(self.invocation.rpartition("-")[2])

    @property
    def ref(self) -> str:
        """The runbook's version, `NAME@NUMBER`."""
        return f"{self.runbook}@{self.version}"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.status in ENDED
