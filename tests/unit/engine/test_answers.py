"""Errors from workers arrive, whatever they are made of."""

from __future__ import annotations

import pickle
import threading
from concurrent import futures

import pytest

from lyftnb.engine.answers import answering, failure_of
from lyftnb.errors import LyftError, StepFailed, TaskLost, Temporary


def fail_with(error: BaseException) -> None:
    raise error


class Stubborn(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (Temporary("later", delay=7), Temporary, "later"),
        (Stubborn(1, 2), StepFailed, "Stubborn: 1 and 2"),
        (SystemExit(3), StepFailed, "SystemExit: 3"),
        (LyftError("odd", lock=threading.Lock()), StepFailed, "odd"),
    ],
)
def test_what_is_raised_can_travel(raised: BaseException, kind: type, text: str) -> None:
    with pytest.raises(LyftError) as caught:
        answering(fail_with, raised)
    arrived = pickle.loads(pickle.dumps(caught.value))
    assert type(arrived) is kind and text in str(arrived)


def test_a_cancelled_task_is_nobodys_fault() -> None:
    assert isinstance(failure_of(futures.CancelledError("gone")), TaskLost)
    assert isinstance(failure_of(ValueError("not unpickled")), StepFailed)
