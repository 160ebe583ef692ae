"""Worker processes of our own: started early, started again when they die, gone when we are."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from lyftnb.store.master_keys import VARIABLE as MASTER_KEY_VARIABLE

_log = logging.getLogger(__name__)
_RESTART_PAUSE_S = 0.2
_MAX_RESTART_PAUSE_S = 10.0
_HEALTHY_S = 5.0
"""A worker that lived so long did start well; one that did not is started again ever later."""


class WorkerProcess:
    """One worker process, started again whenever it dies.

    It is spawned at once, so that its imports overlap with whatever the owner does meanwhile, and
    gets its settings with `begin`.
    """

    def __init__(self, group: str, environment: Mapping[str, str]) -> None:
        self.group = group
        self._environment = dict(environment)
        self._settings: dict[str, Any] | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._child = self._spawn()
        self._keeper = threading.Thread(target=self._keep, name="lyftnb-keeper", daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        """The process as it is now."""
        return self._child.pid

    def begin(self, settings: dict[str, Any]) -> None:
        """Tell it, and whoever comes after it, where the scheduler is."""
        with self._lock:
            self._settings = settings
            self._tell(self._child)

    def restart(self) -> None:
        """Kill it; it is started again."""
        self._child.kill()

    def dismiss(self) -> None:
        """Do not start it again when it ends."""
        self._closing.set()

    def close(self) -> None:
        """Let it go; returns when it is gone."""
        self.dismiss()
        with self._lock:
            _let_go(self._child)
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._keeper.join(timeout=5)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "lyftnb.engine.worker"],
            stdin=subprocess.PIPE,
            env={**_own_environment(), **self._environment},
        )

    def _tell(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None
        # A child that died on the way is the keeper's to notice.
        with contextlib.suppress(OSError):
            child.stdin.write(json.dumps(self._settings).encode() + b"\n")
            child.stdin.flush()

    def _keep(self) -> None:
        pause = _RESTART_PAUSE_S
        while True:
            born = time.monotonic()
            self._child.wait()
            lived = time.monotonic() - born
            pause = _RESTART_PAUSE_S if lived > _HEALTHY_S else min(pause * 2, _MAX_RESTART_PAUSE_S)
            if self._closing.is_set():
                return
            _log.debug(
                "a worker of group '%s' (process %d) has ended (%d); another one comes",
                self.group,
                self._child.pid,
                self._child.returncode,
            )
            if self._closing.wait(pause):
                return
            with self._lock:
                if self._closing.is_set():
                    return
                self._replace()

    def _replace(self) -> None:
        dead = self._child
        try:
            self._child = self._spawn()
        except OSError:
            # No process can be had for now: the keeper finds the dead one again, and tries again.
            return
        _let_go(dead)
        if self._settings is not None:
            self._tell(self._child)


def _own_environment() -> dict[str, str]:
    """Our environment, but for the key of all secrets: a step's code is not to read that."""
    return {name: value for name, value in os.environ.items() if name != MASTER_KEY_VARIABLE}


def _let_go(child: subprocess.Popen[bytes]) -> None:
    """Close our end of its lifeline."""
    assert child.stdin is not None
    with contextlib.suppress(OSError):
        child.stdin.close()
