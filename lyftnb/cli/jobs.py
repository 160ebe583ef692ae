"""`lyftnb jobs …`: what runs, job by job; and stages that are blocked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from lyftnb.cli.screen import Json, opened, print_json, print_table
from lyftnb.errors import SetupError

app = typer.Typer(help="Jobs: what runs, and what to do when it is blocked.", no_args_is_help=True)
Job = Annotated[str, typer.Argument(help="DEPLOYMENT/STEP, the first step of a stage.")]


@app.command("ls")
def list_jobs(
    ctx: typer.Context,
    deployment: Annotated[str | None, typer.Argument(help="Only of this deployment.")] = None,
    as_json: Json = False,
) -> None:
    """List the stages that run, each under its first job, with what they have done since."""
    with opened(ctx) as workspace:
        names = workspace.running if deployment is None else (deployment,)
        found = [workspace.numbers(name) for name in names]
    rows = [(work.deployment, stage) for work in found for stage in work.stages]
    if as_json:
        print_json([{"deployment": name, **asdict(stage)} for name, stage in rows])
        return
    print_table(
        ("job", "state", "rows in", "rows out", "rejects", "batches", "note"),
        [
            (f"{name}/{s.stage}", s.state, s.rows_in, s.rows_out, s.rejects, s.batches, s.note)
            for name, s in rows
        ],
    )


@app.command()
def retry(ctx: typer.Context, job: Job) -> None:
    """Let a blocked stage try again."""
    deployment, step = _parts(job)
    with opened(ctx) as workspace:
        workspace.retry(deployment, step)
    typer.echo(f"{job} tries again")


@app.command()
def skip(ctx: typer.Context, job: Job) -> None:
    """Let a blocked stage try once more, and leave out the input of the batch that fails, or the
    output that cannot be revealed.
    """
    deployment, step = _parts(job)
    with opened(ctx) as workspace:
        workspace.skip(deployment, step)
    typer.echo(f"{job} tries once more, and passes by what fails")


def _parts(job: str) -> tuple[str, str]:
    deployment, slash, step = job.partition("/")
    if not (deployment and slash and step):
        raise SetupError(f"'{job}' is no job", hint="write DEPLOYMENT/STEP; see `lyftnb jobs ls`")
    return deployment, step
