"""Revealing, after their commit, what outputs have staged; again at every start until recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lyftnb.clock import Clock
from lyftnb.engine import Engine
from lyftnb.errors import StorageError, StorageFull
from lyftnb.manager.retries import Retries
from lyftnb.model import Publication, RetrySpec
from lyftnb.store import Ledger


@dataclass(slots=True)
class _Line:
    """The publications of one step: one lot at a time, in order."""

    step: str
    retries: Retries
    waiting: list[Publication] = field(default_factory=list)
    out: list[Publication] = field(default_factory=list)
    error: BaseException | None = None
    """Why it goes no further."""
    passable: frozenset[str] = frozenset()
    """Of these the first that fails is passed by, and what else fails of its batch; so they go one
    by one, up to the first of another batch. What comes later was not meant.
    """
    passed: str | None = None
    """The batch of what was passed by."""

    @property
    def idle(self) -> bool:
        return self.error is not None or not (self.waiting or self.out)

    def take(self) -> None:
        """What goes out next."""
        ahead = self.out + self.waiting
        if ahead[0].id not in self.passable or self.passed not in (None, _batch_of(ahead[0])):
            self.passable, self.passed = frozenset(), None
        count = 1 if self.passable else len(ahead)
        self.out, self.waiting = ahead[:count], ahead[count:]


@dataclass(slots=True)
class Publisher:
    """Sends publications to workers, one step after the other's own, and records what is done.

    What cannot be revealed stays listed in the ledger, for the next run to try.
    """

    deployment: str
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
    pass_by: Callable[[str, str], None]
    """Told of a step which of its publications was passed by, and why."""
    _texts: list[str] = field(default_factory=list)
    _lines: dict[str, _Line] = field(default_factory=dict)
    _sweeps: int = 0
    """Tasks out that remove what was staged for nothing."""

    @property
    def busy(self) -> bool:
        """Whether something is still to be revealed, or being removed."""
        return self._sweeps > 0 or not all(line.idle for line in self._lines.values())

    def due_times(self) -> Iterator[float]:
        """When lots that failed are due again, by the monotonic clock."""
        for line in self._lines.values():
            if line.retries.due_at is not None:
                yield line.retries.due_at

    def add(self, publications: Iterable[Publication]) -> None:
        """Reveal these; those of one step keep their order."""
        for publication in publications:
            self._line(publication.step).waiting.append(publication)

    def sweep(self, given_up: Iterable[Publication]) -> None:
        """Have removed what was staged for these, where their group still is; what cannot be
        removed now is tried when this is called again. Nothing, while earlier ones are at it.
        """
        if self._sweeps:
            return
        due: dict[str, list[Publication]] = {}
        for item in self.reachable(given_up):
            due.setdefault(self._group(item), []).append(item)
        for group, items in due.items():
            self._sweeps += 1
            self.engine.discard(items, group, lambda ids: self.defer(lambda: self._swept(ids)))

    def reachable(self, publications: Iterable[Publication]) -> list[Publication]:
        """Those whose group has workers for these steps."""
        known = set(self.groups.values())
        return [item for item in publications if self._group(item) in known]

    def _group(self, publication: Publication) -> str:
        """Where its files are: of others' outputs that is known as of when they were staged."""
        if publication.id.startswith(f"{self.deployment}/"):
            return self.groups.get(publication.step, publication.group)
        return publication.group

    def _swept(self, outcome: Any) -> None:
        if not isinstance(outcome, BaseException) and outcome:
            self.ledger.swept_publications(outcome)
        self._sweeps -= 1

    def send_due(self, now: float) -> None:
        """Send what waits, where nothing of its step is out and no pause is on: one task for each
        worker group.
        """
        due: dict[str, list[_Line]] = {}
        for step, line in self._lines.items():
            again = line.retries.is_due(now)
            first = line.waiting and not line.out and line.retries.due_at is None
            if line.error is not None or not (again or first):
                continue
            line.retries.begin()
            line.take()
            due.setdefault(self.groups.get(step, line.out[0].group), []).append(line)
        for group, lines in due.items():
            self._send(group, lines)

    def errors(self, steps: Collection[str]) -> list[BaseException]:
        """Why publications of these steps go no further."""
        lines = (line for line in self._lines.values() if line.step in steps)
        return [line.error for line in lines if line.error is not None]

    def full(self, steps: Collection[str]) -> Iterator[StorageFull]:
        """The disks that publications of these steps wait for."""
        for line in self._lines.values():
            if line.step in steps and line.retries.full is not None:
                yield line.retries.full

    def retry(self, steps: Collection[str], *, skip: bool) -> None:
        """Try again what failed for good of these steps; with `skip`, pass by what fails once more
        of one batch of each.
        """
        for line in self._lines.values():
            if line.step in steps and line.error is not None:
                line.waiting, line.out, line.error = line.out + line.waiting, [], None
                line.passable = frozenset(p.id for p in line.waiting) if skip else frozenset()
                line.passed = None
                line.retries.reset()

    def _line(self, step: str) -> _Line:
        if step not in self._lines:
            self._lines[step] = _Line(step, Retries(self.retries.get(step, RetrySpec())))
        return self._lines[step]

    def _send(self, group: str, lines: list[_Line]) -> None:
        def answered(outcome: Any) -> None:
            self.defer(lambda: self._answered(lines, outcome))

        self.engine.publish([line.out for line in lines], group, answered)

    def _answered(self, lines: list[_Line], outcome: Any) -> None:
        answers = [outcome] * len(lines) if isinstance(outcome, BaseException) else outcome
        found = list(zip(lines, answers, strict=True))
        done = [item.id for line, texts in found if isinstance(texts, tuple) for item in line.out]
        if done:
            self.ledger.published(done, self.clock.now())
        for line, answer in found:
            if isinstance(answer, BaseException):
                self._failed(line, answer)
            else:
                self._texts += answer
                line.out = []
                line.retries.reset()
                self.tell(line.step, "")

    def _failed(self, line: _Line, error: BaseException) -> None:
        note = line.retries.failed(error, time.monotonic())
        if note is not None:
            self.tell(line.step, f"publication: {note}")
            return
        if line.passable:
            self._pass_by(line, error)
            return
        line.error = error
        self.give_up(line.step, error)

    def _pass_by(self, line: _Line, error: BaseException) -> None:
        (failed,) = line.out
        try:
            self.ledger.skip_publications([failed.id], str(error))
        except StorageError as unwritten:
            line.retries.wait_for(unwritten, time.monotonic())
            return
        line.passed, line.out = _batch_of(failed), []
        line.retries.reset()
        self.pass_by(line.step, f"output {failed.id} was skipped: {error}")

    def take_texts(self) -> tuple[str, ...]:
        """What outputs want shown to people, since the last call."""
        texts, self._texts = tuple(self._texts), []
        return texts


def _batch_of(publication: Publication) -> str:
    """The batch of a publication, which its id begins with (`DEPLOYMENT/STAGE/NUMBER/…`)."""
    return "/".join(publication.id.split("/")[:3])
