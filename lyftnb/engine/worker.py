"""The worker process of an embedded group: `python -m lyftnb.engine.worker`, or a nursery's child.

Neither goes through `multiprocessing`: a user's script or notebook needs no
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
import time
from typing import Any

from lyftnb.engine.nursery import NURSERY_ARGUMENT, nurse

_MEMORY_CHECK_S = 0.1
_OUT_OF_MEMORY = 137
"""The exit status that the system gives to a process which it kills for its memory."""


def _follow_the_owner() -> None:
    # Not through `sys.stdin`: its lock, held by a thread that waits, would spoil our own exit.
    while os.read(0, 1024):
        pass
    os._exit(0)


def _stay_below(limit_bytes: int) -> None:
    """End this process when it outgrows its memory; the owner starts it anew and takes note.

    Dask would rather pause a worker that is full, and a paused worker of the only one of a group
    waits for ever: what fills it is the engine's memory, which no pause gives back.
    """
    import psutil

    process = psutil.Process()
    while process.memory_info().rss < limit_bytes:
        time.sleep(_MEMORY_CHECK_S)
    os._exit(_OUT_OF_MEMORY)


async def _serve(settings: dict[str, Any]) -> None:
    from distributed import Security, Worker

    worker = await Worker(
        settings["scheduler"],
        name=settings["name"],
        nthreads=1,
        resources={f"group:{settings['group']}": 1},
        memory_limit=0,
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
    if NURSERY_ARGUMENT in sys.argv:
        nurse()

    import dask

    import lyftnb.engine.run  # noqa: F401  (warm: the first batch need not wait for the imports)
    from lyftnb.engine.logs import quieten

    quieten()
    line = sys.stdin.buffer.readline()
    if not line:
        return
    settings = json.loads(line)
    threading.Thread(target=_follow_the_owner, daemon=True).start()
    if settings["memory_bytes"]:
        limit = settings["memory_bytes"]
        threading.Thread(target=_stay_below, args=(limit,), daemon=True).start()
    dask.config.set(settings["dask"])
    asyncio.run(_serve(settings))


if __name__ == "__main__":
    main()
