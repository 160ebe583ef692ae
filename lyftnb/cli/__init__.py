"""The command line: parses, asks the workspace, shows. It holds no logic of its own.

Commands import the floors below when they run, so that `lyftnb --help` stays quick.
"""


def main() -> None:
    """Entry point of the command `lyftnb`."""
    from lyftnb.cli.app import app

    app()
