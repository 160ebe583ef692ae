"""Workers for a workspace that another process holds, on this machine or another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from lyftnb.workspace.folders import STATE_DIR, existing_root


def join(
    connect: Path,
    groups: Mapping[str, int],
    *,
    threads: int,
    memory_bytes: int,
    stop: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Have workers at work for a workspace until `stop` is set, whoever holds it meanwhile.

    Args:
        connect: a folder of the workspace, or a copy of its `.lyftnb/cluster.json`.
        groups: worker group → workers.
        threads: of Polars, in each.
        memory_bytes: above which a worker is started anew; 0 for no bound.
        stop: ends it.
        say: is told how it goes, in sentences for people.

    Raises:
        NotFound: the folder is in no workspace.
        SetupError: `connect` is neither.
        StorageError: the workspace's storage is not to be seen from here.
    """
    from lyftnb.engine import GroupSize, joining

    file = existing_root(connect) / STATE_DIR / joining.FILE if connect.is_dir() else connect
    sizes = {name: GroupSize(count, threads, memory_bytes) for name, count in groups.items()}
    joining.work(file, sizes, stop, say)
