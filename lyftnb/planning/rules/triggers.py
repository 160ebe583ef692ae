"""What wakes steps up: times that never come, unknown zones, settings that cannot count."""

from __future__ import annotations

from lyftnb.model import Path, StepSpec, TriggerSpec, WindowSpec, seconds
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.due import cadence, parse_cron, zone_problem
from lyftnb.planning.due.sentences import describe_length
from lyftnb.planning.report import Report

_SHORTEST_S = 0.001
_LONGEST_S = 3660 * 86400.0


def triggers(draft: Draft, setting: Setting, report: Report) -> None:
    """Triggers that cannot fire as written, and what is set on them to no effect."""
    for name, step in draft.spec.steps.items():
        placed = placed_triggers(name, step)
        for i, (path, trigger) in enumerate(placed):
            _trigger(path, trigger, step, report)
            if trigger in step.triggers[:i]:
                why = "this trigger is listed twice; the step would run twice for each fire"
                report.warn(path, "repeated_trigger", why, "list it once")


def placed_triggers(name: str, step: StepSpec) -> list[tuple[Path, TriggerSpec]]:
    """The triggers of a step, each with its place."""
    path = ("steps", name, "trigger")
    if isinstance(step.trigger, tuple):
        return [((*path, i), trigger) for i, trigger in enumerate(step.trigger)]
    return [] if step.trigger is None else [(path, step.trigger)]


def _trigger(path: Path, trigger: TriggerSpec, step: StepSpec, report: Report) -> None:
    before = len(report.problems)
    if trigger.watch is not None and step.input is None:
        report.error(
            (*path, "watch"),
            "nothing_to_watch",
            "`watch` follows an outside input, and this step has none",
            "remove it: a step that reads a channel runs as rows arrive",
        )
    for key in ("interval", "watch"):
        _duration((*path, key), getattr(trigger, key), "bad_interval", report, _SHORTEST_S)
    _duration((*path, "jitter"), trigger.jitter, "bad_jitter", report)
    if trigger.window is not None:
        _duration((*path, "window", "size"), trigger.window.size, "bad_window", report, _SHORTEST_S)
        _duration((*path, "window", "offset"), trigger.window.offset, "bad_window", report)
    _cron(path, trigger, report)
    _idle(path, trigger, report)
    if len(report.problems) == before and trigger.timed:
        _fit(path, trigger, report)


def _duration(
    path: Path, value: str | float | None, code: str, report: Report, shortest_s: float = 0.0
) -> None:
    if value is None or shortest_s <= seconds(value) <= _LONGEST_S:
        return
    low = f"at least {describe_length(shortest_s)}" if shortest_s else "0 or more"
    report.error(path, code, f"`{path[-1]}` must be {low} and at most 10 years, found {value}")


def _cron(path: Path, trigger: TriggerSpec, report: Report) -> None:
    if trigger.cron is not None:
        for fault in parse_cron(trigger.cron)[1]:
            at = "" if fault.offset is None else f"character {fault.offset + 1} of "
            why = f"{fault.message} ({at}'{trigger.cron}')"
            report.error((*path, "cron"), "bad_cron", why, fault.hint)
    elif trigger.zone is not None:
        report.warn((*path, "zone"), "idle_zone", "`zone` counts for `cron` only", "remove it")
    if trigger.zone is not None and trigger.cron is not None:
        problem = zone_problem(trigger.zone)
        if problem is not None:
            report.error((*path, "zone"), "unknown_zone", *problem)


def _idle(path: Path, trigger: TriggerSpec, report: Report) -> None:
    """Settings on triggers that no clock fires."""
    if trigger.timed:
        return
    if trigger.window is not None:
        report.error(
            (*path, "window"),
            "window_without_time",
            "a window ends at a time, and this trigger has none",
            "give it an `interval` or a `cron`, or remove the window",
        )
    if trigger.jitter is not None:
        why = "`jitter` counts for `interval` and `cron` only"
        report.warn((*path, "jitter"), "idle_jitter", why, "remove it")
    if trigger.overlap is not None and trigger.message is None:
        why = "`overlap` counts for `interval`, `cron` and `message` only"
        report.warn((*path, "overlap"), "idle_overlap", why, "remove it")


def _fit(path: Path, trigger: TriggerSpec, report: Report) -> None:
    """Settings that do not go with how often the trigger fires, or with each other."""
    every = cadence(trigger)
    every_s = None if every is None else every.total_seconds()
    if every_s is not None and seconds(trigger.jitter or 0) > every_s:
        report.warn(
            (*path, "jitter"),
            "long_jitter",
            f"`jitter` is longer than the {describe_length(every_s)} from fire to fire, "
            "so runs begin after the next fire",
            "make it shorter",
        )
    if trigger.window is None:
        return
    _size((*path, "window", "size"), trigger.window, every_s, report)
    if trigger.overlapping == "skip" and trigger.window.catch_up == "all":
        report.warn(
            (*path, "overlap"),
            "dropped_windows",
            "`overlap: skip` drops the windows that end while a run is going on, "
            "so `catch_up: all` cannot hold",
            "say `queue` or `coalesce` to have them all, or `catch_up: last`",
        )


def _size(path: Path, window: WindowSpec, every_s: float | None, report: Report) -> None:
    if window.size is None or every_s == seconds(window.size):
        return
    windows = f"windows of {describe_length(seconds(window.size))}"
    if every_s is None:
        why = f"{windows} may overlap or leave gaps: fires are not evenly spaced"
    else:
        does = "overlap" if seconds(window.size) > every_s else "leave gaps"
        why = f"{windows} {does}: fires are {describe_length(every_s)} apart"
    hint = "leave `size` out to have each window begin where the last one ended"
    report.note(path, "window_size", why, hint)
