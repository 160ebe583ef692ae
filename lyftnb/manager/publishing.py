"""Revealing, after their commit, what outputs have staged; again at every start until recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lyftnb.clock import Clock
from lyftnb.engine import Engine
from lyftnb.model import Publication
from lyftnb.store import Ledger


@dataclass(slots=True)
class Publisher:
    """Sends publications to workers, one step after the other's own, and records what is done."""

    ledger: Ledger
    engine: Engine
    clock: Clock
    defer: Callable[[Callable[[], None]], None]
    """Runs a function on the loop's thread."""
    failed: Callable[[str, BaseException], None]
    """Told of the step whose publication failed."""
    texts: list[str] = field(default_factory=list)
    """What outputs want shown to people."""
    _waiting: dict[str, list[Publication]] = field(default_factory=dict)
    _out: set[str] = field(default_factory=set)

    @property
    def busy(self) -> bool:
        """Whether something is still to be revealed."""
        return bool(self._out or self._waiting)

    def add(self, publications: Iterable[Publication]) -> None:
        """Reveal these; those of one step keep their order."""
        for publication in publications:
            self._waiting.setdefault(publication.step, []).append(publication)
        self._send()

    def _send(self) -> None:
        for step in [s for s in self._waiting if s not in self._out]:
            items = self._waiting.pop(step)
            self._out.add(step)
            self.engine.publish(
                [(item.kind, item) for item in items], items[0].group, self._listener(step, items)
            )

    def _listener(self, step: str, items: Sequence[Publication]) -> Callable[[Any], None]:
        """Brings a worker's answer to the loop's thread."""
        return lambda outcome: self.defer(lambda: self._answered(step, items, outcome))

    def _answered(self, step: str, items: Sequence[Publication], outcome: Any) -> None:
        self._out.discard(step)
        if isinstance(outcome, BaseException):
            self._waiting.pop(step, None)
            self.failed(step, outcome)
            return
        self.texts += outcome
        self.ledger.published([item.id for item in items], self.clock.now())
        self._send()

    def take_texts(self) -> tuple[str, ...]:
        """The texts since the last call."""
        texts, self.texts = tuple(self.texts), []
        return texts
