"""Emitted tags and message edges: their structure."""

from __future__ import annotations

from lyftnb.model import MessageEdge, Path, StepSpec
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import REJECTS, cycles
from lyftnb.planning.report import Report, choose
from lyftnb.planning.rules.triggers import placed_triggers


def messages(draft: Draft, setting: Setting, report: Report) -> None:
    """Ends of message edges that do not exist, and empty tags."""
    for name, step in draft.spec.steps.items():
        for i, emit in enumerate(step.emit):
            if not emit.tag.strip():
                report.error(("steps", name, "emit", i, "tag"), "empty_tag", "the tag is empty")
    for i, edge in enumerate(draft.spec.messages):
        _edge(("messages", i), edge, draft, report)
    _cycles(draft, report)
    _unheard(draft, report)


def _cycles(draft: Draft, report: Report) -> None:
    """Steps that wake each other in a ring: it may be meant, and ends after 100 messages."""
    steps = draft.spec.steps
    senders: dict[str, list[str]] = {}
    for name, step in steps.items():
        for tag in dict.fromkeys(emit.tag for emit in step.emit):
            senders.setdefault(tag, []).append(name)
    place = {name: i for i, name in enumerate(steps)}
    wakes: dict[str, list[str]] = {}
    for name, step in steps.items():
        found = {sender for tag in _awaited(step) for sender in senders.get(tag, ())}
        wakes[name] = sorted(found, key=place.__getitem__)
    for ring in cycles(tuple(steps), wakes):
        names = " -> ".join(f"'{name}'" for name in (*ring, ring[0]))
        report.warn(
            ("steps", ring[0], "trigger"),
            "message_cycle",
            f"messages wake these steps in a ring: {names}",
            "a chain stops with an issue after 100 messages; let a `when` end it earlier",
        )


def _unheard(draft: Draft, report: Report) -> None:
    """Tags that no step of the workflow sends: they may come from elsewhere, or be misspelt."""
    sent = {tag for step in draft.spec.steps.values() for tag in _sent(step)}
    for name, step in draft.spec.steps.items():
        for path, trigger in placed_triggers(name, step):
            tag = trigger.message.tag if trigger.message is not None else None
            if tag is not None and tag not in sent:
                report.note(
                    (*path, "message", "tag"),
                    "unheard_tag",
                    f"no step of this workflow sends '{tag}'",
                    choose(tag, sent, "it is expected from elsewhere"),
                )


def _sent(step: StepSpec) -> set[str]:
    tags = {emit.tag for emit in step.emit}
    if step.output is not None and step.output.kind == "message":
        params = step.output.params
        tags.add(str(params.get("tag") if isinstance(params, dict) else params))
    return tags


def _awaited(step: StepSpec) -> set[str]:
    tags = (t.message.tag for t in step.triggers if t.message is not None)
    return {tag for tag in tags if tag is not None}


def _edge(path: Path, edge: MessageEdge, draft: Draft, report: Report) -> None:
    if not edge.tag.strip():
        report.error((*path, "tag"), "empty_tag", "the tag is empty")
    if edge.to not in draft.spec.steps:
        hint = choose(edge.to, draft.spec.steps)
        report.error((*path, "to"), "unknown_step", f"unknown step '{edge.to}'", hint)
    step, dot, port = edge.from_.partition(".")
    if not dot and (step in draft.spec.steps or step in draft.graph.producers):
        return
    if step not in draft.spec.steps:
        hint = choose(step, (*draft.spec.steps, *draft.graph.producers))
        kind = "step" if dot else "step or channel"
        report.error((*path, "from"), "unknown_step", f"unknown {kind} '{step}'", hint)
        return
    ports = (*draft.graph.ports[step], REJECTS)
    if port not in ports:
        hint = choose(port, ports)
        why = f"step '{step}' has no port '{port}'"
        report.error((*path, "from"), "unknown_port", why, hint)
