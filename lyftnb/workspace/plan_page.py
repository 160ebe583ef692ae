"""The plan of a deployment as HTML: painted on the graph, and told change by change beneath."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any

from lyftnb.model import (
    Change,
    ChannelChange,
    CheckpointChange,
    DeploymentPlan,
    FieldDiff,
    JobChange,
    StateChange,
)
from lyftnb.planning.deploying import (
    Section,
    mark_of,
    sections_of,
    sentence_of,
    title_of,
    verdict_of,
)
from lyftnb.workspace.nouns import PROBLEMS
from lyftnb.workspace.svg import MARK_COLOURS, draw
from lyftnb.workspace.tabular import listed

_COLOURS = {
    "+": MARK_COLOURS["added"],
    "~": MARK_COLOURS["changed"],
    "-": MARK_COLOURS["removed"],
    "!": MARK_COLOURS["removed"],
}
_STYLE = (
    ".lyftnb-plan h4{margin:1em 0 .3em}.lyftnb-plan ul{list-style:none;margin:0;padding:0}"
    ".lyftnb-plan li{margin:.15em 0}.lyftnb-plan li>b{display:inline-block;width:1.2em}"
    ".lyftnb-plan .quiet{opacity:.7}"
    ".lyftnb-plan table{margin:.2em 0 .6em 1.2em;border-collapse:collapse}"
    ".lyftnb-plan th,.lyftnb-plan td{text-align:left;vertical-align:top;padding:.1em .8em .1em 0}"
    ".lyftnb-plan pre{margin:0;white-space:pre-wrap;max-width:48em}"
)
_PAGE_STYLE = (
    ":root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;"
    "max-width:72em;padding:0 1.5em}"
)
_SHOWN = 4_000


def plan_page(plan: DeploymentPlan) -> str:
    """A page of its own."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title_of(plan))}</title><style>{_PAGE_STYLE}</style></head>\n"
        f"<body>{deployment_plan_html(plan)}</body></html>\n"
    )


def deployment_plan_html(plan: DeploymentPlan) -> str:
    """What applying it would change: on the graph, field by field, and to data."""
    parts = [f"<p><b>{escape(title_of(plan))}</b></p>", draw(plan)]
    parts += [_section(section) for section in sections_of(plan)]
    if plan.problems:
        parts.append(f"<h4>problems</h4>{listed(PROBLEMS, plan.problems)}")
    parts += [f"<p>{escape(line)}</p>" for line in verdict_of(plan)]
    return "\n".join((f'<div class="lyftnb-plan"><style>{_STYLE}</style>', *parts, "</div>"))


def _section(section: Section) -> str:
    items = [_item(change) for change in section.told]
    if section.unchanged:
        items.append(f'<li class="quiet"><b></b>{section.unchanged} unchanged</li>')
    return f"<h4>{escape(section.heading)}</h4><ul>{''.join(items)}</ul>"


def _item(change: Change) -> str:
    mark = mark_of(change)
    colour = f' style="color:{_COLOURS[mark]}"' if mark in _COLOURS else ""
    fields = change.fields if isinstance(change, JobChange | ChannelChange) else ()
    asked = change.accept if isinstance(change, CheckpointChange | StateChange) else None
    asks = f"<br><b></b>asks for <code>--accept {escape(asked)}</code>" if asked else ""
    told = f"{escape(sentence_of(change))}{asks}{_table(fields)}"
    return f"<li><b{colour}>{escape(mark)}</b>{told}</li>"


def _table(fields: Iterable[FieldDiff]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(diff.path)}</code></td>"
        f"<td>{_value(diff.before)}</td><td>{_value(diff.after)}</td></tr>"
        for diff in fields
    )
    if not rows:
        return ""
    head = "<tr><th>field</th><th>now</th><th>then</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _value(value: Any) -> str:
    """A value as it stands in the document; long ones cut."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"<pre>{escape(text if len(text) <= _SHOWN else text[:_SHOWN] + '…')}</pre>"
