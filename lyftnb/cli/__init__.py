"""The command line: parses, asks the workspace, shows. It holds no logic of its own.

Commands import the floors below when they run, so that `lyftnb --help` stays quick.
"""


def main() -> None:
    """Entry point of the command `lyftnb`."""
    try:
        from lyftnb.cli.app import app
    except KeyboardInterrupt:  # nothing has begun, so nothing is to be said
        raise SystemExit(130) from None
    app()
