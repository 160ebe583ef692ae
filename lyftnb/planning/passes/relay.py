"""Message edges declared from outside become emits, triggers and relays.

`{from: clean, tag: done, to: report}` says what `emit` on `clean` and a message trigger on `report`
say. Where `from` is a channel or a port, a *relay* stands in between: a job that reads the channel
and sends one message per batch with its row count, or one per row with the row.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lyftnb.model import (
    EmitSpec,
    MessageEdge,
    MessageFilter,
    OutputSpec,
    StepSpec,
    TriggerSpec,
)
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import REJECTS, Graph, rejects_channel


def relay(draft: Draft, setting: Setting) -> Draft:
    """Carry out `messages`. Edges whose ends do not exist are left to the rules."""
    steps = {name: _per_batch(step) for name, step in draft.spec.steps.items()}
    relays: set[str] = set()
    for edge in draft.spec.messages:
        source = edge.from_.partition(".")[0]
        if edge.to not in steps:
            continue
        channel = _channel(edge, draft)
        if channel is not None:
            name = _name(edge, steps)
            steps[name] = _relay(edge, channel, _group(channel, draft))
            relays.add(name)
        elif source in steps and "." not in edge.from_:
            steps[source] = _with_emit(steps[source], edge)
            name = source
        else:
            continue
        steps[edge.to] = _with_trigger(steps[edge.to], edge)
    if steps == draft.spec.steps:
        return draft
    spec = draft.spec.model_copy(update={"steps": steps})
    return replace(draft, spec=spec, graph=Graph.of(spec), relays=frozenset(relays))


def _per_batch(step: StepSpec) -> StepSpec:
    """An output of one message a batch is an emit."""
    output = step.output
    if output is None or output.kind != "message" or not isinstance(output.params, dict):
        return step
    if output.params.get("per") != "batch" or not isinstance(output.params.get("tag"), str):
        return step
    emit = EmitSpec(tag=output.params["tag"], per="batch", fields={"rows": "count(*)"})
    return step.model_copy(update={"output": None, "emit": (*step.emit, emit)})


def _channel(edge: MessageEdge, draft: Draft) -> str | None:
    """The channel that the edge starts from, where it is no step's completion."""
    step, dot, port = edge.from_.partition(".")
    if not dot:
        known = step in draft.graph.producers and step not in draft.spec.steps
        return step if known else None
    if step not in draft.spec.steps:
        return None
    return rejects_channel(step) if port == REJECTS else draft.graph.ports[step].get(port)


def _name(edge: MessageEdge, steps: dict[str, StepSpec]) -> str:
    base = "relay_" + (re.sub(r"[^a-z0-9]+", "_", edge.tag.lower()).strip("_") or "message")
    name, number = base, 2
    while name in steps:
        name, number = f"{base}_{number}", number + 1
    return name


def _group(channel: str, draft: Draft) -> str | None:
    return draft.spec.steps[draft.graph.producers[channel].step].group


def _relay(edge: MessageEdge, channel: str, group: str | None) -> StepSpec:
    """A step that nobody wrote."""
    if edge.per == "row":
        output = OutputSpec(kind="message", params={"tag": edge.tag})
        return StepSpec(in_=channel, output=output, group=group)
    emit = EmitSpec(tag=edge.tag, per="batch", fields={"rows": "count(*)"})
    return StepSpec(in_=channel, emit=(emit,), group=group)


def _with_emit(step: StepSpec, edge: MessageEdge) -> StepSpec:
    if any(emit.tag == edge.tag for emit in step.emit):
        return step
    return step.model_copy(update={"emit": (*step.emit, EmitSpec(tag=edge.tag))})


def _with_trigger(step: StepSpec, edge: MessageEdge) -> StepSpec:
    if any(t.message is not None and t.message.tag == edge.tag for t in step.triggers):
        return step
    added = TriggerSpec(message=MessageFilter(tag=edge.tag))
    return step.model_copy(update={"trigger": (*step.triggers, added)})
