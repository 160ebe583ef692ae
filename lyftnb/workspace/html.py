"""Pieces of HTML that several views have: tables, and lists of problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from lyftnb.model import Problem

_SEVERITY = {"error": "#c2504a", "warning": "#d9822b", "note": "#3b82c4"}


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """An HTML table; all values escaped, numbers to the right with thousands apart."""
    head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    style = "text-align:left;white-space:nowrap"
    title = f'<caption style="{style}">{escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td style="text-align:right">{value:,}</td>'
    return f'<td style="text-align:left">{escape("" if value is None else str(value))}</td>'


def problems_html(problems: Sequence[Problem]) -> str:
    """What is wrong, worst first, each with its place and what to do."""
    if not problems:
        return "<p>no problems</p>"
    rows = "".join(
        f'<tr><td style="color:{_SEVERITY[p.severity]}">{p.severity}</td>'
        f'<td style="text-align:left"><code>{escape(p.place)}</code></td>'
        f'<td style="text-align:left">{escape(p.message)}'
        f"<br><small>{escape(p.hint)}</small></td></tr>"
        for p in problems
    )
    return f"<table><tbody>{rows}</tbody></table>"
