"""Processes that die at a chosen instant: behind a statement of an open transaction."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

from lyftnb.store.database import Database


def die() -> None:
    """Now, as `kill -9` would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


def tell_statements(reached: Callable[[str], None]) -> None:
    """Have `reached` called with the name of each statement that this process carries out."""

    def told(verb: Callable[..., None]) -> Callable[..., None]:
        def carried_out(self: Database, name: str, *args: Any, **kw: Any) -> None:
            verb(self, name, *args, **kw)
            reached(name)

        return carried_out

    Database.append = told(Database.append)  # type: ignore[method-assign]
    Database.run = told(Database.run)  # type: ignore[method-assign]


def die_at(instant: str, nth: int) -> None:
    """Have this process die when the statement of that name was carried out for the `nth` time."""
    times = count(1)

    def reached(name: str) -> None:
        if name == instant and next(times) == nth:
            die()

    tell_statements(reached)
