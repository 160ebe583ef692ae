"""HTML for notebooks: problems, runs, versions, spools and plans, as plain tables.

The nouns of the model stay free of all this: `install` tells a running notebook how to show them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from lyftnb.model import (
    Deployment,
    Message,
    Plan,
    Revision,
    RunSummary,
    canonical_json,
)
from lyftnb.workspace.html import table
from lyftnb.workspace.plan_page import deployment_plan_html
from lyftnb.workspace.svg import draw

if TYPE_CHECKING:
    from lyftnb.store import RunbookVersion, Version
    from lyftnb.workspace.spool import Spool

_SHOWN_ROWS = 10


def summary_html(summary: RunSummary) -> str:
    """What a run did, step by step."""
    caption = (
        f"{summary.deployment}: {summary.status} in {summary.seconds:.1f} s, "
        f"{summary.batches} batches, {summary.rejects:,} rejects"
    )
    rows = [(c.step, c.rows_in, c.rows_out, c.rejects, c.dropped) for c in summary.counts]
    notes = "".join(f"<p>{escape(problem)}</p>" for problem in summary.problems)
    return table(("step", "rows in", "rows out", "rejects", "dropped"), rows, caption) + notes


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
    head = f"<b>{escape(spool.name)}</b>: {info.rows:,} rows, {info.segments} segments"
    first: str = spool.scan().head(_SHOWN_ROWS).collect()._repr_html_()
    return f"<p>{head}</p>{first}"


_SHOWS: dict[tuple[str, str], Callable[[Any], str]] = {
    ("lyftnb.model.commit", "RunSummary"): summary_html,
    ("lyftnb.model.plan", "Plan"): plan_html,
    ("lyftnb.model.changes", "DeploymentPlan"): deployment_plan_html,
    ("lyftnb.model.deployment", "Deployment"): deployment_html,
    ("lyftnb.model.deployment", "Revision"): revision_html,
    ("lyftnb.model.state", "Message"): message_html,
    ("lyftnb.store.records", "Version"): version_html,
    ("lyftnb.store.records", "RunbookVersion"): runbook_html,
}


def install() -> None:
    """Teach the notebook that runs this process, if one does, to show the nouns as HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for (module, name), show in _SHOWS.items():
        formatter.for_type_by_name(module, name, show)
