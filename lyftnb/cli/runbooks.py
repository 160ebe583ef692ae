"""`lyftnb runbook …`: publish runbooks, invoke them, see what became of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lyftnb.cli.screen import Json, opened, print_json, print_table
from lyftnb.errors import SetupError

if TYPE_CHECKING:
    from lyftnb.workspace.invocation import Invocation

app = typer.Typer(
    help="Runbooks: published workflows with parameters, to be run now.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(help="A *.runbook.yaml file.")]
Name = Annotated[str, typer.Argument(help="A published NAME, or NAME@2.")]
Id = Annotated[str, typer.Argument(help="An invocation, as RUNBOOK-NUMBER.")]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="NAME=VALUE; repeatable, a list's items one by one."),
]
Params = Annotated[
    Path | None, typer.Option("--params", help="A JSON file with an object of parameters.")
]


@app.command("ls")
def list_runbooks(ctx: typer.Context, as_json: Json = False) -> None:
    """List the runbooks, the newest version of each; * marks parameters that must be given."""
    from lyftnb.workspace.runbooks import summary

    with opened(ctx) as workspace:
        found = workspace.runbooks.newest()
    if as_json:
        print_json([{"ref": v.ref, "digest": v.digest, **v.document} for v in found])
    else:
        print_table(
            ("runbook", "title", "workflow", "parameters"), [(v.ref, *summary(v)) for v in found]
        )


@app.command()
def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a runbook: what it runs, and its parameters."""
    with opened(ctx) as workspace:
        version = workspace.runbooks.get(name)
    if as_json:
        print_json({**asdict(version), "ref": version.ref})
        return
    document = version.document
    title = document.get("title") or document.get("description") or ""
    typer.echo(f"{version.ref} on {document['workflow']}" + (f": {title}" if title else ""))
    required = document.get("parameters", {}).get("required", ())
    rows = [
        (
            parameter,
            _kind(schema),
            "required" if parameter in required else _text(schema.get("default")),
            schema.get("description") or schema.get("title") or "",
        )
        for parameter, schema in document.get("parameters", {}).get("properties", {}).items()
    ]
    if rows:
        print_table(("parameter", "type", "default", "meaning"), rows)


@app.command()
def validate(ctx: typer.Context, file: File, as_json: Json = False) -> None:
    """Find all problems of a runbook file. Exits 1 if any is an error."""
    with opened(ctx, str(file)) as workspace:
        found = workspace.runbooks.validate(file)
    if as_json:
        print_json([{**asdict(problem), "place": problem.place} for problem in found])
    else:
        for problem in found:
            typer.echo(str(problem))
        typer.echo(f"{len(found)} problems" if found else "no problems")
    if any(problem.severity == "error" for problem in found):
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of runbook files, for editors that complete and check them."""
    from lyftnb.catalog import runbook_schema

    print_json(runbook_schema())


@app.command()
def publish(ctx: typer.Context, file: File, as_json: Json = False) -> None:
    """Freeze a runbook as its next version; an unchanged one keeps the version it has."""
    with opened(ctx, str(file)) as workspace:
        before = {version.ref for version in workspace.runbooks.versions()}
        version = workspace.runbooks.publish(file)
    created = version.ref not in before
    if as_json:
        print_json({"ref": version.ref, "digest": version.digest, "created": created})
    elif created:
        typer.echo(f"published {version.ref} on {version.document['workflow']}")
    else:
        typer.echo(f"{version.ref} is what the file says; nothing new to publish")


@app.command()
def run(
    ctx: typer.Context,
    name: Name,
    param: Param = None,
    params: Params = None,
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: with the same key it is the same invocation."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan of what would run, and run nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Invoke a runbook and wait for its end. Exits 1 unless it is done."""
    from lyftnb.planning import describe

    with opened(ctx) as workspace:
        runbooks = workspace.runbooks
        given = _object(params) | runbooks.from_text(name, _grouped(param or ()))
        if dry_run:
            typer.echo(describe(runbooks.plan(name, given)))
            return
        invocation = runbooks.invoke(name, given, idempotency_key=key)
        _wait(invocation, None, as_json)


@app.command()
def invocations(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only of this runbook.")] = None,
    status: Annotated[str | None, typer.Option(help="Only in this status, such as lost.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List invocations, newest first."""
    from lyftnb.workspace.invocation import COLUMNS, cells

    with opened(ctx) as workspace:
        records = [i.record for i in workspace.runbooks.invocations(name, status, limit)]
    if as_json:
        print_json([asdict(record) for record in records])
    else:
        print_table(COLUMNS, map(cells, records))


@app.command()
def wait(
    ctx: typer.Context,
    invocation: Id,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait.")] = None,
    as_json: Json = False,
) -> None:
    """Wait for the end of an invocation and show what it did. Exits 1 unless it is done."""
    with opened(ctx) as workspace:
        _wait(workspace.runbooks.invocation(invocation), timeout, as_json)


@app.command()
def resume(ctx: typer.Context, invocation: Id, as_json: Json = False) -> None:
    """Take up an invocation that did not come to its end, and wait for it. Exits 1 unless it is
    done.
    """
    with opened(ctx) as workspace:
        _wait(workspace.runbooks.invocation(invocation).resume(), None, as_json)


def _wait(invocation: Invocation, timeout: float | None, as_json: bool) -> None:
    from lyftnb.workspace.progress import watching

    with watching(lines=not as_json) as watcher:
        invocation.wait(timeout, on_progress=watcher)
    record, result = invocation.record, invocation.result
    if as_json:
        counts = [asdict(count) for count in result.counts]
        print_json({**asdict(record), "counts": counts, "rejects": result.rejects})
    else:
        typer.echo(repr(invocation))
    if record.status != "done":
        raise typer.Exit(1)


def _grouped(texts: list[str] | tuple[str, ...]) -> dict[str, list[str]]:
    """`NAME=VALUE` texts by name, in order."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise SetupError(f"'{text}' is no parameter", hint="write --param NAME=VALUE")
        found.setdefault(name, []).append(value)
    return found


def _object(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SetupError(f"not JSON: {error}", where=str(file)) from None
    if not isinstance(value, dict):
        raise SetupError(
            "parameters are an object", where=str(file), hint='such as {"customer": "x"}'
        )
    return value


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(_text, schema["enum"]))
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else str(schema.get("format", kind))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
