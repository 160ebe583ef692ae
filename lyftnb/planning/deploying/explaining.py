"""A deployment's plan in words: one list of changes, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lyftnb.model import (
    Change,
    ChannelChange,
    CheckpointChange,
    DeploymentPlan,
    FieldDiff,
    JobChange,
    Plan,
    ScheduleChange,
    SchemaChange,
    SettingChange,
    StaleHistory,
    StateChange,
    canonical_json,
)

MARKS = {
    "create": "+",
    "start": "+",
    "update": "~",
    "replace": "~",
    "remove": "-",
    "keep": " ",
    "drain": "!",
    "reset": "!",
    "drop": "!",
}
"""What stands before a line, by verb or fate."""
_HEADINGS = {
    "setting": "deployment",
    "job": "jobs",
    "channel": "channels",
    "schedule": "schedules",
    "checkpoint": "checkpoints",
    "state": "state of actions",
    "schema": "effects on data",
    "history": "effects on data",
}
_UNCHANGED = ("job", "channel", "schedule")
"""Of these only the number is told where they stay as they are."""
_SHOWN = 200
_UNITS = ("B", "KiB", "MiB", "GiB")


def explain_plan(plan: DeploymentPlan, *, next_step: bool = True) -> str:
    """The plan for a terminal: what changes, what it does to data, and what stands in the way;
    with the command that comes next, unless somebody is about to give it.
    """
    lines = [title_of(plan)]
    for section in sections_of(plan):
        lines += ["", section.heading, *_lines(section)]
    if plan.problems:
        lines += ["", "problems", *(f"  {problem}" for problem in plan.problems)]
    return "\n".join([*lines, "", *verdict_of(plan, next_step=next_step)]) + "\n"


def full_sentence_of(change: Change) -> str:
    """A change in one line, with what it does to each field."""
    fields = change.fields if isinstance(change, JobChange) else ()
    told = ", ".join(_field(diff) for diff in fields)
    return f"{sentence_of(change)} ({told})" if told else sentence_of(change)


def sentence_of(change: Change) -> str:
    """A change in one line, without what it does to each field."""
    match change:
        case SettingChange():
            return f"{change.name} {_short(change.before)} -> {_short(change.after)}"
        case JobChange():
            renamed = f", renamed from {change.renamed_from}" if change.renamed_from else ""
            return f"{change.verb} job {change.step}{renamed}"
        case ChannelChange():
            kept = ""
            if change.verb == "remove" and change.rows:
                kept = f" (its {_rows(change.rows)} stay)"
            return f"{change.verb} channel {change.channel} ({change.transport}){kept}"
        case ScheduleChange():
            told = {"update": f"{change.before} -> {change.after}", "remove": change.before}
            return f"{change.verb} schedule of {change.step}: {told.get(change.verb, change.after)}"
        case CheckpointChange():
            left = "left out" if change.now else "unread"
            unread = f"{_rows(change.unread)} {left}" if change.unread else ""
            return f"{change.fate} {change.key}{_because(_moved(change), change.why, unread)}"
        case StateChange():
            moved = _moved(change)
            return f"{change.fate} {change.key} ({change.kept_as}){_because(moved, change.why)}"
        case SchemaChange():
            column = f"column {change.column} of {change.channel}"
            if change.before is None:
                return f"{column} is new ({change.after})"
            if change.after is None:
                return f"{column} ({change.before}) gets no more values"
            return f"{column} turns from {change.before} to {change.after}"
        case StaleHistory():
            return _history(change)


def title_of(plan: DeploymentPlan) -> str:
    """What it is a plan of, in a line."""
    context = f" in context '{plan.context}'" if plan.context else ""
    base = f", based on revision {plan.based_on}" if plan.based_on else ", new"
    name = f"{plan.ref} (draft)" if plan.version is None else plan.ref
    return f"plan {plan.id}: {name}{context} as deployment '{plan.deployment}'{base}"


@dataclass(frozen=True, slots=True)
class Section:
    """The changes under one heading."""

    heading: str
    told: tuple[Change, ...]
    unchanged: int
    """How many more there are, that stay as they are."""


def sections_of(plan: DeploymentPlan) -> Iterator[Section]:
    """A plan's changes as people read them."""
    found: dict[str, list[Change]] = {}
    for change in plan.changes:
        found.setdefault(_HEADINGS[change.noun], []).append(change)
    for heading, changes in found.items():
        told = tuple(c for c in changes if c.changes or c.noun not in _UNCHANGED)
        yield Section(heading, told, len(changes) - len(told))


