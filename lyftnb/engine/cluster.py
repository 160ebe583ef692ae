"""A Dask cluster seen as worker groups: embedded (our own processes) or an existing scheduler.

A group is the Dask resource `group:NAME`; a worker has one slot of it, so a worker runs one task
at a time and parallelism is a matter of how many workers there are.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from lyftnb.engine.embedded import DASK_SETTINGS, Embedded
from lyftnb.engine.logs import quieten
from lyftnb.engine.staff import GroupSize
from lyftnb.errors import ConfigError, GroupUnavailable, SetupError, near
from lyftnb.store.remote import StateAddress

T = TypeVar("T")

_PREFIX = "group:"
LOOPBACK = "127.0.0.1"
_ANSWER_S = 10.0
"""A scheduler that takes longer to say who its workers are is as good as gone."""
_TOLD_LOOK_S = 0.5
_UNTOLD_LOOK_S = 0.05
"""How often it is looked whether workers have come: seldom where it is told, and to look takes from
them what they need in order to come."""
_GOODBYE_S = 2.0
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Member:
    """A worker that is there, as the scheduler knows it."""

    name: str
    address: str
    groups: Mapping[str, int]
    """Group → slots."""
    heard_at: float
    """When it last gave a sign of life, by the scheduler's clock."""
    ready: bool
    """Whether it takes tasks: not before it has quite come, nor while it is about to leave."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Which workers there are; both are group → slots."""

    there: dict[str, int]
    """Those that take tasks now."""
    capacity: dict[str, int]
    """Those to count on: our own also while one starts again, but not before it was once ready;
    one that is leaving too, until it has ended what it runs."""


