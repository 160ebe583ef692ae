"""`lyftnb worker`: workers that join a workspace's cluster from another terminal or machine."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from lyftnb.errors import SetupError


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(worker)


def worker(
    group: Annotated[
        list[str],
        typer.Option("--group", "-g", help="A worker group and how many workers: `etl=4`."),
    ],
    connect: Annotated[
        Path,
        typer.Option(help="The workspace's folder, or a copy of its `.lyftnb/cluster.json`."),
    ] = Path("."),
    threads: Annotated[int, typer.Option(min=1, help="Threads of Polars in each worker.")] = 1,
    memory: Annotated[
        str | None,
        typer.Option(help="Memory above which a worker is started anew, such as 2GiB."),
    ] = None,
) -> None:
    """Join a workspace's cluster with workers, until stopped.

    While nobody holds the workspace, they wait for whoever does next. On another machine, the
    workspace's storage must lie under the same path, and `cluster.host` in its lyftnb.toml must be
    an address that is reached from there.
    """
    from lyftnb.workspace.joining import join

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    join(
        connect,
        dict(_counted(text) for text in group),
        threads=threads,
        memory_bytes=_bytes(memory),
        stop=stop,
        say=lambda text: typer.echo(text, err=True),
    )


def _counted(text: str) -> tuple[str, int]:
    from lyftnb.model import is_name

    name, equals, count = text.partition("=")
    if not is_name(name) or (equals and not (count.isdecimal() and 0 < int(count) <= 1024)):
        raise SetupError(
            f"'{text}' names no group and its workers", where="--group", hint="write it as etl=4"
        )
    return name, int(count or 1)


def _bytes(text: str | None) -> int:
    from lyftnb.model import size_bytes

    try:
        return size_bytes(text) if text else 0
    except ValueError as error:
        raise SetupError(str(error), where="--memory", hint="write it like 2GiB") from None
