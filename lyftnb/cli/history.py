"""`lyftnb issues …`, `runs …` and `triggers …`: what is wrong, what has run, what will."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from lyftnb.cli.screen import Json, opened, print_json, print_table, reached
from lyftnb.wording import counted

issues = typer.Typer(help="Issues: problems that a person should see.", no_args_is_help=True)
runs = typer.Typer(help="Runs: what has fired, and what became of it.", no_args_is_help=True)
triggers = typer.Typer(help="Triggers: when the clock fires.", no_args_is_help=True)


@issues.command("ls")
def list_issues(
    ctx: typer.Context,
    place: Annotated[
        str, typer.Argument(help="Only here and below: a deployment, DEPLOYMENT/STAGE, a spool.")
    ] = "",
    code: Annotated[str | None, typer.Option(help="Only of this code.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The closed ones, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List open issues, those raised last first, with what to do about each."""
    from lyftnb.workspace.state_history import headline

    with reached(ctx) as state:
        found = state.issues.list(closed=everything, code=code, place=place, limit=limit)
    if as_json:
        print_json([asdict(issue) for issue in found])
        return
    for issue in found:
        typer.echo(headline(issue))
    typer.echo(counted(len(found), "issue") if found else "no issues")


@issues.command("close")
def close_issues(
    ctx: typer.Context,
    numbers: Annotated[list[int], typer.Argument(help="Numbers of open issues.")],
    as_json: Json = False,
) -> None:
    """Close issues. One whose cause is still there is raised again."""
    with reached(ctx) as state:
        count = state.issues.close(*numbers)
    if as_json:
        print_json({"closed": count})
    else:
        typer.echo(f"closed {counted(count, 'issue')}")


@runs.command("ls")
def list_runs(
    ctx: typer.Context,
    deployment: Annotated[str | None, typer.Argument(help="Only of this deployment.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only of this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from lyftnb.workspace.state_history import RUN_COLUMNS, run_cells

    with reached(ctx) as state:
        found = state.runs(deployment, stage=stage, limit=limit)
    if as_json:
        print_json([asdict(run) for run in found])
    else:
        print_table(RUN_COLUMNS, map(run_cells, found))


@runs.command("show")
def show_run(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run, as DEPLOYMENT-NUMBER.")],
    as_json: Json = False,
) -> None:
    """Show all that is recorded of a run."""
    with reached(ctx) as state:
        found = state.run_of(run)
    if as_json:
        print_json(asdict(found))
    else:
        rows = [(name, _text(value)) for name, value in asdict(found).items() if value]
        print_table(("", ""), rows)


@triggers.command("next")
def next_fires(
    ctx: typer.Context,
    workflow: Annotated[
        str, typer.Argument(help="A *.workflow.yaml file, or a published NAME or NAME@3.")
    ],
    limit: Annotated[int, typer.Option("-n", min=1, help="Fires of each trigger.")] = 5,
    as_json: Json = False,
) -> None:
    """Show when the clock will fire the steps of a workflow, in the zone of each trigger."""
    from lyftnb.workspace import Workflow
    from lyftnb.workspace.next_fires import COLUMNS, cells, next_fires

    if Path(workflow).is_file():
        # Needs nothing of the workspace, which may be another process's.
        found = next_fires(Workflow.load(workflow).spec, datetime.now(UTC), limit)
    else:
        with opened(ctx, workflow) as workspace:
            found = workspace.next_fires(workflow, limit)
    if as_json:
        print_json([asdict(fire) for fire in found])
    elif found:
        print_table(COLUMNS, map(cells, found))
    else:
        typer.echo("no clock fires this workflow")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%F %T} UTC"
    return str(value)
