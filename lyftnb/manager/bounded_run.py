"""A bounded run: every stage of a plan to the end of its inputs, then stop.

One thread turns the loop; the engine's answers come in by a queue. Stages that wait for a message
run when it comes; the run is over once nobody is left who could send one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from lyftnb.errors import InternalError, LyftError, StageBlocked, StorageError, StorageFull
from lyftnb.manager.action_states import check_states
from lyftnb.manager.firing import Firing
from lyftnb.manager.flow import Flow, RunEnv
from lyftnb.manager.inbox import Inbox
from lyftnb.manager.interrupts import deferred_interrupts
from lyftnb.manager.issues import IssueBook, issues_of
from lyftnb.manager.progress import Progress, Watcher
from lyftnb.manager.stage_run import StageRun, summed
from lyftnb.model import Ending, Plan, Run, RunStatus, RunSummary

T = TypeVar("T")

_LOOK_S = 2.0
_PROGRESS_S = 0.1
_ROOM_S = 1.0


class BoundedRun:
    """Drives one plan to the end of its inputs. Use once: `BoundedRun(plan, env).run()`."""

    def __init__(
        self,
        plan: Plan,
        env: RunEnv,
        watcher: Watcher | None = None,
        *,
        begin: Callable[[], Run] | None = None,
    ) -> None:
        """Prepare it; `begin` writes its row, where that is not simply a run by hand."""
        self.plan = plan
        self.env = env
        self.watcher = watcher
        self.status: RunStatus = "queued"
        self._begin = begin or self._by_hand
        self._lock = threading.Lock()
        self._asked: list[Future[Progress]] = []
        self.events = Inbox()
        self.flow = Flow(plan, env, self.events.put, bounded=True)
        self.issues = IssueBook(env.ledger)
        self.firing = Firing(self.flow, live=False)
        runs = self.flow.stages.values()
        self.waiting = [run for run in runs if self.firing.awaited(run.stage)]
        self.released = False
        """Nobody is left who could wake those that wait for messages."""
        self.started = time.monotonic()
        self.shown_at = 0.0
        self.checked_at = self.started
        self.full: StorageFull | None = None
        """Why the ledger cannot write; it is tried again until it can."""
        self.room_due = 0.0
        """When it is tried next, by the monotonic clock."""

    # -- the loop

    def run(self) -> RunSummary:
        """Run to the end.

        Raises:
            StateChanged: what an action has kept from earlier runs does not fit it any more.
            StageBlocked: a stage used up its attempts; the others were driven to their ends first.
                A stage that failed alone raises its own error.
            StorageFull: the ledger has no room to begin with. Later it is waited for.
            KeyboardInterrupt: what is committed stays, the rest is for the next run.
        """
        check_states(self.plan, self.env.ledger)
        run = self._begin()
        status: RunStatus = "failed"
        self.status = "running"
        try:
            with deferred_interrupts(lambda: self.events.put(_interrupted)):
                self.issues.begin(self.plan.deployment, self.flow.stages.values())
                self._open_all(run)
                self.flow.begin()
                while self._with_room(self._turn):
                    self._wait()
                self._with_room(lambda: self._note_end(run))
            status = "blocked" if self._blocked() else "done"
        except KeyboardInterrupt:
            status = "cancelled"
            raise
        finally:
            self.flow.cancel()
            if status == "cancelled":
                self.env.engine.interrupt()
            self.status = status
            self._answer_asked()
            if status in ("failed", "cancelled"):
                # Without a word of it the next owner of the ledger takes it for lost.
                with suppress(StorageError):
                    self.env.ledger.end_runs([Ending(replace(run, status=status))])
            self._show(force=True)
        if status == "blocked":
            raise self._blocked_error()
        return self._summary(run.run, status)

    def _by_hand(self) -> Run:
        return self.env.ledger.begin_run(self.plan.deployment, self.env.clock.now())

    # -- from other threads

    def stop(self) -> None:
        """End it as Ctrl-C would: `run` raises `KeyboardInterrupt`, what is committed stays."""
        self.events.put(_interrupted)

    def progress(self) -> Progress:
        """Its numbers, as of now."""
        answer: Future[Progress] = Future()
        with self._lock:
            if self.status != "running":
                return self._progress()
            self._asked.append(answer)
        self.events.put(self._answer_asked)
        return answer.result()

    def _answer_asked(self) -> None:
        with self._lock:
            asked, self._asked = self._asked, []
        for answer in asked:
            answer.set_result(self._progress())

    def _note_end(self, run: Run) -> None:
        self.issues.follow(self.plan.deployment, issues_of(self.flow))
        status: RunStatus = "blocked" if self._blocked() else "done"
        self.env.ledger.end_runs([Ending(replace(run, status=status))])

    # -- turns

    def _with_room(self, act: Callable[[], T]) -> T:
        """Do what changes the ledger. While its disk is full, it is done over again."""
        while True:
            while time.monotonic() < self.room_due:
                self._wait()
            self.events.again()
            try:
                done = act()
            except StorageFull as error:
                self._no_room(error)
            else:
                self.full = None
                return done

    def _no_room(self, error: StorageFull) -> None:
        self.full, self.room_due = error, time.monotonic() + _ROOM_S

    def _open_all(self, run: Run) -> None:
        """Fire everything by hand, but for what waits for a message."""
        self.firing.begin()
        for id, stage_run in self.flow.stages.items():
            if stage_run not in self.waiting:
                self.flow.open(id, run)

    def _turn(self) -> bool:
        """One look at everything; whether anything is left to wait for."""
        if not self.released:
            for run in self.waiting:
                run.dormant = run.run is None
        self.flow.turn(time.monotonic())
        if self.firing.fire():
            self.flow.turn(time.monotonic())
        if self._idle():
            # Nobody is left who could send a message: those behind its receivers may go on.
            self.released = True
            for run in self.waiting:
                run.dormant = False
            self.flow.turn(time.monotonic())
        return self.flow.busy or self.firing.fire()

    def _idle(self) -> bool:
        runs = self.flow.stages.values()
        if self.flow.publisher.busy or not any(run.dormant for run in runs):
            return False
        return all(run.dormant or run.over or self._only_waits(run) for run in runs)

    def _only_waits(self, run: StageRun) -> bool:
        """Whether a stage has nothing to do but to wait for those before it."""
        return not run.batches and (run.feed.drained or bool(self.flow.gates.waits_for(run)))

    def _wait(self) -> None:
        """Sleep until something comes in or a retry is due; then take all that came in."""
        if self.full is None:
            due = min(self.flow.due_times(), default=float("inf"))
        else:
            due = self.room_due
        if self.flow.stages_over and self.full is None:
            # Only what outputs reveal is still out; the end need not wait for this too.
            self._follow_issues()
        while time.monotonic() < due:
            self._show()
            self._look_around()
            try:
                if self.events.take(self._pause(due)):
                    return
            except StorageFull as error:
                self._no_room(error)
                return

    def _pause(self, due: float) -> float:
        now = time.monotonic()
        pause = min(due - now, self.checked_at + _LOOK_S - now)
        if self.watcher is not None:
            pause = min(pause, self.shown_at + _PROGRESS_S - now)
        return max(0.0, pause)

    def _look_around(self) -> None:
        """Now and then: a group may have lost its last worker, or workers may have joined; and what
        is wrong may have changed.
        """
        now = time.monotonic()
        if now - self.checked_at < _LOOK_S:
            return
        self.checked_at = now
        self.env.engine.look_for_workers(
            lambda slots: self.events.put(lambda: self.flow.workers_found(slots))
        )
        self._follow_issues()

    def _follow_issues(self) -> None:
        # What it waits for may take as long as a person does; but a ledger on a full disk may not
        # take the word for it either.
        with suppress(StorageError):
            self.issues.follow(self.plan.deployment, issues_of(self.flow))

    # -- what people see

    def _blocked(self) -> list[StageRun]:
        return [run for run in self.flow.stages.values() if run.error is not None]

    def _blocked_error(self) -> LyftError:
        blocked = self._blocked()
        causes = [f"stage '{run.stage.id}': {run.error}" for run in blocked]
        first = blocked[0].error
        if len(blocked) > 1:
            return StageBlocked(f"{len(blocked)} stages are blocked:\n" + "\n".join(causes))
        if isinstance(first, LyftError):
            return first
        return InternalError(
            f"{type(first).__name__}: {first}", where=f"stage '{blocked[0].stage.id}'"
        )

    def _show(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self.watcher is None or (now - self.shown_at < _PROGRESS_S and not force):
            return
        self.shown_at = now
        self.watcher(replace(self._progress(), texts=self.flow.publisher.take_texts()))

    def _progress(self) -> Progress:
        elapsed, flow = time.monotonic() - self.started, self.flow
        stages = tuple(r.progress(elapsed, flow.gates.reason(r)) for r in flow.stages.values())
        if self.full is not None:
            note = f"waits for room: {self.full}"
            stages = tuple(
                s if s.state == "done" else replace(s, state="retrying", note=note) for s in stages
            )
        return Progress(self.plan.deployment, elapsed, stages)

    def _summary(self, run_id: str, status: str) -> RunSummary:
        runs = self.flow.stages.values()
        return RunSummary(
            run=run_id,
            deployment=self.plan.deployment,
            status=status,
            seconds=time.monotonic() - self.started,
            batches=sum(r.committed for r in runs),
            counts=summed(c for r in runs for c in r.counts.values()),
            problems=(*self.env.problems, *(problem for r in runs for problem in r.problems)),
            skipped=sum(r.skipped for r in runs),
        )


def _interrupted() -> None:
    raise KeyboardInterrupt
