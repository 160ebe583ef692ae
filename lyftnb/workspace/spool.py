"""A spool as people use it: scan it, look at its history, verify it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lyftnb.errors import SetupError
from lyftnb.model import Schema
from lyftnb.wording import counted
from lyftnb.workspace.nouns import DAMAGES
from lyftnb.workspace.tabular import Table
from lyftnb.workspace.viewing import view

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.store import Damage, Ledger, Listing, SpoolInfo
    from lyftnb.workspace.book import Book
    from lyftnb.workspace.entering import AnyWorkspace


def moment_of(at: int | datetime | str | None) -> int | datetime | None:
    """The snapshot's number or the time that is meant; without a zone it is UTC.

    Raises:
        SetupError: it is neither.
    """
    if at is None or isinstance(at, datetime) or (isinstance(at, int) and at is not True):
        return at
    text = str(at).strip()
    if text.isdecimal():
        return int(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise SetupError(
            f"'{text}' is neither a snapshot nor a time",
            hint="write a number, or a time like 2026-11-22T14:30:00+01:00",
        ) from None


def _range(since: int | None, until: int | None) -> dict[str, int | None]:
    """The bounds of a range of sequence numbers.

    Raises:
        SetupError: they are none.
    """
    for name, bound in (("since", since), ("until", until)):
        if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
            raise SetupError(
                f"{name}: a sequence number was expected, found {bound!r}",
                hint="count rows from 0; for a time in the past there is `at=`",
            )
    return {"since": since, "until": until}


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
        at: int | datetime | str | None = None,
    ) -> pl.LazyFrame:
        """The rows as a LazyFrame, in sequence order.

        Args:
            since: first sequence number to read.
            until: first sequence number not to read.
            at: a snapshot's number, or a time, also as ISO text: the spool as it stood then.

        Raises:
            SegmentMissing: a committed file is gone.
            SetupError: a bound is no number, or `at` is neither a number nor a time.
        """
        return self._ledger.scan(self._name, **_range(since, until), at=moment_of(at))

    def listing(
        self,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | str | None = None,
    ) -> Listing:
        """Which files hold the rows, for whoever reads them; arguments as for `scan`."""
        return self._ledger.listing(self._name, **_range(since, until), at=moment_of(at))

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
        rows, segments = counted(info.rows, "row"), counted(info.segments, "segment")
        return f"Spool({self._name}: {rows}, {segments})"

    def _repr_html_(self) -> str:
        from lyftnb.workspace.reprs import spool_html

        return spool_html(self)
