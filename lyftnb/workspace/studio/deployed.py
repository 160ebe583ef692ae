"""Which steps of a workflow are deployed, whether or not a manager is up.

A step that gets another name keeps its place and state only if the document says what it was called
(`renamed_from`); that is worth saying of steps that are deployed. While nobody holds the ledger,
another process looks into it for an instant, as commands do: in ours, whoever asks something else
at that instant would find a workspace that is about to close.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lyftnb.errors import LyftError
from lyftnb.workspace.entering import enter
from lyftnb.workspace.folders import STATE_DIR
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.deployments import GetDeployedSteps

if TYPE_CHECKING:
    from lyftnb.workspace.entering import AnyWorkspace

_LOOKS_S = 20.0
_LOOK = f"import sys; from {__name__} import look; look(*sys.argv[1:])"
_Seen = tuple[int, int]
"""When the ledger's file was written, and its size."""


class DeployedSteps:
    """Answers by workflow. What an idle ledger says stays so until it is written again."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._idle: dict[str, tuple[_Seen, tuple[str, ...]]] = {}

    def of(self, asked: GetDeployedSteps) -> tuple[str, ...] | None:
        """The steps of all deployments of a workflow; None: it cannot be told now."""
        workflow = asked.workflow
        if self._home.up:
            try:
                return _steps(self._home.onlooker(), workflow)
            except LyftError:
                return None
        ledger = self._home.root / STATE_DIR / "ledger.duckdb"
        try:
            stat = ledger.stat()
        except FileNotFoundError:
            return ()
        seen = (stat.st_mtime_ns, stat.st_size)
        known = self._idle.get(workflow)
        if known is not None and known[0] == seen:
            return known[1]
        found = _look(self._home.root, workflow)
        if found is not None:
            stat = ledger.stat()  # to look may write, too
            self._idle[workflow] = (stat.st_mtime_ns, stat.st_size), found
        return found


def look(root: str, workflow: str) -> None:
    """Print the steps, as JSON: what the other process does."""
    with enter(root) as workspace:
        print(json.dumps(_steps(workspace, workflow)))


def _look(root: Path, workflow: str) -> tuple[str, ...] | None:
    command = [sys.executable, "-c", _LOOK, str(root), workflow]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LOOKS_S, check=True)
        return tuple(json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError):
        return None


def _steps(workspace: AnyWorkspace, workflow: str) -> tuple[str, ...]:
    refs = {each.ref for each in workspace.deployments}
    own = sorted(ref for ref in refs if ref.split("@")[0] == workflow)
    return tuple(dict.fromkeys(s for ref in own for s in workspace.version(ref).document["steps"]))
