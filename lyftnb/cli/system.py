"""Commands about the installation: demo, doctor, version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lyftnb.cli.running import show_summary
from lyftnb.cli.screen import Json, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (demo, doctor, version):
        app.command()(command)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make the demo's workspace.")] = Path(
        "demo"
    ),
) -> None:
    """Run the flights workflow: every flight that left New York in 2013."""
    from lyftnb import workspace
    from lyftnb.workspace import demo as files
    from lyftnb.workspace.progress import watching

    files.make(folder)
    typer.echo(f"the flights of 2013 lie in {folder}/data; now they run through the workflow")
    with workspace.enter(folder) as ws:
        with watching(lines=True) as watcher:
            summary = ws.run(files.WORKFLOW, on_progress=watcher)
        show_summary(summary)
        result = ws.sql(files.RESULT)
    typer.echo("")
    print_table(result.columns, result.rows(), title="departures by airport")
    typer.echo("\n" + files.next_steps(folder))


def doctor(
    folder: Annotated[Path, typer.Argument(help="The workspace's folder.")] = Path("."),
    as_json: Json = False,
) -> None:
    """Check that everything lyftnb needs is there. Exits 1 if something is not."""
    from lyftnb.workspace.doctor import examine

    checks = examine(folder)
    if as_json:
        print_json([{"name": c.name, "ok": c.ok, "found": c.found, "hint": c.hint} for c in checks])
    else:
        for c in checks:
            typer.secho("ok  " if c.ok else "FAIL", fg="green" if c.ok else "red", nl=False)
            typer.echo(f"  {c.name}: {c.found}" + (f"\n      hint: {c.hint}" if c.hint else ""))
    if not all(c.ok for c in checks):
        raise typer.Exit(1)


def version(as_json: Json = False) -> None:
    """Print the versions of lyftnb and of its engines."""
    from lyftnb.installed import versions

    found = versions()
    if as_json:
        print_json(found)
    else:
        for name, number in found.items():
            typer.echo(f"{name} {number}")
