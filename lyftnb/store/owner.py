"""Ownership: one process at a time opens the ledger of a workspace.

An advisory lock on `lock` decides; the operating system drops it with the process, so a dead owner
never blocks. `owner.json` only tells who holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from lyftnb.errors import WorkspaceBusy

STATE_FILE = "state.json"
"""Name, in a state directory, of the address at which its owner answers (`remote`)."""
MANAGER_FILE = "manager.json"
"""Name, in a state directory, of the address at which its manager answers people."""
MANAGER = "the manager"
"""What a manager's process calls itself for those who find the ledger taken."""
_SKEW_S = 2.0
"""By so much the time at which a process was made may seem to move when the clock is set."""


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
        # Addresses that are there now are those of an owner that was killed.
        for name in (STATE_FILE, MANAGER_FILE):
            (state_dir / name).unlink(missing_ok=True)
        facts = {
            **this_process(),
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
    return facts if is_alive(facts) else None


def this_process() -> dict[str, Any]:
    """What tells this process from all others, for `is_alive`."""
    return {
        "pid": os.getpid(),
        "created": psutil.Process().create_time(),
        "host": socket.gethostname(),
    }


def is_alive(facts: Mapping[str, Any]) -> bool:
    """Whether the process that has said this of itself (`this_process`) may still be there. A
    number that another process has by now does not count; of another host nothing can be seen.
    """
    if "pid" not in facts or facts.get("host") != socket.gethostname():
        return "pid" in facts
    try:
        process = psutil.Process(int(facts["pid"]))
        made = abs(process.create_time() - float(facts.get("created", process.create_time())))
        return bool(made <= _SKEW_S and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, ValueError, TypeError):
        return False


def _facts(state_dir: Path) -> dict[str, Any]:
    try:
        facts = json.loads((state_dir / "owner.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


_THROUGH_MANAGER = (
    "work through it: `lyftnb.connect` in Python, and all commands; or end it: `lyftnb down`"
)
_MEANWHILE = (
    "wait until it ends or stop it; keys, queues, locks and messages can be used meanwhile: "
    "`lyftnb.state` in Python, `lyftnb kv` and the like"
)


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
        hint=_THROUGH_MANAGER if facts.get("command") == MANAGER else _MEANWHILE,
        **facts,
    )
