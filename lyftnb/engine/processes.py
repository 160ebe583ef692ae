"""Worker processes of our own: started early, started again when they die, gone when we are."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from lyftnb.engine.nursery import Child, Nursery
from lyftnb.store.master_keys import VARIABLE as MASTER_KEY_VARIABLE

_log = logging.getLogger(__name__)
_RESTART_PAUSE_S = 0.2
_MAX_RESTART_PAUSE_S = 10.0
_HEALTHY_S = 5.0
"""A worker that lived so long did start well; one that did not is started again ever later."""
_BIRTH_S = 30.0
_END_S = 5.0


class WorkerProcess:
    """One worker process, started again whenever it dies.

    It is asked for at once, so that its imports overlap with whatever the owner does meanwhile, and
    gets its settings with `begin`.
    """

    def __init__(self, group: str, nursery: Nursery, environment: Mapping[str, str]) -> None:
        self.group = group
        self._nursery = nursery
        self._environment = dict(environment)
        self._settings: dict[str, Any] | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._born = threading.Event()
        self._child: Child | None = None
        self._keeper = threading.Thread(target=self._keep, name="lyftnb-keeper", daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int | None:
        """The process as it is now. Waits for the first, a while."""
        self._born.wait(_BIRTH_S)
        child = self._child
        return None if child is None else child.pid

    def begin(self, settings: dict[str, Any]) -> None:
        """Tell it, and whoever comes after it, where the scheduler is."""
        with self._lock:
            self._settings = settings
            self._tell()

    def restart(self) -> None:
        """Kill it; it is started again."""
        with self._lock:
            if self._child is not None:
                self._child.kill()

    def dismiss(self) -> None:
        """Do not start it again when it ends."""
        self._closing.set()

    def close(self) -> None:
        """Let it go; returns when it is gone."""
        self.dismiss()
        with self._lock:
            child = self._child
            if child is not None:
                child.let_go()
        if child is not None and not child.wait(_END_S):
            child.kill()
            child.wait()
        self._keeper.join(timeout=_END_S)

    def _tell(self) -> None:
        if self._child is not None and self._settings is not None:
            self._child.tell(json.dumps(self._settings).encode())

    def _keep(self) -> None:
        pause = _RESTART_PAUSE_S
        while True:
            began = time.monotonic()
            child = self._next()
            if child is not None:
                child.wait()
                _log.debug("a worker of group '%s' (process %d) has ended", self.group, child.pid)
            lived = time.monotonic() - began
            pause = _RESTART_PAUSE_S if lived > _HEALTHY_S else min(pause * 2, _MAX_RESTART_PAUSE_S)
            if self._closing.wait(pause):
                return

    def _next(self) -> Child | None:
        """Another process in place of the last; None where there is none to be had for now."""
        try:
            child = self._nursery.born({**own_environment(), **self._environment})
        except OSError as error:
            _log.debug("no process for a worker of group '%s': %s", self.group, error)
            return None
        with self._lock:
            if self._child is not None:
                self._child.let_go()
            self._child = child
            if self._closing.is_set():
                child.let_go()
            self._tell()
        self._born.set()
        return child


def own_environment() -> dict[str, str]:
    """Our environment, but for the key of all secrets: a step's code is not to read that."""
    return {name: value for name, value in os.environ.items() if name != MASTER_KEY_VARIABLE}
