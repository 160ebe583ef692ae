"""Message edges. The bus does not carry them yet, so each is noted; none is lost in silence."""

from __future__ import annotations

from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report
from lyftnb.planning.rules.triggers import placed_triggers


def relay(draft: Draft, setting: Setting) -> Draft:
    """Say of every message, and of every step that waits for one, that it is not served yet."""
    report = Report()
    for name, step in draft.spec.steps.items():
        for i, emit in enumerate(step.emit):
            place = ("steps", name, "emit", i)
            report.note(place, "not_yet", f"message '{emit.tag}' is not sent yet")
        for path, trigger in placed_triggers(name, step):
            if trigger.message is not None and name in draft.jobs:
                report.warn(
                    (*path, "message"),
                    "not_yet",
                    "messages do not wake steps yet: this one runs with every run",
                )
    for i, edge in enumerate(draft.spec.messages):
        report.note(("messages", i), "not_yet", f"message '{edge.tag}' is not sent yet")
    return draft.with_problems(report.problems)
