"""Kill -9 of an owner in the midst of an apply: the revision before, or the one after, and all that
belongs to it.

The child renames a step back and forth, with its position, marks and state.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lyftnb.clock import SystemClock
from lyftnb.model import SpoolSpec, WorkflowSpec
from lyftnb.store import Ledger
from lyftnb.testing import invariants
from tests.unit.store.test_applies import chain, kept, plan_of, read

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]
CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from lyftnb.clock import SystemClock
    from lyftnb.store import Ledger
    from tests.crash.dying import die_at
    from tests.crash.test_apply_crash import turned
    from tests.unit.store.test_applies import plan_of

    folder, instant, after = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    ledger = Ledger.open(folder, SystemClock(), "child")
    die_at(instant, after)
    while True:
        ledger.apply_plan(plan_of(ledger, turned(ledger)), (), "child")
    """
)


def turned(ledger: Ledger) -> WorkflowSpec:
    """The workflow with the step under its other name."""
    old, new = ("clean", "tidy") if "clean/raw" in ledger.positions("w") else ("tidy", "clean")
    step = chain().steps["clean"].to_document() | {"renamed_from": old}
    return chain(**{"clean": None, new: step})


@pytest.mark.parametrize(
    "instant",
    [
        "positions",
        "rename_segments",
        "rename_schemas",
        "move_scope",
        "resets",
        "revisions",
        "remove_deployment",
        "deployments",
        "audit",
    ],
)
def test_a_death_at_a_chosen_instant(tmp_path: Path, instant: str) -> None:
    with Ledger.open(tmp_path, SystemClock()) as ledger:
        ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
        state = SpoolSpec("w.clean__once_state", state="k")
        read(ledger, "clean/raw", 7, *kept(ledger, state), spools=(state,))
        with ledger.opened() as database:
            database.append("marks", [{"scope": "w/clean/once", "high": 1, "low": 2}])
    command = [sys.executable, "-c", CHILD, str(tmp_path), instant, "4"]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert child.returncode == -signal.SIGKILL, child.stderr
    with Ledger.open(tmp_path, SystemClock()) as ledger:
        invariants.check(ledger)
        (present,) = ledger.deployments()
        newest = ledger.revisions("w")[0]
        assert present.revision == newest.number == len(ledger.revisions("w")) >= 3
        assert len(ledger.audit()) == newest.number
        (step,) = {job.step for s in newest.plan.stages for job in s.jobs} & {"clean", "tidy"}
        assert ledger.positions("w") == {f"{step}/raw": {"seq": 7}}
        assert ledger.marked("w") == {f"{step}/once"}
        assert ledger.scan(f"w.{step}__once_state").collect()["k"].to_list() == [0, 1]
        ledger.apply_plan(plan_of(ledger, turned(ledger)), (), "ann")
