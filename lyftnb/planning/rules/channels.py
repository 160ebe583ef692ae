"""Channels: one producer each, some reader, no cycles, and a declaration that makes sense."""

from __future__ import annotations

from lyftnb.model import ChannelSpec, Path, seconds, size_bytes
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import REJECTS, rejects_channel
from lyftnb.planning.report import Report, choose

_SCHEMAS = frozenset(
    {"information_schema", "lyftnb", "main", "memory", "pg_catalog", "system", "temp"}
)
"""What `SELECT … FROM NAME.CHANNEL` would take for something else than a deployment."""


def channels(draft: Draft, setting: Setting, report: Report) -> None:
    """Producers, readers, cycles and declarations."""
    _producers(draft, report)
    _reserved(draft, setting.deployment, report)
    _readers(draft, report)
    _cycles(draft, report)
    for name, spec in draft.spec.channels.items():
        path = ("channels", name)
        _declared(path, name, draft, report)
        _event_time(path, spec, report)
        _limits(path, spec, report)


def port_path(draft: Draft, step: str, port: str) -> Path:
    """Where a step's port stands in the document."""
    single = isinstance(draft.spec.steps[step].out, str)
    return ("steps", step, "out") if single else ("steps", step, "out", port)


def _producers(draft: Draft, report: Report) -> None:
    first: dict[str, str] = {}
    for step, ports in draft.graph.ports.items():
        for port, channel in ports.items():
            if channel not in first:
                first[channel] = step
                continue
            both = f"'{first[channel]}' and '{step}'" if first[channel] != step else f"'{step}'"
            report.error(
                port_path(draft, step, port),
                "two_producers",
                f"channel '{channel}' has two producers: {both}",
                "give each its own channel and let the reader list both: `in: [a, b]`",
            )


def _reserved(draft: Draft, deployment: str | None, report: Report) -> None:
    taken = {rejects_channel(step): step for step in draft.spec.steps}
    states = {state.channel: job for job in draft.jobs.values() for state in job.states}
    hint = "choose another name"
    for name in {draft.spec.workflow, deployment or draft.spec.workflow} & _SCHEMAS:
        whose = "its spools" if name == draft.spec.workflow else f"spools of deployment '{name}'"
        why = f"SQL has a schema '{name}', where {whose} could not be found"
        report.error(("workflow",), "reserved_name", why, hint)
    for step, ports in draft.graph.ports.items():
        for port, channel in ports.items():
            path = port_path(draft, step, port)
            if channel in states:
                why = f"'{channel}' is where an action of step '{states[channel].step}' keeps rows"
                report.error(path, "reserved_name", why, hint)
            if channel in taken:
                why = f"'{channel}' is the channel for the rejects of step '{taken[channel]}'"
                report.error(path, "reserved_name", why, hint)
            if port == REJECTS:
                why = "the port 'rejects' belongs to the rows that a step could not take"
                report.error(path, "reserved_name", why, hint)
    for channel in draft.spec.channels:
        if channel in taken and draft.spec.channels[channel].transport == "worker":
            report.error(
                ("channels", channel, "transport"),
                "reserved_name",
                f"'{channel}' holds the rejects of step '{taken[channel]}', always in a spool",
                "remove the transport",
            )


def _readers(draft: Draft, report: Report) -> None:
    for step, ports in draft.graph.ports.items():
        for port, channel in ports.items():
            if channel in draft.graph.readers:
                continue
            path = port_path(draft, step, port)
            spec = draft.spec.channels.get(channel, ChannelSpec())
            if spec.transport == "worker":
                report.warn(
                    path,
                    "unread_channel",
                    f"no step reads channel '{channel}', so its rows are lost",
                    f"read it, or declare it `{channel}: {{transport: spool}}`",
                )
            else:
                report.note(
                    path,
                    "unread_channel",
                    f"no step reads channel '{channel}'; it is kept as a spool for queries",
                )


def _cycles(draft: Draft, report: Report) -> None:
    for ring in draft.graph.cycles:
        names = ", ".join(f"'{name}'" for name in ring)
        message = (
            f"step {names} reads its own output"
            if len(ring) == 1
            else f"steps {names} wait for each other"
        )
        report.error(
            ("steps", ring[0], "in"),
            "cycle",
            f"{message}: channels must not form a ring",
            "break the ring; rows that shall go round belong in a queue or in state",
        )


def _declared(path: Path, name: str, draft: Draft, report: Report) -> None:
    if name in draft.graph.producers or name in draft.graph.readers:
        return
    report.warn(
        path,
        "unused_channel",
        f"no step writes to or reads channel '{name}'",
        choose(name, draft.graph.producers) or "remove it",
    )


def _event_time(path: Path, spec: ChannelSpec, report: Report) -> None:
    if spec.partition is None:
        return
    width = partition_seconds(spec.partition)
    if width is None and not is_partition_column(spec.partition):
        report.error(
            (*path, "partition"),
            "bad_partition",
            f"'{spec.partition}' is neither a duration nor a column",
            "write a duration such as 1h or 1d, or the name of a column",
        )
    elif width is not None and spec.event_time is None:
        report.error(
            (*path, "partition"),
            "no_event_time",
            f"partitions of {spec.partition} need to know the time of an event",
            "name the column with `event_time`",
        )
    elif width is not None and width <= 0:
        report.error((*path, "partition"), "bad_partition", "a partition must have some width")


def partition_seconds(partition: str) -> float | None:
    """The width of time partitions in seconds; None where `partition` names a column."""
    try:
        return seconds(partition)
    except ValueError:
        return None


def is_partition_column(partition: str) -> bool:
    """Whether `partition` names a column; what begins with a digit was meant as a duration."""
    return partition_seconds(partition) is None and not partition[:1].isdigit()


def _limits(path: Path, spec: ChannelSpec, report: Report) -> None:
    settings = {
        "retention": spec.retention,
        "max_lag": spec.max_lag,
        "partition": spec.partition,
    }
    for key, value in settings.items():
        if value is not None and spec.transport == "worker":
            report.warn(
                (*path, key),
                "worker_setting",
                f"`{key}` has no effect on a worker channel, which keeps nothing",
                "declare `transport: spool`, or remove it",
            )
    for key, limit in (("retention", spec.retention), ("max_lag", spec.max_lag)):
        if limit is None:
            continue
        if not limit.model_fields_set:
            report.warn((*path, key), "empty_limit", f"`{key}` sets no limit", "remove it")
        if limit.bytes is not None and size_bytes(limit.bytes) <= 0:
            report.error((*path, key, "bytes"), "bad_limit", "the limit must be above 0 bytes")
