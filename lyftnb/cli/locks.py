"""`lyftnb lock …`: who holds what, and commands that run one at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lyftnb.cli.screen import Json, complain, print_json, print_table, reached
from lyftnb.errors import SetupError

if TYPE_CHECKING:
    from lyftnb.workspace.state_lock import Lock

app = typer.Typer(help="Locks: who holds them; hold one for a command.", no_args_is_help=True)

_GRACE_S = 10.0
"""A command whose lock is lost may take so long to end before it is killed."""


@app.command("ls")
def list_locks(ctx: typer.Context, as_json: Json = False) -> None:
    """List the locks that are held."""
    with reached(ctx) as state:
        found = state.locks()
    if as_json:
        print_json([asdict(lock) for lock in found])
    else:
        print_table(
            ("lock", "holder", "token", "since", "until"),
            [
                (k.name, k.holder, k.token, f"{k.acquired_at:%F %T}", f"{k.expires_at:%F %T}")
                for k in found
            ],
        )


@app.command()
def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The lock.")],
    command: Annotated[list[str], typer.Argument(help="The command, with its arguments.")],
    ttl: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which it is free if we are gone.")
    ] = 30.0,
    wait: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait for the lock. Default: for ever.")
    ] = None,
) -> None:
    """Run a command while holding a lock: `lyftnb lock run NAME -- COMMAND ARGUMENT…`. Exits as the
    command does. If the lock is lost, the command is ended.

    The command finds the fencing token in LYFTNB_LOCK_TOKEN.
    """
    lost = threading.Event()
    with (
        reached(ctx, serve=True) as state,
        state.lock(name, ttl, wait=wait, on_lost=lost.set) as lock,
    ):
        code = _run(command, lock, lost)
    raise typer.Exit(code)


def _run(words: Sequence[str], lock: Lock, lost: threading.Event) -> int:
    """The exit code of the command; as shells have it, 128 and the signal if one ended it."""
    environment = {**os.environ, "LYFTNB_LOCK_TOKEN": str(lock.token)}
    try:
        process = subprocess.Popen(words, env=environment)
    except OSError as error:
        raise SetupError(f"cannot run {words[0]}: {error.strerror or error}") from None
    with _signals_to(process):
        code = _wait(process, lost)
    if lost.is_set():
        complain(f"the lock '{lock.name}' was lost, so {words[0]} was ended")
    return code if code >= 0 else 128 - code


def _wait(process: subprocess.Popen[bytes], lost: threading.Event) -> int:
    ended = threading.Event()

    def watch() -> None:
        lost.wait()
        if ended.is_set():
            return
        process.terminate()
        if not ended.wait(_GRACE_S):
            process.kill()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return process.wait()
    finally:
        ended.set()


@contextmanager
def _signals_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ctrl-C reaches the command by itself, and it decides; SIGTERM is passed on."""

    def pass_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [
        (signal.SIGINT, signal.signal(signal.SIGINT, signal.SIG_IGN)),
        (signal.SIGTERM, signal.signal(signal.SIGTERM, pass_on)),
    ]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
