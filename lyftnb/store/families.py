"""Families of state: what changes in the one commit beside rows and positions.

Each family takes part in a group of commits by three steps. First every family is asked whether a
commit's requirements hold; only if all agree is the commit taken, by all of them; at the end of the
group each writes what it has taken, as sets. Later commits of a group must be judged as if the
earlier ones had been carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lyftnb.model import Commit, Refused
from lyftnb.store.database import Database
from lyftnb.store.mirror import Mirror


@dataclass(frozen=True, slots=True)
class Setting:
    """What a family, or a verb, works with during one transaction."""

    database: Database
    state: Mirror
    """The overlay of the transaction."""
    root: Path
    now: datetime
    news: set[str] = field(default_factory=set)
    """What listeners are told once the transaction is through: `messages`, `issues`,
    `queue:NAME`."""


class StateFamily(Protocol):
    """One family within one transaction."""

    def refused(self, commit: Commit) -> Refused | None:
        """Why the commit cannot be carried out, if it cannot. Changes nothing."""
        ...

    def take(self, commit: Commit, snapshot: int) -> None:
        """Take the commit's changes into the group; must not fail."""
        ...

    def write(self) -> None:
        """Write the changes of all commits that were taken."""
        ...
