"""Invocations on their threads: what ends them, and what comes too late to."""

from __future__ import annotations

from typing import Any

import pytest

from lyftnb.errors import SetupError
from lyftnb.manager.invoking import Invoker
from lyftnb.model import InvocationRecord, Plan
from lyftnb.store import Ledger


def no_plan(record: InvocationRecord) -> Plan:
    raise SetupError(f"no plan for {record.invocation}")


def test_what_has_ended_is_not_cancelled_nor_is_its_next_attempt(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoker = Invoker(ledger, no_plan, env=lambda _: pytest.fail("nothing runs"))
    late: list[bool] = []
    whole = ledger.end_invocation

    def end(invocation: str, *how: Any) -> None:
        whole(invocation, *how)
        late.append(invoker.cancel(invocation))

    monkeypatch.setattr(ledger, "end_invocation", end)
    document = {"runbook": "backfill", "workflow": "sales@1"}
    runbook = ledger.publish_runbook("backfill", document, "d1", ledger.clock.now(), "ann")
    record, _ = ledger.invoke(runbook, {}, lambda n: f"backfill_{n}", None)
    for attempt in (1, 2):
        invoker.submit(record)
        for thread in invoker._threads:
            thread.join()
        assert late == [False] * attempt and not invoker.deployments
        assert ledger.invocation(record.invocation).status == "failed"
        record = ledger.resume_invocation(record.invocation)
