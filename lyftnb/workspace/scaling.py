"""How many workers each local group has: as `lyftnb.toml` says now, and as there is work."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from lyftnb.engine import GroupSize
from lyftnb.errors import ConfigError
from lyftnb.store import Ledger
from lyftnb.workspace.config import Config, GroupConfig
from lyftnb.workspace.folders import FILE_NAME

CONFIG_INVALID = "config_invalid"
"""Code of the issue that stands while a changed `lyftnb.toml` cannot be read."""
IDLE_S = 30.0
"""A worker more than there was work for in so many seconds is let go."""
_log = logging.getLogger(__name__)


def sizes(groups: Mapping[str, GroupConfig], wanted: Mapping[str, int]) -> dict[str, GroupSize]:
    """The workers of each group: as many as are wanted, within its range."""
    return {
        name: GroupSize(
            min(group.workers.max, max(group.workers.min, wanted.get(name, 0))),
            group.threads,
            group.memory or 0,
        )
        for name, group in groups.items()
    }


class Scaling:
    """Follows the settings and the work. What is asked of it again changes nothing."""

    def __init__(self, folder: Path, config: Config, ledger: Ledger) -> None:
        self.groups = dict(config.groups)
        """As the settings say now."""
        self._file = folder / FILE_NAME
        # Not that of now: the file may have changed since `config` was read.
        self._stamp: tuple[int, int] | None = (0, 0)
        self._ledger = ledger
        self._looks: deque[tuple[float, Mapping[str, int]]] = deque()

    def look(self, wanted: Mapping[str, int], now_s: float) -> dict[str, GroupSize]:
        """How many workers there are to be, now that so many tasks want one.

        More come at once; fewer are left when none of the last seconds had work for them.
        """
        self._follow_settings()
        self._looks.append((now_s, wanted))
        while now_s - self._looks[0][0] > IDLE_S:
            self._looks.popleft()
        most = {name: max(found.get(name, 0) for _, found in self._looks) for name in self.groups}
        return sizes(self.groups, most)

    def _follow_settings(self) -> None:
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.groups = dict(Config.load(self._file.parent).groups)
        except ConfigError as error:
            _log.warning("%s", error)
            self._ledger.raise_issue(
                CONFIG_INVALID,
                FILE_NAME,
                f"{error.where}: {error.message}; the settings from before go on to hold",
                hint=error.hint,
            )
        else:
            self._ledger.close_issue(CONFIG_INVALID, FILE_NAME)

    def _stamped(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
