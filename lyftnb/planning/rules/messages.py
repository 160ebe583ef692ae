"""Emitted tags and message edges: their structure."""

from __future__ import annotations

from lyftnb.model import MessageEdge, Path
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import REJECTS
from lyftnb.planning.report import Report, choose


def messages(draft: Draft, setting: Setting, report: Report) -> None:
    """Ends of message edges that do not exist, and empty tags."""
    for name, step in draft.spec.steps.items():
        for i, emit in enumerate(step.emit):
            if not emit.tag.strip():
                report.error(("steps", name, "emit", i, "tag"), "empty_tag", "the tag is empty")
    for i, edge in enumerate(draft.spec.messages):
        _edge(("messages", i), edge, draft, report)


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
