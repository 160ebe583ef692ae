"""The owner is killed while a runbook runs: its invocation is known, and goes on where it stood."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lyftnb as ln
from lyftnb.testing import invariants

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

WORKFLOW = """
workflow: orders
context: {least: 0}
channels:
  raw: {transport: spool}
  kept: {transport: spool}
steps:
  make: {input: {generate: {rows: 5000, columns: {n: {sequence: {}}}}}, out: raw}
  work:
    in: raw
    actions:
      - filter: "n >= {{least}}"
      - python:
          rowwise: false
          source: |
            def work(lf):
                import os, time
                while os.path.exists("TRAP"):
                    time.sleep(0.01)
                return lf
    out: kept
"""

RUNBOOK = """
runbook: backfill
workflow: orders
parameters:
  type: object
  properties:
    least: {type: integer, minimum: 0}
"""

CHILD = """
import os, signal, sys
import lyftnb as ln
with ln.open(sys.argv[1]) as ws:
    ws.publish("orders.workflow.yaml")
    ws.runbooks.publish("backfill.runbook.yaml")
    invocation = ws.runbooks.invoke("backfill", least=1000, idempotency_key="today")
    waiting = ws.runbooks.invoke("backfill", least=2000)
    while "make" not in {c.step for c in invocation.result.counts}:
        pass
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_same_key_takes_a_lost_invocation_up_again(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.touch()
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    (tmp_path / "orders.workflow.yaml").write_text(WORKFLOW.replace("TRAP", str(trap)))
    (tmp_path / "backfill.runbook.yaml").write_text(RUNBOOK)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], timeout=120, capture_output=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    trap.unlink()
    with ln.open(tmp_path) as ws:
        lost = ws.runbooks.invocation("backfill-1")
        assert (lost.status, lost.run) == ("lost", "backfill_1-1")
        assert {i.status for i in ws.runbooks.invocations("backfill", "lost")} == {"lost"}
        again = ws.runbooks.invoke("backfill", least=1000, idempotency_key="today").wait(60)
        assert (again.id, again.status, again.record.attempts) == ("backfill-1", "done", 2)
        other = ws.runbooks.invocation("backfill-2").resume().wait(60)
        assert other.status == "done"
        for invocation, least in ((again, 1000), (other, 2000)):
            kept = ws.spool(f"{invocation.deployment}.kept").scan().collect()["n"]
            assert kept.sort().to_list() == list(range(least, 5000))
        invariants.check(ws._ledger)
