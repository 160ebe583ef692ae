"""What actions keep from batch to batch: whether it is still theirs, and whether some is due."""

from __future__ import annotations

from lyftnb.errors import StateChanged
from lyftnb.model import Plan, Stage
from lyftnb.operators import PENDING
from lyftnb.store import Ledger


def check_states(plan: Plan, ledger: Ledger) -> None:
    """Refuse to go on with what an action kept under other keys or windows: it would be counted
    into the wrong groups.

    Raises:
        StateChanged: names the step and the action.
    """
    if not any(stage.states for stage in plan.stages):
        return
    kept = {info.spool: info.state for info in ledger.spools() if info.segments}
    for stage in plan.stages:
        for job in stage.jobs:
            for state in job.states:
                before = kept.get(f"{plan.deployment}.{state.channel}", state.spec.digest)
                if before != state.spec.digest:
                    raise StateChanged(
                        f"'{job.actions[state.index].kind}' keeps rows under other windows, keys "
                        "or columns than it has now",
                        where=f"step '{job.step}', action {job.action_name(state.index)}",
                        hint="put them back; or give the action another `id`, under which it "
                        "begins with the next rows; or begin anew with `--fresh`",
                    )


def holds_back(plan: Plan, stage: Stage, ledger: Ledger) -> bool:
    """Whether an action that lets go of all at the end of a run still holds something back."""
    spools = (f"{plan.deployment}.{s.channel}" for s in stage.states if s.spec.at_end)
    return any(ledger.segments(spool, partitions=(PENDING,)) for spool in spools)
