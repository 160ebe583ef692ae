"""Batches as Dask graphs, under credits of our own.

The scheduler pushes every task with a resource restriction to a worker at once, and blames every
task that waits on a worker for that worker's death. So few tasks are outstanding at a time:
`WINDOW` per slot of a group, and at most `replicas` of a step.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lyftnb.connectors import SourceEnv
from lyftnb.engine.cluster import Cluster, resource
from lyftnb.engine.program import Program, TaskResult, Unit
from lyftnb.engine.run import discover_source, publish, run_task
from lyftnb.errors import StepFailed, TryAgain
from lyftnb.model import InputSpec, Position, Publication, TaskReport

WINDOW = 2
"""Outstanding tasks per slot: one that runs and one that waits, so that a slot is never idle while
the next task is on its way."""

_MAX_DEATHS = 5
"""Workers that a discovery or a publication may outlive; both may be done twice."""

Done = Callable[[Any], None]
"""Called with a result or an exception, on a thread of the client."""


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at a batch: the programs of its stage's tasks, and the units they run over."""

    batch: str
    attempt: int
    programs: tuple[Program, ...]
    units: tuple[Unit, ...]
    max_deaths: int
    """A unit that was running alone when its worker died, so often, fails the batch."""


@dataclass(slots=True)
class _Running:
    """The state of one attempt."""

    work: Work
    on_unit: Callable[[], None]
    on_done: Done
    reports: dict[int, tuple[TaskReport, ...]] = field(default_factory=dict)
    over: bool = False


@dataclass(slots=True)
class _Ticket:
    """One unit that waits for its credits, or is out."""

    running: _Running
    unit: Unit
    submissions: int = 0
    deaths: int = 0
    alone: bool = False
    waiting: int = 0
    """Sinks of the unit's graph that have not answered yet."""
    futures: list[Any] = field(default_factory=list)
    sinks: list[Any] = field(default_factory=list)
    failure: BaseException | None = None


