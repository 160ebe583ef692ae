"""Runbooks that the manager runs: the same interface as `runbooks.Runbooks`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lyftnb.errors import NotFound, TimedOut
from lyftnb.model import InvocationRecord, Json, Plan, Problem, RunbookSpec
from lyftnb.workspace.book import Book, part
from lyftnb.workspace.client import Client
from lyftnb.workspace.given import Text
from lyftnb.workspace.invocation import Invocation, InvocationResult, Invocations
from lyftnb.workspace.nouns import RUNBOOKS, Problems
from lyftnb.workspace.runbooks import RunbookLike, Runbooks, runbook_text
from lyftnb.workspace.tabular import Table

if TYPE_CHECKING:
    from lyftnb.manager import Watcher
    from lyftnb.store import RunbookVersion

_LOOK_S = 0.2


class RemoteRunbooks(Runbooks):
    """Published definitions of what can be run now, with parameters."""

    def __init__(self, client: Client, book: Book, folder: Path) -> None:
        self._client = client
        self._book = book
        self._folder = folder
        self._work = None  # nothing of it is done here

    def validate(self, runbook: RunbookLike) -> Problems:
        """All problems of a runbook (a file, or a document), worst first."""
        body = self._body(runbook)
        return Problems(self._client.ask("/runbooks/validate", tuple[Problem, ...], body))

    def publish(self, runbook: RunbookLike) -> RunbookVersion:
        """Freeze a runbook as its next version; see `Runbooks.publish`."""
        from lyftnb.store import RunbookVersion

        body = self._body(runbook)
        found: RunbookVersion = self._client.post("/runbooks/publish", RunbookVersion, body)
        return found

    def get(self, ref: str) -> RunbookVersion:
        """A published runbook by `NAME` (its newest version) or `NAME@NUMBER`."""
        from lyftnb.store import RunbookVersion

        found: RunbookVersion = self._client.get(f"/runbooks/{part(ref)}", RunbookVersion)
        return found

    def versions(self, runbook: str | None = None) -> Table[RunbookVersion]:
        """Published versions, oldest first."""
        return Table(self._book.runbooks(runbook), RUNBOOKS)

    def invoke(
        self,
        runbook: str,
        parameters: Mapping[str, Json] | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        **values: Json,
    ) -> Invocation:
        """Run a runbook now, in the manager; see `Runbooks.invoke`."""
        body = {
            "parameters": {**(parameters or {}), **values},
            "idempotency_key": idempotency_key,
        }
        record = self._client.post(f"/runbooks/{part(runbook)}/invoke", InvocationRecord, body)
        return self._remote(record.invocation)

    def plan(
        self, runbook: str, parameters: Mapping[str, Json] | None = None, /, **values: Json
    ) -> Plan:
        """What an invocation would run, without running it."""
        body = {"parameters": {**(parameters or {}), **values}}
        found: Plan = self._client.ask(f"/runbooks/{part(runbook)}/plan", Plan, body)
        return found

    def invocation(self, id: str) -> Invocation:
        """An invocation by its id, `RUNBOOK-NUMBER`."""
        found = self._remote(id)
        assert found.record.invocation == id
        return found

    def invocations(
        self,
        runbook: str | None = None,
        status: str | None = None,
        limit: int = 100,
    ) -> Invocations:
        """Invocations, newest first; only of a runbook, or in a status."""
        found = self._client.pages(
            "/invocations", InvocationRecord, limit, runbook=runbook, status=status
        )
        return Invocations(self._remote(record.invocation) for record in found)

    @property
    def deployments(self) -> tuple[str, ...]:
        """Deployments that invocations run as just now."""
        found = self._client.pages("/invocations", InvocationRecord, status="running")
        return tuple(record.deployment for record in found)

    # -- inside

    def _remote(self, id: str) -> RemoteInvocation:
        return RemoteInvocation(id, self._client)

    def _body(self, runbook: RunbookLike) -> dict[str, Any]:
        if isinstance(runbook, RunbookSpec):
            return {"document": runbook.to_document()}
        if isinstance(runbook, Mapping):
            return {"document": dict(runbook)}
        text = runbook if isinstance(runbook, Text) else runbook_text(runbook, self._folder)
        return {"text": text.text, "file": text.file}


class RemoteInvocation(Invocation):
    """A handle on an invocation that the manager carries out."""

    def __init__(self, id: str, client: Client) -> None:
        self.id = id
        self._client = client

    @property
    def record(self) -> InvocationRecord:
        """All that is recorded of it."""
        found: InvocationRecord = self._client.get(
            f"/invocations/{part(self.id)}", InvocationRecord
        )
        return found

    @property
    def result(self) -> InvocationResult:
        """What it has done so far."""
        found: InvocationResult = self._client.get(
            f"/invocations/{part(self.id)}/result", InvocationResult
        )
        return found

    def cancel(self) -> bool:
        """End it at a batch boundary: what is committed stays. False if it is not at work."""
        return bool(self._client.post(f"/invocations/{part(self.id)}/cancel"))

    def resume(self) -> Self:
        """Take it up again, where it was cut off, cancelled, blocked or failed."""
        self._client.post(f"/invocations/{part(self.id)}/resume")
        return self

    def _waited(self, timeout: float | None, watcher: Watcher) -> Self:
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = threading.Event()
        while not (record := self.record).ended:
            left = _LOOK_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimedOut(
                    f"invocation '{self.id}' is still {record.status} after {timeout:g} s",
                    hint="it goes on; wait once more, or cancel it",
                )
            self._show(record, watcher)
            pause.wait(min(left, _LOOK_S))
        return self

    def _show(self, record: InvocationRecord, watcher: Watcher) -> None:
        from lyftnb.manager import Progress

        if record.status == "running":
            path = f"/running/{part(record.deployment)}/progress"
            try:
                watcher(self._client.get(path, Progress))
            except NotFound:
                return  # it has ended meanwhile
