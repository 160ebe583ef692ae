"""An invocation of a runbook, to be looked at, waited for and ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final, Self

from lyftnb.errors import TimedOut
from lyftnb.model import InvocationRecord, InvocationStatus, StepCount
from lyftnb.workspace.nouns import COUNTS
from lyftnb.workspace.progress import watching
from lyftnb.workspace.tabular import State, Table, View, listed

if TYPE_CHECKING:
    from lyftnb.manager import Invoker, Watcher
    from lyftnb.store import Ledger

_TICK_S = 0.2
COLUMNS = ("invocation", "status", "parameters", "deployment", "run", "invoked")


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What an invocation has done: all of it once it has ended, before that so far."""

    status: InvocationStatus
    counts: tuple[StepCount, ...]
    """What was committed, step by step, over all attempts."""
    error: dict[str, Any] | None = None
    """Why it did not come to its end: `code`, `message`, `where`, `hint`."""

    @property
    def rejects(self) -> int:
        """Rejected rows over all steps."""
        return sum(count.rejects for count in self.counts)

    def _repr_html_(self) -> str:
        why = "".join(f"<p>{escape(line)}</p>" for line in _complaint(self))
        return listed(COUNTS, self.counts, self.status) + why


class Invocation:
    """A handle on an invocation; each look at it is as of now."""

    def __init__(self, id: str, ledger: Ledger, invoker: Callable[[], Invoker]) -> None:
        self.id = id
        self._ledger = ledger
        self._invoker = invoker

    @property
    def record(self) -> InvocationRecord:
        """All that is recorded of it."""
        return self._ledger.invocation(self.id)

    @property
    def status(self) -> InvocationStatus:
        """`queued`, `running`, `done`; `blocked`, `failed`, `cancelled`; or `lost`: cut off."""
        return self.record.status

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters, with defaults."""
        return dict(self.record.parameters)

    @property
    def deployment(self) -> str:
        """The deployment that it runs as: its spools are `DEPLOYMENT.CHANNEL`."""
        return self.record.deployment

    @property
    def run(self) -> str | None:
        """The id of its run (of its newest attempt); None before it has begun."""
        return self.record.run

    @property
    def result(self) -> InvocationResult:
        """What it has done so far."""
        record = self.record
        error = None if record.error is None else dict(record.error)
        return InvocationResult(record.status, self._ledger.invocation_counts(self.id), error)

    def wait(self, timeout: float | None = None, *, on_progress: Watcher | None = None) -> Self:
        """Wait until it has ended, however it ended.

        Args:
            timeout: seconds to wait; default: as long as it takes.
            on_progress: called a few times a second with numbers per stage; without one, a bar is
                shown in terminals and notebooks.

        Raises:
            TimedOut: it has not ended in time; it goes on.
        """
        if on_progress is not None:
            return self._waited(timeout, on_progress)
        with watching() as watcher:
            return self._waited(timeout, watcher)

    def cancel(self) -> bool:
        """End it at a batch boundary: what is committed stays. False if it is not at work here."""
        return self._invoker().cancel(self.id)

    def resume(self) -> Self:
        """Take it up again, where it was cut off, cancelled, blocked or failed: it goes on from its
        deployment's checkpoint.

        Raises:
            SetupError: it is done, or at work.
        """
        self._invoker().submit(self._ledger.resume_invocation(self.id))
        return self

    def _waited(self, timeout: float | None, watcher: Watcher) -> Self:
        news = threading.Event()
        stop_listening = self._ledger.listen(lambda _topics: news.set())
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            record = self.record
            while not record.ended:
                left = _TICK_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut(
                        f"invocation '{self.id}' is still {record.status} after {timeout:g} s",
                        hint="it goes on; wait once more, or cancel it",
                    )
                if news.wait(min(left, _TICK_S)):
                    news.clear()
                    record = self.record
                self._show(record, watcher)
        finally:
            stop_listening()
        return self

    def _show(self, record: InvocationRecord, watcher: Watcher) -> None:
        work = self._invoker().at_work.get(record.deployment)
        if work is not None and record.status == "running":
            watcher(work.progress())

    def __repr__(self) -> str:
        return "\n".join([headline(self.record), *self._lines()])

    def _repr_html_(self) -> str:
        return f"<p>{escape(headline(self.record))}</p>{self.result._repr_html_()}"

    def _lines(self) -> list[str]:
        result = self.result
        counts = [f"  {count}" for count in result.counts]
        return [*counts, *(f"  {line}" for line in _complaint(result))]


def cells(record: InvocationRecord) -> tuple[str, ...]:
    """An invocation under `COLUMNS`."""
    parameters = ", ".join(f"{name}={value}" for name, value in record.parameters.items())
    return (
        record.invocation,
        State(record.status),
        parameters,
        record.deployment,
        record.run or "",
        _moment(record.invoked_at),
    )


INVOCATIONS: Final[View[InvocationRecord]] = View("no invocations", COLUMNS, cells)


class Invocations(Table[Invocation]):
    """Invocations, newest first; shown as a table."""

    view = View(INVOCATIONS.none, COLUMNS, lambda each: cells(each.record))


def headline(record: InvocationRecord) -> str:
    """An invocation in a line."""
    parameters = ", ".join(f"{name}={value!r}" for name, value in record.parameters.items())
    took = ""
    if record.started_at is not None and record.ended_at is not None:
        took = f" in {(record.ended_at - record.started_at).total_seconds():.1f} s"
    return (
        f"{record.invocation} ({parameters}): {record.status}{took}, {record.ref} on "
        f"{record.workflow} as {record.deployment}"
    )


def _complaint(result: InvocationResult) -> list[str]:
    if result.error is None:
        return []
    place = f"{result.error['where']}: " if result.error.get("where") else ""
    hint = f"hint: {result.error['hint']}" if result.error.get("hint") else ""
    return [line for line in (f"{place}{result.error['message']}", hint) if line]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
