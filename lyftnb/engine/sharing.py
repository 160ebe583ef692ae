"""Tasks that wait on a scheduler of our own move to a worker that has nothing to do.

Dask sends a task with a resource restriction to a worker at once, and there it stays behind what
runs, also when another worker comes or becomes free. Its work stealing goes by how long tasks of a
kind take on average, and ours are all of one kind, that take from milliseconds to hours. So here it
counts who is free; of work stealing we use the way to ask a worker for a task back, which leaves
one that has begun where it is.
"""

from __future__ import annotations

from typing import Any

from distributed import Scheduler, SchedulerPlugin
from distributed.scheduler import TaskState, WorkerState
from distributed.stealing import WorkStealing


class Sharing(SchedulerPlugin):  # type: ignore[misc]
    """Looks whenever a worker may have become free; `look_soon` tells it of one that has come."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        # Not started: it would look by itself, ten times a second.
        self._stealing = WorkStealing(scheduler)
        self._looks_soon = False

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """A task has changed its state."""
        if start == "processing":
            self.look_soon()

    def look_soon(self) -> None:
        """Look when the present message has been dealt with: a worker may be given more by it."""
        if not self._looks_soon:
            self._looks_soon = True
            self._scheduler.loop.add_callback(self._look)

    def _look(self) -> None:
        self._looks_soon = False
        taking = {move["thief"] for move in self._stealing.in_flight.values()}
        free = [ws for ws in self._scheduler.running if not ws.processing and ws not in taking]
        for worker in free:
            task = self._waiting_for(worker)
            if task is not None:
                self._stealing.move_task_request(task, task.processing_on, worker)

    def _waiting_for(self, worker: WorkerState) -> TaskState | None:
        """The first task that waits behind others and may run on `worker`."""
        for busy in self._scheduler.running:
            # As many as it has threads it runs, those that came first.
            waiting = sorted(busy.processing, key=_priority)[busy.nthreads :]
            for task in waiting:
                if task not in self._stealing.in_flight and self._may_run(task, worker):
                    return task
        return None

    def _may_run(self, task: TaskState, worker: WorkerState) -> bool:
        able = self._scheduler.valid_workers(task)
        return able is None or worker in able


def _priority(task: TaskState) -> Any:
    return task.priority
