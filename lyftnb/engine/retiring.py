"""Workers of our own scheduler that are let go: they end what they run, and begin nothing more.

What waits on such a worker goes to others at once, the results that it holds go to others before it
leaves. Dask's `retire_workers` alone would not do: it waits for results to be moved, not for tasks
that run, which would run again elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from distributed import Client, Scheduler, SchedulerPlugin, Status

_log = logging.getLogger(__name__)
_WAITING = frozenset({"constrained", "ready", "waiting"})
_CAUSE = "lyftnb-retires-worker"


class Retiring(SchedulerPlugin):  # type: ignore[misc]
    """Lets workers go. To be used on the scheduler's loop."""

    def __init__(self, scheduler: Scheduler, client: Client) -> None:
        self._scheduler = scheduler
        self._client = client
        self._changed: set[asyncio.Event] = set()
        """One for each worker that is leaving."""

    def transition(self, *_args: Any, **_kwargs: Any) -> None:
        """A task has changed its state."""
        self._wake()

    def remove_worker(self, *_args: Any, **_kwargs: Any) -> None:
        """A worker is gone."""
        self._wake()

    def _wake(self) -> None:
        for changed in self._changed:
            changed.set()

    async def retire(self, name: str, within_s: float) -> None:
        """Let a worker go; returns when it is about to end, or has never joined.

        One that still runs something after `within_s` is given up: that runs again elsewhere.
        """
        address = self._scheduler.aliases.get(name)
        if address is None:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._retire(address)
        except TimeoutError:
            _log.warning("worker '%s' is stopped: it was to go %g s ago", name, within_s)
            await self._scheduler.remove_worker(address, expected=True, stimulus_id=_CAUSE)

    async def _retire(self, address: str) -> None:
        scheduler, worker = self._scheduler, self._scheduler.workers[address]
        # From now on it is given nothing more ...
        scheduler.handle_worker_status_change(Status.closing_gracefully, worker, _CAUSE)
        # ... and from its answer on it begins nothing of what it was given before.
        answers = await self._client.run(stop_beginning, workers=[address], on_error="return")
        begun = answers[address]
        if isinstance(begun, BaseException):
            return  # it has just died
        waiting = {task.key: "released" for task in worker.processing if task.key not in begun}
        scheduler.transitions(waiting, _CAUSE)
        changed = asyncio.Event()
        self._changed.add(changed)
        try:
            while address in scheduler.workers:
                changed.clear()
                if not worker.processing and await self._moved(address):
                    return
                await changed.wait()
        finally:
            self._changed.remove(changed)

    async def _moved(self, address: str) -> bool:
        """Move its results to others and end it; False if nobody can take them: somebody is about
        to fetch them.
        """
        return bool(await self._scheduler.retire_workers(workers=[address], close_workers=True))


# -- on the worker


def stop_beginning(dask_worker: Any) -> set[str]:
    """Begin no task any more; the keys of those that have begun, or have ended already."""
    dask_worker.status = Status.closing_gracefully
    tasks = dask_worker.state.tasks.values()
    return {task.key for task in tasks if task.state not in _WAITING}
