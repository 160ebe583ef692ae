"""Magics: `%%workflow`, `%%step` and `%lyft`, after `%load_ext lyftnb`."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from lyftnb import catalog
from lyftnb.model import Problem, worst_first
from lyftnb.widgets import completing
from lyftnb.workspace.nouns import Problems
from lyftnb.workspace.tabular import TABLES_AS_DATA, table_from
from lyftnb.workspace.workflow import Workflow

_COMMAND = "import sys; sys.argv[0] = 'lyftnb'; from lyftnb.cli import main; main()"


@magics_class
class LyftMagics(Magics):
    """What a notebook says to lyftnb in a line or a cell."""

    @magic_arguments()
    @argument("name", nargs="?", help="the variable that gets the workflow; default: its name")
    @cell_magic
    def workflow(self, line: str, cell: str) -> Workflow | None:
        """Read the cell as a workflow's YAML: problems are shown by line, the draft is the result.

        %%workflow
        workflow: hello
        steps: ...
        """
        args = parse_argstring(self.workflow, line)
        reading = catalog.read(cell)
        if reading.document is None:
            display(Problems(reading.problems))
            return None
        draft = Workflow.from_yaml(cell)
        draft.take(cell)
        # The draft itself shows those of its text.
        problems = [p for p in draft.validate() if p not in reading.problems]
        if problems:
            display(Problems(_placed(problems, reading)))
        name = args.name or draft.name
        if name.isidentifier():
            self.shell.user_ns[name] = draft  # type: ignore[union-attr]
        return draft

    @magic_arguments()
    @argument("name", help="the step")
    @argument("--into", default="wf", help="the variable that holds the workflow; default: wf")
    @argument("--in", dest="in_", action="append", help="a channel that it reads; may be repeated")
    @argument("--out", help="the channel that it writes")
    @argument("--group", help="its worker group")
    @argument("--frame", choices=["batch", "run", "partition", "all"], help="what it sees at once")
    @argument("--whole", action="store_true", help="it works on the frame, not row by row")
    @cell_magic
    def step(self, line: str, cell: str) -> Any:
        """Make the cell's Python the body of a step. It is kept as text, and must stand on its own.

        %%step clean --in raw --out tidy
        def transform(rows):
            return rows.filter(pl.col("x") > 1)
        """
        args = parse_argstring(self.step, line)
        workflow = self.shell.user_ns.get(args.into)  # type: ignore[union-attr]
        if not isinstance(workflow, Workflow):
            raise UsageError(f"there is no workflow '{args.into}'; name its variable with --into")
        compile(cell, f"step {args.name}", "exec")  # its own error has the line
        settings: dict[str, Any] = {"out": args.out, "group": args.group, "frame": args.frame}
        if args.in_:
            settings["in_"] = args.in_[0] if len(args.in_) == 1 else args.in_
        given = {key: value for key, value in settings.items() if value is not None}
        step = workflow.step(args.name, **given).clear()
        return step.python(cell, **({"rowwise": False} if args.whole else {}))

    @line_magic
    def lyft(self, line: str) -> None:
        """Run a command of `lyftnb` here: `%lyft status`, `%lyft plan flights`, `%lyft --help`."""
        # The command line is a face of its own: it is run as in a terminal, beside this notebook.
        command = [sys.executable, "-c", _COMMAND, *shlex.split(line)]
        environment = {**os.environ, TABLES_AS_DATA: "yes", "PYTHONUNBUFFERED": "yes"}
        usage: list[str] = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,  # a question would wait for ever
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=environment,
        ) as process:
            assert process.stdout is not None
            try:
                for said in process.stdout:
                    _show(said, usage)
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                for said in process.stdout:
                    _show(said, usage)
        help, _, wrong = "".join(usage).partition("Error: ")
        if wrong:
            raise UsageError(f"{wrong.rstrip()}; see %lyft --help")
        print(help, end="")


def _show(said: str, usage: list[str]) -> None:
    """Show a line of a command: a table as one. How it is used is kept: an error may follow."""
    shown = table_from(said)
    if shown is not None:
        display(dict(zip(("text/html", "text/plain"), shown, strict=True)), raw=True)
    elif usage or said.startswith("Usage: "):
        usage.append(said)
    else:
        print(said, end="")


def _placed(problems: Iterable[Problem], reading: catalog.Reading) -> tuple[Problem, ...]:
    """The problems with their lines in the cell."""
    placed = (p.with_place("cell", reading.line_of(p.path)) for p in problems)
    return worst_first(placed)


def load(shell: InteractiveShell) -> None:
    """Teach a shell the magics, and to complete them."""
    shell.register_magics(LyftMagics)
    completing.install(shell)
