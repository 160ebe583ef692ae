"""The manager: runs deployments until they are stopped, all of them on one loop.

Level-triggered: each turn looks at every deployment and does what is due; what wakes the loop (an
answer of the engine, a message, a clock, a command) only says that it is worth looking. Commits of
all deployments that are ready at the same time are one transaction. A deployment whose turn fails
is set aside with an issue, and holds nobody else up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from lyftnb.errors import InternalError, LyftError, NotFound, StorageError, unknown
from lyftnb.manager.action_states import check_states
from lyftnb.manager.firing import Due, Firing
from lyftnb.manager.flow import Flow, RunEnv
from lyftnb.manager.inbox import Inbox
from lyftnb.manager.issues import IssueBook, issues_of, sentence
from lyftnb.manager.progress import AtWork, Progress
from lyftnb.manager.upkeep import Upkeep
from lyftnb.model import IssueDraft, Plan, Run

T = TypeVar("T")

_WORKERS_CHECK_S = 2.0
_STORAGE_PAUSE_S = 1.0
_STORAGE = "storage_failed"
_TURN = "turn_failed"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """One deployment at work."""

    flow: Flow
    firing: Firing
    started: float
    draining: bool = False
    """It begins nothing new, and ends what it has begun."""
    error: BaseException | None = None
    """Its turn failed: it is set aside."""
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def deployment(self) -> str:
        return self.flow.plan.deployment

    @property
    def at_rest(self) -> bool:
        """Nothing of it is in flight."""
        return not self.flow.publisher.busy and not any(
            run.batches for run in self.flow.stages.values()
        )


class Manager:
    """Runs plans continuously. Thread-safe; its loop runs from the first `start` to `close`."""

    def __init__(self, env: RunEnv) -> None:
        self.env = env
        self._events = Inbox()
        self._live: dict[str, _Live] = {}
        self._issues = IssueBook(env.ledger)
        self._upkeep = Upkeep(env.ledger, env.clock, env.retention)
        self._thread: threading.Thread | None = None
        self._closing = False
        self._checked_at = 0.0
        self._storage_due = 0.0
        self._stop_listening: Callable[[], None] | None = None

    # -- commands, from any thread

    def start(self, plan: Plan) -> None:
        """Run a deployment from now on; one of that name that runs already is ended first."""
        self.stop(plan.deployment)
        self._ensure_loop()
        self._call(lambda: self._start(plan))

    def switch(
        self,
        plan: Plan,
        commit: Callable[[], None],
        withdraw: Callable[[], None],
        *,
        drain: Callable[[], None] | None = None,
        drain_s: float = 30.0,
    ) -> None:
        """Let another plan take a deployment over at a batch boundary. Whatever fails on the way,
        what ran before runs on.

        Args:
            plan: what is to run; the deployment may also not run yet.
            commit: makes the switch true, while nothing of the deployment runs.
            withdraw: takes it back, where the plan cannot be started after all. If that fails too,
                nothing runs: what ran before would find its positions elsewhere.
            drain: what is left to do under the old plan, once nothing of it runs.
            drain_s: as for `stop`.
        """
        live = self._live.get(plan.deployment)
        before = live.flow.plan if live is not None else None
        self.stop(plan.deployment, drain_s)
        self._ensure_loop()
        committed = False
        try:
            if drain is not None:
                drain()
            self._call(lambda: self._rehearse(plan))
            commit()
            committed = True
            self._call(lambda: self._start(plan))
        except BaseException:
            if committed:
                withdraw()
            if before is not None:
                self._call(lambda: self._start(before))
            raise

    def stop(self, deployment: str, drain_s: float = 30.0) -> None:
        """Stop a deployment at a batch boundary; batches that take longer than `drain_s` are given
        up, and their input is read again at the next start.
        """
        live = self._live.get(deployment)
        if live is None:
            return
        with suppress(RuntimeError):
            self._call(lambda: setattr(live, "draining", True))
            live.gone.wait(drain_s)
            self._call(lambda: self._remove(live))

    def fire(self, deployment: str, stage: str, payload: Mapping[str, Any] | None = None) -> Run:
        """Fire a stage by hand; `payload` becomes its `${msg}`.

        Raises:
            NotFound: the deployment does not run, or has no such stage.
        """
        return self._call(lambda: self._fire(deployment, stage, payload))

    def retry(self, deployment: str, stage: str, *, skip: bool = False) -> None:
        """Let a blocked stage try again; with `skip`, pass the batch by that fails again.

        Raises:
            NotFound: the deployment does not run, or has no such stage.
            SetupError: the stage is not blocked.
        """
        self._call(lambda: self._retry(deployment, stage, skip))

    def progress(self, deployment: str) -> Progress:
        """The numbers of a deployment, as of now.

        Raises:
            NotFound: it does not run.
        """
        return self._call(lambda: self._progress(self._running(deployment)))

    @property
    def deployments(self) -> tuple[str, ...]:
        """Those that run."""
        return tuple(self._live)

    @property
    def at_work(self) -> dict[str, AtWork]:
        """Those that run, by name, with their plans."""
        return {
            name: AtWork(live.flow.plan, partial(self._numbers, name))
            for name, live in list(self._live.items())
        }

    @property
    def alive(self) -> bool:
        """Whether its loop goes round, or has yet to begin."""
        return self._thread is None or self._thread.is_alive()

    @property
    def set_aside(self) -> dict[str, str]:
        """Deployments whose turn failed, with why: they do nothing until they are started again."""
        live = list(self._live.values())
        return {found.deployment: sentence(found.error) for found in live if found.error}

    @property
    def busy(self) -> frozenset[str]:
        """Deployments that have something in flight."""
        return frozenset(live.deployment for live in list(self._live.values()) if not live.at_rest)

    def _numbers(self, deployment: str) -> Progress:
        """As `progress`, but what outputs want shown is left for those who follow it."""
        return self._call(lambda: self._progress(self._running(deployment), texts=False))

    def wake(self) -> None:
        """Have the loop look at everything once."""
        if self._events.empty:
            self._events.put(_look)

    def abandon(self) -> None:
        """Give up what is in flight, of a manager whose loop has ended."""
        for live in list(self._live.values()):
            with suppress(LyftError):
                live.flow.cancel()
        self._live.clear()

    def close(self, drain_s: float = 30.0) -> None:
        """Stop everything, then the loop."""
        deadline = time.monotonic() + drain_s
        for deployment in list(self._live):
            self.stop(deployment, max(0.0, deadline - time.monotonic()))
        self._closing = True
        self.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    # -- the loop

    def _ensure_loop(self) -> None:
        if self._thread is None:
            self._closing = False
            self._stop_listening = self.env.ledger.listen(lambda news: self.wake())
            self._thread = threading.Thread(target=self._loop, name="lyftnb-manager", daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        try:
            while not self._closing:
                self._turn()
                self._wait()
        finally:
            if self._stop_listening is not None:
                self._stop_listening()
            # What was asked of the loop meanwhile must not wait for ever.
            while not self._events.empty:
                with suppress(StorageError):
                    self._events.take(0)

    def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._storage_due:
            self._events.again()
            self._commit(now)
        if any(live.at_rest for live in self._live.values()):
            self._keep_up(now)
        for live in self._working():
            with self._isolated(live, now):
                self._advance(live, now)
        if now >= self._storage_due:
            self._fire_due(now)
        if 0 < self._storage_due <= now:
            self._storage_works(now)

    def _working(self) -> list[_Live]:
        """Deployments that are not set aside."""
        return [live for live in self._live.values() if live.error is None]

    @contextmanager
    def _isolated(self, live: _Live, now: float) -> Iterator[None]:
        """What goes wrong in a deployment's turn holds nobody else up."""
        try:
            yield
        except StorageError as error:
            self._storage_failed(error, now)
        except Exception as error:
            self._set_aside(live, error)

    def _advance(self, live: _Live, now: float) -> None:
        if not live.draining:
            live.flow.advance(now)
            return
        live.flow.publisher.send_due(now)
        if live.at_rest:
            live.gone.set()

    def _fire_due(self, now: float) -> None:
        """Fire what is due, over all deployments, in one transaction; and begin what that opens."""
        found: list[tuple[_Live, Due]] = []
        for live in self._working():
            if not live.draining:
                with self._isolated(live, now):
                    found.append((live, live.firing.due()))
        made: Iterator[Run] = iter(())
        if not all(due.empty for _, due in found):
            runs = [run for _, due in found for run in due.runs]
            states = {key: state for _, due in found for key, state in due.states.items()}
            begun = [run for _, due in found for run in due.begun]
            try:
                made = iter(self.env.ledger.fire(runs, states, begun))
            except StorageError as error:
                self._storage_failed(error, now)
                return
        for live, due in found:
            mine = [next(made) for _ in due.runs]
            with self._isolated(live, now):
                if live.firing.take(due, mine):
                    live.flow.advance(now)
                self._issues.follow(live.deployment, issues_of(live.flow))

    def _commit(self, now: float) -> None:
        """Commit what is ready, over all deployments, in one transaction."""
        ready = [(live, live.flow.batches.ready()) for live in self._working()]
        commits = [entry.commit for _, entries in ready for entry in entries]
        if not commits:
            return
        try:
            answers = iter(self.env.ledger.commit(commits))
        except StorageError as error:
            self._storage_failed(error, now)
            return
        for live, entries in ready:
            live.flow.settle(entries, [next(answers) for _ in entries])

    def _storage_failed(self, error: StorageError, now: float) -> None:
        """The ledger could not write: nothing is lost and nothing fails, it is tried again."""
        _log.warning("%s", error)
        self._storage_due = now + _STORAGE_PAUSE_S
        with suppress(StorageError):
            self.env.ledger.raise_issue(_STORAGE, "ledger", error.message, hint=error.hint)

    def _storage_works(self, now: float) -> None:
        """A whole turn has gone well again."""
        try:
            self.env.ledger.close_issue(_STORAGE, "ledger")
        except StorageError as error:
            self._storage_failed(error, now)
        else:
            self._storage_due = 0.0

    def _keep_up(self, now: float) -> None:
        try:
            if self._upkeep.run_if_due():
                for live in self._working():
                    if not live.draining:
                        live.flow.sweep()
        except StorageError as error:
            self._storage_failed(error, now)

    def _set_aside(self, live: _Live, error: Exception) -> None:
        _log.exception("the turn of deployment '%s' failed", live.deployment)
        live.error = error
        live.flow.cancel()
        hint = "it is set aside until it is started again"
        draft = IssueDraft(_TURN, live.deployment, sentence(error), hint=hint)
        with suppress(StorageError):
            self.env.ledger.raise_issues([draft])

    def _wait(self) -> None:
        """Sleep until something comes in or is due; then take all that came in."""
        self._look_for_workers()
        try:
            self._events.take(self._pause())
        except StorageError as error:
            self._storage_failed(error, time.monotonic())

    def _pause(self) -> float | None:
        """Seconds until something is due; None while nothing runs."""
        if not self._live:
            return None
        now, clock = time.monotonic(), self.env.clock.now()
        due = [self._checked_at + _WORKERS_CHECK_S]
        if self._storage_due:
            due.append(self._storage_due)
        for live in self._live.values():
            if live.error is None:
                due += live.flow.due_times()
                look = live.firing.next_look(clock)
                if look is not None and not self._storage_due:
                    due.append(now + (look - clock).total_seconds())
        return max(0.0, min(due) - now)

    def _look_for_workers(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < _WORKERS_CHECK_S or not self._live:
            return
        self._checked_at = now
        self.env.engine.look_for_workers(
            lambda slots: self._events.put(lambda: self._workers_found(slots))
        )

    def _workers_found(self, slots: dict[str, int]) -> None:
        for live in self._live.values():
            live.flow.workers_found(slots)

    # -- commands, on the loop

    def _call(self, command: Callable[[], T]) -> T:
        """Carry a command out on the loop's thread."""
        if self._thread is None:
            raise NotFound("nothing runs here", hint="start a deployment first")
        if threading.current_thread() is self._thread:
            return command()
        answer: Future[T] = Future()

        def carry_out() -> None:
            try:
                answer.set_result(command())
            except BaseException as error:
                answer.set_exception(error)

        self._events.put(carry_out)
        return answer.result()

    def _start(self, plan: Plan) -> None:
        check_states(plan, self.env.ledger)
        flow = Flow(plan, self.env, self._events.put, bounded=False)
        firing = Firing(flow, live=True)
        self._issues.begin(plan.deployment, flow.stages.values())
        self.env.ledger.close_issue(_TURN, plan.deployment)
        flow.begin()
        firing.begin()
        self._live[plan.deployment] = _Live(flow, firing, time.monotonic())

    def _rehearse(self, plan: Plan) -> None:
        """See that a plan can be set up, before anything is changed for it."""
        Firing(Flow(plan, self.env, self._events.put, bounded=False), live=True)

    def _remove(self, live: _Live) -> None:
        live.flow.cancel()
        if self._live.get(live.deployment) is live:
            del self._live[live.deployment]

    def _fire(self, deployment: str, stage: str, payload: Mapping[str, Any] | None) -> Run:
        live = self._running(deployment)
        self._stage(live, stage)
        return live.firing.by_hand(stage, payload)

    def _retry(self, deployment: str, stage: str, skip: bool) -> None:
        live = self._running(deployment)
        self._stage(live, stage)
        live.flow.retry(stage, skip=skip)

    def _stage(self, live: _Live, stage: str) -> None:
        if stage not in live.flow.stages:
            raise unknown("stage", stage, live.flow.stages)

    def _running(self, deployment: str) -> _Live:
        if deployment not in self._live:
            raise unknown("running deployment", deployment, self._live)
        live = self._live[deployment]
        if live.error is not None:
            raise InternalError(f"deployment '{deployment}' is set aside: {live.error}")
        return live

    def _progress(self, live: _Live, *, texts: bool = True) -> Progress:
        elapsed = time.monotonic() - live.started
        flow = live.flow
        stages = tuple(r.progress(elapsed, flow.gates.reason(r)) for r in flow.stages.values())
        shown = flow.publisher.take_texts() if texts else ()
        return Progress(live.deployment, elapsed, stages, shown)


def _look() -> None:
    """Nothing but a reason to turn."""
