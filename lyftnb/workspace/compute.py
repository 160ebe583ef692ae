"""The workers behind a workspace: an embedded cluster or an existing scheduler, as settings say.

Beside it stands the server that answers its workers, and other processes, about state.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lyftnb.errors import LyftError
from lyftnb.workspace.config import Config, WorkerRange

if TYPE_CHECKING:
    from lyftnb.engine import Cluster, Engine, GroupSize, Invitation
    from lyftnb.store import Ledger
    from lyftnb.store.remote import Desk, StateServer
    from lyftnb.workspace.scaling import Scaling


_log = logging.getLogger(__name__)
_LOOK_S = 1.0
"""How often it is looked whether there are as many workers as there are to be."""
_SCHEDULER_PATIENCE_S = 5.0
"""An existing scheduler answers, and names its workers, within this time or not at all."""


class Compute:
    """Starts with the first use and stays up until `close`."""

    def __init__(
        self, folder: Path, config: Config, ledger: Ledger, desk: Callable[[], Desk]
    ) -> None:
        self._folder = folder
        self._config = config
        self._desk = desk
        self._ledger = ledger
        self._scratch = ledger.state_dir / "tmp"
        self._storage_root = ledger.root
        self._lock = threading.RLock()
        self._cluster: Cluster | None = None
        self._engine: Engine | None = None
        self._server: StateServer | None = None
        self._closed = False
        self._scaling: Scaling | None = None
        self._invitation: Invitation | None = None
        """To workers that join from elsewhere."""
        self._scaler: threading.Thread | None = None
        self._leaving = threading.Event()
        """The cluster is about to go."""
        self._checked: set[str] = set()
        """Groups of an existing scheduler that were seen to share our storage."""

    @property
    def group_sizes(self) -> dict[str, int] | None:
        """Groups with the workers that they may have; None where an existing scheduler must be
        asked. A group whose workers join from elsewhere counts as one that has some: whether they
        do is seen by `engine`.
        """
        if not self._config.cluster.embedded:
            return None
        groups = self._scaling.groups if self._scaling else self._config.groups
        return {name: group.workers.max or 1 for name, group in groups.items()}

    @property
    def slots(self) -> dict[str, int] | None:
        """Group → slots; None while no cluster is up."""
        return self._engine.slots if self._engine is not None else None

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of our own workers; none while nothing runs."""
        return self._cluster.pids if self._cluster else ()

    @property
    def asked_at(self) -> float:
        """When another process has wanted something of our state last (`time.monotonic`)."""
        return self._server.asked_at if self._server is not None else 0.0

    def warm(self) -> None:
        """Start the cluster beside whatever the caller does next; what goes wrong with it is told
        by `engine`.
        """

        def start() -> None:
            with suppress(Exception):
                self._up()

        threading.Thread(target=start, name="lyftnb-warming", daemon=True).start()

    def engine(self, groups: frozenset[str]) -> Engine:
        """The engine, its cluster up, with a worker in each of these groups.

        Raises:
            GroupUnavailable: a group has no worker within `cluster.start_timeout` (of an existing
                scheduler: within seconds).
            ConfigError: no scheduler answers at `cluster.scheduler`.
            StorageError: workers of an existing scheduler do not share the storage root.
        """
        from lyftnb.engine import Engine

        cluster = self._up()
        timeout = self._config.cluster.start_timeout
        if self._config.cluster.scheduler is not None:
            timeout = min(timeout, _SCHEDULER_PATIENCE_S)
        cluster.wait_for(groups, timeout)
        if self._engine is None:
            root, slot_bytes = str(self._storage_root), self._config.limits.in_flight
            self._engine = Engine(cluster, root, slot_bytes)
        if not cluster.is_ours and not groups <= self._checked:
            start_timeout = self._config.cluster.start_timeout
            self._engine.check_storage(self._storage_root, groups - self._checked, start_timeout)
            self._checked |= groups
        return self._engine

    def _up(self) -> Cluster:
        """The cluster, started if it is not up (any more)."""
        with self._lock:
            if self._cluster is not None and self._cluster.closed:
                self._let_cluster_go()
            if self._cluster is None:
                self._cluster = self._started()
                self._introduce(self._cluster)
            return self._cluster

    def _introduce(self, cluster: Cluster) -> None:
        """Have the workers know where this owner answers."""
        server = self._serving(cluster.host)
        cluster.introduce(str(self._storage_root), server.address)

    def serve_soon(self) -> None:
        """Answer other processes of this machine from in a moment on, also without a cluster. In
        the background: what TLS needs takes longer to load than the ledger does to open.
        """

        def start() -> None:
            with self._lock:
                if self._closed or self._server is not None:
                    return
                try:
                    self._serving(self._config.cluster.host)
                except LyftError as error:
                    _log.warning("other processes cannot reach the workspace: %s", error)

        threading.Thread(target=start, name="lyftnb-serving", daemon=True).start()

    def _serving(self, host: str) -> StateServer:
        """The server, on an address that the workers can reach."""
        from lyftnb.store.remote import serve

        if self._server is not None and self._server.address.host != host:
            # Whoever speaks to it asks the file again, and goes on with the next one.
            self._server.close()
            self._server = None
        if self._server is None:
            self._server = serve(self._ledger, host, self._desk())
        return self._server

    def _started(self) -> Cluster:
        from lyftnb.engine import Cluster, Invitation
        from lyftnb.workspace.scaling import Scaling

        config = self._config
        if config.cluster.scheduler is not None:
            patience = min(config.cluster.start_timeout, _SCHEDULER_PATIENCE_S)
            return Cluster.connect(config.cluster.scheduler, timeout_s=patience)
        if config.cluster.class_ is not None:
            span = config.cluster.workers or WorkerRange(min=0, max=0)
            path, options = config.cluster.class_, config.cluster.options
            return Cluster.of_class(path, options, span.min, span.max)
        self._scaling = Scaling(self._folder, config, self._ledger)
        there = self._scaling.look({}, time.monotonic())
        cluster = Cluster.embedded(
            there,
            scratch=self._scratch,
            environment=self._environment(),
            start_timeout_s=config.cluster.start_timeout,
            leave_timeout_s=config.cluster.leave_timeout,
            host=config.cluster.host,
        )
        invitation = Invitation.made(self._storage_root, cluster.settings, self._environment())
        invitation.save(self._ledger.state_dir)
        self._invitation = invitation
        self._leaving.clear()
        self._scaler = threading.Thread(
            target=self._scale,
            args=(cluster, self._scaling, there),
            name="lyftnb-scaling",
            daemon=True,
        )
        self._scaler.start()
        return cluster

    def _scale(self, cluster: Cluster, scaling: Scaling, there: Mapping[str, GroupSize]) -> None:
        """Have as many workers as there are to be, until the cluster goes."""
        while not self._leaving.wait(_LOOK_S):
            engine = self._engine
            try:
                asked = scaling.look(engine.wanted() if engine else {}, time.monotonic())
                if asked != there:
                    cluster.scale(asked)
                    there = asked
            except Exception:
                # It is tried again; work goes on with the workers that there are.
                _log.exception("the workers could not be brought to what they are to be")

    def _environment(self) -> dict[str, str]:
        """Bounds of Polars in the workers: above them it spills to the workspace's disk."""
        budget = self._config.limits.memory // 2**20
        return {
            "POLARS_OOC_MEMORY_BUDGET_MB": str(budget),
            "POLARS_OOC_SPILL_DIR": str(self._scratch),
        }

    def close(self) -> None:
        """Stop what was started."""
        with self._lock:
            self._closed = True
            self._let_cluster_go()
            if self._server is not None:
                self._server.close()
                self._server = None

    def _let_cluster_go(self) -> None:
        self._leaving.set()
        if self._scaler is not None:
            self._scaler.join()
            self._scaler = None
        if self._invitation is not None:
            self._invitation.withdraw(self._ledger.state_dir)
            self._invitation = None
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = self._engine = None
            self._checked.clear()
