"""What steps read: known channels, each once, as streams or as tables."""

from __future__ import annotations

from lyftnb.model import Path, StepSpec, StreamIn
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report, choose


def inputs(draft: Draft, setting: Setting, report: Report) -> None:
    """Unknown channels, repeated ones, keys of streams, and steps that nothing makes due."""
    known = [c for ports in draft.graph.ports.values() for c in ports.values()]
    for name, step in draft.spec.steps.items():
        for key, ref in draft.graph.inputs[name].items():
            path = _place(name, step, key)
            if ref.channel not in draft.graph.producers:
                mapped = isinstance(step.in_, dict) and isinstance(step.in_[key], StreamIn)
                place = (*path, "channel") if mapped else path
                _unknown(place, ref.channel, draft, known, report)
            if ref.key is not None and ref.as_ == "stream":
                report.error(
                    (*path, "key"),
                    "key_of_stream",
                    "`key` picks the newest row of a table, and this input is a stream",
                    "add `as: table`, or remove `key`",
                )
        _repeats(name, step, report)
        _due(name, step, draft, report)


def _place(step: str, spec: StepSpec, key: str) -> Path:
    if isinstance(spec.in_, tuple):
        return ("steps", step, "in", spec.in_.index(key))
    if isinstance(spec.in_, dict):
        return ("steps", step, "in", key)
    return ("steps", step, "in")


def _unknown(path: Path, channel: str, draft: Draft, known: list[str], report: Report) -> None:
    if channel in draft.spec.channels:
        report.error(
            path,
            "no_producer",
            f"no step writes to channel '{channel}'",
            f"give the step that should fill it `out: {channel}`",
        )
        return
    hint = choose(channel, known, "no step has an `out` yet")
    report.error(path, "unknown_channel", f"unknown channel '{channel}'", hint)


def _repeats(name: str, step: StepSpec, report: Report) -> None:
    if not isinstance(step.in_, tuple):
        return
    if not step.in_:
        report.error(("steps", name, "in"), "no_input", "the list of channels is empty")
    for i, channel in enumerate(step.in_):
        if channel in step.in_[:i]:
            report.error(
                ("steps", name, "in", i),
                "repeated_channel",
                f"channel '{channel}' is listed twice; its rows would come twice",
                "list it once",
            )


def _due(name: str, step: StepSpec, draft: Draft, report: Report) -> None:
    refs = draft.graph.inputs[name].values()
    if refs and all(ref.as_ == "table" for ref in refs):
        report.error(
            ("steps", name, "in"),
            "only_tables",
            "every input is a table, and a table does not make a step due",
            "read one of them as a stream, with `frame: all` if it shall be seen whole",
        )
    elif isinstance(step.in_, dict) and not refs:
        report.error(("steps", name, "in"), "no_input", "no channel is named")
