"""`python -m lyftnb.server FOLDER`: run the manager of a workspace until it is asked to end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lyftnb.errors import LyftError
from lyftnb.server.process import run
from lyftnb.workspace.wire import problem_of


def main() -> int:
    """Run it; 1 if it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m lyftnb.server", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="the workspace's folder")
    parser.add_argument("--stays", action="store_true", help="do not end when nothing runs")
    parser.add_argument(
        "--detached", action="store_true", help="write to the log alone, once it is up"
    )
    given = parser.parse_args()
    # Python steps may import what lies in the workspace; it must hide nothing that is installed.
    sys.path.append(str(given.folder.resolve()))
    try:
        run(given.folder.resolve(), stays=given.stays, detached=given.detached)
    except LyftError as error:
        # Who started it reads the last line.
        said = problem_of(error).model_dump_json() if given.detached else f"error: {error}"
        print(said, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