def _lines(section: Section) -> Iterator[str]:
    for change in section.told:
        yield f"  {mark_of(change)} {sentence_of(change)}"
        if isinstance(change, JobChange | ChannelChange):
            yield from (f"      {_field(diff)}" for diff in change.fields)
        if isinstance(change, CheckpointChange | StateChange) and change.accept:
            yield f"      asks for --accept {change.accept}"
    if section.unchanged:
        yield f"    {section.unchanged} unchanged"


def mark_of(change: Change) -> str:
    """The sign that a change's line begins with."""
    if isinstance(change, StaleHistory):
        return "!"
    mark = MARKS[_verb(change)]
    return "~" if change.changes and mark == " " else mark


def kept_context(old: Plan, plan: DeploymentPlan) -> str:
    """Why going back to a revision, whose compiled plan was `old`, changes nothing, where all that
    was different are the values of its context; empty: nothing was.
    """
    was = {value.name: value.value for value in old.context}
    now = {value.name: value.value for value in plan.compiled.context}
    differing = [
        f"{name} was {was[name]!r} and is {now[name]!r}"
        for name in sorted(was.keys() & now.keys())
        if was[name] != now[name]
    ]
    if not differing:
        return ""
    return (
        f"only variables of its context were different: {', '.join(differing)}; a rollback takes "
        "them as they are now, so set them back and apply: lyftnb context set"
    )


def verdict_of(plan: DeploymentPlan, *, next_step: bool = True) -> Iterator[str]:
    """How much it changes, and what is to be done with it."""
    if plan.empty:
        yield "nothing to change"
        return
    counts: dict[str, int] = {}
    for change in plan.changes:
        if change.changes:
            verb = "move" if _verb(change) == "keep" else _verb(change)
            counts[verb] = counts.get(verb, 0) + 1
    yield ", ".join(f"{count} to {verb}" for verb, count in counts.items())
    if plan.blocked:
        yield "it cannot be applied as it stands: see the problems"
    elif plan.version is None:
        yield "a draft can be run; publish it to apply it"
    elif next_step:
        accept = "".join(f" --accept {name}" for name in plan.to_accept)
        yield f"apply it: lyftnb apply {plan.id}{accept}"


def _verb(change: Change) -> str:
    match change:
        case JobChange() | ChannelChange() | ScheduleChange():
            return change.verb
        case CheckpointChange() | StateChange():
            return change.fate
    return "update"


def _history(change: StaleHistory) -> str:
    size = f"{_rows(change.rows)}, {_size(change.bytes)}"
    steps = ", ".join(change.because)
    when = f"before the change of {steps}" if steps else "by runs before the first apply"
    if change.reads_rows is None or change.reads_bytes is None:
        read = "a backfill would read its outside input again"
    else:
        read = f"a backfill would read {_rows(change.reads_rows)}, {_size(change.reads_bytes)}"
    return f"history of {change.channel} ({size}) was made {when}; {read}"


def _moved(change: CheckpointChange | StateChange) -> str:
    if change.moved_from is None:
        return ""
    return f"{'moved from' if change.fate == 'keep' else 'kept as'} {change.moved_from}"


def _because(*parts: str) -> str:
    told = [part for part in parts if part]
    return f": {'; '.join(told)}" if told else ""


def _field(diff: FieldDiff) -> str:
    if diff.before is None:
        return f"+ {diff.path}: {_short(diff.after)}"
    if diff.after is None:
        return f"- {diff.path}: {_short(diff.before)}"
    return f"{diff.path}: {_short(diff.before)} -> {_short(diff.after)}"


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else canonical_json(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _size(count: int) -> str:
    amount, units = float(count), list(_UNITS)
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.0f} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"
