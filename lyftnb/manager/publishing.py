"""Revealing, after their commit, what outputs have staged; again at every start until recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lyftnb.clock import Clock
from lyftnb.engine import Engine
from lyftnb.manager.retries import Retries
from lyftnb.model import Publication, RetrySpec
from lyftnb.store import Ledger


@dataclass(slots=True)
class _Line:
    """The publications of one step: one lot at a time, in order."""

    retries: Retries
    waiting: list[Publication] = field(default_factory=list)
    out: list[Publication] = field(default_factory=list)
    failed: bool = False

    @property
    def idle(self) -> bool:
        return self.failed or not (self.waiting or self.out)


@dataclass(slots=True)
class Publisher:
    """Sends publications to workers, one step after the other's own, and records what is done.

    What cannot be revealed stays listed in the ledger, for the next run to try.
    """

    ledger: Ledger
    engine: Engine
    clock: Clock
    retries: Mapping[str, RetrySpec]
    """How often each step's publications are tried."""
    groups: Mapping[str, str]
    """Where each step's outputs are revealed now; the group that staged them may be gone."""
    defer: Callable[[Callable[[], None]], None]
    """Runs a function on the loop's thread."""
    tell: Callable[[str, str], None]
    """Told of a step what it is doing about a failure."""
    give_up: Callable[[str, BaseException], None]
    """Told of the step whose publications failed for good."""
    _texts: list[str] = field(default_factory=list)
    _lines: dict[str, _Line] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether something is still to be revealed."""
        return not all(line.idle for line in self._lines.values())

    def due_times(self) -> Iterator[float]:
        """When lots that failed are due again, by the monotonic clock."""
        for line in self._lines.values():
            if line.retries.due_at is not None:
                yield line.retries.due_at

    def add(self, publications: Iterable[Publication]) -> None:
        """Reveal these; those of one step keep their order."""
        for publication in publications:
            self._line(publication.step).waiting.append(publication)

    def send_due(self, now: float) -> None:
        """Send what waits, where nothing of its step is out and no pause is on."""
        for step, line in self._lines.items():
            again = line.retries.is_due(now)
            first = line.waiting and not line.out and line.retries.due_at is None
            if line.failed or not (again or first):
                continue
            line.retries.begin()
            line.out, line.waiting = line.out + line.waiting, []
            self._send(step, line)

    def _line(self, step: str) -> _Line:
        if step not in self._lines:
            self._lines[step] = _Line(Retries(self.retries.get(step, RetrySpec())))
        return self._lines[step]

    def _send(self, step: str, line: _Line) -> None:
        items = line.out

        def answered(outcome: Any) -> None:
            self.defer(lambda: self._answered(step, line, outcome))

        group = self.groups.get(step, items[0].group)
        self.engine.publish([(item.kind, item) for item in items], group, answered)

    def _answered(self, step: str, line: _Line, outcome: Any) -> None:
        if not isinstance(outcome, BaseException):
            self._texts += outcome
            self.ledger.published([item.id for item in line.out], self.clock.now())
            line.out = []
            line.retries.reset()
            self.tell(step, "")
            return
        note = line.retries.failed(outcome, time.monotonic())
        if note is not None:
            self.tell(step, f"publication: {note}")
            return
        line.failed = True
        self.give_up(step, outcome)

    def take_texts(self) -> tuple[str, ...]:
        """What outputs want shown to people, since the last call."""
        texts, self._texts = tuple(self._texts), []
        return texts
