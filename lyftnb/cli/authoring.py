"""Commands for those who write workflows: from `init` to `trace`."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lyftnb.cli.screen import Json, opened, print_frame, print_json, print_table, records
from lyftnb.errors import unknown
from lyftnb.wording import counted

if TYPE_CHECKING:
    from lyftnb.engine import TracedAction
    from lyftnb.model import Problem

Workflow = Annotated[
    str, typer.Argument(help="A *.workflow.yaml file, or a published NAME or NAME@3.")
]
File = Annotated[Path, typer.Argument(help="A *.workflow.yaml file.")]


Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        help="The context whose variables hold, or none. Default: that of the deployment, or of "
        "lyftnb.toml.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (init, validate, schema, publish, versions, trace):
        app.command()(command)


def init(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="The workspace's folder; without it that of -w, or this one."),
    ] = None,
) -> None:
    """Make a workspace: settings, a first workflow, a folder for notebooks."""
    from lyftnb.workspace.scaffold import init_workspace

    folder = Path(folder or ctx.obj.workspace or ".")
    for path in init_workspace(folder):
        typer.echo(f"wrote {path}")
    where = "" if folder == Path(".") else f"cd {shlex.quote(str(folder))} && "
    typer.echo(f"next: {where}lyftnb run workflows/hello.workflow.yaml")


def validate(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="*.workflow.yaml files.")],
    context: Context = None,
    as_json: Json = False,
) -> None:
    """Find all problems of workflow files. Exits 1 if any is an error."""
    found: list[Problem] = []
    for file in files:
        with opened(ctx, str(file)) as workspace:
            found += workspace.validate(file, context=context)
    if as_json:
        print_json([{**asdict(p), "place": p.place} for p in found])
    else:
        for problem in found:
            typer.secho(problem.severity, fg=_COLOURS[problem.severity], nl=False)
            typer.echo(str(problem).removeprefix(problem.severity))
        typer.echo(_tally(found, len(files)))
    if any(p.severity == "error" for p in found):
        raise typer.Exit(1)


_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def _tally(problems: list[Problem], files: int) -> str:
    count = Counter(p.severity for p in problems)
    parts = [counted(n, kind) for kind, n in count.items()]
    return f"{counted(files, 'file')}: " + (", ".join(parts) or "no problems")


def schema() -> None:
    """Print the JSON Schema of workflow files, for editors that complete and check them."""
    from lyftnb.workspace.checker import checker

    print_json(checker().document_schema())
    for trouble in checker().troubles():
        typer.secho("warning: ", err=True, fg=_COLOURS["warning"], nl=False)
        typer.echo(trouble, err=True)


def publish(ctx: typer.Context, file: File, context: Context = None, as_json: Json = False) -> None:
    """Freeze a workflow as its next version; an unchanged one keeps the version it has."""
    with opened(ctx, str(file)) as workspace:
        before = {v.ref for v in workspace.versions()}
        version = workspace.publish(file, context=context)
    created = version.ref not in before
    if as_json:
        print_json({"ref": version.ref, "digest": version.digest, "created": created})
    elif created:
        typer.echo(f"published {version.ref} ({version.digest})")
        named = f" --context {context}" if context else ""
        typer.echo(f"next: lyftnb plan {version.workflow}{named}")
    else:
        typer.echo(f"{version.ref} is what the file says; nothing new to publish")


def versions(
    ctx: typer.Context,
    workflow: Annotated[str | None, typer.Argument(help="Only of this workflow.")] = None,
    as_json: Json = False,
) -> None:
    """List published versions."""
    with opened(ctx) as workspace:
        found = workspace.versions(workflow)
    if as_json:
        print_json(
            [{"ref": v.ref, "digest": v.digest, "published_at": v.published_at} for v in found]
        )
    else:
        print_table(
            ("version", "digest", "published"),
            [(v.ref, v.digest, f"{v.published_at:%Y-%m-%d %H:%M} UTC") for v in found],
        )


def trace(
    ctx: typer.Context,
    workflow: Workflow,
    rows: Annotated[int, typer.Option(min=1, help="Rows to take from each input.")] = 20,
    step: Annotated[str | None, typer.Option(help="Show only this step.")] = None,
    context: Context = None,
    as_json: Json = False,
) -> None:
    """Run a workflow on a sample and show the events after each action. Stores nothing."""
    with opened(ctx, workflow) as workspace:
        traced = workspace.trace(workflow, rows=rows, context=context)
    shown = traced.step(step) if step else traced.steps
    if not shown:
        raise unknown("step", str(step), {t.step for t in traced.steps})
    if as_json:
        print_json([_traced_document(t) for t in shown])
        return
    for t in shown:
        title = f"{t.step}: {t.action}"
        if t.error:
            typer.secho(f"{title}: {t.error}", fg="red")
        else:
            print_frame(t.rows, rows, title=title)
        if t.rejects.height:
            print_frame(t.rejects, rows, title=f"{title}: rejects")
        typer.echo("")


def _traced_document(traced: TracedAction) -> dict[str, Any]:
    return {
        "step": traced.step,
        "action": traced.action,
        "rows": records(traced.rows),
        "rejects": records(traced.rejects),
        "error": traced.error,
    }
