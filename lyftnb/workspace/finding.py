"""Finding the manager of a workspace, or starting it: race-free, from any number of processes.

The ledger's lock decides who is the owner. A lock of clients (`starting`) only keeps all but one of
them from starting a process that would find the ledger taken.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lyftnb.errors import LedgerError, LyftError, Temporary, TimedOut, unwritten
from lyftnb.store.owner import MANAGER, busy, owner_of
from lyftnb.workspace.address import ManagerAddress
from lyftnb.workspace.folders import STATE_DIR

LOG_FILE = "manager.log"
_LOOK_S = 0.05
_START_S = 60.0
"""So long a manager may take to come up, on a busy machine."""
_BUSY_S = 5.0
"""So long a workspace is waited for that another process holds without being its manager."""


def find(root: Path) -> ManagerAddress | None:
    """The manager that is up, if there is one."""
    return ManagerAddress.load(root / STATE_DIR)


def present(root: Path) -> ManagerAddress:
    """The manager that is up.

    Raises:
        Temporary: there is none.
    """
    address = find(root)
    if address is None:
        raise Temporary("no manager is up", where=str(root), hint="start it: lyftnb up")
    return address


def find_or_start(root: Path, *, stays: bool = False) -> ManagerAddress:
    """The manager of a workspace, started if there is none.

    Args:
        root: the workspace's folder.
        stays: one that is started here does not end by itself.

    Raises:
        WorkspaceBusy: another process holds the workspace itself.
        TimedOut: the manager did not come up in time; its log says why.
        StorageError: the state directory cannot be made.
        LyftError: why it could not start.
    """
    state_dir = root / STATE_DIR
    _make(state_dir)
    deadline = time.monotonic() + _START_S
    patience = time.monotonic() + _BUSY_S
    while True:
        if found := find(root):
            return found
        owner = owner_of(state_dir)
        if owner is None:
            with _starting(state_dir) as ours:
                if ours and find(root) is None and owner_of(state_dir) is None:
                    return _start(root, stays, deadline)
        elif owner.get("command") != MANAGER and time.monotonic() > patience:
            raise busy(state_dir)
        if time.monotonic() > deadline:
            raise _too_late(root)
        time.sleep(_LOOK_S)


def wait_for_end(root: Path, address: ManagerAddress, timeout: float) -> None:
    """Wait until a manager is gone, its ledger free.

    Raises:
        TimedOut: it is still there.
    """
    deadline = time.monotonic() + timeout
    while address.is_alive:
        if time.monotonic() > deadline:
            raise TimedOut(
                f"the manager (process {address.pid}) is still ending after {timeout:g} s",
                where=str(root),
                hint="`lyftnb logs` tells what it waits for",
            )
        time.sleep(_LOOK_S)


def _make(state_dir: Path) -> None:
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(
            "the state directory",
            error,
            where=str(state_dir),
            hint="check its permissions and the free space, or choose another folder",
        ) from error


@contextmanager
def _starting(state_dir: Path) -> Iterator[bool]:
    """Whether it is for us to start the manager."""
    fd = os.open(state_dir / "starting", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def _start(root: Path, stays: bool, deadline: float) -> ManagerAddress:
    """Start the process, and wait until it answers."""
    command = [sys.executable, "-P", "-m", "lyftnb.server", str(root), "--detached"]
    # Its own session: neither Ctrl-C nor the end of this terminal or notebook reaches it.
    process = subprocess.Popen(
        [*command, *(["--stays"] if stays else [])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=root,
    )
    # It must not stay a zombie when it ends before us.
    threading.Thread(target=process.wait, name="lyftnb-reaping", daemon=True).start()
    assert process.stderr is not None
    with process.stderr as complaints:
        # It closes this pipe when it is up, or when it is dead.
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), process.kill)
        timer.start()
        said = complaints.read()
        timer.cancel()
    if found := find(root):
        return found
    raise _refusal(root, said)


def _refusal(root: Path, said: bytes) -> LyftError:
    """Why a manager did not come up, by what it left in the pipe."""
    import json

    from lyftnb.workspace.wire import error_of

    text = said.decode(errors="replace").strip()
    try:
        return error_of(json.loads(text.rpartition("\n")[2]))
    except ValueError:
        pass
    last = text.rpartition("\n")[2] or "it said nothing"
    return LedgerError(
        f"the manager could not start: {last}",
        where=str(root),
        hint=f"see {root / STATE_DIR / LOG_FILE}, or run `lyftnb up --foreground`",
    )


def _too_late(root: Path) -> TimedOut:
    return TimedOut(
        f"no manager has come up within {_START_S:g} s",
        where=str(root),
        hint="see `lyftnb logs`, or run `lyftnb up --foreground`",
    )
