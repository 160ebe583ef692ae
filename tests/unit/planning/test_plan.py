"""Plans: golden texts, and what must hold of any plan."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_kit import PlainChecker, planned, problems, spec_of

from lyftnb import catalog
from lyftnb.errors import GroupUnavailable, InvalidWorkflow
from lyftnb.model import Plan, Stage, WorkflowSpec, has_errors
from lyftnb.planning import ContextLayers, Layer, describe, plan

GOLDEN = Path(__file__).parents[2] / "golden" / "plans"
FILES = {"input": {"files": "a"}}
SINK = {"output": {"print": 1}}


@pytest.mark.parametrize("name", sorted(p.stem for p in GOLDEN.glob("*.yaml")))
def test_golden(name: str) -> None:
    """Each `NAME.yaml` compiles to the text in `NAME.txt`, or is refused with it.

    `UPDATE_GOLDEN=1 pytest tests/unit/planning` writes the texts anew; look at the diff.
    """
    reading = catalog.read((GOLDEN / f"{name}.yaml").read_text(), f"{name}.yaml")
    assert reading.spec is not None
    try:
        shown = describe(planned(reading.spec))
    except InvalidWorkflow as refusal:
        shown = "".join(f"{p}\n" for p in reading.with_problems(refusal.problems))
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown)
    assert shown == golden.read_text()


def test_there_are_a_dozen_goldens() -> None:
    assert len(list(GOLDEN.glob("*.yaml"))) >= 12


def test_all_errors_stand_in_the_refusal() -> None:
    spec = spec_of({"a": {"in": "x", "output": {"prnt": 1}}, "b": {}})
    with pytest.raises(InvalidWorkflow) as refusal:
        planned(spec)
    text = str(refusal.value)
    assert text.startswith("workflow 'w' has 3 errors:")
    for code in ("unknown_channel", "unknown_output", "no_body"):
        assert f"[{code}]" in text
    assert len(refusal.value.problems) == 3


def test_a_group_without_workers_is_refused() -> None:
    steps = {"a": FILES | SINK | {"group": "egde"}, "b": FILES | SINK | {"group": "gpu"}}
    with pytest.raises(GroupUnavailable) as refusal:
        planned(spec_of(steps), groups={"edge": 2, "default": 2, "gpu": 0})
    assert "'egde' (asked for by 'a'); group 'gpu' (asked for by 'b')" in refusal.value.message
    assert "did you mean 'edge'?" in str(refusal.value)
    assert "[groups.egde]" in str(refusal.value)
    assert planned(spec_of(steps), groups={"egde": 1, "gpu": 1}).stages[0].groups == {"egde"}


def test_a_value_from_the_context_keeps_its_type() -> None:
    step = {"input": {"files": {"rows": "{{n}}", "path": "{{dir}}/{{n}}"}}} | SINK
    spec = spec_of({"a": step}, context={"n": 5, "dir": "data", "unused": 1})
    made = planned(spec, context=ContextLayers(chosen=(Layer("prod", {"dir": "prod"}),)))
    assert made.stages[0].source is not None
    assert made.stages[0].source.params == {"rows": 5, "path": "prod/5"}
    assert [(v.name, v.value, v.layer) for v in made.context] == [
        ("n", 5, "workflow"),
        ("dir", "prod", "prod"),
    ]


def test_a_value_that_does_not_fit_is_placed() -> None:
    spec = spec_of({"a": FILES | SINK | {"emit": [{"tag": "{{n}}"}]}}, context={"n": 5})
    [problem] = [p for p in problems(spec) if p.code == "bad_expansion"]
    assert problem.dotted == "steps.a.emit[0].tag"


def test_a_deployment_does_not_read_itself_from_outside() -> None:
    spec = spec_of({"a": {"input": {"spool": {"deployment": "w", "channel": "c"}}} | SINK})
    with pytest.raises(InvalidWorkflow, match="`in: c`"):
        planned(spec)


@st.composite
def graphs(draw: st.DrawFn) -> WorkflowSpec:
    """Workflows without rings: each step reads channels of steps before it, as it likes."""
    steps: dict[str, Any] = {}
    channels: list[str] = []
    for i in range(draw(st.integers(1, 9))):
        step: dict[str, Any] = {
            "group": draw(st.sampled_from(("etl", "edge"))),
            "actions": [{draw(st.sampled_from(("filter", "filter", "dedupe"))): "x"}],
        }
        if draw(st.integers(0, 3)) == 0:
            step["replicas"] = 2
        reads = (
            draw(st.lists(st.sampled_from(channels), max_size=3, unique=True)) if channels else []
        )
        if reads:
            tables = [draw(st.integers(0, 3)) == 0 for _ in reads[1:]]
            step["in"] = reads
            if any(tables):
                kinds = ["stream", *("table" if t else "stream" for t in tables)]
                step["in"] = {c: {"channel": c, "as": k} for c, k in zip(reads, kinds, strict=True)}
            if draw(st.integers(0, 4)) == 0 or (any(tables) and not all(tables)):
                step["frame"] = "run"
            if draw(st.integers(0, 5)) == 0:
                step["trigger"] = "manual"
        else:
            step |= FILES | {"actions": []}
        ports = {f"p{k}": f"c{i}_{k}" for k in range(draw(st.integers(1, 2)))}
        step["out"] = ports
        step["dispatch"] = "clone"
        channels += ports.values()
        steps[f"s{i}"] = step
    spools = draw(st.lists(st.sampled_from(channels), max_size=3))
    return spec_of(steps, {c: {"transport": "spool"} for c in spools})


def reachable(edges: dict[str, tuple[str, ...]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(edges[start])
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += edges[node]
    return seen


def check_stage(made: Plan, stage: Stage) -> None:
    """One input side; tasks convex, in order, and fed by what they say."""
    transports = {c.name: c.transport for c in made.channels}
    inside = {job.step for job in stage.jobs}
    sent: set[str] = set()
    done: set[str] = set()
    for task in stage.tasks:
        assert set(task.upstream) <= done
        assert set(task.receives) <= sent
        done.add(task.id)
        sent |= set(task.sends)
        assert {(j.group, j.replicas) for j in task.jobs} == {(task.group, task.replicas)}
        own = {channel for job in task.jobs for _, channel in job.ports}
        for job in task.jobs:
            for ref in job.inputs:
                spool = transports[ref.channel] == "spool"
                assert spool == (ref.table or job is stage.root)
                assert spool or ref.channel in own or ref.channel in task.receives
                assert spool or made.channel(ref.channel).producer in inside
            if job is not stage.root:
                assert job.input is None
                assert job.frame == "batch" and not job.stateful


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_what_holds_of_any_plan(spec: WorkflowSpec) -> None:
    assert not has_errors(problems(spec))
    made = planned(spec)
    assert sorted(job.step for stage in made.stages for job in stage.jobs) == sorted(spec.steps)
    upstream = {stage.id: stage.upstream for stage in made.stages}
    done: set[str] = set()
    for stage in made.stages:
        assert set(stage.upstream) <= done, "a stage comes after those it waits for"
        done.add(stage.id)
        assert stage.id not in reachable(upstream, stage.id)
        assert stage.root.step == stage.id
        check_stage(made, stage)
    for channel in made.channels:
        writers = [s.id for s in made.stages if channel.name in s.spools]
        if channel.rejects or channel.transport == "worker":
            assert writers == []
        else:
            assert writers == [made.stage_of(channel.producer).id]
        assert channel.reason
    assert pickle.loads(pickle.dumps(made)) == made
    assert planned(spec) == made


def chain(length: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for i in range(length):
        step = {"in": f"c{i - 1}"} if i else FILES
        extra = {"trigger": "manual"} if i % 7 == 3 else {"group": "ab"[i % 2]}
        actions = [{"filter": "x > {{n}}"}, {"derive": {"y": "1"}}]
        yield f"s{i}", {**step, **extra, "actions": actions, "out": f"c{i}"}


def ladder(length: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step merges the two before it: the worst that routing can meet."""
    for i in range(length):
        step: dict[str, Any] = {"in": [f"c{i - 1}", f"c{i - 2}"]} if i > 1 else FILES
        yield f"s{i}", {**step, "out": f"c{i}"}


@pytest.mark.parametrize("shape", [chain, ladder])
def test_a_thousand_steps(shape: Any) -> None:
    spec = spec_of(dict(shape(1000)), context={"n": 1})
    made = plan(spec, deployment="w", version=None, checker=PlainChecker())
    assert sum(len(stage.jobs) for stage in made.stages) == 1000
