"""Where the manager of a workspace answers people, and what proves that it is there.

The file is for its user alone: whoever has the token may do what the user may. It is written when
the manager listens, removed when it begins to end, and a dead manager's file is known by its
process.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lyftnb.store.owner import MANAGER_FILE, is_alive, this_process


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
        if self.certificate is None:
            return True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # The certificate itself is pinned; the name by which a host is reached proves nothing more.
        context.check_hostname = False
        context.load_verify_locations(cadata=self.certificate)
        return context

    def save(self, state_dir: Path) -> None:
        """Leave it for other processes of this user."""
        # Made for us alone, written whole, moved into place.
        fd, draft = tempfile.mkstemp(dir=state_dir, prefix=f".{MANAGER_FILE}-")
        with os.fdopen(fd, "w") as file:
            json.dump(asdict(self), file)
        Path(draft).replace(state_dir / MANAGER_FILE)

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
