"""Ctrl-C at a moment that harms nothing.

Python raises `KeyboardInterrupt` between any two steps of a program: also after a transaction was
carried out, and before memory has followed it. While a run turns, Ctrl-C only leaves word; the loop
raises it where everything is whole. A second Ctrl-C is raised at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupts(deliver: Callable[[], None]) -> Iterator[None]:
    """Within the block, call `deliver` on the first Ctrl-C.

    Signals reach the main thread only, and a program that handles them itself keeps its handler: in
    both of these cases nothing is changed.
    """
    present = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or present is not signal.default_int_handler:
        yield
        return

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        deliver()

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, present)
