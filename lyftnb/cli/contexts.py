"""`lyftnb context …`: variables of workflows, by context, worker group and deployment."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from lyftnb.cli.screen import Json, opened, print_json, print_table

app = typer.Typer(help="Variables of workflows: contexts and overrides.", no_args_is_help=True)

Layer = Annotated[str, typer.Argument(help="A context, or `group:NAME`, `deployment:NAME`.")]
Variable = Annotated[str, typer.Argument(help="A dotted path, such as `db.host`.")]


@app.command("ls")
def list_contexts(
    ctx: typer.Context,
    history: Annotated[bool, typer.Option("--history", help="Who changed what, instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the contexts and overrides with their values."""
    from lyftnb.model import flattened

    with opened(ctx) as workspace:
        if history:
            changes = workspace.contexts.history()
            _print_changes(changes, as_json)
            return
        default = workspace.contexts.default
        found = workspace.contexts.list()
    if as_json:
        print_json([{**asdict(c), "default": c.layer == default} for c in found])
        return
    rows = [
        (c.layer + (" (default)" if c.layer == default else ""), c.parent, name, _shown(value))
        for c in found
        for name, value in (flattened(c.values) or {"": ""}).items()
    ]
    print_table(("context", "parent", "variable", "value"), rows)


@app.command()
def get(
    ctx: typer.Context,
    layer: Layer,
    variable: Annotated[
        str | None, typer.Argument(help="A dotted path; without one, all variables.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a context gives, its parents considered."""
    from lyftnb.model import flattened

    with opened(ctx) as workspace:
        value = workspace.contexts.get(layer, variable)
    if as_json:
        print_json(value)
    elif variable is None:
        print_table(("variable", "value"), [(n, _shown(v)) for n, v in flattened(value).items()])
    else:
        typer.echo(_shown(value))


@app.command("set")
def set_value(
    ctx: typer.Context,
    layer: Layer,
    variable: Variable,
    value: Annotated[str, typer.Argument(help="JSON where it is (5, true, [1, 2]), else text.")],
    text: Annotated[
        bool, typer.Option("--text", help="The value is text, whatever it looks like.")
    ] = False,
) -> None:
    """Give a variable of a context a value."""
    taken: Any = value
    if not text:
        try:
            taken = json.loads(value)
        except ValueError:
            taken = value
    with opened(ctx) as workspace:
        workspace.contexts.set(layer, variable, taken)
    typer.echo(f"{layer}: {variable} = {_shown(taken)}")


@app.command()
def unset(ctx: typer.Context, layer: Layer, variable: Variable) -> None:
    """Take a variable of a context away."""
    with opened(ctx) as workspace:
        workspace.contexts.unset(layer, variable)
    typer.echo(f"{layer}: {variable} is gone")


@app.command()
def diff(
    ctx: typer.Context,
    left: Layer,
    right: Layer,
    as_json: Json = False,
) -> None:
    """Show what two contexts do not give alike."""
    with opened(ctx) as workspace:
        found = workspace.contexts.diff(left, right)
    if as_json:
        print_json([asdict(d) for d in found])
        return
    if not found:
        typer.echo(f"{left} and {right} give the same")
        return
    print_table(
        ("variable", left, right),
        [
            (
                d.name,
                "" if d.missing == "left" else _shown(d.left),
                "" if d.missing == "right" else _shown(d.right),
            )
            for d in found
        ],
    )


@app.command()
def explain(
    ctx: typer.Context,
    workflow: Annotated[
        str, typer.Argument(help="A *.workflow.yaml file, or a published NAME or NAME@3.")
    ],
    context: Annotated[
        str | None,
        typer.Option(
            "--context",
            help="The context to explain, or none. Default: that of the deployment, or of "
            "lyftnb.toml.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The deployment, where it has a name of its own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show where the variables that a workflow uses come from, and what weaker layers give."""
    with opened(ctx, workflow) as workspace:
        found = workspace.contexts.explain(workflow, context, name)
    if as_json:
        print_json([asdict(e) for e in found])
        return
    print_table(
        ("variable", "group", "value", "from", "otherwise"),
        [
            (
                e.name,
                e.group,
                _shown(e.value),
                e.layer,
                ", ".join(f"{_shown(w.value)} ({w.layer})" for w in e.weaker),
            )
            for e in found
        ],
    )


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of the new context.")],
    parent: Annotated[
        str | None, typer.Option(help="The context that gives what this one does not.")
    ] = None,
) -> None:
    """Make a context."""
    with opened(ctx) as workspace:
        workspace.contexts.create(name, parent)
    typer.echo(f"made context {name}")
    typer.echo(f"next: lyftnb context set {name} NAME VALUE")


@app.command()
def parent(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The context.")],
    of: Annotated[
        str | None, typer.Argument(metavar="[PARENT]", help="Its parent; without one, none.")
    ] = None,
) -> None:
    """Give a context another parent, or none."""
    with opened(ctx) as workspace:
        workspace.contexts.set_parent(name, of)
    typer.echo(f"{name}: parent {of or 'none'}")


@app.command()
def delete(ctx: typer.Context, layer: Layer) -> None:
    """Remove a context, or all values of an override."""
    with opened(ctx) as workspace:
        workspace.contexts.delete(layer)
    typer.echo(f"{layer} is gone")


def _print_changes(changes: Any, as_json: bool) -> None:
    if as_json:
        print_json([asdict(c) for c in changes])
        return
    print_table(
        ("at", "by", "context", "change", "variable", "before", "after"),
        [
            (
                f"{c.changed_at:%Y-%m-%d %H:%M:%S} UTC",
                c.changed_by,
                c.layer,
                c.edit,
                c.path,
                "" if c.before is None else _shown(c.before),
                "" if c.after is None else _shown(c.after),
            )
            for c in changes
        ],
    )


def _shown(value: Any) -> str:
    """A value as it can be typed: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
