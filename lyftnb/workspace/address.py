"""Where the manager of a workspace answers people, and what proves that it is there.

The file is for its user alone: whoever has the token may do what the user may. It is written when
the manager listens, removed when it begins to end, and a dead manager's file is known by its
process.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lyftnb.store.owner import MANAGER_FILE, is_alive, this_process
from lyftnb.store.remote.address import pinned, save_private


@dataclass(frozen=True, slots=True)
class ManagerAddress:
    """A manager that answers at `url`."""

    url: str
    token: str = field(repr=False)
    process: dict[str, Any]
    """What tells its process from all others: pid, when that was made, host."""
    started_at: str
    stays: bool
    """It was started to stay, and does not end by itself."""
    certificate: str | None = field(default=None, repr=False)
    """PEM. With TLS, the client takes this one and no other."""

    @property
    def pid(self) -> int:
        """Its process."""
        return int(self.process["pid"])

    @property
    def is_alive(self) -> bool:
        """Whether its process may still be there."""
        return is_alive(self.process)

    @property
    def is_near(self) -> bool:
        """Whether it runs on this host."""
        return bool(self.process.get("host") == this_process()["host"])

    def tls(self) -> ssl.SSLContext | bool:
        """What httpx is to verify with."""
        if self.certificate is not None:
            return pinned(self.certificate)
        # Plain HTTP has nothing to verify, and to get ready for it takes longer than a question.
        return self.url.startswith("https:")

    def save(self, state_dir: Path) -> None:
        """Leave it for other processes of this user."""
        save_private(state_dir / MANAGER_FILE, asdict(self))

    @staticmethod
    def forget(state_dir: Path) -> None:
        """Remove the file: nobody new is to come."""
        (state_dir / MANAGER_FILE).unlink(missing_ok=True)

    @staticmethod
    def load(state_dir: Path) -> ManagerAddress | None:
        """The address of the manager that is alive; None if there is none."""
        found = ManagerAddress._read(state_dir)
        return found if found is not None and found.is_alive else None

    @staticmethod
    def left(state_dir: Path) -> ManagerAddress | None:
        """The address of a manager that died, which nobody has taken away since."""
        found = ManagerAddress._read(state_dir)
        return found if found is not None and not found.is_alive else None

    @staticmethod
    def _read(state_dir: Path) -> ManagerAddress | None:
        try:
            found = ManagerAddress(**json.loads((state_dir / MANAGER_FILE).read_text()))
            is_alive(found.process)  # what cannot be told is no address either
        except (OSError, ValueError, TypeError, LookupError):
            return None
        return found