class Engine:
    """Runs discovery, batches and publications on a cluster.

    Thread-safe; callbacks come on a thread of the Dask client and must be quick.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._slots = cluster.capacity()
        self._lock = threading.RLock()
        self._queue: deque[_Ticket] = deque()
        self._out: Counter[str] = Counter()
        self._serial = 0
        # A key that Dask still knows would give the old answer: that of an owner before us, whose
        # batch of that number may have held other rows.
        self._token = secrets.token_hex(4)

    @property
    def slots(self) -> dict[str, int]:
        """Group → slots, as last seen."""
        return dict(self._slots)

    def missing_groups(self, groups: Sequence[str]) -> list[str]:
        """Those groups that have no worker at this moment."""
        self._slots = self._cluster.capacity()
        return sorted(set(groups) - self._cluster.slots().keys())

    # -- the three kinds of work

    def discover(
        self, spec: InputSpec, position: Position, env: SourceEnv, group: str, on_done: Done
    ) -> None:
        """Ask an outside input, on a worker of `group`, what is new after `position`."""
        self._submit_alone(discover_source, (spec, position, env), group, on_done)

    def publish(
        self, publications: Sequence[tuple[str, Publication]], group: str, on_done: Done
    ) -> None:
        """Reveal staged outputs (sink kind, publication), in order, on a worker of `group`."""
        self._submit_alone(publish, (tuple(publications),), group, on_done)

    def start(self, work: Work, on_unit: Callable[[], None], on_done: Done) -> None:
        """Run a batch. `on_unit` is called as units end; `on_done` once, with the reports of all
        tasks in order of their units, or with the exception.
        """
        running = _Running(work, on_unit, on_done)
        if not work.units:
            on_done(())
            return
        with self._lock:
            self._queue.extend(_Ticket(running, unit) for unit in work.units)
        self._pump()

    def cancel(self, batch: str) -> None:
        """Give a batch up: what waits is dropped, what runs is left to end unseen."""
        with self._lock:
            for ticket in self._queue:
                if ticket.running.work.batch == batch:
                    ticket.running.over = True
            self._queue = deque(t for t in self._queue if not t.running.over)

    # -- credits

    def _pump(self) -> None:
        """Submit what the credits allow, oldest batches first; a stage that must wait holds only
        itself back.
        """
        with self._lock:
            held: set[str] = set()
            kept: deque[_Ticket] = deque()
            ready: list[_Ticket] = []
            while self._queue:
                ticket = self._queue.popleft()
                stage = ticket.running.work.batch.rsplit("/", 1)[0]
                if ticket.running.over:
                    continue
                if stage in held or not self._has_credit(ticket):
                    held.add(stage)
                    kept.append(ticket)
                else:
                    self._take(ticket, 1)
                    ready.append(ticket)
            self._queue = kept
        for ticket in ready:
            self._submit(ticket)

    def _has_credit(self, ticket: _Ticket) -> bool:
        for program in ticket.running.work.programs:
            task = program.task
            busy = self._out[task.group]
            if ticket.deaths and busy:
                return False
            if busy >= WINDOW * max(1, self._slots.get(task.group, 1)):
                return False
            if task.replicas is not None and self._out[self._step_key(program)] >= task.replicas:
                return False
        return True

    def _take(self, ticket: _Ticket, amount: int) -> None:
        for program in ticket.running.work.programs:
            self._out[program.task.group] += amount
            self._out[self._step_key(program)] += amount

    @staticmethod
    def _step_key(program: Program) -> str:
        return f"{program.batch.rsplit('/', 1)[0]}/{program.task.id}"

    # -- Dask

    def _submit(self, ticket: _Ticket) -> None:
        """One unit's graph: its tasks in order, hops between groups as edges."""
        ticket.submissions += 1
        ticket.alone = ticket.deaths > 0
        ticket.failure = None
        work = ticket.running.work
        by_task: dict[str, Any] = {}
        fed: set[str] = set()
        for program in work.programs:
            task = program.task
            by_task[task.id] = self._cluster.client.submit(
                run_task,
                program,
                ticket.unit,
                *(by_task[up] for up in task.upstream),
                key=f"{program.key}~{ticket.unit.index}~{self._token}~{ticket.submissions}",
                resources=resource(task.group),
                pure=False,
                retries=0,
            )
            fed.update(task.upstream)
        ticket.futures = list(by_task.values())
        ticket.sinks = [future for task, future in by_task.items() if task not in fed]
        ticket.waiting = len(ticket.sinks)
        for future in ticket.sinks:
            future.add_done_callback(lambda f, ticket=ticket: self._answered(ticket, f))

    def _answered(self, ticket: _Ticket, future: Any) -> None:
        failure = _failure(future)
        with self._lock:
            ticket.failure = ticket.failure or failure
            ticket.waiting -= 1
            if ticket.waiting:
                return
        try:
            self._ended(ticket)
        except Exception as error:
            # Whatever goes wrong here must reach the owner: a batch that never answers would hang.
            self._fail(ticket, error)

    def _ended(self, ticket: _Ticket) -> None:
        running = ticket.running
        failure = ticket.failure
        reports: tuple[TaskReport, ...] = ()
        if failure is None:
            results: list[TaskResult] = self._cluster.client.gather(ticket.sinks)
            reports = _flat(result.report for result in results)
        ticket.futures, ticket.sinks = [], []
        with self._lock:
            self._take(ticket, -1)
        if failure is None:
            self._succeed(ticket, reports)
        elif _is_worker_death(failure) and not running.over:
            self._try_elsewhere(ticket)
        else:
            self._fail(ticket, failure)
        self._pump()

    def _succeed(self, ticket: _Ticket, reports: tuple[TaskReport, ...]) -> None:
        running = ticket.running
        with self._lock:
            running.reports[ticket.unit.index] = reports
            ended = len(running.reports) == len(running.work.units) and not running.over
            running.over = running.over or ended
        running.on_unit()
        if ended:
            ordered = (running.reports[unit.index] for unit in running.work.units)
            running.on_done(tuple(report for reports in ordered for report in reports))

    def _try_elsewhere(self, ticket: _Ticket) -> None:
        """The worker died. Whoever waited there is innocent; to find the guilty one, a unit that
        was there runs alone in its groups from now on.
        """
        if ticket.alone or ticket.deaths == 0:
            ticket.deaths += 1
        if ticket.deaths > ticket.running.work.max_deaths:
            death = StepFailed(
                f"the worker died {ticket.deaths} times while it ran this piece alone",
                where=f"batch {ticket.running.work.batch}, split {ticket.unit.index}",
                hint="it probably ran out of memory: lower batch.split_bytes in lyftnb.toml "
                "or give the group more memory",
            )
            self._fail(ticket, death)
            return
        with self._lock:
            self._queue.appendleft(ticket)

    def _fail(self, ticket: _Ticket, failure: BaseException) -> None:
        with self._lock:
            if ticket.running.over:
                return
            ticket.running.over = True
        ticket.running.on_done(failure)

    def _submit_alone(
        self, function: Callable[..., Any], args: tuple[Any, ...], group: str, on_done: Done
    ) -> None:
        with self._lock:
            self._serial += 1
            key = f"{function.__name__}~{group}~{self._token}~{self._serial}"
        deaths = 0

        def submit() -> None:
            future = self._cluster.client.submit(
                function,
                *args,
                key=f"{key}~{deaths}",
                resources=resource(group),
                pure=False,
                retries=3,
            )
            future.add_done_callback(answered)

        def answered(ended: Any) -> None:
            nonlocal deaths
            try:
                failure = _failure(ended)
                if failure is not None and _is_worker_death(failure) and deaths < _MAX_DEATHS:
                    deaths += 1
                    submit()
                    return
                on_done(ended.result() if failure is None else failure)
            except Exception as error:
                on_done(error)

        submit()


def _flat(reports: Any) -> tuple[TaskReport, ...]:
    """Reports with those that fed them, each once, upstream first."""
    seen: dict[str, TaskReport] = {}

    def visit(report: TaskReport) -> None:
        for up in report.upstream:
            visit(up)
        seen.setdefault(report.task, report)

    for report in reports:
        visit(report)
    return tuple(seen.values())


def _failure(future: Any) -> BaseException | None:
    if future.status == "finished":
        return None
    if future.status == "error":
        error: BaseException = future.exception()
        return error
    return TryAgain(f"the cluster lost a task ({future.status})", hint="the batch is tried again")


def _is_worker_death(error: BaseException) -> bool:
    from distributed import KilledWorker

    return isinstance(error, KilledWorker)
