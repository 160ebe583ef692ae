"""Who may go to the cluster next: lanes that take turns, under credits. Pure bookkeeping, not
thread-safe.

The scheduler pushes every task with a resource restriction to a worker at once, and blames every
task that waits on a worker for that worker's death. So few tickets are out at a time: `WINDOW` per
slot of each of their groups, at most `replicas` of a step, and together no more bytes than a
group's pool holds (what is larger than the pool goes while nothing else is out there).

Lanes share a group by bytes: whose tickets have had the least goes next, so that no stage starves
behind one with much to do. Where it must wait for bytes, nobody overtakes it in that group.

Work that was on a worker when it died is a *suspect*: it goes out again alone in its groups, so
that the next death tells who did it. Small tickets go out many as one, in a *bundle*: what a task
costs the scheduler and us is then shared.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

WINDOW = 2
"""Tickets out per slot: one that runs and one that waits, so that a slot is never idle while the
next one's tasks are on their way, or are with another group first."""
BUNDLE = 16
"""Small tickets that go out as one, at most: a worker is done with them in about a tenth of a
second."""
SLOT_BYTES = 128 * 2**20
_TICKET_BYTES = 2**16
"""A ticket counts for as much at least when lanes take turns."""


@dataclass(eq=False, slots=True)
class Ticket:
    """Tasks that go out together; waits for its credits, or is out."""

    lane: str
    """Tickets of one lane keep their order; who must wait holds only its own lane back."""
    groups: tuple[str, ...]
    """The worker groups of its tasks, each as often as tasks of it run at once."""
    limits: tuple[tuple[str, int], ...] = ()
    """Steps with `replicas`: at most so many tickets that name the step are out."""
    bytes: int = 0
    """About how much of its input is in memory at a time."""
    small: bool = False
    """It is done at once wherever it runs, so it may go out with others that are."""
    deaths: int = 0
    """How often its worker died: the first time in company, then alone."""
    urgent: bool = False
    """It goes before all that are not."""
    alone: bool = False
    """Whether it is out with its groups to itself."""
    out: bool = False
    """It is with the cluster."""
    dropped: bool = False
    """Nobody waits for its answer any more."""


Bundle = tuple[Ticket, ...]
"""Tickets that go out as one: one, or several small ones."""


@dataclass(slots=True)
class _Lane:
    """Tickets that keep their order."""

    number: int
    served: int
    """Bytes that it has had, on a scale that all lanes share."""
    waiting: deque[Ticket] = field(default_factory=deque)

    def head(self) -> Ticket | None:
        """Who is next in it."""
        while self.waiting and self.waiting[0].dropped:
            self.waiting.popleft()
        return self.waiting[0] if self.waiting else None


