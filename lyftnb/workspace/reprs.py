"""HTML for notebooks, of what has a look of its own: plans, runs, versions, spools, traces.

The nouns of the model stay free of all this: `install` tells a running notebook how to show them.
What is not here is shown as it is listed (`nouns`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

from lyftnb.errors import LyftError
from lyftnb.model import (
    Deployment,
    Message,
    Plan,
    Revision,
    RunSummary,
    Schema,
    canonical_json,
)
from lyftnb.redaction import redact
from lyftnb.wording import counted
from lyftnb.workspace import invocation, next_fires, nouns, state_history, state_kv, state_queue
from lyftnb.workspace.plan_page import deployment_plan_html
from lyftnb.workspace.svg import draw
from lyftnb.workspace.tabular import (
    ERROR,
    State,
    card,
    facts,
    listed,
    table,
)

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.engine import Trace, TracedAction
    from lyftnb.manager import Progress
    from lyftnb.store import RunbookVersion, Version
    from lyftnb.workspace.entering import AnyWorkspace
    from lyftnb.workspace.spool import Spool
    from lyftnb.workspace.state_access import Connection

_SHOWN_ROWS = 10


def summary_html(summary: RunSummary) -> str:
    """What a run did, step by step."""
    caption = (
        f"{summary.deployment}: {summary.status} in {summary.seconds:.1f} s, "
        f"{counted(summary.batches, 'batch')}, {counted(summary.rejects, 'reject')}"
    )
    notes = "".join(f"<p>{escape(problem)}</p>" for problem in summary.problems)
    return listed(nouns.COUNTS, summary.counts, caption) + notes


def plan_html(plan: Plan) -> str:
    """The planned graph, and below it each channel with the reason for its transport."""
    rows = [(c.name, c.transport, c.reason) for c in plan.channels]
    return draw(plan) + table(("channel", "transport", "because"), rows)


def deployment_html(deployment: Deployment) -> str:
    """A deployment in a line."""
    paused = f", paused: {escape(deployment.paused)}" if deployment.paused else ""
    return (
        f"<b>{escape(deployment.name)}</b>: {escape(deployment.ref)}, revision "
        f"{deployment.revision}{paused}, applied {deployment.applied_at:%Y-%m-%d %H:%M} UTC by "
        f"{escape(deployment.applied_by)}"
    )


def revision_html(revision: Revision) -> str:
    """One apply, with what it changed."""
    changes = "".join(f"<li>{escape(change)}</li>" for change in revision.changes)
    head = f"revision {revision.number}: {revision.ref} ({revision.cause})"
    when = f"{revision.applied_at:%Y-%m-%d %H:%M} UTC by {revision.applied_by}"
    return f"<b>{escape(head)}</b>, {escape(when)}<ul>{changes}</ul>"


def version_html(version: Version) -> str:
    """A published version in a line."""
    return (
        f"<b>{escape(version.ref)}</b> <code>{escape(version.digest)}</code>, "
        f"published {version.published_at:%Y-%m-%d %H:%M} UTC"
    )


def runbook_html(version: RunbookVersion) -> str:
    """A published runbook: what it runs, and its parameters."""
    schema = version.document.get("parameters", {})
    required = schema.get("required", ())
    rows = [
        (
            name,
            about.get("format") or about.get("type") or "any",
            "required" if name in required else about.get("default"),
            about.get("description") or about.get("title"),
        )
        for name, about in schema.get("properties", {}).items()
    ]
    title = version.document.get("title") or version.document.get("description") or ""
    caption = f"{version.ref} on {version.document['workflow']}" + (f": {title}" if title else "")
    return table(("parameter", "type", "default", "meaning"), rows, caption)


def message_html(message: Message) -> str:
    """A message in a line, its payload whole."""
    head = f"<b>{message.id}</b> {escape(message.tag or message.type)}"
    payload = escape(canonical_json(message.payload))
    origin = escape(message.job or message.source)
    return f"{head}, {message.at:%Y-%m-%d %H:%M:%S} UTC from {origin}: <code>{payload}</code>"


def spool_html(spool: Spool) -> str:
    """A spool: how much it holds, and its first rows."""
    info = spool.info
    size = f"{counted(info.rows, 'row')}, {counted(info.segments, 'segment')}"
    head = f"<b>{escape(spool.name)}</b>: {size}"
    first: str = spool.scan().head(_SHOWN_ROWS).collect()._repr_html_()
    return f"<p>{head}</p>{first}"


def schema_html(schema: Schema) -> str:
    """Columns and their types."""
    if not schema.fields:
        return "<p>no columns are known yet</p>"
    return table(("column", "type"), [(field.name, field.type) for field in schema.fields])


def progress_html(progress: Progress) -> str:
    """A run as of now, stage by stage."""
    caption = f"{progress.deployment}, {progress.seconds:.1f} s"
    return listed(nouns.STAGES, progress.stages, caption)


def trace_html(trace: Trace) -> str:
    """What each action did, and to be unfolded the rows before and after, and rejects."""
    rows = [_trace_row(place) for place in trace.steps]
    columns = ("step", "action", "rows in", "rows out", "rejects", "columns")
    overview = table(columns, rows, f"Trace of {trace.workflow}")
    return overview + "".join(_unfolded(place) for place in trace.steps)


def traced_html(place: TracedAction) -> str:
    """One action: what it did, the rows after it and before it, and its rejects with reasons."""
    if place.error is not None:
        return f'<pre style="color:{ERROR}">{escape(place.error)}</pre>'
    parts = [] if place.before is None else [_frame(place.before, "before: ")]
    parts.append(_frame(place.rows, "after: " if parts else ""))
    if place.rejects.height:
        rows = place.rejects.select("_row", "code", "reason").head(_SHOWN_ROWS).rows()
        parts.append(table(("rejected row", "code", "reason"), rows))
    return "".join(parts)


def _trace_row(place: TracedAction) -> tuple[Any, ...]:
    before = None if place.before is None else place.before.height
    counts = (before, place.rows.height, place.rejects.height)
    what = State("failed") if place.error else place.columns_changed
    return place.step, place.action, *counts, what


def _unfolded(place: TracedAction) -> str:
    title = f"<b>{escape(place.step)}</b> {escape(place.action)}: {escape(place.told)}"
    return f"<details><summary>{title}</summary>{traced_html(place)}</details>"


def _frame(frame: pl.DataFrame, caption: str) -> str:
    head: str = frame.head(_SHOWN_ROWS)._repr_html_()
    more = f", the first {_SHOWN_ROWS}" if frame.height > _SHOWN_ROWS else ""
    rows = "1 row" if frame.height == 1 else f"{frame.height:,} rows"
    return f"<p>{caption}{rows}{more}</p>{redact(head)}"


def workspace_html(workspace: AnyWorkspace, where: str) -> str:
    """What is in a workspace: how its deployments stand, its spools and open issues."""
    known = [("workspace", str(workspace.path)), ("reached", where)]
    try:
        holds = [("spools", len(workspace.spools())), ("open issues", len(workspace.issues))]
        statuses = workspace.status()
    except LyftError as error:  # its owner is away
        return facts([*known, ("but", error.message)])
    return facts([*known, *holds]) + listed(nouns.STATUSES, statuses)


def connection_html(connection: Connection) -> str:
    """What another process holds."""
    return facts((("state of", str(connection.path)), ("queues", len(connection.queues()))))


_MODEL, _STORE, _WORKSPACE = "lyftnb.model", "lyftnb.store", "lyftnb.workspace"
_SHOWS: dict[tuple[str, str], Callable[[Any], str]] = {
    (f"{_MODEL}.changes", "DeploymentPlan"): deployment_plan_html,
    (f"{_MODEL}.commit", "RunSummary"): summary_html,
    (f"{_MODEL}.deployment", "Deployment"): deployment_html,
    (f"{_MODEL}.deployment", "Revision"): revision_html,
    (f"{_MODEL}.plan", "Plan"): plan_html,
    (f"{_MODEL}.schema", "Schema"): schema_html,
    (f"{_MODEL}.state", "Message"): message_html,
    (f"{_STORE}.records", "RunbookVersion"): runbook_html,
    (f"{_STORE}.records", "Version"): version_html,
    ("lyftnb.engine.tracing", "Trace"): trace_html,
    ("lyftnb.engine.tracing", "TracedAction"): traced_html,
    ("lyftnb.manager.progress", "Progress"): progress_html,
}
_CARDS: dict[tuple[str, str], Any] = {
    (f"{_MODEL}.batch", "StepCount"): nouns.COUNTS,
    (f"{_MODEL}.context", "Context"): nouns.CONTEXTS,
    (f"{_MODEL}.context", "ContextChange"): nouns.CONTEXT_CHANGES,
    (f"{_MODEL}.deployment", "AuditEntry"): nouns.AUDIT,
    (f"{_MODEL}.issue", "Issue"): state_history.ISSUES,
    (f"{_MODEL}.problem", "Problem"): nouns.PROBLEMS,
    (f"{_MODEL}.run", "Run"): state_history.RUNS,
    (f"{_MODEL}.runbook", "InvocationRecord"): invocation.INVOCATIONS,
    (f"{_MODEL}.state", "Item"): nouns.ITEMS,
    (f"{_MODEL}.state", "KvEntry"): state_kv.ENTRIES,
    (f"{_MODEL}.state", "QueueDepth"): nouns.QUEUES,
    (f"{_MODEL}.state", "QueuedItem"): state_queue.QUEUED,
    ("lyftnb.planning.contexts", "Explanation"): nouns.EXPLANATIONS,
    ("lyftnb.planning.reconciling", "DeploymentStatus"): nouns.STATUSES,
    (f"{_STORE}.records", "Listing"): nouns.LISTINGS,
    (f"{_STORE}.records", "Lock"): nouns.LOCKS,
    (f"{_STORE}.records", "SecretInfo"): nouns.SECRETS,
    (f"{_STORE}.records", "SpoolInfo"): nouns.SPOOLS,
    (f"{_STORE}.sweep", "SweepReport"): nouns.SWEEPS,
    (f"{_STORE}.verify", "Damage"): nouns.DAMAGES,
    (f"{_WORKSPACE}.contexts", "Difference"): nouns.DIFFERENCES,
    (f"{_WORKSPACE}.lags", "Lag"): nouns.LAGS,
    (f"{_WORKSPACE}.next_fires", "NextFire"): next_fires.FIRES,
}


def shows() -> dict[tuple[str, str], Callable[[Any], str]]:
    """Module and name of each noun that has no HTML of its own → what shows it."""
    return {**{noun: partial(card, view) for noun, view in _CARDS.items()}, **_SHOWS}


def install() -> None:
    """Teach the notebook that runs this process, if one does, to show the nouns as HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for (module, name), show in shows().items():
        formatter.for_type_by_name(module, name, show)
