"""What a run shows while it works: a live table in a terminal or a notebook, lines elsewhere.

All of it goes to stderr or to the cell's output: stdout is for results.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lyftnb.wording import counted
from lyftnb.workspace.tabular import State, shown, table

if TYPE_CHECKING:
    from rich.table import Table

    from lyftnb.manager import Progress, StageProgress, Watcher

_LINES_EVERY_S = 5.0
_NOTEBOOK_EVERY_S = 0.3
_BAR = 20
_COLUMNS = ("stage", "state", "rows", "rows/s", "batches", "rejects", "")
_COLOURS = {"running": "cyan", "done": "green", "blocked": "red", "retrying": "yellow"}


@contextmanager
def watching(*, lines: bool = False) -> Iterator[Watcher]:
    """A watcher that shows the stages of a run, in whatever this process has to show it.

    Args:
        lines: where there is neither a notebook nor a terminal, print a line now and then.
    """
    notebook = _notebook()
    if notebook is not None:
        yield NotebookWatcher(notebook).show
    elif sys.stderr.isatty():
        yield from _in_terminal()
    else:
        yield LineWatcher().show if lines else _ignore


def _ignore(progress: Progress) -> None:
    """Nobody watches."""


def _notebook() -> Callable[..., Any] | None:
    """IPython's `display`, if a notebook's kernel runs this process."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    show: Callable[..., Any] = display
    return show


def _in_terminal() -> Iterator[Watcher]:
    from rich.console import Console
    from rich.live import Live

    screen = Console(stderr=True)
    with Live(console=screen, refresh_per_second=8) as live:

        def update(progress: Progress) -> None:
            for text in progress.texts:
                screen.print(text, markup=False)
            live.update(progress_table(progress))

        yield update


def progress_table(progress: Progress) -> Table:
    """One line per stage: rows, rows a second, batches, rejects."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("stage", "state", "") else "right")
    for stage in progress.stages:
        state, *rest, note = map(shown, _cells(stage)[1:])
        rejects = Text(rest[-1], style="red" if stage.rejects else "")
        colour = _COLOURS.get(state, "dim")
        table.add_row(stage.stage, Text(state, style=colour), *rest[:-1], rejects, Text(note))
    return table


def _cells(stage: StageProgress) -> tuple[str | int, ...]:
    """A stage's line, under `_COLUMNS`: the last is a bar while it runs, else a note."""
    bar = "━" * round(_BAR * stage.units_done / stage.units) if stage.units else ""
    return (
        stage.stage,
        State(stage.state),
        stage.rows_in,
        round(stage.rows_per_s),
        stage.batches,
        stage.rejects,
        bar if stage.state == "running" else _note(stage),
    )


def _note(stage: StageProgress) -> str:
    """Its first line: the hint comes with the error, at the end."""
    return stage.note.partition("\n")[0]


class NotebookWatcher:
    """Progress in a cell's output: one table, redrawn in place."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._shown_at = 0.0

    def show(self, progress: Progress) -> None:
        """Redraw the table, unless it was drawn a moment ago and the run goes on."""
        for text in progress.texts:
            self._display({"text/plain": text}, raw=True)
        over = all(stage.state in ("done", "blocked", "paused") for stage in progress.stages)
        if not over and time.monotonic() - self._shown_at < _NOTEBOOK_EVERY_S:
            return
        self._shown_at = time.monotonic()
        caption = f"{progress.deployment}, {progress.seconds:.1f} s"
        html = table(_COLUMNS, map(_cells, progress.stages), caption)
        data = {"text/html": html, "text/plain": caption}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


class LineWatcher:
    """Progress for logs: a line when a stage changes its state, and every few seconds."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._said_at = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Print what is new."""
        for text in progress.texts:
            print(text, file=sys.stderr)
        due = time.monotonic() - self._said_at >= _LINES_EVERY_S
        for stage in progress.stages:
            changed = self._states.get(stage.stage) != stage.state
            begun = changed and stage.state != "waiting"
            if begun or (due and stage.state == "running"):
                self._states[stage.stage] = stage.state
                print(_line(progress.seconds, stage), file=sys.stderr)
        if due:
            self._said_at = time.monotonic()


def _line(seconds: float, stage: StageProgress) -> str:
    note = f" ({_note(stage)})" if stage.note else ""
    return (
        f"{seconds:7.1f} s  {stage.stage}: {stage.state}, {stage.rows_in:,} rows, "
        f"{stage.rows_per_s:,.0f} rows/s, {counted(stage.batches, 'batch')}, "
        f"{counted(stage.rejects, 'reject')}{note}"
    )
