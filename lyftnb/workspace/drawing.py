"""What a picture of a workflow shows: steps and spools as nodes, channels and messages as edges.

A draft shows what its author declared; a plan shows what will run: its transports and its stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lyftnb.model import (
    DEFAULT_GROUP,
    ActionSpec,
    ChannelSpec,
    InputSpec,
    Job,
    OutputSpec,
    Plan,
    StepSpec,
    WorkflowSpec,
)

EdgeKind = Literal["worker", "spool", "table", "message"]
Mark = Literal["added", "changed", "removed"]
"""What applying a plan does to a part."""


@dataclass(frozen=True, slots=True)
class Node:
    """A step or a spool."""

    id: str
    kind: Literal["step", "spool"]
    title: str
    note: str = ""
    """A second line: what the step does, how the spool is kept."""
    group: str = ""
    tip: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A channel between steps, one side of a spool, or a message."""

    tail: str
    head: str
    kind: EdgeKind
    label: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that is drawn. `regions` are the stages of a plan: name → ids of its steps."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel as drawn: who writes it from which port, who reads it and how."""

    name: str
    spool: bool
    spec: ChannelSpec
    tip: str = ""


def drawing_of_spec(spec: WorkflowSpec) -> Drawing:
    """The graph of a draft: a channel is a spool where it is declared one."""
    nodes = [
        Node(f"step:{name}", "step", name, _body(step.input, step.actions, step.output, step),
             step.group or DEFAULT_GROUP, step.description or "")
        for name, step in spec.steps.items()
    ]  # fmt: skip
    writers = {c: (s, p) for s, step in spec.steps.items() for p, c in step.ports.items()}
    readers = [
        (ref.channel, name, ref.as_ == "table")
        for name, step in spec.steps.items()
        for ref in step.inputs.values()
    ]
    names = dict.fromkeys([*spec.channels, *writers, *(channel for channel, _, _ in readers)])
    channels = [_declared(name, spec.channels.get(name), name in writers) for name in names]
    spools, edges = _channels(channels, writers, readers)
    return Drawing(spec.workflow, (*nodes, *spools), (*edges, *_messages(spec)))


def drawing_of_plan(plan: Plan) -> Drawing:
    """The graph of a plan: transports as decided, steps gathered in stages."""
    jobs = [job for stage in plan.stages for job in stage.jobs]
    nodes = [
        Node(f"step:{job.step}", "step", job.step, _body(job.input, job.actions, job.output, job),
             job.group)
        for job in jobs
    ]  # fmt: skip
    shown = [c for c in plan.channels if c.consumers or not c.rejects]
    readers = [
        (ref.channel, job.step, ref.table)
        for job in jobs
        for ref in job.inputs
        if ref.deployment is None
    ]
    spools, edges = _channels(
        [_Channel(c.name, c.transport == "spool", c.spec, c.reason) for c in shown],
        {c.name: (c.producer, c.port) for c in shown},
        readers,
    )
    regions = {stage.id: tuple(f"step:{job.step}" for job in stage.jobs) for stage in plan.stages}
    return Drawing(plan.deployment, (*nodes, *spools), tuple(edges), regions)


def _declared(name: str, spec: ChannelSpec | None, written: bool) -> _Channel:
    """A draft's channel. One that nobody writes is shown, or its reader would hang in the air."""
    spool = (spec is not None and spec.transport == "spool") or not written
    return _Channel(name, spool, spec or ChannelSpec(), "" if written else "no step writes this")


def _channels(
    channels: Iterable[_Channel],
    writers: Mapping[str, tuple[str, str]],
    readers: Sequence[tuple[str, str, bool]],
) -> tuple[list[Node], list[Edge]]:
    spools: list[Node] = []
    edges: list[Edge] = []
    for channel in channels:
        writer, port = writers.get(channel.name, (None, "out"))
        ends = [(step, table) for name, step, table in readers if name == channel.name]
        if not channel.spool:
            edges += [
                Edge(f"step:{writer}", f"step:{step}", "worker", channel.name) for step, _ in ends
            ]
            continue
        here = f"spool:{channel.name}"
        tip = channel.spec.description or channel.tip
        spools.append(Node(here, "spool", channel.name, _keeping(channel.spec), "", tip))
        if writer is not None:
            edges.append(Edge(f"step:{writer}", here, "spool", "" if port == "out" else port))
        edges += [Edge(here, f"step:{step}", "table" if table else "spool") for step, table in ends]
    return spools, edges


def _messages(spec: WorkflowSpec) -> list[Edge]:
    """An edge from each step that emits a tag to each step that the tag wakes up."""
    waiting = [
        (trigger.message.tag, name)
        for name, step in spec.steps.items()
        for trigger in step.triggers
        if trigger.message is not None
    ]
    said = [(emit.tag, name) for name, step in spec.steps.items() for emit in step.emit]
    edges = [
        Edge(f"step:{source}", f"step:{target}", "message", tag)
        for tag, source in said
        for wanted, target in waiting
        if wanted == tag
    ]
    for message in spec.messages:
        source = message.from_.split(".")[0]
        if source in spec.steps and message.to in spec.steps:
            edges.append(Edge(f"step:{source}", f"step:{message.to}", "message", message.tag))
    return edges


def _body(
    source: InputSpec | None,
    actions: Sequence[ActionSpec],
    output: OutputSpec | None,
    step: StepSpec | Job,
) -> str:
    """What a step does, in a few words: `files → filter, derive → parquet`."""
    kinds = [action.kind for action in actions]
    middle = ", ".join(kinds) if len(kinds) <= 3 else f"{len(kinds)} actions"
    if isinstance(step, StepSpec):
        middle = middle or (step.notebook.path if step.notebook else step.uses or "")
    parts = [source.kind if source else "", middle, output.kind if output else ""]
    routing = step.dispatch.mode.replace("_", " ") if step.dispatch else ""
    return " → ".join(part for part in (*parts, routing) if part)


def _keeping(spec: ChannelSpec) -> str:
    """How a spool is kept, in a few words."""
    policy = spec.schema_policy if spec.schema_policy != "evolve" else ""
    return ", ".join(part for part in (spec.partition or "", policy) if part)
