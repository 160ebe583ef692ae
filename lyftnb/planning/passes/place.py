"""Hold the steps' groups against the workers that there are."""

from __future__ import annotations

from lyftnb.errors import GroupUnavailable
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import choose


def place(draft: Draft, setting: Setting) -> Draft:
    """Refuse a step whose group has no worker: its tasks would wait for ever.

    Raises:
        GroupUnavailable: names every such step, and the groups there are.
    """
    if setting.groups is None:
        return draft
    there = sorted(group for group, slots in setting.groups.items() if slots > 0)
    wanted: dict[str, list[str]] = {}
    for job in draft.jobs.values():
        if job.group not in there:
            wanted.setdefault(job.group, []).append(job.step)
    if not wanted:
        return draft
    missing = "; ".join(
        f"group '{group}' (asked for by {', '.join(map(repr, steps[:5]))}"
        + (f" and {len(steps) - 5} more)" if len(steps) > 5 else ")")
        for group, steps in wanted.items()
    )
    group = next(iter(wanted))
    raise GroupUnavailable(
        f"no workers in {missing}",
        where=f"{draft.spec.workflow}: steps.{wanted[group][0]}.group",
        hint=f"{choose(group, there, 'there are no groups')}; "
        f"or add workers in lyftnb.toml: [groups.{group}] workers = 1",
        groups=tuple(there),
        missing=tuple(wanted),
    )
