"""Hold the document against the rules."""

from __future__ import annotations

from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report
from lyftnb.planning.rules import RULES


def check(draft: Draft, setting: Setting) -> Draft:
    """Report everything that the rules object to; changes nothing else."""
    report = Report()
    for rule in RULES:
        rule(draft, setting, report)
    return draft.with_problems(report.problems)
