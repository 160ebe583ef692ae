"""Ownership: one process at a time opens the ledger of a workspace.

An advisory lock on `lock` decides; the operating system drops it with the process, so a dead owner
never blocks. `owner.json` only tells who holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from lyftnb.errors import WorkspaceBusy

STATE_FILE = "state.json"
"""Name, in a state directory, of the address at which its owner answers (`remote`)."""


class Ownership:
    """Holds the lock of a state directory until `release`."""

    def __init__(self, state_dir: Path, command: str, now: datetime) -> None:
        """Take the lock.

        Raises:
            WorkspaceBusy: another ledger holds it; the message names its process.
        """
        self._owner = state_dir / "owner.json"
        self._fd: int | None = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise busy(state_dir) from error
        # An address that is there now is that of an owner that was killed.
        (state_dir / STATE_FILE).unlink(missing_ok=True)
        facts = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": command,
            "since": now.isoformat(timespec="seconds"),
        }
        # Written whole and moved into place: a reader never sees half of it.
        draft = self._owner.with_suffix(".new")
        draft.write_text(json.dumps(facts))
        draft.replace(self._owner)

    def release(self) -> None:
        """Let the next process in; may be called twice."""
        if self._fd is None:
            return
        self._owner.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None


def owner_of(state_dir: Path) -> dict[str, Any] | None:
    """What the owner of a state directory has said of itself; None if nobody is.

    It takes no lock, so it can be wrong about an owner that has just come or gone, and about one of
    another host that was killed.
    """
    facts = _facts(state_dir)
    if facts.get("host") == socket.gethostname() and not psutil.pid_exists(facts.get("pid", 0)):
        return None
    return facts or None


def _facts(state_dir: Path) -> dict[str, Any]:
    try:
        facts = json.loads((state_dir / "owner.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def busy(state_dir: Path) -> WorkspaceBusy:
    """The error that names the present owner of a state directory."""
    facts = _facts(state_dir)
    who = f"process {facts['pid']}" if "pid" in facts else "another process"
    host = f" on {facts['host']}" if facts.get("host") else ""
    command = f" ({facts['command']})" if facts.get("command") else ""
    since = f" since {facts['since']}" if facts.get("since") else ""
    return WorkspaceBusy(
        f"the workspace is in use by {who}{host}{command}{since}",
        where=str(state_dir),
        hint="wait until it ends or stop it; keys, queues, locks and messages can be used "
        "meanwhile: `lyftnb.state` in Python, `lyftnb kv` and the like",
        **facts,
    )
