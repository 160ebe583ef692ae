"""Workers that join an embedded cluster from elsewhere: `lyftnb worker --group etl=4`.

The owner leaves an invitation in the state directory, for its user alone: whoever holds it may run
code on the cluster. It names a word in the storage root, and who cannot read that there gets no
tasks: segments written elsewhere would be lost.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lyftnb.engine.probe import PREFIX, elsewhere, read_probe, write_probe
from lyftnb.engine.staff import GroupSize, Staff
from lyftnb.errors import SetupError
from lyftnb.store.remote.address import save_private

FILE = "cluster.json"
_LOOK_S = 0.5
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a worker needs to join."""

    storage_root: str
    probe: str
    """A file there."""
    word: str
    """What it holds."""
    settings: Mapping[str, Any] = field(repr=False)
    """What every worker of the cluster is told: addresses, certificates."""
    environment: Mapping[str, str]

    @classmethod
    def made(
        cls, storage_root: Path, settings: Mapping[str, Any], environment: Mapping[str, str]
    ) -> Invitation:
        """A new one, its word in place of earlier ones.

        Raises:
            StorageError: the storage root cannot be written.
        """
        for old in storage_root.glob(f"{PREFIX}join-*"):
            old.unlink(missing_ok=True)
        word = secrets.token_hex(16)
        probe = storage_root / f"{PREFIX}join-{word[:8]}"
        write_probe(probe, word)
        return cls(str(storage_root), str(probe), word, settings, environment)

    def save(self, state_dir: Path) -> None:
        """Leave it for other processes of this user."""
        save_private(state_dir / FILE, asdict(self))

    def withdraw(self, state_dir: Path) -> None:
        """Nobody else is to join."""
        (state_dir / FILE).unlink(missing_ok=True)
        Path(self.probe).unlink(missing_ok=True)

    @classmethod
    def load(cls, file: Path) -> Invitation | None:
        """The one that stands in a file; None while there is none.

        Raises:
            SetupError: it is no invitation, or somebody else's.
        """
        try:
            return cls(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except PermissionError:
            raise SetupError(
                "the invitation cannot be read", where=str(file), hint="it is its owner's alone"
            ) from None
        except (OSError, ValueError, TypeError) as error:
            raise SetupError(
                f"this is no invitation to a cluster: {error}",
                where=str(file),
                hint="name the workspace's folder, or a copy of its .lyftnb/cluster.json",
            ) from None

    def check(self, groups: Mapping[str, GroupSize]) -> None:
        """See that the storage root is the owner's.

        Raises:
            StorageError: it is not.
        """
        found = read_probe(self.probe)
        Path(self.probe).with_suffix(".answer").unlink(missing_ok=True)
        if found != self.word:
            raise elsewhere(", ".join(groups), Path(self.storage_root), found)


def work(file: Path, groups: Mapping[str, GroupSize], stop: threading.Event, say: Say) -> None:
    """Have workers in the cluster that the invitation in `file` is to, until `stop` is set. Where
    there is none, or it is withdrawn, wait for the next.

    Raises:
        SetupError: the file is no invitation.
        StorageError: the storage root is not the owner's.
    """
    with tempfile.TemporaryDirectory(prefix="lyftnb-worker-") as scratch:
        staff: Staff | None = None
        joined: Invitation | None = None
        told = False
        try:
            while not stop.is_set():
                found = Invitation.load(file)
                if found != joined:
                    if staff is not None:
                        staff.close()
                        say("the cluster has gone")
                    staff = None if found is None else _join(found, groups, scratch)
                    joined, told = found, False
                    if found is not None:
                        say(f"at work for {found.settings['scheduler']}")
                if found is None and not told:
                    told = True
                    say(f"waiting for a cluster at {file}")
                stop.wait(_LOOK_S)
        finally:
            if staff is not None:
                staff.close()


def _join(invitation: Invitation, groups: Mapping[str, GroupSize], scratch: str) -> Staff:
    invitation.check(groups)
    environment = {**invitation.environment, "POLARS_OOC_SPILL_DIR": scratch}
    staff = Staff(groups, environment, at=f"@{socket.gethostname()}-{os.getpid()}")
    staff.begin({**invitation.settings, "scratch": scratch})
    return staff
