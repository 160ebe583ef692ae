"""`lyftnb secret …`: values that only workers see. They come by a prompt or standard input."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from lyftnb.cli.screen import Json, opened, print_json, print_table
from lyftnb.errors import SetupError

app = typer.Typer(help="Secrets: kept encrypted, given to workers only.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="SCOPE/NAME, such as `db/password`.")]


@app.command("ls")
def list_secrets(ctx: typer.Context, as_json: Json = False) -> None:
    """List the secrets, without their values."""
    with opened(ctx) as workspace:
        found = workspace.secrets.list()
    if as_json:
        print_json([asdict(secret) for secret in found])
        return
    print_table(
        ("secret", "version", "created", "rotated"),
        [
            (
                s.name,
                s.version,
                f"{s.created_at:%Y-%m-%d %H:%M} UTC",
                f"{s.rotated_at:%Y-%m-%d %H:%M} UTC" if s.rotated_at else "",
            )
            for s in found
        ],
    )


@app.command("set")
def set_secret(ctx: typer.Context, name: Name) -> None:
    """Keep a new secret. Its value is asked for, or read from standard input."""
    value = _value(name)
    with opened(ctx) as workspace:
        workspace.secrets.set(name, value)
    typer.echo(f"{name} is set; name it in a workflow: ${{secret.{name}}}")


@app.command()
def rotate(ctx: typer.Context, name: Name) -> None:
    """Give a secret another value, for the next batch of whatever uses it."""
    value = _value(name)
    with opened(ctx) as workspace:
        secret = workspace.secrets.rotate(name, value)
    typer.echo(f"{name} has version {secret.version} now")


@app.command("rm")
def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a secret."""
    with opened(ctx) as workspace:
        workspace.secrets.remove(name)
    typer.echo(f"{name} is gone")


@app.command("rotate-key")
def rotate_key(ctx: typer.Context) -> None:
    """Seal all secrets with another master key. The old one stays, for backups and copies."""
    with opened(ctx) as workspace:
        old, new = workspace.secrets.rotate_key()
    typer.echo(f"secrets are sealed with key {new} now; key {old} is left where it was")


def _value(name: str) -> str:
    """The value: without an echo from a terminal, else all of standard input but a last newline."""
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        raise SetupError("standard input is not UTF-8", hint="a secret is text") from None
    return text.removesuffix("\n").removesuffix("\r")
