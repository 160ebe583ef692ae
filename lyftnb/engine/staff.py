"""The worker processes of an embedded cluster: as many of each group as it is told to have."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lyftnb.engine.nursery import Nursery
from lyftnb.engine.processes import WorkerProcess, own_environment

_ALLOCATOR = "_RJEM_MALLOC_CONF"
_KEEP_PAGES = "dirty_decay_ms:20000,muzzy_decay_ms:-1"
"""What Polars' allocator (jemalloc) is told: to keep freed memory for 20 s in place of half a
second, so that the next batch need not get it anew, page by page. A sixth of the CPU of wide
row-wise batches (benchmark (b)); the peak stays, and a worker at rest gives it back. Polars puts
its own choice into the environment of whoever imports it, so that a person's cannot be told from
it there; theirs is the environment of a group."""


@dataclass(frozen=True, slots=True)
class GroupSize:
    """How many workers an embedded group has, and what each may use."""

    workers: int = 1
    threads: int = 1
    """Threads of the Polars pool in each worker."""
    memory_bytes: int = 0
    """Memory above which a worker is started anew (0: no bound)."""


class Staff:
    """Hires and lets go. Thread-safe.

    Workers are spawned at once, so that their imports overlap with whatever the owner does
    meanwhile; they join once it is known where the scheduler is (`begin`).
    """

    def __init__(
        self, groups: Mapping[str, GroupSize], environment: Mapping[str, str], at: str = ""
    ) -> None:
        """Hire for `groups`; `at` is what all names end with, to be told from others' workers."""
        self._at = at
        self._environment = dict(environment)
        self._nursery = Nursery({**own_environment(), **environment})
        self._settings: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._sizes: dict[str, GroupSize] = {}
        self._processes: dict[str, WorkerProcess] = {}
        self._leaving: dict[str, WorkerProcess] = {}
        self.set(groups)

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Tell all workers, and those to come, what they need to join."""
        with self._lock:
            self._settings = dict(settings)
            for name, process in self._processes.items():
                self._tell(name, process)

    def set(self, groups: Mapping[str, GroupSize], busy: Collection[str] = ()) -> list[str]:
        """Have so many workers in each group, and none in groups that are not named; gives the
        names of those that are to leave, which go on until `part` ends them.

        First those leave that have nothing to do, by their names not among the `busy` ones. Workers
        whose threads or memory have changed are hired anew.
        """
        with self._lock:
            leaving = [name for name in self._processes if self._outdated(name, groups)]
            for group, count in self._counts(without=leaving).items():
                spare = count - groups[group].workers
                leaving += self._spared(group, spare, busy, leaving)
            for name in leaving:
                self._leaving[name] = self._processes.pop(name)
                self._leaving[name].dismiss()
            self._sizes = dict(groups)
            counts = self._counts()
            for group, size in groups.items():
                for _ in range(size.workers - counts[group]):
                    self._hire(group, size)
            return leaving

    def part(self, name: str) -> None:
        """Let go of a worker that is leaving; returns when it is gone."""
        with self._lock:
            process = self._leaving.pop(name, None)
        if process is not None:
            process.close()

    def restart(self, groups: Collection[str]) -> None:
        """Kill the workers of these groups; those that are not leaving are started again."""
        for process in self._all():
            if process.group in groups:
                process.restart()

    def groups(self) -> dict[str, str]:
        """Worker → group, also while one starts; without those that are leaving."""
        with self._lock:
            return {name: process.group for name, process in self._processes.items()}

    @property
    def pids(self) -> tuple[int, ...]:
        """Their process ids, as they are now."""
        return tuple(pid for process in self._all() if (pid := process.pid) is not None)

    def close(self) -> None:
        """Let all go; returns when they are gone."""
        with self._lock:
            gone = [*self._processes.values(), *self._leaving.values()]
            self._processes, self._leaving = {}, {}
        with ThreadPoolExecutor(max(1, len(gone))) as pool:
            list(pool.map(WorkerProcess.close, gone))
        self._nursery.close()

    # -- with the lock held

    def _all(self) -> list[WorkerProcess]:
        with self._lock:
            return [*self._processes.values(), *self._leaving.values()]

    def _counts(self, without: Collection[str] = ()) -> Counter[str]:
        return Counter(p.group for name, p in self._processes.items() if name not in without)

    def _outdated(self, name: str, groups: Mapping[str, GroupSize]) -> bool:
        group = self._processes[name].group
        before, now = self._sizes[group], groups.get(group)
        return now is None or (before.threads, before.memory_bytes) != (
            now.threads,
            now.memory_bytes,
        )

    def _spared(
        self, group: str, count: int, busy: Collection[str], leaving: Collection[str]
    ) -> list[str]:
        """Who goes when a group has too many: whoever is idle, else whoever came last."""
        if count <= 0:
            return []
        names = [
            name
            for name, process in reversed(self._processes.items())
            if process.group == group and name not in leaving
        ]
        return sorted(names, key=lambda name: name in busy)[:count]

    def _hire(self, group: str, size: GroupSize) -> None:
        number = 0
        # The name of one that is leaving is not free before it has gone.
        while (name := f"{group}-{number}{self._at}") in {**self._processes, **self._leaving}:
            number += 1
        threads = str(size.threads)
        bounds = {"POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads}
        # Where memory is bounded, freed pages would count as used.
        if not size.memory_bytes:
            bounds[_ALLOCATOR] = _KEEP_PAGES
        process = WorkerProcess(group, self._nursery, {**bounds, **self._environment})
        self._processes[name] = process
        self._tell(name, process)

    def _tell(self, name: str, process: WorkerProcess) -> None:
        if self._settings is None:
            return
        memory = self._sizes[process.group].memory_bytes
        process.begin(
            {**self._settings, "name": name, "group": process.group, "memory_bytes": memory}
        )
