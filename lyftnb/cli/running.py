"""`run` and `fire`: to the end of the inputs, or until Ctrl-C, with what each stage is doing."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lyftnb.cli.authoring import Context
from lyftnb.cli.screen import (
    Json,
    command_prefix,
    connected,
    json_of,
    opened,
    print_json,
    print_table,
)
from lyftnb.errors import SetupError
from lyftnb.wording import counted

if TYPE_CHECKING:
    from lyftnb.model import RunSummary


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (run, fire):
        app.command()(command)


def run(
    ctx: typer.Context,
    workflow: Annotated[
        str, typer.Argument(help="A *.workflow.yaml file, or a published NAME or NAME@3.")
    ],
    context: Context = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget checkpoints and data of its deployment first.")
    ] = False,
    keep_on: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Keep running: follow the inputs and fire the triggers, until "
            "Ctrl-C stops it at a batch boundary. Shows messages and issues as they come.",
        ),
    ] = False,
    fire: Annotated[
        list[str] | None,
        typer.Option(help="With --follow: fire this step by hand at the start; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a workflow to the end of its inputs, or with --follow until Ctrl-C.

    A file runs as deployment NAME_draft, a published version as NAME (NAME_CONTEXT in a context
    other than the default). Either goes on from where its last run stopped.
    """
    from lyftnb.workspace.progress import watching

    if fire and not keep_on:
        raise SetupError(
            "--fire belongs to --follow", hint="a run to the end of the inputs fires every step"
        )
    if keep_on and fresh:
        raise SetupError("--fresh does not go with --follow", hint="run it with --fresh first")
    if keep_on:
        _follow(ctx, workflow, context, fire or (), as_json)
        return
    with opened(ctx, workflow) as workspace, watching(lines=not as_json) as watcher:
        summary = workspace.run(workflow, context=context, fresh=fresh, on_progress=watcher)
    if as_json:
        print_json({**asdict(summary), "rejects": summary.rejects})
        return
    show_summary(summary)
    prefix = command_prefix(workspace.path)
    if not summary.counts and not fresh:
        typer.echo(f"read all of it anew: {prefix} run {shlex.quote(workflow)} --fresh")
    rejecting = [c.step for c in summary.counts if c.rejects]
    if rejecting:
        typer.echo(f"see why: {prefix} spool show {summary.deployment}.{rejecting[0]}_rejects")


def fire(
    ctx: typer.Context,
    deployment: Annotated[str, typer.Argument(help="A deployment that runs.")],
    step: Annotated[str, typer.Argument(help="A step that begins a stage.")],
    payload: Annotated[
        str | None, typer.Option(help="A JSON object; it becomes the run's ${msg}.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fire a step of a running deployment by hand."""
    given = None if payload is None else json_of(payload, "payload")
    if given is not None and not isinstance(given, dict):
        raise SetupError("the payload is an object", hint='such as {"customer": "x"}')
    with connected(ctx) as state:
        run = state.fire(deployment, step, given)
    if as_json:
        print_json(asdict(run))
    else:
        typer.echo(f"fired {run.run}")


def _follow(
    ctx: typer.Context, workflow: str, context: str | None, steps: Sequence[str], as_json: bool
) -> None:
    """Run until Ctrl-C or SIGTERM, then drain."""
    from lyftnb.workspace.live_progress import follow
    from lyftnb.workspace.progress import watching

    with opened(ctx, workflow, serve=True) as workspace:
        newest = workspace.bus.newest
        deployment = workspace.start(workflow, context=context)
        with _asked_to_stop() as over, watching(lines=not as_json) as watcher:
            for step in steps:
                workspace.fire(deployment, step)
            typer.echo(f"{deployment} runs until Ctrl-C", err=True)
            follow(workspace, deployment, watcher, over, newest)
        typer.echo("stopping at a batch boundary (again Ctrl-C: at once)", err=True)
        workspace.stop(deployment)
        ended = workspace.runs(deployment)
    if as_json:
        print_json([asdict(run) for run in ended])
    else:
        typer.echo(f"{deployment}: stopped; the same command goes on from there")


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Is set by Ctrl-C or SIGTERM; a second one of them interrupts as usual."""
    over = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        over.set()
        for number, handler in before:
            signal.signal(number, handler)

    before = [(n, signal.signal(n, on_signal)) for n in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield over
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def show_summary(summary: RunSummary) -> None:
    """Print what a run did, step by step."""
    if summary.counts:
        print_table(
            ("step", "rows in", "rows out", "rejects", "dropped"),
            [(c.step, c.rows_in, c.rows_out, c.rejects, c.dropped) for c in summary.counts],
        )
    elif not summary.problems:
        typer.echo("there was nothing new to read")
    typer.echo(
        f"{summary.deployment}: {summary.status} in {summary.seconds:.1f} s, "
        f"{counted(summary.batches, 'batch')}, {counted(summary.rejects, 'reject')}"
    )
    for problem in summary.problems:
        typer.echo(f"note: {problem}", err=True)