class Cluster:
    """A connected client, with the processes behind it where they are ours.

    Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        client: Any,
        own: Embedded | None = None,
        end: Callable[[], object] | None = None,
        hops: Path | None = None,
    ) -> None:
        """Use a client of workers of our own, of a cluster that `end` stops, or of somebody's;
        `hops` is a folder that all workers share on one machine.
        """
        from lyftnb.engine.prompt import hasten

        self.hops = hops
        """Where rows wait on their way from one group to another; without it they travel."""
        self.client = hasten(client)
        self._own = own
        self._end = end
        self._known: set[str] = set()
        """Workers of our own that have been seen, by name."""
        self._address = str(own.settings["scheduler"] if own else client.scheduler.address)
        self._introduced: set[str] = set()
        self._has_come = threading.Event()
        self.when_ready(self._has_come.set)

    @classmethod
    def embedded(
        cls,
        groups: Mapping[str, GroupSize],
        *,
        scratch: Path,
        environment: Mapping[str, str] | None = None,
        start_timeout_s: float = 30.0,
        leave_timeout_s: float = 600.0,
        host: str = LOOPBACK,
    ) -> Self:
        """Start a scheduler in this process and the workers of every group as processes; see
        `Embedded`.

        Connections are TLS with certificates made for this cluster alone: a scheduler's port is
        code execution for whoever reaches it, on loopback too. Returns at once; workers join while
        the caller goes on (`wait_for`).
        """
        own = Embedded(
            groups,
            scratch=scratch,
            environment=environment or {},
            start_timeout_s=start_timeout_s,
            leave_timeout_s=leave_timeout_s,
            host=host,
        )
        # A folder as good as memory, where nobody can come from elsewhere. What a killed owner left
        # there is nobody's.
        hops = scratch / "hops" if host == LOOPBACK else None
        if hops is not None:
            shutil.rmtree(hops, ignore_errors=True)
        return cls(own.client, own, own.close, hops)

    @classmethod
    def connect(cls, address: str, *, timeout_s: float = 10.0) -> Self:
        """Use an existing scheduler; its workers carry the resources `group:NAME`.

        Raises:
            ConfigError: nobody answers there.
        """
        from distributed import Client

        quieten()
        try:
            client = Client(address, timeout=timeout_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise _no_scheduler(address, f"no Dask scheduler answers ({error})") from error
        return cls(client)

    @classmethod
    def of_class(cls, path: str, options: Mapping[str, Any], least: int, most: int) -> Self:
        """Start a cluster of a class of the Dask world; see `classes.start`. It goes with us.

        Raises:
            ConfigError: there is no such class, or it could not be started.
        """
        import dask
        from distributed import Client

        from lyftnb.engine import classes

        quieten()
        with dask.config.set(DASK_SETTINGS):
            cluster = classes.start(path, options, least, most)
            client = Client(cluster, set_as_default=False)
        return cls(client, end=lambda: cluster.close(timeout=_END_S))

    @property
    def is_ours(self) -> bool:
        """Whether the workers are processes of our own."""
        return self._own is not None

    @property
    def settings(self) -> Mapping[str, Any]:
        """What workers of an embedded cluster are told so that they can join."""
        return self._own.settings if self._own is not None else {}

    @property
    def closed(self) -> bool:
        """Whether the connection to the scheduler is gone for good."""
        return self.client.status in ("closing", "closed")

    def gone(self) -> SetupError:
        """The error for a cluster that is `closed`."""
        return _no_scheduler(self._address, "the Dask scheduler is gone")

    @property
    def host(self) -> str:
        """The address of this machine by which workers reach this process."""
        if self._own is not None:
            return self._own.host
        from distributed.comm import get_address_host
        from distributed.utils import get_ip

        return str(get_ip(get_address_host(self._address)))

    def introduce(self, storage_root: str, address: StateAddress) -> None:
        """Tell all workers, and those that join later, where the owner of a storage root answers;
        it takes the place of whoever was introduced for it before.
        """
        from distributed.protocol.pickle import dumps

        from lyftnb.engine.owner_state import introduction, plugin_name

        self._introduced.add(storage_root)
        self._ask_scheduler(
            self.client.scheduler.register_worker_plugin(
                plugin=dumps(introduction(storage_root, address)),
                name=plugin_name(storage_root),
                idempotent=False,
            ),
            _ANSWER_S,
        )

    def _withdraw(self) -> None:
        """Have workers that outlive us forget whom we introduced."""
        from lyftnb.engine.owner_state import plugin_name

        for storage_root in self._introduced:
            self._ask_scheduler(
                self.client.scheduler.unregister_worker_plugin(name=plugin_name(storage_root)),
                _GOODBYE_S,
            )

    def _ask_scheduler(self, request: Coroutine[Any, Any, Any], timeout_s: float) -> None:
        # A worker that dies just now fails the request for all, after it was noted; a scheduler
        # that is gone is told of where it is missed.
        with suppress(OSError, TimeoutError, ValueError):
            self.spawn(request).result(timeout=timeout_s)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the client's event loop.

        Raises:
            RuntimeError: the loop has ended.
        """
        return asyncio.run_coroutine_threadsafe(coroutine, self.client.loop.asyncio_loop)

    async def look(self) -> Sight:
        """Which workers there are. To be awaited on the client's loop.

        Raises:
            OSError: the scheduler does not answer.
        """
        members = await self.members()
        there = _slots(m for m in members if m.ready)
        if self._own is None:
            return Sight(there, there)
        own = self._own.groups()
        self._known = (self._known | {m.name for m in members if m.ready}) & own.keys()
        counted = Counter(own[name] for name in self._known)
        counted.update(_slots(m for m in members if m.name not in own))
        return Sight(there, dict(counted))

    def when_ready(self, tell: Callable[[], None]) -> None:
        """Call `tell`, which must be quick, whenever a worker takes tasks; a scheduler that is not
        ours does not say.
        """
        if self._own is not None:
            self._own.when_ready(tell)

    async def members(self) -> list[Member]:
        """The workers that are there now. To be awaited on the client's loop.

        Raises:
            OSError: the scheduler does not answer.
        """
        known = await self.client.scheduler.identity(n_workers=-1)
        return [
            Member(
                name=str(worker["name"]),
                address=address,
                groups={
                    name.removeprefix(_PREFIX): int(amount)
                    for name, amount in worker.get("resources", {}).items()
                    if name.startswith(_PREFIX)
                },
                heard_at=worker["last_seen"],
                ready=worker["status"] == "running",
            )
            for address, worker in known["workers"].items()
        ]

    def expects(self, whom: str) -> bool:
        """Whether a worker of our own has this name or group, be it there already or not."""
        groups = self._own.groups() if self._own is not None else {}
        return whom in groups or whom in groups.values()

    async def run_on(
        self, address: str, function: Callable[..., Any], *args: Any
    ) -> Mapping[str, Any]:
        """Call a function on a worker, beside its tasks: its address with the result or the
        exception. To be awaited on the client's loop.
        """
        found: Mapping[str, Any] = await self.client.run(
            function, *args, workers=[address], on_error="return"
        )
        return found

    def seen(self) -> Sight:
        """Which workers there are.

        Raises:
            ConfigError: the scheduler does not answer.
        """
        try:
            return self.spawn(self.look()).result(timeout=_ANSWER_S)
        except (OSError, TimeoutError) as error:
            raise self.gone() from error

    def scale(self, groups: Mapping[str, GroupSize]) -> None:
        """Have so many workers of our own in each group, and none in others. Those that go are
        given nothing more and first end what they run: so nothing is run again for it.
        """
        if self._own is not None:
            self._own.scale(groups)

    def restart(self, groups: Collection[str]) -> None:
        """Kill the workers of these groups where they are ours; they are started again."""
        if self._own is not None:
            self._own.restart(groups)

    def wait_for(self, groups: Iterable[str], timeout_s: float = 30.0) -> None:
        """Wait until every group has a worker.

        Raises:
            GroupUnavailable: a group still has none after `timeout_s`.
        """
        wanted = set(groups)
        look_s = _UNTOLD_LOOK_S if self._own is None else _TOLD_LOOK_S
        deadline = time.monotonic() + timeout_s
        while True:
            self._has_come.clear()
            slots = self.seen().there
            missing = sorted(wanted - slots.keys())
            if not missing:
                return
            left_s = deadline - time.monotonic()
            if left_s < 0:
                raise group_unavailable(missing[0], slots)
            self._has_come.wait(min(look_s, left_s))

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of our own workers, as they are now."""
        return self._own.pids if self._own is not None else ()

    def close(self) -> None:
        """Stop the client, and the workers and the scheduler where they are ours."""
        if not self.is_ours and not self.closed:
            self._withdraw()
        self.client.close(timeout=_GOODBYE_S)
        if self._end is not None:
            self._end()
        if self.hops is not None:
            shutil.rmtree(self.hops, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _slots(members: Iterable[Member]) -> dict[str, int]:
    slots: Counter[str] = Counter()
    for member in members:
        slots.update(member.groups)
    return dict(slots)


def _no_scheduler(address: str, what: str) -> ConfigError:
    return ConfigError(
        f"{what} at {address}",
        where="lyftnb.toml: cluster.scheduler",
        hint="start one with `dask scheduler`, correct the address, or remove the key to run on "
        "an embedded cluster",
    )


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
        hint=f"{hint}add a table [groups.{group}] to lyftnb.toml, or start workers elsewhere: "
        f"`lyftnb worker --group {group}` for a local cluster, or with the Dask resource "
        f"'group:{group}=1'",
        group=group,
    )
