"""What comes back from a worker: results, or errors that are sure to arrive and to say something.

An exception crosses from the worker pickled. One that cannot be pickled, or whose class the owner
does not know, would never arrive as itself; so on the worker everything that is not an error of
ours becomes one.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from lyftnb.errors import LyftError, StepFailed, TaskLost

T = TypeVar("T")


def answering(function: Callable[..., T], *args: Any) -> T:
    """Call a function on a worker.

    Raises:
        LyftError: whatever it raised; other exceptions as `StepFailed`.
    """
    try:
        return function(*args)
    except LyftError as error:
        failure = _portable(error)
    except BaseException as error:
        # KeyboardInterrupt and its like too: code of a step raised it, as no signal comes to a
        # task's thread, and to Dask it would be the worker's end.
        if _is_signal(error):
            raise
        failure = unforeseen(error)
    # Raised out here it has no context: Dask would pickle that along, and it may not travel. Nor
    # may what caused it: only errors of ours are sure to show no secret.
    failure.__cause__ = failure.__context__ = None
    raise failure


def _is_signal(error: BaseException) -> bool:
    """Whether a person interrupts what runs in their own process, as a trace may."""
    mine = threading.current_thread() is threading.main_thread()
    return mine and isinstance(error, KeyboardInterrupt)


def unforeseen(error: BaseException) -> StepFailed:
    """What an exception that is no error of ours becomes, at the line that raised it."""
    return StepFailed(
        f"{type(error).__name__}: {error}",
        where=_place(error),
        hint="if the step's own code did not raise it, it is a defect of lyftnb",
    )


def _portable(error: LyftError) -> LyftError:
    """The error itself if it can travel, else with its facts left behind."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return StepFailed(error.message, where=error.where, hint=error.hint)
    return error


def _place(error: BaseException) -> str | None:
    """The line of code that raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None


def failure_of(error: BaseException) -> BaseException:
    """What an exception of the Dask client means to us."""
    if isinstance(error, LyftError) or is_worker_death(error):
        return error
    if isinstance(error, asyncio.CancelledError | futures.CancelledError):
        return TaskLost(
            "the cluster lost a task: the connection to the scheduler broke, or it restarted",
            hint="the batch is tried again",
        )
    return StepFailed(
        f"a worker could not run or send a task: {type(error).__name__}: {error}",
        hint="workers need the same versions of Python and lyftnb as the owner",
    )


def is_worker_death(error: BaseException) -> bool:
    """Whether the worker that held a task died under it."""
    from distributed import KilledWorker

    return isinstance(error, KilledWorker)
