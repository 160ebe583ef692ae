"""The newest segments of a spool, in memory: who follows it is not sent to the table for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lyftnb.model import SegmentRef

_SEGMENTS = 32


@dataclass(frozen=True, slots=True)
class Newest:
    """The live segments of a spool from some sequence number on, without a gap."""

    refs: tuple[SegmentRef, ...] = ()
    whole: bool = False
    """There are no others."""

    def with_more(self, refs: tuple[SegmentRef, ...]) -> Newest:
        """These once more segments, which follow them, are in."""
        known = (*self.refs, *refs)
        return Newest(known[-_SEGMENTS:], self.whole and len(known) <= _SEGMENTS) if refs else self

    def between(self, since: int, until: int) -> tuple[SegmentRef, ...] | None:
        """Those with sequence numbers in [since, until); None if it does not reach so far back."""
        if not self.whole and (not self.refs or since < self.refs[0].first_seq):
            return None
        return tuple(r for r in self.refs if r.first_seq < until and r.first_seq + r.rows > since)
