"""Tables of nouns, as people see them: aligned text in a terminal, HTML in a notebook.

The one place where either is written. HTML is escaped and has no script; its colours are
JupyterLab's, light or dark, with others where that is not there, and never the only sign.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Generic, TypeVar

from lyftnb.redaction import redact

T = TypeVar("T")

ERROR = "var(--jp-error-color1, #c2504a)"
WARNING = "var(--jp-warn-color1, #b8701c)"
GOOD = "var(--jp-success-color1, #2e8b57)"
NOTE = "var(--jp-info-color1, #3b82c4)"
_COLOURS = {
    **dict.fromkeys(("error", "blocked", "failed", "lost", "degraded", "dead"), ERROR),
    **dict.fromkeys(("warning", "drifted", "paused", "retrying", "cancelled", "skipped"), WARNING),
    **dict.fromkeys(("healthy", "synced", "done"), GOOD),
    **dict.fromkeys(("note", "running", "progressing"), NOTE),
}
TABLES_AS_DATA = "LYFTNB_TABLES_AS_DATA"
"""The variable of the environment that has commands print tables as data."""
_RECORD = "\x1e"
"""In front of JSON among other text (RFC 7464)."""
_PLAIN = (str, int, float, type(None))
_LEFT, _RIGHT = "text-align:left", "text-align:right;font-variant-numeric:tabular-nums"
_SHORT = 24
"""Characters of a cell that are kept on one line in HTML."""
_WIDEST = 60
"""Characters of a cell in text; HTML wraps."""


class State(str):
    """A word for how something stands: in its colour where there are colours."""

    __slots__ = ()


class Size(int):
    """A number of bytes, shown in its largest unit.

    >>> shown(Size(32_925_000))
    '31.4 MiB'
    """

    __slots__ = ()


class Age(float):
    """A time that has gone by, in seconds, shown in its largest unit.

    >>> [shown(Age(s)) for s in (0.25, 42, 600, 90_000)]
    ['0.2 s', '42 s', '10 min', '25 h']
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """How nouns of one kind are listed."""

    none: str
    """What an empty listing says: `no runs`."""
    columns: tuple[str, ...]
    cells: Callable[[T], Sequence[Any]]
    """A noun under these columns."""


class Table(list[T]):
    """A list that shows itself as a table."""

    view: View[T]

    def __init__(self, items: Iterable[T] = (), view: View[T] | None = None) -> None:
        """Make it; a subclass knows its view."""
        super().__init__(items)
        if view is not None:
            self.view = view

    def __reduce__(self) -> tuple[Any, ...]:
        # Views are functions, and do not travel: elsewhere it is a list like others.
        return (list if type(self) is Table else type(self)), (list(self),)

    def __repr__(self) -> str:
        return text_table(self.view.columns, map(self.view.cells, self)) or self.view.none

    def _repr_html_(self) -> str:
        return listed(self.view, self)


def listed(view: View[T], items: Sequence[T], caption: str = "") -> str:
    """Nouns as an HTML table, or the words for none."""
    if not items:
        return f"<p>{escape(view.none)}</p>"
    return table(view.columns, map(view.cells, items), caption)


def card(view: View[T], item: T) -> str:
    """One noun as an HTML table: a row for each column that has something to say."""
    return facts(zip(view.columns, view.cells(item), strict=True))


def facts(pairs: Iterable[tuple[str, Any]], caption: str = "") -> str:
    """What is to be said of one thing as an HTML table: a row for each name, if it has a value."""
    rows = "".join(
        f'<tr><th style="{_LEFT}">{escape(name)}</th>{_cell(value, _LEFT)}</tr>'
        for name, value in pairs
        if value not in (None, "")
    )
    return redact(f"<table>{_caption(caption)}<tbody>{rows}</tbody></table>")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """An HTML table; all values escaped, numbers to the right with thousands apart."""
    head = "".join(f'<th style="{_LEFT}">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return redact(
        f"<table>{_caption(caption)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same as text: columns aligned, long cells cut short; empty without rows."""
    cells = [[_cut(shown(value)) for value in row] for row in rows]
    if not cells:
        return ""
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in (list(columns), *cells)
    )
    return redact("\n".join(lines))


def table_as_data(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> str:
    """A table as a line of text, for another process to show; `table_from` reads it."""
    plain = [[v if isinstance(v, _PLAIN) else str(v) for v in row] for row in rows]
    return _RECORD + json.dumps({"columns": list(columns), "rows": plain, "title": title})


def table_from(line: str) -> tuple[str, str] | None:
    """The table in a line, as HTML and as text; None if there is none."""
    if not line.startswith(_RECORD):
        return None
    told = json.loads(line.removeprefix(_RECORD))
    columns, rows, title = told["columns"], told["rows"], told["title"]
    text = text_table(columns, rows)
    return table(columns, rows, title), f"{title}\n{text}" if title else text


def shown(value: Any) -> str:
    """A value as a table shows it.

    >>> shown(1234), shown(0.125), shown(True), shown(None)
    ('1,234', '0.125', 'yes', '')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Size():
            return _in_units(float(value), 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
        case Age():
            return _aged(value)
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return str(value)


def coloured(word: str) -> str:
    """A word for a state as HTML, in its colour."""
    colour = _COLOURS.get(word)
    style = f' style="color:{colour}"' if colour else ""
    return f"<span{style}>{escape(word)}</span>"


def _caption(text: str) -> str:
    style = f"{_LEFT};white-space:nowrap"
    return f'<caption style="{style}">{escape(text)}</caption>' if text else ""


def _cell(value: Any, style: str = "") -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = coloured(value) if isinstance(value, State) else escape(shown(value))
    place = style or (_RIGHT if number else _LEFT)
    whole = ";white-space:nowrap" if len(text) <= _SHORT else ""
    return f'<td style="{place}{whole}">{text}</td>'


def _cut(text: str) -> str:
    line = " ".join(text.split("\n"))
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def _in_units(amount: float, step: int, units: Sequence[str]) -> str:
    at = 0
    while amount >= step and at < len(units) - 1:
        amount, at = amount / step, at + 1
    return f"{amount:.0f} {units[at]}" if at == 0 else f"{amount:.1f} {units[at]}"


def _aged(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{seconds:.0f} s"
