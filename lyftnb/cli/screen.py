"""What the commands share: where they work, and how they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lyftnb.errors import NotFound, SetupError
from lyftnb.workspace.tabular import TABLES_AS_DATA, table_as_data

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from lyftnb.workspace.entering import AnyWorkspace
    from lyftnb.workspace.state_access import Connection, State

_ENDLESS = 100_000
_SHOWN = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}
"""Signs in data that a terminal would obey are shown instead."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options before the command."""

    workspace: Path | None = None
    debug: bool = False


def opened(
    ctx: typer.Context, subject: str | None = None, *, serve: bool = False, up: bool = False
) -> AnyWorkspace:
    """The workspace that the command works in, to be closed by the caller: through the manager if
    one is up. A command that names a file makes one where there is none, beside it or here; any
    other has nothing to look for there.

    Args:
        ctx: carries `--workspace`, which wins.
        subject: the file or reference that the command names.
        serve: let other processes reach its state meanwhile: for what takes longer.
        up: start the manager if it is not up: for what is to go on running.
    """
    from lyftnb import workspace
    from lyftnb.model import is_name
    from lyftnb.workspace.folders import existing_root, folder_of, root_of

    chosen = ctx.obj.workspace
    names_file = subject is not None and Path(subject).is_file()
    if chosen is None and subject is not None and names_file:
        chosen = folder_of(Path(subject).resolve().parent)
    folder = chosen if chosen is not None else "."
    if not names_file and folder_of(root_of(folder)) is None:
        if subject is not None and not is_name(subject.partition("@")[0]):
            raise NotFound(f"there is no file {subject}", hint="name a *.workflow.yaml file")
        existing_root(folder)
    return workspace.connect(folder) if up else workspace.enter(folder, serve=serve)


def reached(ctx: typer.Context, *, serve: bool = False) -> State:
    """The state of the workspace that the command works in, whichever process owns it; to be closed
    by the caller. With `serve`, others reach it through us while the command runs.
    """
    from lyftnb.workspace.folders import existing_root
    from lyftnb.workspace.state_access import reach

    return reach(existing_root(ctx.obj.workspace or "."), serve=serve)


def connected(ctx: typer.Context) -> Connection:
    """The state of the workspace that the command works in, which another process must have open;
    to be closed by the caller.

    Raises:
        NotFound: no process has it open.
    """
    from lyftnb.workspace.state_access import HASTE_S, state

    return state(ctx.obj.workspace or ".", patience=HASTE_S)


def json_of(text: str, what: str) -> Any:
    """The value of an argument that is JSON.

    Raises:
        SetupError: it is not.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise SetupError(
            f"the {what} is not JSON: {error}",
            hint="put text into double quotes within single ones",
        ) from None


def command_prefix(folder: Path) -> str:
    """How a next command begins that is to work in the workspace at `folder`, from here."""
    from lyftnb.workspace.folders import folder_of

    return "lyftnb" if folder_of(Path.cwd()) == folder else f"lyftnb -w {folder}"


def complain(text: str) -> None:
    """Print an error; one line per thought, the first says that it is one."""
    typer.secho("error: ", err=True, fg="red", bold=True, nl=False)
    typer.echo(text, err=True)


def console() -> Console:
    """Where results go. Without a terminal there is no width to keep to."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _ENDLESS, highlight=False)


def print_json(value: Any) -> None:
    """Print a value as JSON; dates, paths and decimals with places as text."""
    typer.echo(json.dumps(value, indent=2, default=_jsonable, ensure_ascii=False))


def _jsonable(value: Any) -> Any:
    """Sums of whole numbers come from DuckDB as decimals without places: they are numbers."""
    whole = isinstance(value, Decimal) and value.as_tuple().exponent == 0
    return int(value) if whole else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
    """Print rows under headings; numbers to the right, with thousands apart. A notebook that runs
    the command shows them itself.
    """
    shown = [list(row) for row in rows]
    if os.environ.get(TABLES_AS_DATA):
        typer.echo(table_as_data(columns, shown, title))
        return
    from rich.table import Table
    from rich.text import Text

    if title:  # a table's own title is folded to the table's width
        console().print(Text(title, style="bold"))
    table = Table(box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numbers = any(is_number(row[index]) for row in shown)
        justify: Literal["left", "right"] = "right" if numbers else "left"
        table.add_column(name, justify=justify, header_style="dim", overflow="fold")
    for row in shown:
        table.add_row(*(Text(cell(value)) for value in row))
    console().print(table)


def print_frame(frame: pl.DataFrame, limit: int, *, title: str = "") -> None:
    """Print the first rows of a frame as they are, and say how many there are.

    Rows that are too wide for the terminal are turned: a line for each column, as many rows side by
    side as fit.
    """
    from lyftnb.dtypes import showable  # with Polars, which few commands need

    rows = [
        ["" if v is None else str(v) for v in row]
        for row in showable(frame.head(limit)).iter_rows()
    ]
    width = console().width
    if sum(_widths([frame.columns, *rows])) <= width:
        print_table(frame.columns, rows, title=title)
    else:
        _print_turned(frame.columns, rows, width, title)
    if frame.height > limit:
        typer.echo(f"… {frame.height - limit:,} more rows")


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column is, with the gap behind it."""
    return [2 + max(map(len, column)) for column in zip(*rows, strict=True)]


def _print_turned(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, title: str
) -> None:
    left = width - 2 - max(map(len, columns))
    first = 0
    while first < len(rows):
        last, room = first, left
        while last < len(rows) and (last == first or room >= 2 + max(map(len, rows[last]))):
            room -= 2 + max(map(len, rows[last]))
            last += 1
        heads = [f"row {number + 1}" for number in range(first, last)]
        print_table(["", *heads], zip(columns, *rows[first:last], strict=True), title=title)
        first, title = last, ""


def is_number(value: Any) -> bool:
    """Whether a value stands to the right in its column."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return str(value).translate(_SHOWN)


def records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame for `print_json`."""
    from lyftnb.dtypes import showable

    return showable(frame).to_dicts()
