"""The workers behind a workspace: an embedded cluster or an existing scheduler, as settings say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lyftnb.workspace.config import Config

if TYPE_CHECKING:
    from lyftnb.engine import Cluster, Engine


class Compute:
    """Starts with the first use and stays up until `close`."""

    def __init__(self, config: Config, state_dir: Path) -> None:
        self._config = config
        self._scratch = state_dir / "tmp"
        self._cluster: Cluster | None = None
        self._engine: Engine | None = None

    @property
    def group_sizes(self) -> dict[str, int] | None:
        """Groups with their workers; None where an existing scheduler must be asked."""
        if self._config.cluster.scheduler is not None:
            return None
        return {name: group.workers for name, group in self._config.groups.items()}

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of our own workers; none while nothing runs."""
        return self._cluster.pids if self._cluster else ()

    def engine(self, groups: frozenset[str]) -> Engine:
        """The engine, its cluster up, with a worker in each of these groups.

        Raises:
            GroupUnavailable: a group has no worker within `cluster.start_timeout`.
            ConfigError: no scheduler answers at `cluster.scheduler`.
        """
        from lyftnb.engine import Engine

        if self._cluster is None:
            self._cluster = self._started()
        self._cluster.wait_for(groups, self._config.cluster.start_timeout)
        if self._engine is None:
            self._engine = Engine(self._cluster)
        return self._engine

    def _started(self) -> Cluster:
        from lyftnb.engine import Cluster, GroupSize

        config = self._config
        if config.cluster.scheduler is not None:
            address, timeout = config.cluster.scheduler, config.cluster.start_timeout
            return Cluster.connect(address, timeout_s=timeout)
        return Cluster.embedded(
            {
                name: GroupSize(group.workers, group.threads, group.memory or 0)
                for name, group in config.groups.items()
            },
            scratch=self._scratch,
            environment=self._environment(),
            start_timeout_s=config.cluster.start_timeout,
        )

    def _environment(self) -> dict[str, str]:
        """Bounds of Polars in the workers: above them it spills to the workspace's disk."""
        budget = self._config.limits.memory // 2**20
        return {
            "POLARS_OOC_MEMORY_BUDGET_MB": str(budget),
            "POLARS_OOC_SPILL_DIR": str(self._scratch),
        }

    def close(self) -> None:
        """Stop what was started."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = self._engine = None
