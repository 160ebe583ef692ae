"""`lyftnb queue …`: look at work queues, put items in, work them off by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lyftnb.cli.screen import Json, json_of, print_json, print_table, reached
from lyftnb.errors import SetupError
from lyftnb.wording import counted

if TYPE_CHECKING:
    from lyftnb.model import Lease

app = typer.Typer(help="Work queues: look, put, lease, ack.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A queue; a deployment's own is DEPLOYMENT/NAME.")]
Leases = Annotated[
    list[str], typer.Argument(help="Leases, as ITEM:TOKEN: what `queue lease` has printed.")
]
Dead = Annotated[bool, typer.Option("--dead", help="The dead letters instead.")]


@app.command("ls")
def list_queues(ctx: typer.Context, as_json: Json = False) -> None:
    """List the queues and what they hold."""
    from lyftnb.workspace.state_queue import DEPTH_COLUMNS

    with reached(ctx) as state:
        found = [queue.depth() for queue in state.queues()]
    if as_json:
        print_json([asdict(depth) for depth in found])
    else:
        rows = [
            (d.queue, d.ready, d.delayed, d.leased, d.dead, d.oldest_at and f"{d.oldest_at:%F %T}")
            for d in found
        ]
        print_table(DEPTH_COLUMNS, rows)


@app.command()
def put(
    ctx: typer.Context,
    name: Name,
    payloads: Annotated[list[str], typer.Argument(help="JSON, one text for each item.")],
    id: Annotated[
        str | None, typer.Option(help="Of the one item: the queue takes an id once.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Higher ones are leased first.")] = 0,
    delay: Annotated[float, typer.Option(min=0, help="Seconds for which they wait.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Put items into a queue: all of them or none."""
    from lyftnb.model import NewItem

    if id is not None and len(payloads) > 1:
        raise SetupError("an id names one item", hint="put the items one by one")
    items = [NewItem(json_of(text, "payload"), id, priority, delay) for text in payloads]
    with reached(ctx) as state:
        numbers = state.queue(name).enqueue(items)
    new = [number for number in numbers if number is not None]
    if as_json:
        print_json(numbers)
    elif new:
        typer.echo(f"put {counted(len(new), 'item')} into {name}: {', '.join(map(str, new))}")
    else:
        typer.echo(f"{name} has had the id {id} before; nothing was put")


@app.command()
def peek(
    ctx: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option("-n", min=1, help="At most so many.")] = 20,
    dead: Dead = False,
    as_json: Json = False,
) -> None:
    """Show the next items without taking them, or the dead letters and why they are."""
    from lyftnb.workspace.state_queue import COLUMNS, cells

    with reached(ctx) as state:
        found = state.queue(name).peek(limit, dead=dead)
    if as_json:
        print_json([asdict(item) for item in found])
    else:
        print_table(COLUMNS, map(cells, found))


@app.command()
def lease(
    ctx: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option("-n", min=1, help="At most so many.")] = 1,
    ttl: Annotated[
        float, typer.Option(min=0.001, help="Seconds after which others may have them.")
    ] = 300.0,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for an item.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Lease items and print them with their leases, for `ack` or `nack`."""
    with reached(ctx, serve=wait > 0) as state:
        items = state.queue(name).lease(limit, ttl, wait=wait, holder="command line")
    if as_json:
        print_json([{**asdict(item), "lease": _lease_text(item.lease)} for item in items])
        return
    from lyftnb.model import canonical_json

    rows = [(_lease_text(i.lease), canonical_json(i.payload), str(i.attempts)) for i in items]
    print_table(("lease", "payload", "attempts"), rows)


@app.command()
def ack(ctx: typer.Context, name: Name, leases: Leases, as_json: Json = False) -> None:
    """Take leased items off their queue for good. Exits 1 if somebody else has one by now."""
    with reached(ctx) as state:
        done = state.queue(name).ack(_leases(name, leases))
    _settle("acked", leases, done, as_json)


@app.command()
def nack(
    ctx: typer.Context,
    name: Name,
    leases: Leases,
    delay: Annotated[float, typer.Option(min=0, help="Seconds for which they wait.")] = 0.0,
    reason: Annotated[str | None, typer.Option(help="Why, for people to read.")] = None,
    blameless: Annotated[
        bool, typer.Option("--blameless", help="Do not count it as a failure.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give leased items back. Exits 1 if somebody else has one by now."""
    with reached(ctx) as state:
        done = state.queue(name).nack(
            _leases(name, leases), delay=delay, reason=reason, failed=not blameless
        )
    _settle("gave back", leases, done, as_json)


@app.command()
def redrive(
    ctx: typer.Context,
    name: Name,
    items: Annotated[
        list[int] | None, typer.Argument(help="Numbers of dead letters. Default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make dead letters ready again, as if they had never failed."""
    with reached(ctx) as state:
        count = state.queue(name).redrive(items or None)
    _tell(count, "made", "ready again", as_json)


@app.command()
def purge(
    ctx: typer.Context,
    name: Name,
    dead: Dead = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove all items of a queue that are not dead, leased ones too; or all dead letters."""
    with reached(ctx) as state:
        queue = state.queue(name)
        if not yes:
            what = "the dead letters" if dead else "all items that are not dead"
            typer.confirm(f"remove {what} of {name} ({queue!r})?", abort=True, err=True)
        count = queue.purge(dead=dead)
    _tell(count, "removed", "", as_json)


@app.command("set")
def set_queue(
    ctx: typer.Context,
    name: Name,
    max_attempts: Annotated[
        int | None, typer.Option(min=1, help="Failures that make an item a dead letter.")
    ] = None,
    id_retention: Annotated[
        float | None, typer.Option(min=0, help="Seconds for which ids are remembered.")
    ] = None,
) -> None:
    """Change how a queue treats its items."""
    if max_attempts is None and id_retention is None:
        raise SetupError("nothing to set", hint="add --max-attempts or --id-retention")
    with reached(ctx) as state:
        state.queue(name).settings(max_attempts=max_attempts, id_retention=id_retention)
    typer.echo(f"set {name}")


def _lease_text(lease: Lease) -> str:
    return f"{lease.item}:{lease.token}"


def _leases(queue: str, texts: Sequence[str]) -> list[Lease]:
    from lyftnb.model import Lease

    found = []
    for text in texts:
        item, _, token = text.partition(":")
        if not item.isdecimal() or not token.isdecimal():
            raise SetupError(f"'{text}' is no lease", hint="write ITEM:TOKEN, from `queue lease`")
        found.append(Lease(queue, int(item), int(token)))
    return found


def _settle(what: str, leases: Sequence[str], done: Sequence[bool], as_json: bool) -> None:
    if as_json:
        print_json(dict(zip(leases, done, strict=True)))
    else:
        typer.echo(f"{what} {counted(sum(done), 'item')}")
    lost = [lease for lease, kept in zip(leases, done, strict=True) if not kept]
    if lost:
        typer.echo(f"no longer leased: {', '.join(lost)}", err=True)
        raise typer.Exit(1)


def _tell(count: int, verb: str, rest: str, as_json: bool) -> None:
    answer: Any = {"items": count}
    if as_json:
        print_json(answer)
    else:
        typer.echo(" ".join(filter(None, (verb, counted(count, "item"), rest))))
