"""A spool as people use it: scan it, look at its history, verify it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lyftnb.model import Schema
from lyftnb.workspace.nouns import DAMAGES
from lyftnb.workspace.tabular import Table
from lyftnb.workspace.viewing import view

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.store import Damage, Ledger, Listing, SpoolInfo
    from lyftnb.workspace.book import Book
    from lyftnb.workspace.entering import AnyWorkspace


class Spool:
    """A durable channel: `DEPLOYMENT.CHANNEL`.

    Reading goes to the files themselves; the ledger only says which ones.
    """

    def __init__(self, ledger: Ledger | Book, info: SpoolInfo, home: AnyWorkspace) -> None:
        self._ledger = ledger
        self._home = home
        self._name = info.spool

    @property
    def name(self) -> str:
        """`DEPLOYMENT.CHANNEL`."""
        return self._name

    @property
    def info(self) -> SpoolInfo:
        """Rows, bytes, segments and schema, as of now."""
        return self._ledger.spool(self._name)

    @property
    def schema(self) -> Schema | None:
        """The columns; None while no row has come."""
        return self._ledger.schema(self._name)

    @property
    def rows(self) -> int:
        """Rows that are live now."""
        return self.info.rows

    @property
    def bytes(self) -> int:
        """Bytes of the live segments on disk."""
        return self.info.bytes

    @property
    def segments(self) -> int:
        """How many segments are live now."""
        return self.info.segments

    def scan(
        self,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
    ) -> pl.LazyFrame:
        """The rows as a LazyFrame, in sequence order.

        Args:
            since: first sequence number to read.
            until: first sequence number not to read.
            at: a snapshot's number, or a time: the spool as it stood then.

        Raises:
            SegmentMissing: a committed file is gone.
        """
        return self._ledger.scan(self._name, since=since, until=until, at=at)

    def listing(
        self,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
    ) -> Listing:
        """Which files hold the rows, for whoever reads them; arguments as for `scan`."""
        return self._ledger.listing(self._name, since=since, until=until, at=at)

    def history(self) -> pl.DataFrame:
        """Which snapshots changed the spool: one row each, oldest first."""
        return self._ledger.history(self._name)

    def browse(self, height: int = 0) -> Any:
        """The spool browser, in a notebook: snapshots on a time line, rows, schemas, statistics.

        Raises:
            SetupError: ipywidgets is not installed.
        """
        return view("spools", self._home, self._name, height)

    def verify(self) -> Table[Damage]:
        """Check every live file against what was committed; what is wrong."""
        return Table(self._ledger.verify(self._name), DAMAGES)

    def __repr__(self) -> str:
        info = self.info
        return f"Spool({self._name}: {info.rows:,} rows, {info.segments} segments)"

    def _repr_html_(self) -> str:
        from lyftnb.workspace.reprs import spool_html

        return spool_html(self)
