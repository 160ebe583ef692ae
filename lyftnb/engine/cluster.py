"""A Dask cluster seen as worker groups: embedded (our own processes) or an existing scheduler.

A group is the Dask resource `group:NAME`; a worker has one slot of it, so a worker runs one task
at a time and parallelism is a matter of how many workers there are.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lyftnb.errors import ConfigError, GroupUnavailable, near

_PREFIX = "group:"
_RESTART_PAUSE_S = 0.2

# Stock Dask profiles every worker and samples the system twice a second; idle, that costs a tenth
# of a core. A task that kills its worker must not condemn its neighbours: attempts are ours to
# count.
DASK_SETTINGS: dict[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "60s",
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-ttl": None,
    "distributed.comm.retry.count": 2,
}


@dataclass(frozen=True, slots=True)
class GroupSize:
    """How many workers an embedded group has, and what each may use."""

    workers: int = 1
    threads: int = 1
    """Threads of the Polars pool in each worker."""
    memory_bytes: int = 0
    """Memory a worker may use before it spills (0: no bound)."""


class _Process:
    """One worker process, started again whenever it dies."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._closing = False
        self._lock = threading.Lock()
        self._child = self._spawn()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    def _spawn(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "lyftnb.engine.worker"],
            stdin=subprocess.PIPE,
            env={**os.environ, **self._settings["environment"]},
        )
        assert child.stdin is not None
        child.stdin.write(json.dumps(self._settings).encode() + b"\n")
        child.stdin.flush()
        return child

    def _keep(self) -> None:
        while True:
            self._child.wait()
            with self._lock:
                if self._closing:
                    return
            time.sleep(_RESTART_PAUSE_S)
            with self._lock:
                if self._closing:
                    return
                self._child = self._spawn()

    def close(self) -> None:
        with self._lock:
            self._closing = True
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._keeper.join(timeout=5)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()


class Cluster:
    """A connected client, with the processes behind it where they are ours.

    Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        client: Any,
        scheduler: Any = None,
        processes: Iterable[_Process] = (),
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        self.client = client
        self._scheduler = scheduler
        self._processes = tuple(processes)
        self._sizes = dict(sizes or {})

    @classmethod
    def embedded(
        cls,
        groups: Mapping[str, GroupSize],
        *,
        scratch: Path,
        environment: Mapping[str, str] | None = None,
        start_timeout_s: float = 30.0,
    ) -> Self:
        """Start a scheduler in this process and the workers of every group as processes.

        Connections are TLS with certificates made for this cluster alone: a scheduler's port is
        code execution for whoever reaches it, on loopback too. Returns at once; workers join while
        the caller goes on (`wait_for`).
        """
        import dask
        from distributed import Client, LocalCluster, Security

        security = Security.temporary()
        with dask.config.set(DASK_SETTINGS):
            scheduler = LocalCluster(
                n_workers=0,
                processes=False,
                protocol="tls://",
                security=security,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                host="127.0.0.1",
                silence_logs=logging.CRITICAL,
            )
        tls = {
            "tls_ca_file": security.tls_ca_file,
            "tls_worker_cert": security.tls_worker_cert,
            "tls_worker_key": security.tls_worker_key,
            "require_encryption": True,
        }
        scratch.mkdir(parents=True, exist_ok=True)
        processes = [
            _Process(
                {
                    "scheduler": scheduler.scheduler_address,
                    "name": f"{group}-{index}",
                    "group": group,
                    "memory_bytes": size.memory_bytes,
                    "scratch": str(scratch),
                    "security": tls,
                    "start_timeout_s": start_timeout_s,
                    "dask": DASK_SETTINGS,
                    "environment": {
                        "POLARS_MAX_THREADS": str(size.threads),
                        "OMP_NUM_THREADS": str(size.threads),
                        **(environment or {}),
                    },
                }
            )
            for group, size in groups.items()
            for index in range(size.workers)
        ]
        client = Client(scheduler, set_as_default=False)
        return cls(client, scheduler, processes, {n: size.workers for n, size in groups.items()})

    @classmethod
    def connect(cls, address: str, *, timeout_s: float = 10.0) -> Self:
        """Use an existing scheduler; its workers carry the resources `group:NAME`.

        Raises:
            ConfigError: nobody answers there.
        """
        from distributed import Client

        try:
            client = Client(address, timeout=timeout_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConfigError(
                f"no Dask scheduler answers at {address} ({error})",
                where="lyftnb.toml: cluster.scheduler",
                hint="start one with `dask scheduler`, correct the address, or remove the key to "
                "run on an embedded cluster",
            ) from error
        return cls(client)

    def slots(self) -> dict[str, int]:
        """Group → slots of the workers that are there now."""
        counts: Counter[str] = Counter()
        for worker in self.client.scheduler_info(n_workers=-1)["workers"].values():
            for resource, amount in worker.get("resources", {}).items():
                if resource.startswith(_PREFIX):
                    counts[resource.removeprefix(_PREFIX)] += int(amount)
        return dict(counts)

    def capacity(self) -> dict[str, int]:
        """Group → slots to count on: those of our own workers, also while one starts again; of an
        existing scheduler those that are there now.
        """
        return self._sizes or self.slots()

    def wait_for(self, groups: Iterable[str], timeout_s: float = 30.0) -> None:
        """Wait until every group has a worker.

        Raises:
            GroupUnavailable: a group still has none after `timeout_s`.
        """
        wanted = set(groups)
        deadline = time.monotonic() + timeout_s
        while True:
            slots = self.slots()
            missing = sorted(wanted - slots.keys())
            if not missing:
                return
            if time.monotonic() > deadline:
                raise group_unavailable(missing[0], slots)
            time.sleep(0.01)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of our own workers, as they are now."""
        return tuple(process.pid for process in self._processes)

    def close(self) -> None:
        """Stop the client, and the workers and the scheduler where they are ours."""
        self.client.close(timeout=2)
        for process in self._processes:
            process.close()
        if self._scheduler is not None:
            self._scheduler.close(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def resource(group: str) -> dict[str, float]:
    """The resource annotation that places a task on a group."""
    return {_PREFIX + group: 1}


def group_unavailable(group: str, slots: Mapping[str, int]) -> GroupUnavailable:
    """The error for a group that has no workers."""
    there = ", ".join(f"{name} ({count})" for name, count in sorted(slots.items())) or "none"
    guess = near(group, slots)
    hint = f"did you mean group '{guess}'? " if guess else ""
    return GroupUnavailable(
        f"worker group '{group}' has no workers; groups with workers: {there}",
        hint=f"{hint}add a table [groups.{group}] to lyftnb.toml, or start workers with the Dask "
        f"resource 'group:{group}=1'",
        group=group,
    )
