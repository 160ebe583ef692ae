"""`lyftnb messages …`: look at the message bus, publish, follow, and ask."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lyftnb.cli.screen import Json, json_of, print_json, print_table, reached
from lyftnb.errors import SetupError

if TYPE_CHECKING:
    from lyftnb.model import Message

app = typer.Typer(help="Messages: look, publish, follow, ask.", no_args_is_help=True)

Tag = Annotated[str | None, typer.Option(help="Only of this tag.")]
Type = Annotated[str | None, typer.Option(help="Only of this type, such as run-ended.")]
Source = Annotated[str | None, typer.Option(help="Only from manager, worker, job or client.")]
Job = Annotated[str | None, typer.Option(help="Only from this job, as DEPLOYMENT/STEP.")]


@app.command("ls")
def list_messages(
    ctx: typer.Context,
    tag: Tag = None,
    type: Type = None,
    source: Source = None,
    job: Job = None,
    after: Annotated[
        int | None, typer.Option(help="Those that follow the message of this id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List messages in order: the newest, or those after an id."""
    from lyftnb.workspace.bus import COLUMNS, line

    with reached(ctx) as state:
        wanted = _wanted(tag=tag, type=type, source=source, job=job)
        found = state.bus.messages(limit, after=after, **wanted)
    if as_json:
        print_json([asdict(message) for message in found])
    else:
        print_table(COLUMNS, map(line, found))


@app.command()
def publish(
    ctx: typer.Context,
    tag: Annotated[str, typer.Argument(help="The message's tag.")],
    payload: Annotated[str, typer.Argument(help='JSON, such as {"rows": 3}.')] = "null",
    type: Annotated[str, typer.Option(help="The message's type.")] = "message",
    as_json: Json = False,
) -> None:
    """Put a message on the bus. Steps that wait for it fire as soon as they run."""
    value = json_of(payload, "payload")
    with reached(ctx) as state:
        message = state.bus.publish(tag, value, type=type)
    if as_json:
        print_json(asdict(message))
    else:
        typer.echo(f"published message {message.id}")


@app.command()
def follow(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Option(help="Go on where the reader of this name stood last.")
    ] = None,
    tag: Tag = None,
    type: Type = None,
    source: Source = None,
    job: Job = None,
    after: Annotated[
        int | None,
        typer.Option(help="Begin behind the message of this id; 0: with the oldest there is."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="End when nothing came for so many seconds.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print messages as they come, one line each, until Ctrl-C."""
    wanted = _wanted(tag=tag, type=type, source=source, job=job)
    with (
        reached(ctx, serve=True) as state,
        state.bus.subscribe(name, after=after, timeout=timeout, **wanted) as messages,
    ):
        for message in messages:
            typer.echo(_json_line(message) if as_json else _line(message))


@app.command()
def request(
    ctx: typer.Context,
    target: Annotated[
        str,
        typer.Argument(help="manager, worker:GROUP, worker:NAME or job:DEPLOYMENT/STEP."),
    ],
    question: Annotated[str, typer.Argument(help="Such as state, health or versions.")],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="NAME=VALUE, such as glob=data/*.csv; repeatable."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the reply.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Ask the manager, a worker or a job, and print the reply."""
    options = dict(_pair(text) for text in option or ())
    with reached(ctx) as state:
        answer = state.bus.request(target, {"ask": question, **options}, timeout)
    if as_json:
        print_json(answer)
    else:
        _show(answer)


def _wanted(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value is not None}


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise SetupError(f"'{text}' is no option", hint="write NAME=VALUE")
    return name, value


def _line(message: Message) -> str:
    from lyftnb.workspace.bus import line

    return "  ".join(filter(None, line(message)))


def _json_line(message: Message) -> str:
    return json.dumps(asdict(message), default=str, ensure_ascii=False)


def _show(answer: Any) -> None:
    """An answer as a table: of its rows, or of its parts."""
    if isinstance(answer, list) and answer and all(isinstance(row, dict) for row in answer):
        names = list(dict.fromkeys(name for row in answer for name in row))
        print_table(names, [[_text(row.get(name)) for name in names] for row in answer])
    elif isinstance(answer, dict):
        print_table(("", ""), [(name, _text(value)) for name, value in answer.items()])
    else:
        typer.echo(_text(answer) if answer else "nothing")


def _text(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return value
