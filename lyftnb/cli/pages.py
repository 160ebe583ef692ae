"""The page `docs/cli.md`, rendered from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from lyftnb.cli.app import app

_HEAD = """\
# Command line

Results go to stdout, progress and errors to stderr. An error exits with 1, a wrong command line
with 2, Ctrl-C with 130; a finished command with 0. Listings take `--json`.
In a folder that lies in no workspace only commands that name a file (`run FILE`), `init`, `demo`
and `up` make one; the others say that there is none.
"""


def cli_page() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    sections = [
        section
        for path, command in _commands(root, "lyftnb")
        for section in _section(path, command)
    ]
    return "\n".join(
        [_HEAD, "## Options before the command", "", *_parameters(root), "", *sections]
    )


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(full name, command) of every command that does something, in the order of `--help`."""
    for name, command in group.commands.items():
        here = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, here)
        else:
            yield here, command


def _section(path: str, command: Any) -> list[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([path, *map(_word, arguments)])
    return [f"## `{usage}`", "", str(command.help), "", *_parameters(command), ""]


def _word(argument: Any) -> str:
    """An argument as usage lines have it: `FILE`, `[FOLDER]`, `FILES…`."""
    word = argument.name.upper() + ("…" if argument.nargs == -1 else "")
    return word if argument.required else f"[{word}]"


def _parameters(command: Any) -> list[str]:
    """A table of the parameters, but for `--help`."""
    shown = [p for p in command.params if p.name != "help" and getattr(p, "help", None)]
    if not shown:
        return []
    return ["| parameter | default | meaning |", "| --- | --- | --- |", *map(_row, shown)]


def _row(parameter: Any) -> str:
    option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if option else parameter.name.upper()
    default = parameter.default
    plain = default is None or default is False or callable(default) or str(default) == ""
    return f"| `{name}` | {'' if plain else f'`{default}`'} | {parameter.help} |"
