"""`lyftnb kv …`: look at keys and sets, and change them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from lyftnb.cli.screen import Json, json_of, print_json, print_table, reached
from lyftnb.errors import NotFound, SetupError

app = typer.Typer(help="Keys and sets: look, put, count.", no_args_is_help=True)

Namespace = Annotated[
    str, typer.Argument(help="A namespace; a deployment's own is DEPLOYMENT/NAME.")
]
Key = Annotated[str, typer.Argument(help="A key.")]
Keys = Annotated[list[str], typer.Argument(help="Keys.")]
Ttl = Annotated[float | None, typer.Option(min=0.001, help="Seconds after which it is gone again.")]


@app.command("ls")
def list_namespaces(ctx: typer.Context, as_json: Json = False) -> None:
    """List the namespaces that have keys."""
    with reached(ctx) as state:
        found = state.kv_namespaces()
    if as_json:
        print_json([{"namespace": name, "keys": count} for name, count in found.items()])
    else:
        print_table(("namespace", "keys"), found.items())


@app.command()
def get(ctx: typer.Context, namespace: Namespace, keys: Keys, as_json: Json = False) -> None:
    """Print the values of keys as JSON: of one key the value, of several an object. Exits 1 if a
    key is not there.
    """
    with reached(ctx) as state:
        found = state.kv(namespace).get_many(keys)
    missing = [key for key in keys if key not in found]
    if missing:
        raise NotFound(
            f"there is no key {', '.join(missing)}",
            where=f"namespace {namespace}",
            hint=f"`lyftnb kv scan {namespace}` lists them",
        )
    print_json(found if len(keys) > 1 or as_json else found[keys[0]])


@app.command()
def put(
    ctx: typer.Context,
    namespace: Namespace,
    key: Key,
    value: Annotated[str, typer.Argument(help="JSON, such as 3, '\"text\"' or '{\"a\": 1}'.")],
    ttl: Ttl = None,
    version: Annotated[
        int | None,
        typer.Option(min=0, help="Only if the key has this version; 0: if nothing is there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a value under a key. Exits 1 if it has another version than `--version` says."""
    wanted = json_of(value, "value")
    with reached(ctx) as state:
        kv = state.kv(namespace)
        if version is None:
            now: int | None = kv.put(key, wanted, ttl)
        else:
            now = kv.compare_and_set(key, wanted, version, ttl)
    if now is None:
        raise SetupError(
            f"the key '{key}' has another version than {version}; nothing was put",
            where=f"namespace {namespace}",
            hint=f"`lyftnb kv scan {namespace} {key}` shows it",
        )
    if as_json:
        print_json({"key": key, "version": now})
    else:
        typer.echo(f"{namespace}:{key} is version {now}")


@app.command()
def delete(ctx: typer.Context, namespace: Namespace, keys: Keys, as_json: Json = False) -> None:
    """Delete keys; those that are not there count for nothing."""
    with reached(ctx) as state:
        count = state.kv(namespace).delete_many(keys)
    if as_json:
        print_json({"deleted": count})
    else:
        typer.echo(f"deleted {count} of {len(keys)}")


@app.command()
def scan(
    ctx: typer.Context,
    namespace: Namespace,
    prefix: Annotated[str, typer.Argument(help="Only keys that begin so.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List keys with their values, versions and expiry; sets stand in braces."""
    from lyftnb.workspace.state_kv import COLUMNS, cells

    with reached(ctx) as state:
        found = state.kv(namespace).entries(prefix, limit)
    if as_json:
        print_json([asdict(entry) for entry in found])
    else:
        print_table(COLUMNS, map(cells, found))


@app.command()
def increment(
    ctx: typer.Context,
    namespace: Namespace,
    key: Key,
    by: Annotated[str, typer.Argument(help="What to add: a number.")] = "1",
    ttl: Ttl = None,
) -> None:
    """Add to the number under a key (0 if there is none) and print the sum."""
    number = json_of(by, "number")
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise SetupError(f"{by} is not a number", hint="write one, such as 1 or -0.5 (after --)")
    with reached(ctx) as state:
        print_json(state.kv(namespace).increment(key, number, ttl))
