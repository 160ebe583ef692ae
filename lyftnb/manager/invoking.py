"""Invocations of runbooks: bounded runs on threads of their own, recorded from begin to end.

Those of one deployment run one after the other, in the order in which they were asked for; of all
together, a few at a time. What waits or runs when the process ends is lost, and can be taken up
again: it goes on from its deployment's checkpoint.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lyftnb.errors import LyftError
from lyftnb.manager.bounded_run import BoundedRun
from lyftnb.manager.flow import RunEnv
from lyftnb.manager.progress import AtWork
from lyftnb.model import InvocationRecord, InvocationStatus, Plan
from lyftnb.store import Ledger

_AT_A_TIME = 4
"""So many run at the same time; they share the workers, so more would end no sooner."""


class Invoker:
    """Runs invocations. Thread-safe."""

    def __init__(
        self,
        ledger: Ledger,
        plan: Callable[[InvocationRecord], Plan],
        env: Callable[[Plan], RunEnv],
    ) -> None:
        """Run invocations of a ledger.

        Args:
            ledger: has their records.
            plan: an invocation → the plan that it runs.
            env: a plan → what it runs with; may take as long as workers need to start.
        """
        self._ledger = ledger
        self._plan = plan
        self._env = env
        self._lock = threading.Lock()
        self._lines: dict[str, deque[InvocationRecord]] = {}
        """Deployment → its invocations, the first of them at work; a thread drives each line."""
        self._threads: list[threading.Thread] = []
        self._works: dict[str, BoundedRun] = {}
        """Invocation → its run."""
        self._unwanted: dict[str, InvocationStatus] = {}
        """Invocations that are to end, and as what."""
        self._ended: dict[str, InvocationRecord] = {}
        """Deployment → the first of its line, once how it ended is settled: nothing ends it any
        more, though it may still have to be recorded.
        """
        self._turns = threading.Semaphore(_AT_A_TIME)

    @property
    def deployments(self) -> tuple[str, ...]:
        """Deployments that invocations run as, or will."""
        with self._lock:
            return tuple(self._lines)

    @property
    def at_work(self) -> dict[str, AtWork]:
        """What runs now, by deployment."""
        with self._lock:
            works = list(self._works.values())
        return {work.plan.deployment: AtWork(work.plan, work.progress) for work in works}

    def submit(self, record: InvocationRecord) -> None:
        """Run an invocation, as soon as those before it have ended."""
        with self._lock:
            line = self._lines.setdefault(record.deployment, deque())
            line.append(record)
            if len(line) > 1:
                return
            thread = threading.Thread(
                target=self._drive, args=(record.deployment,), name="lyftnb-runbook", daemon=True
            )
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(thread)
            thread.start()

    def cancel(self, invocation: str) -> bool:
        """End an invocation at a batch boundary; False if it is not at work here."""
        return self._end(invocation, "cancelled")

    def close(self) -> None:
        """Cut off what runs or waits, and see it recorded."""
        with self._lock:
            left = [record.invocation for line in self._lines.values() for record in line]
        for invocation in left:
            self._end(invocation, "lost")
        for thread in self._threads:
            thread.join()

    def _end(self, invocation: str, status: InvocationStatus) -> bool:
        with self._lock:
            left = [r for line in self._lines.values() for r in line if not self._has_ended(r)]
            if not any(record.invocation == invocation for record in left):
                return False
            self._unwanted.setdefault(invocation, status)
            work = self._works.get(invocation)
        if work is not None:
            work.stop()
        return True

    def _has_ended(self, record: InvocationRecord) -> bool:
        return record is self._ended.get(record.deployment)

    # -- on the thread of a line

    def _drive(self, deployment: str) -> None:
        while True:
            with self._lock:
                record = self._lines[deployment][0]
            with self._turns:
                self._run(record)
            with self._lock:
                line = self._lines[deployment]
                line.popleft()
                del self._ended[deployment]
                if not line:
                    del self._lines[deployment]
                    return

    def _run(self, record: InvocationRecord) -> None:
        status, error = self._outcome(record)
        with self._lock:
            self._works.pop(record.invocation, None)
            unwanted = self._unwanted.pop(record.invocation, None)
            self._ended[record.deployment] = record
        if status == "cancelled" and unwanted is not None:
            status = unwanted
        # Should the ledger be closed or full, the next owner finds it cut off.
        with suppress(LyftError):
            self._ledger.end_invocation(record.invocation, status, error)

    def _outcome(self, record: InvocationRecord) -> tuple[InvocationStatus, dict[str, Any] | None]:
        """How it ended, and why if it failed."""
        work: BoundedRun | None = None
        try:
            work = self._begun(record)
            if work is None:
                return "cancelled", None
            work.run()
        except KeyboardInterrupt:
            return "cancelled", None
        except LyftError as error:
            blocked = work is not None and work.status == "blocked"
            return "blocked" if blocked else "failed", _facts(error)
        except Exception as error:
            return "failed", {"code": "internal", "message": f"{type(error).__name__}: {error}"}
        return "done", None

    def _begun(self, record: InvocationRecord) -> BoundedRun | None:
        """Its run, ready to turn; None if nobody wants it any more."""
        if record.invocation in self._unwanted:
            return None
        plan = self._plan(record)
        env = self._env(plan)
        with self._lock:
            if record.invocation in self._unwanted:
                return None
            work = BoundedRun(
                plan, env, begin=lambda: self._ledger.begin_invocation(record, env.clock.now())
            )
            self._works[record.invocation] = work
            return work


def _facts(error: LyftError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
    }
