"""Deployments in the ledger: an apply is one transaction, and what it moves is where it said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lyftnb.clock import ManualClock
from lyftnb.errors import CommitRefused, InvalidWorkflow, NotFound, PlanRefused
from lyftnb.model import (
    Advance,
    Claim,
    Commit,
    DeploymentPlan,
    Pauses,
    Plan,
    Schema,
    Settings,
    SpoolSpec,
    WorkflowSpec,
)
from lyftnb.planning.deploying import Observed, ObservedSpool, deploy
from lyftnb.store import Ledger, query, write_segments
from lyftnb.testing import invariants
from tests.ledger_kit import blank
from tests.unit.planning.deployment_kit import flows, positions_of
from tests.unit.planning.planning_kit import planned, spec_of

SPOOL = {"transport": "spool"}


def observed(ledger: Ledger) -> Observed:
    spools = {
        s.spool: ObservedSpool(s.rows, s.bytes, s.next_seq, s.schema, s.state)
        for s in ledger.spools()
    }
    return Observed(ledger.positions("w"), spools, ledger.marked("w"))


def plan_of(ledger: Ledger, spec: WorkflowSpec, **more: Any) -> DeploymentPlan:
    present = ledger.deployment("w")
    renames = {n: s.renamed_from for n, s in spec.steps.items() if s.renamed_from}
    deployed = ledger.revision("w", present.revision) if present else None
    return deploy(
        planned(spec), renames=renames, deployed=deployed, observed=observed(ledger), **more
    )


def read(ledger: Ledger, key: str, seq: int, *segments: Any, **fields: Any) -> Claim:
    """Commit a batch that moves the position `STEP/INPUT` to `seq`."""
    step = key.partition("/")[0]
    version, _items = ledger.position(f"w/{key}")
    number = ledger.next_batch("w", step)
    claim = Claim(
        batch=f"w/{step}/{number}",
        attempt=1,
        run="w-1",
        deployment="w",
        stage=step,
        splits=(),
        advances=(Advance(f"w/{key}", version, {"seq": seq}),),
        tables=(),
        snapshot=ledger.snapshot(),
        now=ledger.clock.now(),
        seed=0,
    )
    ledger.commit([Commit(claim, segments, **fields)])
    return claim


def kept(ledger: Ledger, spec: SpoolSpec, rows: int = 2) -> list[Any]:
    frame = pl.DataFrame({"k": range(rows)})
    where = {"batch": "w/s/1", "attempt": 1, "task": "s", "split": 0}
    return list(write_segments(frame, ledger.root, spec, **where))


CHAIN = {
    "read": {"input": {"files": "a"}, "out": "raw"},
    "clean": {"in": "raw", "actions": [{"dedupe": "k", "id": "once"}], "out": "kept"},
    "load": {"in": "kept", "trigger": {"manual": True}, "output": {"print": 1}},
}


def chain(**changed: Any) -> WorkflowSpec:
    steps = {name: step for name, step in (CHAIN | changed).items() if step is not None}
    return spec_of(steps, {"raw": SPOOL, "kept": SPOOL})


def test_an_apply_is_a_revision_with_its_plan_and_an_audit_row(ledger: Ledger) -> None:
    plan = plan_of(ledger, chain())
    made = ledger.apply_plan(plan, ["create job read"], "ann")
    assert (made.name, made.ref, made.revision, made.applied_by) == ("w", "w@1", 1, "ann")
    assert ledger.deployments() == [made]
    (revision,) = ledger.revisions("w")
    assert revision.plan == plan.compiled and revision.changes == ("create job read",)
    assert plan_of(ledger, chain()).empty
    (entry,) = ledger.audit()
    assert (entry.who, entry.what, entry.ref) == ("ann", "apply", "w")
    assert entry.detail["plan"] == plan.id
    for table in ("deployments", "revisions", "audit"):
        assert query(ledger, f"SELECT * FROM lyftnb.{table}").height == 1


def test_a_plan_of_another_revision_is_stale(ledger: Ledger) -> None:
    plan = plan_of(ledger, chain())
    ledger.apply_plan(plan, (), "ann")
    with pytest.raises(PlanRefused, match="made for no revision, and revision 1 is deployed"):
        ledger.apply_plan(plan, (), "ann")
    assert len(ledger.revisions("w")) == len(ledger.audit()) == 1


def test_a_renamed_step_takes_all_it_has_along(ledger: Ledger) -> None:
    ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
    state = SpoolSpec("w.clean__once_state", state="k")
    read(ledger, "clean/raw", 7, *kept(ledger, state), spools=(state,))
    ledger.fire([], {"w/clean/0": {"after": 3}})
    with ledger.opened() as database:
        mark = {"scope": "w/clean/once", "high": 1, "low": 2}
        database.append("marks", [mark])
    renamed = chain(clean=None, tidy=CHAIN["clean"] | {"renamed_from": "clean"})
    plan = plan_of(ledger, renamed)
    assert not plan.to_accept
    ledger.apply_plan(plan, (), "ann")
    assert ledger.positions("w") == {"tidy/raw": {"seq": 7}}
    assert ledger.marked("w") == {"tidy/once"}
    assert ledger.trigger_state("w/tidy/0") == {"after": 3}
    assert ledger.trigger_state("w/clean/0") is None
    assert ledger.scan("w.tidy__once_state").collect()["k"].to_list() == [0, 1]
    assert "w.clean__once_state" not in {info.spool for info in ledger.spools()}
    assert plan_of(ledger, renamed).empty
    read(ledger, "tidy/raw", 9)


def test_what_is_dropped_begins_anew_if_it_comes_back(ledger: Ledger) -> None:
    ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
    state = SpoolSpec("w.clean__once_state", state="k")
    read(ledger, "clean/raw", 7, *kept(ledger, state), spools=(state,))
    left = replace(read(ledger, "clean/raw", 8), batch="w/clean/3", attempt=1)
    ledger.claim(left)
    without = chain(clean=None, load=None)
    plan = plan_of(ledger, without)
    assert plan.to_accept == ("drop:clean/raw", "drop:clean/once")
    ledger.apply_plan(plan, (), "ann")
    assert ledger.positions("w") == {} and ledger.spool("w.clean__once_state").rows == 0
    with pytest.raises(CommitRefused, match="abandoned"):
        ledger.claim(replace(left, attempt=2))
    again = plan_of(ledger, chain())
    ledger.apply_plan(again, (), "ann")
    assert ledger.position("w/clean/raw")[1] == {} and plan_of(ledger, chain()).empty


def test_state_under_other_keys_is_reset(ledger: Ledger) -> None:
    ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
    state = SpoolSpec("w.clean__once_state", state="k")
    read(ledger, "clean/raw", 7, *kept(ledger, state), spools=(state,))
    other = chain(clean=CHAIN["clean"] | {"actions": [{"dedupe": "l", "id": "once"}]})
    plan = plan_of(ledger, other)
    assert plan.to_accept == ("reset:clean/once",)
    ledger.apply_plan(plan, (), "ann")
    assert ledger.spool("w.clean__once_state").segments == 0
    assert ledger.positions("w") == {"clean/raw": {"seq": 7}}
    assert plan_of(ledger, other).empty


def test_what_is_to_be_drained_must_be(ledger: Ledger) -> None:
    flow = {"a": CHAIN["read"], "b": {"in": "raw", "output": {"print": 1}}}
    spooled, joined = (spec_of(flow, {"raw": {"transport": t}}) for t in ("spool", "worker"))
    ledger.apply_plan(plan_of(ledger, spooled), (), "ann")
    raw = SpoolSpec("w.raw")
    read(ledger, "a/files", 1, *kept(ledger, raw, 5), spools=(raw,))
    assert plan_of(ledger, joined).to_accept == ("drain:b/raw",)
    read(ledger, "b/raw", 3)
    plan = plan_of(ledger, joined)
    assert plan.to_accept == ("drain:b/raw",) and plan.to_drain == ("b",)
    with pytest.raises(PlanRefused, match=r"'b' has 2 rows of w\.raw left to read"):
        ledger.apply_plan(plan, (), "ann")
    assert ledger.deployment("w").revision == 1  # type: ignore[union-attr]
    read(ledger, "b/raw", 5)
    ledger.apply_plan(plan, (), "ann")
    assert plan_of(ledger, joined).empty


def test_a_consumer_may_start_from_now(ledger: Ledger) -> None:
    ledger.apply_plan(plan_of(ledger, chain(load=None)), (), "ann")
    spool = SpoolSpec("w.kept")
    read(ledger, "clean/raw", 4, *kept(ledger, spool, 4), spools=(spool,))
    plan = plan_of(ledger, chain(), from_now=["load"])
    assert plan.to_accept == ("start:load/kept",) and plan.from_now == ("load",)
    assert "start load/kept: with what comes from now on; 4 rows left out" in plan.text
    ledger.apply_plan(plan, (), "ann")
    assert ledger.positions("w")["load/kept"] == {"seq": 4}
    again = plan_of(ledger, chain(), from_now=["load"])
    assert again.blocked and "no spool that is new to it" in again.text
    with pytest.raises(NotFound, match="unknown step 'laod'"):
        plan_of(ledger, chain(), from_now=["laod"])


def test_pauses_outlive_an_apply_where_their_stages_do(ledger: Ledger) -> None:
    ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
    held = Pauses(stages={"clean": True, "load": True})
    ledger.pause_deployment("w", held, "bob", "pause", "load")
    made = ledger.apply_plan(plan_of(ledger, chain(load=None)), (), "ann")
    assert made.pauses == Pauses(stages={"clean": True}) and made.paused == "clean"
    paused = {s.id: s.paused for s in made.pauses.on(ledger.revision("w", 2).plan).stages}
    assert paused == {"read": False, "clean": True}
    assert [e.what for e in ledger.audit()] == ["apply", "pause", "apply"]


def test_numbers_go_on_after_a_deployment_is_destroyed(ledger: Ledger) -> None:
    ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
    ledger.destroy_deployment("w", "ann", data=False)
    assert ledger.deployments() == []
    with pytest.raises(NotFound, match="unknown deployment 'w'"):
        ledger.destroy_deployment("w", "ann", data=False)
    assert ledger.apply_plan(plan_of(ledger, chain()), (), "ann").revision == 2


def test_an_apply_that_cannot_be_written_changes_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.apply_plan(plan_of(ledger, chain()), (), "ann")
    read(ledger, "clean/raw", 7)
    plan = plan_of(ledger, chain(clean=None, load=None))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr("lyftnb.store.deployments.note", fail)
    with pytest.raises(OSError, match="no room"):
        ledger.apply_plan(plan, (), "ann")
    assert ledger.positions("w") == {"clean/raw": {"seq": 7}}
    assert len(ledger.revisions("w")) == 1


def test_plans_are_kept_by_their_ids(ledger: Ledger) -> None:
    plan = plan_of(ledger, chain())
    for _ in range(2):
        ledger.keep_plan(plan, {"ref": "w@1"}, "ann")
    assert ledger.kept_plan(plan.id) == (plan.deployment, plan.digest, {"ref": "w@1"})
    with pytest.raises(NotFound, match=f"did you mean '{plan.id}'"):
        ledger.kept_plan(plan.id[:-1] + "x")


def test_all_of_it_is_there_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    with Ledger.open(tmp_path / "again", clock) as ledger:
        spec = chain()
        ledger.apply_plan(plan_of(ledger, spec), (), "ann")
        read(ledger, "clean/raw", 7)
        renamed = chain(clean=None, tidy=CHAIN["clean"] | {"renamed_from": "clean"})
        ledger.apply_plan(plan_of(ledger, renamed), (), "ann")
    with Ledger.open(tmp_path / "again", clock) as ledger:
        assert ledger.positions("w") == {"tidy/raw": {"seq": 7}}
        assert plan_of(ledger, renamed).empty
        assert ledger.deployment("w").settings == Settings()  # type: ignore[union-attr]


def _with(draw: Callable[[Any], Any], ledger: Ledger, plan: Plan) -> None:
    """Let some inputs have been read, and some actions keep something."""
    for key in positions_of(plan, draw):
        read(ledger, key, 1)
    for stage in plan.stages:
        for job in stage.jobs:
            for state in job.states:
                if draw(st.booleans()):
                    spec = SpoolSpec(f"w.{state.channel}", state=state.spec.digest, schema=Schema())
                    key = f"{job.step}/seed"
                    read(ledger, key, 1, *kept(ledger, spec), spools=(spec,))


@settings(max_examples=25)
@given(st.lists(flows(), min_size=2, max_size=3), st.data())
def test_applied_and_planned_again_it_is_empty(
    documents: list[dict[str, Any]], data: st.DataObject
) -> None:
    specs = [spec_of(**document) for document in documents]
    try:
        for spec in specs:
            planned(spec)
    except InvalidWorkflow:
        assume(False)
    with TemporaryDirectory() as folder, Ledger.open(blank(Path(folder)), ManualClock()) as ledger:
        for spec in specs:
            plan = plan_of(ledger, spec)
            if not plan.empty:
                ledger.apply_plan(plan, (), "ann")
            again = plan_of(ledger, spec)
            assert again.empty and not again.to_accept, again.changes
            _with(data.draw, ledger, again.compiled)
        invariants.check(ledger)


def test_plans_are_not_kept_for_ever(
    ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(ledger, chain())
    ids = [f"w-{number:08x}" for number in range(5)]
    for id in ids:
        ledger.keep_plan(replace(plan, id=id), {"ref": id}, "ann")
        clock.advance(1)
    monkeypatch.setattr("lyftnb.store.deployments.KEPT_PLANS", 3)
    assert ledger.expire_plans(clock.now() - timedelta(days=1)) == 2
    assert ledger.kept_plan(ids[2])[2] == {"ref": ids[2]}
    assert ledger.expire_plans(clock.now() - timedelta(seconds=1.5)) == 2
    with pytest.raises(NotFound):
        ledger.kept_plan(ids[3])
    assert ledger.kept_plan(ids[4])[2] == {"ref": ids[4]}