class Credits:
    """Tickets that wait, and what is out."""

    def __init__(self, slots: Mapping[str, int], slot_bytes: int = SLOT_BYTES) -> None:
        """For groups of so many slots; a group's pool is `slot_bytes` for each of them."""
        self.slots = dict(slots)
        """Group → slots."""
        self._slot_bytes = slot_bytes
        self._lanes: dict[str, _Lane] = {}
        self._lane_number = 0
        self._served = 0
        """Where the lane stood that went last: one that comes anew has no claim to more."""
        self._out: Counter[str] = Counter()
        """Group → tickets that are out with tasks for it."""
        self._tasks_out: Counter[str] = Counter()
        self._bytes_out: Counter[str] = Counter()
        self._steps_out: Counter[str] = Counter()
        self._taken_alone: set[str] = set()

    def add(self, tickets: Iterable[Ticket]) -> None:
        """Queue tickets, each behind those of its lane."""
        for ticket in tickets:
            self._lane(ticket).waiting.append(ticket)

    def add_first(self, ticket: Ticket) -> None:
        """Queue a ticket in front of all others."""
        ticket.urgent = True
        self._lane(ticket).waiting.appendleft(ticket)

    def take_ready(self) -> list[Bundle]:
        """Take out what the credits allow.

        Groups that a suspect waits for take nobody else, or it would wait as long as others come.
        """
        turn = _Turn()
        lanes = [entry for lane in self._lanes.values() for entry in _entry(lane)]
        heapq.heapify(lanes)
        while lanes:
            *_, lane = heapq.heappop(lanes)
            ticket = lane.waiting[0]
            if not self._take(ticket, turn):
                self._reserve(ticket, turn)
                continue
            lane.waiting.popleft()
            if not ticket.urgent:
                self._served = max(self._served, lane.served)
                lane.served += max(ticket.bytes, _TICKET_BYTES)
            for entry in _entry(lane):
                heapq.heappush(lanes, entry)
        self._lanes = {
            name: lane
            for name, lane in self._lanes.items()
            if lane.waiting or lane.served > self._served
        }
        return [tuple(bundle) for bundle in turn.bundles]

    def give_back(self, bundle: Bundle) -> None:
        """A bundle has come back, however it went."""
        self._count(bundle[0].groups, -1)
        for ticket in bundle:
            ticket.out = False
            self._count_in(ticket, -1)
            if ticket.alone:
                self._taken_alone.difference_update(ticket.groups)

    def wanted(self) -> Counter[str]:
        """Group → tasks that wait for a slot or have one; no more at a time than steps may have."""
        wanted = Counter(self._tasks_out)
        small = Counter[str]()
        steps = Counter(self._steps_out)
        for ticket in self._waiting():
            if any(steps[step] >= most for step, most in ticket.limits):
                continue
            (small if ticket.small else wanted).update(ticket.groups)
            steps.update(step for step, _most in ticket.limits)
        wanted.update({group: -(-count // BUNDLE) for group, count in small.items()})
        return wanted

    def busy_groups(self) -> set[str]:
        """Groups that have something out."""
        return {group for group, out in self._out.items() if out}

    def _waiting(self) -> Iterator[Ticket]:
        return (t for lane in self._lanes.values() for t in lane.waiting if not t.dropped)

    def _lane(self, ticket: Ticket) -> _Lane:
        """The lane of a ticket. One that had nothing to do starts level with the one whose turn it
        is: it has saved nothing up, and may not go before who has waited.
        """
        lane = self._lanes.get(ticket.lane)
        if lane is None:
            self._lane_number += 1
            lane = self._lanes[ticket.lane] = _Lane(self._lane_number, 0)
        if not lane.waiting:
            others = [other.served for other in self._lanes.values() if other.waiting]
            lane.served = max(lane.served, self._served, min(others, default=0))
        return lane

    # -- credits

    def _take(self, ticket: Ticket, turn: _Turn) -> bool:
        """Let a ticket out if its credits allow it: with others, or as a bundle of its own."""
        reserved = turn.reserved | turn.short if ticket.bytes else turn.reserved
        if not reserved.isdisjoint(ticket.groups) or not self._within_limits(ticket):
            return False
        joins = ticket.small and not ticket.deaths
        bundle = turn.open.get(ticket.groups) if joins else None
        if bundle is not None and len(bundle) < BUNDLE and self._fits(ticket):
            bundle.append(ticket)
        elif self._has_room(ticket) and self._fits(ticket):
            bundle = [ticket]
            turn.bundles.append(bundle)
            if joins:
                turn.open[ticket.groups] = bundle
            self._count(ticket.groups, 1)
        else:
            return False
        ticket.out, ticket.alone = True, ticket.deaths > 0
        self._count_in(ticket, 1)
        if ticket.alone:
            self._taken_alone.update(ticket.groups)
        return True

    def _reserve(self, ticket: Ticket, turn: _Turn) -> None:
        """Keep groups for a ticket that has to wait for others to leave them."""
        if ticket.deaths:
            turn.reserved.update(ticket.groups)
        elif self._within_limits(ticket):
            turn.short.update(g for g in ticket.groups if not self._fits_in(ticket, g))

    def _within_limits(self, ticket: Ticket) -> bool:
        return all(self._steps_out[step] < most for step, most in ticket.limits)

    def _has_room(self, ticket: Ticket) -> bool:
        for group in ticket.groups:
            most = 1 if ticket.deaths else WINDOW * max(1, self.slots.get(group, 1))
            if group in self._taken_alone or self._out[group] >= most:
                return False
        return True

    def _fits(self, ticket: Ticket) -> bool:
        return all(self._fits_in(ticket, group) for group in ticket.groups)

    def _fits_in(self, ticket: Ticket, group: str) -> bool:
        pool = self._slot_bytes * max(1, self.slots.get(group, 1))
        out = self._bytes_out[group]
        return not (ticket.bytes and out) or out + ticket.bytes <= pool

    def _count(self, groups: Collection[str], sign: int) -> None:
        for group in groups:
            self._tasks_out[group] += sign
        for group in set(groups):
            self._out[group] += sign

    def _count_in(self, ticket: Ticket, sign: int) -> None:
        for group in set(ticket.groups):
            self._bytes_out[group] += sign * ticket.bytes
        for step, _most in ticket.limits:
            self._steps_out[step] += sign


@dataclass(slots=True)
class _Turn:
    """One look at who may go."""

    bundles: list[list[Ticket]] = field(default_factory=list)
    open: dict[tuple[str, ...], list[Ticket]] = field(default_factory=dict)
    """Groups → the bundle that small tickets for them may join."""
    reserved: set[str] = field(default_factory=set)
    """Groups that are kept for a suspect."""
    short: set[str] = field(default_factory=set)
    """Groups whose bytes are kept for who waits for them."""


def _entry(lane: _Lane) -> Iterator[tuple[bool, int, int, _Lane]]:
    """A lane in the order of turns, if anybody waits in it."""
    head = lane.head()
    if head is not None:
        yield not head.urgent, lane.served, lane.number, lane
