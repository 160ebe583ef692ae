"""`run`: to the end of the inputs, with what each stage is doing meanwhile."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lyftnb.cli.authoring import Context
from lyftnb.cli.screen import Json, command_prefix, counted, opened, print_json, print_table

if TYPE_CHECKING:
    from lyftnb.model import RunSummary


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)


def run(
    ctx: typer.Context,
    workflow: Annotated[
        str, typer.Argument(help="A *.workflow.yaml file, or a published NAME or NAME@3.")
    ],
    context: Context = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget checkpoints and data of its deployment first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a workflow to the end of its inputs.

    A file runs as deployment NAME_draft, a published version as NAME (NAME_CONTEXT in a context
    other than the default). Either goes on from where its last run stopped.
    """
    from lyftnb.workspace.progress import watching

    with opened(ctx, workflow) as workspace, watching(lines=not as_json) as watcher:
        summary = workspace.run(workflow, context=context, fresh=fresh, on_progress=watcher)
    if as_json:
        print_json({**asdict(summary), "rejects": summary.rejects})
        return
    show_summary(summary)
    rejecting = [c.step for c in summary.counts if c.rejects]
    if rejecting:
        prefix = command_prefix(workspace.path)
        typer.echo(f"see why: {prefix} spool show {summary.deployment}.{rejecting[0]}_rejects")


def show_summary(summary: RunSummary) -> None:
    """Print what a run did, step by step."""
    if summary.counts:
        print_table(
            ("step", "rows in", "rows out", "rejects", "dropped"),
            [(c.step, c.rows_in, c.rows_out, c.rejects, c.dropped) for c in summary.counts],
        )
    else:
        typer.echo("there was nothing new to read")
    typer.echo(
        f"{summary.deployment}: {summary.status} in {summary.seconds:.1f} s, "
        f"{counted(summary.batches, 'batch')}, {counted(summary.rejects, 'reject')}"
    )
    for problem in summary.problems:
        typer.echo(f"note: {problem}", err=True)
