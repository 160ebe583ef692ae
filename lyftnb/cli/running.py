"""`run`: to the end of the inputs, with what each stage is doing meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lyftnb.cli.screen import Json, opened, print_json, print_table

if TYPE_CHECKING:
    from rich.table import Table

    from lyftnb.manager import Progress, Watcher
    from lyftnb.model import RunSummary

_LINES_EVERY_S = 5.0
_COLUMNS = ("stage", "state", "rows", "rows/s", "batches", "rejects", "")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)


def run(
    ctx: typer.Context,
    workflow: Annotated[
        str, typer.Argument(help="A *.workflow.yaml file, or a published NAME or NAME@3.")
    ],
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget checkpoints and data of its deployment first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a workflow to the end of its inputs.

    A file runs as deployment NAME_draft, a published version as NAME. Either goes on from where its
    last run stopped.
    """
    with opened(ctx, workflow) as workspace, watching(quiet=as_json) as watcher:
        summary = workspace.run(workflow, fresh=fresh, on_progress=watcher)
    if as_json:
        print_json({**asdict(summary), "rejects": summary.rejects})
    else:
        show_summary(summary)


def show_summary(summary: RunSummary) -> None:
    """Print what a run did, step by step."""
    print_table(
        ("step", "rows in", "rows out", "rejects", "dropped"),
        [(c.step, c.rows_in, c.rows_out, c.rejects, c.dropped) for c in summary.counts],
    )
    typer.echo(
        f"{summary.deployment}: {summary.status} in {summary.seconds:.1f} s, "
        f"{summary.batches} batches, {summary.rejects:,} rejects"
    )
    if summary.rejects:
        steps = [c.step for c in summary.counts if c.rejects]
        typer.echo(f"see why: lyftnb spool show {summary.deployment}.{steps[0]}_rejects")
    for problem in summary.problems:
        typer.echo(f"note: {problem}", err=True)


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[Watcher]:
    """A watcher that shows a live table on a terminal, and a line now and then elsewhere.

    All of it goes to stderr: stdout is for results.
    """
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.live import Live

        screen = Console(stderr=True)
        with Live(console=screen, refresh_per_second=8, transient=False) as live:

            def update(progress: Progress) -> None:
                for text in progress.texts:
                    screen.print(text, markup=False)
                live.update(progress_table(progress))

            yield update
    else:
        yield LineWatcher().show


def progress_table(progress: Progress) -> Table:
    """One line per stage: rows, rows a second, batches, rejects."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("stage", "state", "") else "right")
    colours = {"running": "cyan", "done": "green", "blocked": "red", "retrying": "yellow"}
    for s in progress.stages:
        bar = f"{'━' * round(20 * s.units_done / s.units)}" if s.units else ""
        table.add_row(
            s.stage,
            f"[{colours.get(s.state, 'dim')}]{s.state}[/]",
            f"{s.rows_in:,}",
            f"{s.rows_per_s:,.0f}",
            f"{s.batches:,}",
            f"[red]{s.rejects:,}[/]" if s.rejects else "0",
            f"[cyan]{bar}[/]" if s.state == "running" else s.note.replace("[", r"\["),
        )
    return table


class LineWatcher:
    """Progress for logs: a line when a stage changes its state, and every few seconds."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._said_at = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Print what is new."""
        for text in progress.texts:
            typer.echo(text, err=True)
        due = time.monotonic() - self._said_at >= _LINES_EVERY_S
        for s in progress.stages:
            changed = self._states.get(s.stage) != s.state
            if not changed and not (due and s.state == "running"):
                continue
            self._states[s.stage] = s.state
            note = f" ({s.note})" if s.note else ""
            typer.echo(
                f"{progress.seconds:7.1f} s  {s.stage}: {s.state}, {s.rows_in:,} rows, "
                f"{s.rows_per_s:,.0f} rows/s, {s.batches} batches, {s.rejects:,} rejects{note}",
                err=True,
            )
        if due:
            self._said_at = time.monotonic()
