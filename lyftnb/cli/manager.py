"""`lyftnb up`, `down`, `status` and `logs`: the manager of a workspace."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lyftnb.cli.screen import Json, print_json, print_table
from lyftnb.clock import SystemClock
from lyftnb.errors import ConfigError, LyftError, NotFound, SetupError
from lyftnb.wording import ago, counted

if TYPE_CHECKING:
    from lyftnb.manager import Progress
    from lyftnb.model import Deployment
    from lyftnb.planning.reconciling import DeploymentStatus
    from lyftnb.workspace.address import ManagerAddress

_LOOK_S = 0.2
_DEAD_S = 15.0
"""So much longer than its drain a manager may take to end."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, down, status, logs):
        app.command()(command)


def up(
    ctx: typer.Context,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run it here, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the workspace's manager, which stays up until `lyftnb down`."""
    from lyftnb.workspace.finding import find, find_or_start

    root = _root(ctx)
    present = find(root)
    if foreground and present is None:
        words = [sys.executable, "-P", "-m", "lyftnb.server", str(root), "--stays"]
        os.execv(sys.executable, words)
    address = present or find_or_start(root, stays=True)
    if as_json:
        print_json({**_facts(address), "started": present is None})
        return
    already = "already " if present else ""
    typer.echo(f"the manager is {already}up at {address.url}, process {address.pid}")
    if not address.stays:
        typer.echo("it was started by a client and ends when nobody needs it; for one that stays:")
        typer.echo("  lyftnb down && lyftnb up")


def down(ctx: typer.Context, as_json: Json = False) -> None:
    """End the manager: what runs stops at a batch boundary, and nothing is lost."""
    from lyftnb.workspace.config import Config
    from lyftnb.workspace.finding import find, wait_for_end

    root = _existing(ctx)
    address = find(root)
    if address is not None:
        if not address.is_near:
            raise SetupError(
                f"the manager runs on {address.process['host']}", hint="run `lyftnb down` there"
            )
        with suppress(ProcessLookupError):
            os.kill(address.pid, signal.SIGTERM)
        try:
            drain = Config.load(root).manager.drain
        except ConfigError:
            drain = Config().manager.drain  # it goes on with the settings that it has: so may we
        wait_for_end(root, address, drain + _DEAD_S)
    if as_json:
        print_json({"was_up": address is not None})
    else:
        typer.echo("the manager is down" if address else "no manager is up")


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Show whether the manager is up, how deployments stand, what runs, and what is wrong.

    Exits 1 if the manager is down.
    """
    from lyftnb.workspace.finding import find
    from lyftnb.workspace.remote import RemoteWorkspace

    root = _existing(ctx)
    address = find(root)
    if address is None:
        _show_down(root, as_json)
        raise typer.Exit(1)
    with RemoteWorkspace(root) as workspace:
        standing = workspace.status()
        applied = workspace.deployments
        work = [workspace.numbers(deployment) for deployment in workspace.running]
        issues = workspace.issues.list()
    if as_json:
        facts: dict[str, Any] = {"up": True, **_facts(address)}
        facts["deployments"] = [asdict(s) for s in standing]
        print_json({**facts, "running": [asdict(w) for w in work], "issues": len(issues)})
        return
    stays = "stays" if address.stays else "ends when nobody needs it"
    typer.echo(f"the manager is up at {address.url}, process {address.pid}, {stays}")
    if standing:
        _print_standing(standing, applied)
    if work:
        _print_work(work)
    elif not standing:
        typer.echo("nothing is applied, and nothing runs")
        typer.echo("next: lyftnb publish FILE && lyftnb plan NAME && lyftnb apply NAME")
    if issues:
        typer.echo(f"\n{counted(len(issues), 'open issue')}: lyftnb issues ls")


def logs(
    ctx: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="The last so many.")] = 50,
    keep_on: Annotated[
        bool, typer.Option("--follow", "-f", help="Show what comes, until Ctrl-C.")
    ] = False,
) -> None:
    """Show the manager's log."""
    from lyftnb.workspace.finding import LOG_FILE
    from lyftnb.workspace.folders import STATE_DIR

    file = _existing(ctx) / STATE_DIR / LOG_FILE
    if not file.is_file():
        raise NotFound("there is no log yet", where=str(file), hint="`lyftnb up` begins one")
    for line in _tail(file, lines, keep_on):
        typer.echo(line, nl=False)


def _show_down(root: Path, as_json: bool) -> None:
    """That no manager is up, how the last one ended, and what so stands still."""
    from lyftnb import workspace
    from lyftnb.store.database import FILE as LEDGER_FILE
    from lyftnb.workspace.address import ManagerAddress
    from lyftnb.workspace.folders import STATE_DIR

    if as_json:
        print_json({"up": False})
        return
    died = ManagerAddress.left(root / STATE_DIR)
    if died is None:
        typer.echo("no manager is up; `lyftnb up` starts one")
    else:
        typer.echo(f"the manager (process {died.pid}) has died; nothing committed is lost")
        typer.echo("`lyftnb up` starts another one; `lyftnb logs` may tell why it died")
    if not (root / STATE_DIR / LEDGER_FILE).exists():
        return
    try:
        with workspace.open(root, serve=False) as own:
            applied = own.deployments
    except LyftError as error:
        typer.echo(error)
        return
    if applied:
        typer.echo("\napplied, and standing still until then:")
        columns = ("deployment", "version", "context", "revision", "applied")
        print_table(columns, [(d.name, d.ref, d.context, d.revision, _applied(d)) for d in applied])


def _print_standing(standing: Sequence[DeploymentStatus], applied: Sequence[Deployment]) -> None:
    """A row for each deployment; below it, what is not as it should be, and what to do."""
    from lyftnb.model import command_words

    known = {d.name: d for d in applied}
    rows = [
        (
            s.name,
            s.ref,
            s.context,
            s.revision,
            s.sync,
            s.health,
            s.lag_rows,
            _applied(known.get(s.name)),
        )
        for s in standing
    ]
    typer.echo()
    columns = ("deployment", "version", "context", "revision", "sync", "health", "lag", "applied")
    print_table(columns, rows)
    for s in standing:
        if s.sync == "drifted":
            typer.echo(f"{s.name} is drifted: {s.sync_reason}")
            words = command_words(s.ref, s.context, s.name)
            typer.echo(f"  look at it, and apply: lyftnb plan {words}")
        if s.health == "degraded":
            typer.echo(f"{s.name} is degraded: {s.health_reason}")
        held = known[s.name].paused if s.name in known else ""
        if held:
            typer.echo(f"{s.name} is paused ({held}); it goes on with: lyftnb resume {s.name}")


def _print_work(work: Sequence[Progress]) -> None:
    """A row for each stage. Why a stage is blocked, the deployment's reason tells already."""
    rows = [
        (
            w.deployment,
            s.stage,
            s.state,
            s.rows_in,
            s.rows_out,
            s.rejects,
            "" if s.state in ("blocked", "paused") else s.note.partition("\n")[0],
        )
        for w in work
        for s in w.stages
    ]
    typer.echo()
    columns = ("deployment", "stage", "state", "rows in", "rows out", "rejects", "note")
    print_table(columns, rows)


def _applied(deployment: Deployment | None) -> str:
    """How long ago its revision was applied."""
    if deployment is None:
        return ""
    return ago((SystemClock().now() - deployment.applied_at).total_seconds())


def _tail(file: Path, lines: int, keep_on: bool) -> Generator[str]:
    """The last lines of a log and, if asked, those to come; over its rotations."""
    log = file.open(encoding="utf-8", errors="replace")
    try:
        yield from deque(log, maxlen=lines)
        while keep_on:
            if line := log.readline():
                yield line
            elif file.stat().st_ino != os.fstat(log.fileno()).st_ino:
                log.close()
                log = file.open(encoding="utf-8", errors="replace")
            else:
                time.sleep(_LOOK_S)
    finally:
        log.close()


def _root(ctx: typer.Context) -> Path:
    from lyftnb.workspace.folders import root_of

    return root_of(ctx.obj.workspace or ".")


def _existing(ctx: typer.Context) -> Path:
    from lyftnb.workspace.folders import existing_root

    return existing_root(ctx.obj.workspace or ".")


def _facts(address: ManagerAddress) -> dict[str, Any]:
    """What may be shown of it: not the token."""
    return {
        "url": address.url,
        "pid": address.pid,
        "since": address.started_at,
        "stays": address.stays,
    }
