"""The command tree, and what becomes of an error on its way out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lyftnb import __version__
from lyftnb.cli import (
    authoring,
    contexts,
    deployments,
    history,
    jobs,
    keys,
    locks,
    manager,
    messages,
    queues,
    runbooks,
    running,
    secrets,
    spools,
    system,
    workers,
)
from lyftnb.cli.screen import Settings, complain
from lyftnb.errors import LyftError

INTERRUPTED = 130


class Commands(TyperGroup):
    """The top of the tree: errors become sentences on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error ends it with exit code 1, Ctrl-C with 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("stopped; what was committed stays, and the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None
        except LyftError as error:
            if _debug(ctx):
                raise
            complain(str(error))
            raise typer.Exit(1) from None
        except (typer.Exit, typer.Abort):
            raise
        except OSError as error:
            if _debug(ctx):
                raise
            complain(f"cannot use {error.filename or 'a file'}: {error.strerror or error}")
            raise typer.Exit(1) from None
        except Exception as error:
            if _debug(ctx) or _is_usage_error(error):
                raise
            complain(
                f"internal error: {type(error).__name__}: {error}\n"
                "  hint: this is a defect of lyftnb; run again with --debug before the command "
                "and report the text"
            )
            raise typer.Exit(1) from None


def _debug(ctx: Any) -> bool:
    return isinstance(ctx.obj, Settings) and ctx.obj.debug


def _is_usage_error(error: Exception) -> bool:
    """Whether the command line itself was wrong; typer shows those, with exit code 2."""
    return hasattr(error, "format_message")


app = typer.Typer(
    cls=Commands,
    name="lyftnb",
    help="Notebook-native dataflow: author workflows, trace them, publish them, run them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lyftnb {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="The workspace's folder. Default: the one that the named file lies in, else the "
            "one that the current folder lies in.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Notebook-native dataflow: author workflows, trace them, publish them, run them."""
    ctx.obj = Settings(workspace=workspace, debug=debug)


for family in (authoring, deployments, running, manager, workers, system):
    family.register(app)
app.add_typer(jobs.app, name="jobs")
app.add_typer(spools.app, name="spool")
app.add_typer(contexts.app, name="context")
app.add_typer(secrets.app, name="secret")
app.add_typer(runbooks.app, name="runbook")
app.add_typer(messages.app, name="messages")
app.add_typer(keys.app, name="kv")
app.add_typer(queues.app, name="queue")
app.add_typer(locks.app, name="lock")
app.add_typer(history.issues, name="issues")
app.add_typer(history.runs, name="runs")
app.add_typer(history.triggers, name="triggers")

if __name__ == "__main__":
    sys.exit(app())
