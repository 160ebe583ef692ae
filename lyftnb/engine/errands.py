"""What tickets stand for: units of batches, discovery and publication; and what comes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lyftnb.engine.credits import Ticket
from lyftnb.engine.program import Program, Unit
from lyftnb.errors import LyftError, StepFailed, WorkerDied
from lyftnb.model import TaskReport

DEATHS = 5
"""So many deaths of its worker are forgiven to discovery and publication before they fail."""

SMALL_BYTES = 256 * 2**10
"""A prompt task over no more of input is done in a few milliseconds."""

Done = Callable[[Any], None]
"""Called with a result or an exception, on the client's loop: must be quick."""


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at a batch: the programs of its stage's tasks, and the units they run over."""

    batch: str
    attempt: int
    programs: tuple[Program, ...]
    units: tuple[Unit, ...]
    max_deaths: int
    """A unit that has lost its worker so often fails the batch; at least 2, because the first time
    it may have been in bad company."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The worker groups of a unit's tasks, each as often as tasks of it can run at once: a task
        that reads another's rows waits for it, and takes no slot beside it.
        """
        depths: dict[str, int] = {}
        for task in (program.task for program in self.programs):
            depths[task.id] = 1 + max((depths[up] for up in task.upstream), default=0)
        levels = Counter((p.task.group, depths[p.task.id]) for p in self.programs)
        widest: dict[str, int] = {}
        for (group, _depth), count in levels.items():
            widest[group] = max(count, widest.get(group, 0))
        return tuple(Counter(widest).elements())


@dataclass(slots=True)
class Running:
    """The state of one attempt."""

    work: Work
    on_unit: Callable[[], None]
    on_done: Done
    tickets: list[Ticket] = field(default_factory=list)
    reports: dict[int, tuple[TaskReport, ...]] = field(default_factory=dict)
    over: bool = False


@dataclass(frozen=True, slots=True)
class Small:
    """One unit of a prompt task: its key, and parcels of its program and of the unit."""

    key: str
    program: bytes
    unit: bytes


@dataclass(frozen=True, slots=True)
class Errand:
    """What a ticket stands for."""

    name: str
    """For people: `batch B, split 3`."""
    submit: Callable[[int], list[Any]]
    """Sends the tasks (the argument counts the submissions); gives the futures of the last ones."""
    answer: Done
    max_deaths: int
    small: Small | None = None
    """What it comes to, where it may go out together with others."""
    hops: Path | None = None
    """The folder of rows on their way between its tasks; for whoever ends it to remove."""


class NotTogether(Exception):
    """A bundle could not be sent or read as a whole: its tickets go one by one."""


def each(found: list[Any] | BaseException, count: int) -> list[Any]:
    """The outcome of each ticket of a bundle."""
    if isinstance(found, StepFailed):
        return [NotTogether()] * count
    if isinstance(found, BaseException):
        return [found] * count
    return [one if isinstance(one, LyftError) else [one] for one in found[0]]


def worker_died(errand: Errand) -> WorkerDied:
    """The end of what has lost its worker too often."""
    return WorkerDied(
        f"the worker died {errand.max_deaths} times while it ran this piece of work",
        where=errand.name,
        hint="it ran out of memory (lower batch.split_bytes in lyftnb.toml, or give the group more "
        "memory), or the step's own code ends the process",
    )


def flat(reports: Iterable[TaskReport]) -> tuple[TaskReport, ...]:
    """Reports with those that fed them, each once, upstream first."""
    seen: dict[str, TaskReport] = {}

    def visit(report: TaskReport) -> None:
        for up in report.upstream:
            visit(up)
        seen.setdefault(report.task, report)

    for report in reports:
        visit(report)
    return tuple(seen.values())
