"""An embedded cluster: a scheduler in this process, and the workers of every group as processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lyftnb.engine.logs import quieten
from lyftnb.engine.staff import GroupSize, Staff

_log = logging.getLogger(__name__)
_ANSWER_S = 10.0

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
    "distributed.scheduler.worker-ttl": None,
    "distributed.comm.retry.count": 2,
}
_SELDOM = "60s"
_SCHEDULER_SETTINGS = {
    **DASK_SETTINGS,
    "distributed.scheduler.work-stealing": False,  # `sharing` does that
    "distributed.client.scheduler-info-interval": _SELDOM,
}
_HEARTBEAT_S = 5.0
"""Stock Dask's workers tell of their memory twice a second, which costs 3 ms each time. That a
worker has gone shows by its connection."""


class Embedded:
    """A scheduler and workers of our own; to be closed."""

    def __init__(
        self,
        groups: Mapping[str, GroupSize],
        *,
        scratch: Path,
        environment: Mapping[str, str],
        start_timeout_s: float,
        leave_timeout_s: float,
        host: str,
    ) -> None:
        """Start them. Returns at once; workers join while the caller goes on.

        Args:
            groups: what workers there are to be.
            scratch: a folder for what workers keep on disk meanwhile.
            environment: of the workers.
            start_timeout_s: a worker that has not joined within it ends.
            leave_timeout_s: a worker that is let go may take so long to end what it runs.
            host: the address of this machine that the scheduler listens on.
        """
        from lyftnb.engine.prompt import PromptWorkers
        from lyftnb.engine.retiring import Retiring
        from lyftnb.engine.sharing import Sharing

        scratch.mkdir(parents=True, exist_ok=True)
        self.host = host
        self._leave_timeout_s = leave_timeout_s
        self._leaving: set[Future[None]] = set()
        # They are spawned first: their imports take longer than the scheduler.
        self._staff = Staff(groups, environment)
        try:
            self._cluster, self.client, tls = _scheduler(host)
        except BaseException:
            self._staff.close()
            raise
        self._scheduler = self._cluster.scheduler
        self._retiring = Retiring(self._scheduler, self.client)
        sharing = Sharing(self._scheduler)
        self._prompt = PromptWorkers()
        self._prompt.ready.append(sharing.look_soon)
        for plugin in (self._prompt, sharing, self._retiring):
            self._scheduler.add_plugin(plugin)
        self.settings: Mapping[str, Any] = {
            "scheduler": self._cluster.scheduler_address,
            "scratch": str(scratch),
            "security": tls,
            "start_timeout_s": start_timeout_s,
            "dask": DASK_SETTINGS,
        }
        self._staff.begin(self.settings)

    def when_ready(self, tell: Callable[[], None]) -> None:
        """Call `tell`, on the scheduler's loop, whenever a worker takes tasks."""
        self._prompt.ready.append(tell)

    def groups(self) -> dict[str, str]:
        """Worker → group, also while one starts; without those that are leaving."""
        return self._staff.groups()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers, as they are now."""
        return self._staff.pids

    def scale(self, groups: Mapping[str, GroupSize]) -> None:
        """Have so many workers in each group, and none in others. Those that go are given nothing
        more, and first end what they run.
        """
        for name in self._staff.set(groups, self._run(self._busy()).result(timeout=_ANSWER_S)):
            leaving = self._run(self._let_go(name))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    def restart(self, groups: Collection[str]) -> None:
        """Kill the workers of these groups; those that are to stay are started again."""
        self._staff.restart(groups)

    def close(self) -> None:
        """Stop the workers, then the scheduler; the client has been closed before."""
        for leaving in list(self._leaving):
            leaving.cancel()
        self._staff.close()
        self._cluster.close(timeout=5)

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._scheduler.loop.asyncio_loop)

    async def _busy(self) -> set[str]:
        """Names of workers that are at work."""
        return {str(ws.name) for ws in self._scheduler.workers.values() if ws.processing}

    async def _let_go(self, name: str) -> None:
        try:
            await self._retiring.retire(name, self._leave_timeout_s)
        except Exception:
            _log.exception("worker '%s' could not retire; it is stopped", name)
        await asyncio.to_thread(self._staff.part, name)


def _scheduler(host: str) -> tuple[Any, Any, dict[str, Any]]:
    """A `LocalCluster` without workers, a client of it, and what workers need to be let in.

    Connections are TLS with certificates made for this scheduler alone; but for the client's own,
    which stays within this process, where nothing has to be written and read (a task costs a
    quarter less).
    """
    import dask
    from distributed import Client, LocalCluster, Security

    quieten()
    security = Security.temporary()
    with dask.config.set(_SCHEDULER_SETTINGS):
        cluster = LocalCluster(
            n_workers=0,
            processes=False,
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            scheduler_sync_interval=_SELDOM,
            host=host,
            silence_logs=False,
        )
        within = asyncio.run_coroutine_threadsafe(
            _prepared(cluster.scheduler), cluster.loop.asyncio_loop
        )
        client = Client(within.result(), loop=cluster.loop, set_as_default=False)
    tls = {
        "tls_ca_file": security.tls_ca_file,
        "tls_worker_cert": security.tls_worker_cert,
        "tls_worker_key": security.tls_worker_key,
        "require_encryption": True,
    }
    return cluster, client, tls


async def _prepared(scheduler: Any) -> str:
    """Let a scheduler hear seldom from its workers; gives its address for a client within this
    process.
    """
    heartbeat = scheduler.handlers["heartbeat_worker"]

    def seldom(*args: Any, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = heartbeat(*args, **given)
        return {**answer, "heartbeat-interval": _HEARTBEAT_S}

    scheduler.handlers["heartbeat_worker"] = seldom
    await scheduler.listen("inproc://")
    return str(scheduler.listeners[-1].contact_address)
