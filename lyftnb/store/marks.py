"""Marks: fingerprints of keys that were seen. First sight wins, until the mark expires.

A mark is 128 bits of a key's hash, so the table stays small and a look-up is one pass over one
narrow column, for a thousand keys as for a million.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lyftnb.model import Commit, Refused
from lyftnb.store.database import Database
from lyftnb.store.engines import pl
from lyftnb.store.families import Setting
from lyftnb.store.session import Session
from lyftnb.store.staged_state import changes_of

if TYPE_CHECKING:
    import pyarrow as pa

_FINGERPRINT = ("high", "low")


class Marks(Session):
    """What was seen before."""

    def unseen(self, scope: str, fingerprints: pa.Table, now: datetime) -> pa.BooleanArray:
        """Which fingerprints are not marked.

        Args:
            scope: `DEPLOYMENT/STEP/ACTION`.
            fingerprints: columns `high` and `low`, unsigned 64-bit integers.
            now: marks that have expired by then do not count.

        Returns:
            As many booleans as there are fingerprints.
        """
        wanted: Any = pl.from_arrow(fingerprints)
        with self.opened() as database:
            seen = _seen(database, scope, wanted, now)
        return (~seen).to_arrow()


class MarkChanges:
    """The family `marks`.

    A batch stages marks of what it found unseen; the commit is refused if any of that was marked
    meanwhile, judged as of the claim's time, as the batch did. So a key passes once, whoever else
    shares its scope.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._marks = pl.DataFrame()

    def refused(self, commit: Commit) -> Refused | None:
        """Whether a key was marked since the batch looked."""
        staged = changes_of(commit, "marks", self._setting.root)
        if staged.is_empty():
            self._marks = staged
            return None
        self._marks = staged.unique(["scope", *_FINGERPRINT], keep="first")
        for (scope,), marks in self._marks.group_by("scope"):
            wanted = marks.select(_FINGERPRINT)
            seen = _seen(self._setting.database, str(scope), wanted, commit.claim.now)
            if seen.any():
                return Refused(
                    commit.claim.batch,
                    "state",
                    f"keys not seen before in {scope}",
                    f"{seen.sum()} that were marked meanwhile",
                )
        return None

    def take(self, commit: Commit, snapshot: int) -> None:
        """Write the marks that were looked at last: later commits of the group must meet them."""
        if not self._marks.is_empty():
            self._setting.database.run("append_marks", self._marks)

    def write(self) -> None:
        """Nothing is left to write."""


def drop_expired_marks(database: Database, now: datetime) -> int:
    """Remove expired marks; how many."""
    (count,) = database.rows("expired_marks", now=now)
    if count["expired"]:
        database.run("drop_expired_marks", now=now)
    return int(count["expired"])


def _seen(database: Database, scope: str, wanted: pl.DataFrame, now: datetime) -> pl.Series:
    if wanted.is_empty():
        return pl.Series("seen", [], pl.Boolean)
    # Joined by one half here and by the other below: twice as fast as by both in the query.
    marked = database.frame("marked", wanted.select("high"), scope=scope, now=now).unique()
    if marked.is_empty():
        return pl.repeat(False, wanted.height, dtype=pl.Boolean, eager=True)
    joined = wanted.join(
        marked.with_columns(seen=True), on=_FINGERPRINT, how="left", maintain_order="left"
    )
    return joined["seen"].fill_null(False)
