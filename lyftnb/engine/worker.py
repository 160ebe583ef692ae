"""The worker process of an embedded group: `python -m lyftnb.engine.worker`.

Started as a plain subprocess, not through `multiprocessing`: a user's script or notebook needs no
`if __name__ == "__main__"` guard, and nothing of it is imported twice. Its settings come as one
JSON line on standard input (certificates among them, so that they show in no process list); the
pipe stays open as the lifeline: when the owner dies, however it dies, the pipe closes and so do we.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from typing import Any


def _follow_the_owner() -> None:
    # Not through `sys.stdin`: its lock, held by a thread that waits, would spoil our own exit.
    while os.read(0, 1024):
        pass
    os._exit(0)


async def _serve(settings: dict[str, Any]) -> None:
    from distributed import Security, Worker

    worker = await Worker(
        settings["scheduler"],
        name=settings["name"],
        nthreads=1,
        resources={f"group:{settings['group']}": 1},
        memory_limit=settings["memory_bytes"],
        local_directory=settings["scratch"],
        security=Security(**settings["security"]),
        death_timeout=settings["start_timeout_s"],
        dashboard=False,
    )
    await worker.finished()


def main() -> None:
    """Import what tasks will need, read the settings, serve until told to stop."""
    # Ctrl-C in a terminal reaches the whole process group; only the owner decides to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    import dask

    import lyftnb.engine.run  # noqa: F401  (warm: the first batch need not wait for the imports)
    from lyftnb.engine.logs import quieten

    quieten()
    line = sys.stdin.buffer.readline()
    if not line:
        return
    settings = json.loads(line)
    threading.Thread(target=_follow_the_owner, daemon=True).start()
    dask.config.set(settings["dask"])
    asyncio.run(_serve(settings))


if __name__ == "__main__":
    main()
