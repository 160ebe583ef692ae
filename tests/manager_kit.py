"""A workspace through its manager, for tests: begun, spoken to, ended, and its ledger checked."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lyftnb as ln
from lyftnb.testing import invariants
from lyftnb.workspace.finding import find, find_or_start, wait_for_end
from lyftnb.workspace.remote import RemoteWorkspace

ENDS_S = 60.0


def ended(root: Path, how: int = signal.SIGTERM) -> None:
    """End the manager of a workspace, if it is up, and wait until it is gone."""
    address = find(root)
    if address is not None:
        os.kill(address.pid, how)
        wait_for_end(root, address, ENDS_S)


@contextmanager
def managed(root: Path) -> Iterator[RemoteWorkspace]:
    """The workspace through its manager, which ends with the block."""
    find_or_start(root)
    try:
        with RemoteWorkspace(root) as workspace:
            yield workspace
    finally:
        ended(root)
    with ln.open(root, serve=False) as workspace:
        invariants.check(workspace._ledger)
