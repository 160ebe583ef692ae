"""Frames: what a step that is not row-wise sees at once, and what that asks of its inputs."""

from __future__ import annotations

from lyftnb.model import ChannelSpec, Job
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report

REPLACING = ("partition", "all")
"""Frames whose output replaces what was there before."""


def frames(draft: Draft, setting: Setting, report: Report) -> None:
    """Frames that the inputs cannot serve, joins without a frame, tables read as streams."""
    for job in draft.jobs.values():
        _outside(job, draft, report)
        _batch(job, draft, setting, report)
        _state(job, setting, report)
        _join(job, draft, report)
        if job.frame == "partition":
            _partition(job, draft, report)
        if job.frame not in REPLACING:
            _tables(job, draft, report)


def _outside(job: Job, draft: Draft, report: Report) -> None:
    if job.input is None or job.frame == "batch":
        return
    if draft.spec.steps[job.step].frame is not None:
        report.error(
            ("steps", job.step, "frame"),
            "frame_outside",
            f"frame '{job.frame}' is taken from a spool, and this step reads from outside",
            "read the input in a step of its own, with a channel to this one",
        )
    else:
        report.error(
            ("steps", job.step, "actions"),
            "frame_outside",
            "an action looks at many rows together, and this step reads from outside",
            "move it to a step of its own behind a channel, "
            "or say `frame: batch` to have it see each batch alone",
        )


def _batch(job: Job, draft: Draft, setting: Setting, report: Report) -> None:
    if job.rowwise or job.frame != "batch":
        return
    kinds = frozenset(setting.checker.action_kinds())
    names = ", ".join(
        f"'{a.kind}'" for a in job.actions if a.kind in kinds and not setting.checker.rowwise(a)
    )
    report.note(
        ("steps", job.step, "frame"),
        "frame_batch",
        f"{names} sees one batch at a time, so results depend on how the input is cut",
        "use `frame: run`, `partition` or `all` for results that do not",
    )


def _state(job: Job, setting: Setting, report: Report) -> None:
    if job.stateful and job.frame in REPLACING:
        kinds = frozenset(setting.checker.action_kinds())
        names = ", ".join(
            f"'{a.kind}'" for a in job.actions if a.kind in kinds and setting.checker.stateful(a)
        )
        report.error(
            ("steps", job.step, "frame"),
            "state_frame",
            f"{names} remembers rows of earlier batches, and frame '{job.frame}' reads them again",
            "leave the frame out: such an action follows new rows",
        )
    taken: set[str] = set()
    for state in job.states:
        path = ("steps", job.step, "actions", state.index)
        kind = job.actions[state.index].kind
        if job.input is not None:
            report.error(
                (*path, kind),
                "state_outside",
                f"'{kind}' follows rows in the order of a spool, and this step reads from outside",
                "read the input in a step of its own, with a channel to this one",
            )
        if state.channel in taken:
            report.error(
                path,
                "state_id",
                f"another '{kind}' of step '{job.step}' keeps its rows under the same name",
                "give each an `id`",
            )
        taken.add(state.channel)


def _join(job: Job, draft: Draft, report: Report) -> None:
    streams = [ref.name for ref in job.inputs if not ref.table]
    if not job.named_inputs or len(streams) < 2:
        return
    path = ("steps", job.step, "in")
    if not job.actions:
        report.error(
            path,
            "unmerged_inputs",
            f"step '{job.step}' names its inputs and has no action that tells them apart",
            "write a list to merge them: `in: [a, b]`",
        )
    elif job.frame == "batch":
        report.error(
            path,
            "join_frame",
            f"step '{job.step}' joins the streams {', '.join(map(repr, streams))}, "
            "and which rows meet would depend on how they are cut",
            "set `frame: run`, `partition` or `all`, or read one `as: table`",
        )


def _partition(job: Job, draft: Draft, report: Report) -> None:
    widths: dict[str, str] = {}
    for ref in job.inputs:
        if ref.table or ref.deployment is not None:
            continue
        spec = draft.spec.channels.get(ref.channel, ChannelSpec())
        if spec.partition is None:
            report.error(
                ("steps", job.step, "frame"),
                "unpartitioned",
                f"frame 'partition' needs partitions, and channel '{ref.channel}' has none",
                f"declare it: `{ref.channel}: {{partition: 1d, event_time: COLUMN}}`",
            )
        else:
            widths[ref.channel] = spec.partition
    if len(set(widths.values())) > 1:
        parts = ", ".join(f"'{channel}' by {width}" for channel, width in widths.items())
        report.error(
            ("steps", job.step, "frame"),
            "unlike_partitions",
            f"the inputs are not partitioned alike: {parts}",
            "give them the same `partition`, or use another frame",
        )


def _tables(job: Job, draft: Draft, report: Report) -> None:
    for ref in job.inputs:
        producer = draft.graph.producers.get(ref.channel)
        if ref.table or ref.deployment is not None or producer is None:
            continue
        source = draft.jobs.get(producer.step)
        if source is None or source.frame not in REPLACING or producer.port == "rejects":
            continue
        report.error(
            ("steps", job.step, "in"),
            "table_as_stream",
            f"channel '{ref.channel}' is a table: step '{source.step}' replaces its content "
            f"(frame: {source.frame}), so it has no new rows to follow",
            "read it `as: table`, or give this step `frame: partition` or `frame: all`",
        )
