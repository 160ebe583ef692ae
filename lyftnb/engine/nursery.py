"""Where worker processes come from: a process that has imported what all of them need, and forks.

Imports are most of what a worker's start costs. Those that start no thread are done once, in the
nursery; a worker that is born there has half of the work left, and shares the memory of the rest.
Polars and PyArrow are not among them: they start threads as they are imported, and a process with
threads is not to be forked. Where the system has no descriptors of processes (it is no Linux), or
the nursery finds threads in itself, each worker is a process of its own from the start.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

WORKER = "lyftnb.engine.worker"
NURSERY_ARGUMENT = "--nursery"
_SHARED = (
    "cryptography.hazmat.primitives.ciphers.aead",
    "distributed.worker",
    "duckdb",
    "lyftnb.model",
    "sqlglot.dialects.duckdb",
)
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""NumPy's own threads would start with its import."""
_LENGTH_BYTES = 8
_BIRTH_S = 30.0
"""A nursery that takes longer is given up."""
_END_S = 2.0
_CAN_FORK = hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")


class Child(ABC):
    """A worker process, and the pipe by which it is told things: it ends when that is closed."""

    pid: int

    def __init__(self, lifeline: int) -> None:
        self._lifeline: int | None = lifeline

    def tell(self, line: bytes) -> None:
        """Write to it. A child that died on the way is for `wait` to notice."""
        with contextlib.suppress(OSError):
            if self._lifeline is not None:
                os.write(self._lifeline, line + b"\n")

    def let_go(self) -> None:
        """Close our end of its lifeline."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    @abstractmethod
    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended; whether it has."""

    @abstractmethod
    def kill(self) -> None:
        """Kill it, unless it has ended."""


class _Forked(Child):
    """A grandchild: known by a descriptor, which is no other's even when its number is."""

    def __init__(self, lifeline: int, pid: int, descriptor: int) -> None:
        super().__init__(lifeline)
        self.pid = pid
        self._descriptor = descriptor

    def wait(self, timeout_s: float | None = None) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def __del__(self) -> None:
        os.close(self._descriptor)


class _Spawned(Child):
    def __init__(self, lifeline: int, process: subprocess.Popen[bytes]) -> None:
        super().__init__(lifeline)
        self.pid = process.pid
        self._process = process

    def wait(self, timeout_s: float | None = None) -> bool:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        self._process.kill()


class Nursery:
    """Gives birth to workers. Thread-safe; started at once, so that its imports overlap with
    whatever the owner does meanwhile.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it with what all workers have in their environment."""
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._can_fork = _CAN_FORK
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        if self._can_fork:
            with contextlib.suppress(OSError):  # `born` tries again
                self._start()

    def born(self, environment: Mapping[str, str]) -> Child:
        """A new worker with this environment; waits for the nursery's imports.

        Raises:
            OSError: no process is to be had for now.
        """
        with self._lock:
            if self._can_fork:
                try:
                    return self._forked(environment)
                except EOFError:
                    # It was killed, is frozen, or found that it should not fork.
                    self._can_fork = self._ended() != _UNFIT
            return _spawned(environment)

    def close(self) -> None:
        """End it; workers stay."""
        with self._lock:
            self._ended()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(_BIRTH_S)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", WORKER, NURSERY_ARGUMENT],
                    stdin=theirs.fileno(),
                    env={**self._environment, **_ONE_THREAD},
                )
            except OSError:
                ours.close()
                raise
        self._line = ours

    def _ended(self) -> int:
        """End it, if it has not ended by itself; its exit status."""
        if self._line is None or self._process is None:
            return 0
        self._line.close()
        self._line = None
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:  # it is frozen
            self._process.kill()
            return self._process.wait()

    def _forked(self, environment: Mapping[str, str]) -> Child:
        if self._line is None:
            self._start()
        assert self._line is not None
        reading, writing = os.pipe()
        try:
            content = json.dumps(dict(environment)).encode()
            socket.send_fds(self._line, [len(content).to_bytes(_LENGTH_BYTES)], [reading])
            self._line.sendall(content)
            answer, descriptors, _, _ = socket.recv_fds(self._line, _LENGTH_BYTES, 1)
            if not descriptors:
                raise EOFError
            return _Forked(writing, int.from_bytes(answer), descriptors[0])
        except (EOFError, OSError):
            os.close(writing)
            raise EOFError from None
        finally:
            os.close(reading)


def _spawned(environment: Mapping[str, str]) -> Child:
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-m", WORKER]
        return _Spawned(writing, subprocess.Popen(command, stdin=reading, env=dict(environment)))
    except OSError:
        os.close(writing)
        raise
    finally:
        os.close(reading)


# -- in the nursery

_UNFIT = 3
"""Its exit status when it has threads, and so does not fork."""


def nurse() -> None:
    """Import, then fork whenever the owner asks. Returns in the child, whose standard input is its
    lifeline and whose environment is set; the nursery itself ends here, with the owner.
    """
    for module in _SHARED:
        importlib.import_module(module)
    if len(os.listdir("/proc/self/task")) > 1:
        os._exit(_UNFIT)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    line = socket.socket(fileno=os.dup(0))
    while True:
        length, descriptors, _, _ = socket.recv_fds(line, _LENGTH_BYTES, 1)
        if not descriptors:
            os._exit(0)
        environment = json.loads(_received(line, int.from_bytes(length)))
        # Who dies at once must not be reaped before it is known by a descriptor.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            pid = os.fork()
        except OSError:
            os._exit(0)  # the owner notices, and tries it by itself
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            line.close()
            os.dup2(descriptors[0], 0)
            os.close(descriptors[0])
            os.environ.clear()
            os.environ.update(environment)
            return
        known_by = os.pidfd_open(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        socket.send_fds(line, [pid.to_bytes(_LENGTH_BYTES)], [known_by])
        os.close(known_by)
        os.close(descriptors[0])


def _received(line: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        more = line.recv(length - len(content))
        if not more:
            os._exit(0)
        content += more
    return bytes(content)


def _reap(*_: Any) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
