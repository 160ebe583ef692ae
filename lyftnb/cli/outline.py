"""The command tree as data, for whoever completes command lines: `python -m lyftnb.cli.outline`."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

from lyftnb.cli.app import app


def outline(command: Any) -> dict[str, Any]:
    """A command: its words for people, its options and arguments; of a group, its commands."""
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    return {
        "help": (command.help or "").partition("\n")[0],
        "options": {name: not p.is_flag for p in options for name in (*p.opts, *p.secondary_opts)},
        "arguments": [argument.name for argument in arguments],
        "many": any(argument.nargs == -1 for argument in arguments),
        "commands": {
            name: outline(inner) for name, inner in getattr(command, "commands", {}).items()
        },
    }


if __name__ == "__main__":
    json.dump(outline(typer.main.get_command(app)), sys.stdout)
