"""`lyftnb spool …`: look into durable channels, query, check and export them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lyftnb.cli.screen import (
    Json,
    opened,
    print_frame,
    print_json,
    print_table,
    records,
)
from lyftnb.errors import SetupError, StorageError
from lyftnb.wording import counted
from lyftnb.workspace.tabular import Size, shown

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer(help="Look into spools: durable channels.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="DEPLOYMENT.CHANNEL, or the channel alone while that is unique.")
]
At = Annotated[
    str | None, typer.Option(help="As it stood at this snapshot (a number) or time (ISO).")
]
_SHOWN_ROWS = 100
_SINKS = {".parquet": "sink_parquet", ".csv": "sink_csv", ".ndjson": "sink_ndjson"}
"""Ends of file names, with the method of a LazyFrame that writes such files."""


@app.command("ls")
def list_spools(
    ctx: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="The empty ones of rejects, and what actions keep, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the spools."""
    with opened(ctx) as workspace:
        found = [
            s
            for s in workspace.spools()
            if everything or (s.state is None and (s.rows or not s.rejects))
        ]
    if as_json:
        names = ("spool", "rows", "bytes", "segments")
        print_json([{name: getattr(s, name) for name in names} for s in found])
    else:
        print_table(
            ("spool", "rows", "size", "segments"),
            [(s.spool, s.rows, shown(Size(s.bytes)), s.segments) for s in found],
        )


@app.command()
def show(
    ctx: typer.Context,
    name: Name,
    rows: Annotated[int, typer.Option(min=0, help="How many rows.")] = 10,
    at: At = None,
    history: Annotated[bool, typer.Option("--history", help="Its snapshots instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show the first rows of a spool, or its history."""
    moment = _moment(at)
    with opened(ctx) as workspace:
        spool = workspace.spool(name)
        with _reading(spool.name):
            frame = spool.history() if history else spool.scan(at=moment).head(rows).collect()
        total = spool.rows
    if as_json:
        print_json(records(frame))
        return
    print_frame(frame, frame.height)
    typer.echo(f"{spool.name}: {counted(total, 'row')} now")


@app.command()
def sql(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help='Such as "SELECT * FROM flights_draft.clean".')],
    as_json: Json = False,
) -> None:
    """Query spools by name, and the state under `lyftnb.`; read only."""
    with opened(ctx) as workspace:
        frame = workspace.sql(text)
    if as_json:
        print_json(records(frame))
    else:
        print_frame(frame, _SHOWN_ROWS)


@app.command()
def verify(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this spool.")] = None,
    as_json: Json = False,
) -> None:
    """Check every segment's file against what was committed. Exits 1 on damage."""
    with opened(ctx) as workspace:
        damage = workspace.spool(name).verify() if name else workspace.verify()
    if as_json:
        print_json([str(d) for d in damage])
    else:
        for d in damage:
            typer.echo(str(d), err=True)
        for hint in dict.fromkeys(d.hint for d in damage):
            typer.echo(f"  hint: {hint}", err=True)
        typer.echo(counted(len(damage), "damaged segment") if damage else "every segment is sound")
    if damage:
        raise typer.Exit(1)


@app.command()
def sweep(ctx: typer.Context) -> None:
    """Remove staged files that no commit names, and what is staged for outputs that were passed by,
    once its retention is over.
    """
    with opened(ctx) as workspace:
        swept = workspace.sweep()
    typer.echo(f"removed {counted(swept.files, 'file')} ({shown(Size(swept.bytes))})")
    if swept.waiting:
        typer.echo(f"left {counted(swept.waiting, 'file')} that a batch may still commit")
    if swept.foreign:
        typer.echo(f"left {counted(swept.foreign, 'file')} that no lyftnb wrote")
    if swept.outputs:
        typer.echo(f"removed what was staged for {counted(swept.outputs, 'output')} passed by")
    if swept.unreached:
        groups = ", ".join(swept.unreached)
        typer.echo(f"left outputs that were passed by where there is no worker: group {groups}")


@app.command()
def export(
    ctx: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="A .parquet, .csv or .ndjson file to write.")],
    since: Annotated[int | None, typer.Option(help="First sequence number.")] = None,
    until: Annotated[int | None, typer.Option(help="First sequence number not to take.")] = None,
    at: At = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a spool to a file, as a stream: it need not fit into memory."""
    if file.exists() and not force:
        raise SetupError(f"{file} exists", hint="name another file, or add --force")
    if file.suffix not in _SINKS:
        raise SetupError(
            f"{file} has an unknown form", hint=f"end the name in {', '.join(sorted(_SINKS))}"
        )
    moment = _moment(at)
    with opened(ctx) as workspace:
        frame = workspace.spool(name).scan(since=since, until=until, at=moment)
        nested = [n for n, dtype in frame.collect_schema().items() if dtype.is_nested()]
        if file.suffix == ".csv" and nested:
            raise SetupError(
                f"column '{nested[0]}' is nested, which CSV cannot hold",
                hint="export to .ndjson or .parquet",
            )
        with _reading(name):
            _write(frame, file)
    typer.echo(f"wrote {file} ({shown(Size(file.stat().st_size))})")


def _write(frame: pl.LazyFrame, file: Path) -> None:
    """Write the frame in the form that the file's suffix names, revealed when complete."""
    scratch = file.with_name(f".{file.name}.part")
    getattr(frame, _SINKS[file.suffix])(scratch)
    scratch.replace(file)


@contextmanager
def _reading(spool: str) -> Iterator[None]:
    """A damaged segment shows itself only when its rows are wanted."""
    import polars as pl

    try:
        yield
    except (pl.exceptions.ComputeError, pl.exceptions.PanicException) as error:
        raise StorageError(
            f"a file of the spool cannot be read: {error}",
            where=spool,
            hint="`lyftnb spool verify` names the damaged files",
        ) from error


def _moment(text: str | None) -> int | datetime | None:
    """A snapshot's number or a time; a time without a zone is the local one."""
    from lyftnb.workspace.spool import moment_of

    moment = moment_of(text)
    return moment.astimezone() if isinstance(moment, datetime) else moment
