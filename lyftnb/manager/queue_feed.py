"""A queue as a stage's input: items are leased when a batch begins, and acked by its commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lyftnb import connectors
from lyftnb.connectors.state_sources import QueueParams
from lyftnb.manager.feeds import Piece, Place
from lyftnb.model import Advance, Claim, InputSpec, Lease, Split, full_name, seconds
from lyftnb.store import Ledger


@dataclass(slots=True)
class QueueFeed:
    """Hands out work items under leases. It has no position: what is acked is gone."""

    ledger: Ledger
    spec: InputSpec
    deployment: str
    holder: str
    """`DEPLOYMENT/STAGE`: whose leases they are."""

    @property
    def params(self) -> QueueParams:
        """Of the input."""
        params: QueueParams = connectors.SOURCES[self.spec.kind].parse(self.spec.params)
        return params

    @property
    def queue(self) -> str:
        """Its full name."""
        return full_name(self.params.queue, self.deployment)

    @property
    def lease_s(self) -> float:
        """How long a lease lasts before it is renewed."""
        return seconds(self.params.lease)

    @property
    def places(self) -> Mapping[str, Place]:
        """None."""
        return {}

    @property
    def drained(self) -> bool:
        """Whether no item is ready."""
        return not self.ledger.queue_depth(self.queue).ready

    @property
    def next_at(self) -> datetime | None:
        """When the next item becomes ready that is not ready yet."""
        return self.ledger.queue_depth(self.queue).next_at

    def begin(self) -> None:
        """Give back what an earlier owner had leased; that it died is not the items' fault."""
        self.ledger.give_back(self.queue, self.holder)

    def replay(self, advances: Iterable[Advance]) -> None:
        """Nothing to move."""

    def reopen(self, snapshot: int | None) -> None:
        """Nothing to bound: a run takes what is ready until there is nothing."""

    def next_piece(self) -> Piece | None:
        """Lease the items of one batch."""
        items = self.ledger.lease(self.queue, self.params.batch_items, self.lease_s, self.holder)
        if not items:
            return None
        leases = tuple(item.lease for item in items)
        return Piece((_split(self.spec.kind, leases),), (), leases=leases)


def without(claim: Claim, lost: Iterable[Lease]) -> Claim:
    """The claim without items whose leases were lost."""
    gone = set(lost)
    leases = tuple(lease for lease in claim.leases if lease not in gone)
    return replace(claim, leases=leases, splits=(_split(claim.splits[0].input, leases),))


def _split(kind: str, leases: tuple[Lease, ...]) -> Split:
    payload = [[lease.item, lease.token] for lease in leases]
    return Split(0, kind, payload=payload, rows=len(leases))
