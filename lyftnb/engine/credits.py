"""Who may go to the cluster next: a queue under credits. Pure bookkeeping, not thread-safe.

The scheduler pushes every task with a resource restriction to a worker at once, and blames every
task that waits on a worker for that worker's death. So few tasks are out at a time: `WINDOW` per
slot of a group, and at most `replicas` of a step. Work that was on a worker when it died is a
*suspect*: it goes out again alone in its groups, so that the next death tells who did it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WINDOW = 2
"""Tasks out per slot: one that runs and one that waits, so that a slot is never idle while the next
task is on its way."""


@dataclass(eq=False, slots=True)
class Ticket:
    """Tasks that go out together; waits for its credits, or is out."""

    lane: str
    """Tickets of one lane keep their order; who must wait holds only its own lane back."""
    groups: tuple[str, ...]
    """The worker group of each of its tasks."""
    limits: tuple[tuple[str, int], ...] = ()
    """Steps with `replicas`: at most so many tickets that name the step are out."""
    deaths: int = 0
    """How often its worker died: the first time in company, then alone."""
    alone: bool = False
    """Whether it is out with its groups to itself."""
    dropped: bool = False
    """Nobody waits for its answer any more."""


class Credits:
    """Tickets that wait, and what is out."""

    def __init__(self, slots: Mapping[str, int]) -> None:
        self.slots = dict(slots)
        """Group → slots."""
        self._queue: deque[Ticket] = deque()
        self._out: Counter[str] = Counter()
        self._steps_out: Counter[str] = Counter()
        self._taken_alone: set[str] = set()

    def add(self, tickets: Iterable[Ticket]) -> None:
        """Queue tickets behind all others."""
        self._queue.extend(tickets)

    def add_first(self, ticket: Ticket) -> None:
        """Queue a ticket in front of all others."""
        self._queue.appendleft(ticket)

    def take_ready(self) -> list[Ticket]:
        """Take out what the credits allow, in order.

        Groups that a suspect waits for take nobody else, or it would wait as long as others come.
        """
        ready: list[Ticket] = []
        kept: deque[Ticket] = deque()
        held: set[str] = set()
        reserved: set[str] = set()
        for ticket in self._queue:
            if ticket.dropped:
                continue
            may = reserved.isdisjoint(ticket.groups) and self._may(ticket)
            if ticket.lane in held or not may:
                held.add(ticket.lane)
                if ticket.deaths:
                    reserved.update(ticket.groups)
                kept.append(ticket)
            else:
                self._take(ticket)
                ready.append(ticket)
        self._queue = kept
        return ready

    def give_back(self, ticket: Ticket) -> None:
        """A ticket has come back, however it went."""
        self._count(ticket, -1)
        if ticket.alone:
            self._taken_alone.difference_update(ticket.groups)

    def wanted(self) -> Counter[str]:
        """Group → tasks that wait for a slot or have one; no more at a time than steps may have."""
        wanted = Counter(self._out)
        steps = Counter(self._steps_out)
        for ticket in self._queue:
            if ticket.dropped or any(steps[step] >= most for step, most in ticket.limits):
                continue
            wanted.update(ticket.groups)
            steps.update(step for step, _most in ticket.limits)
        return wanted

    def busy_groups(self) -> set[str]:
        """Groups that have something out."""
        return {group for group, out in self._out.items() if out}

    def _may(self, ticket: Ticket) -> bool:
        for group in ticket.groups:
            most = 1 if ticket.deaths else WINDOW * max(1, self.slots.get(group, 1))
            if group in self._taken_alone or self._out[group] >= most:
                return False
        return all(self._steps_out[step] < most for step, most in ticket.limits)

    def _take(self, ticket: Ticket) -> None:
        ticket.alone = ticket.deaths > 0
        self._count(ticket, 1)
        if ticket.alone:
            self._taken_alone.update(ticket.groups)

    def _count(self, ticket: Ticket, amount: int) -> None:
        for group in ticket.groups:
            self._out[group] += amount
        for step, _most in ticket.limits:
            self._steps_out[step] += amount
