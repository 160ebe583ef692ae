"""Batches as Dask graphs, under credits of our own (`credits`).

What is out is watched by coroutines on the client's own event loop: no thread per task, no polling.
A task that fails is the owner's to try again; one whose worker died is sent again from here.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any

from lyftnb.connectors import SourceEnv
from lyftnb.engine.answers import answering, failure_of, is_worker_death
from lyftnb.engine.cluster import Cluster, Member, group_unavailable, resource
from lyftnb.engine.credits import SLOT_BYTES, Bundle, Credits, Ticket
from lyftnb.engine.errands import (
    DEATHS,
    SMALL_BYTES,
    Done,
    Errand,
    NotTogether,
    Running,
    Small,
    Work,
    each,
    flat,
    worker_died,
)
from lyftnb.engine.inquiry import BATCH, Inquiry, inquire
from lyftnb.engine.parcels import lay_out, sealed
from lyftnb.engine.probe import check_storage
from lyftnb.engine.program import Program, TaskResult, Unit
from lyftnb.engine.run import discard, discover_source, publish, run_task, run_together
from lyftnb.model import InputSpec, Position, Publication


class Engine:
    """Runs discovery, batches and publications on a cluster. Thread-safe."""

    def __init__(
        self, cluster: Cluster, storage_root: str = "", slot_bytes: int = SLOT_BYTES
    ) -> None:
        """Work on a cluster, for the owner of a storage root, with at most so much input in
        workers' memory for each slot of a group.
        """
        self._cluster = cluster
        self._storage_root = storage_root
        self._slot_bytes = slot_bytes
        self._credits = Credits(cluster.seen().capacity, slot_bytes)
        self._pumping = False
        self._lock = threading.Lock()
        self._errands: dict[Ticket, Errand] = {}
        self._running: dict[str, Running] = {}
        self._serial = 0
        # Other owners may use the same scheduler, and an earlier one may have died just now: keys
        # must never meet, or Dask would hand out the other's results.
        self._token = secrets.token_hex(4)
        cluster.when_ready(lambda: self.look_for_workers(_nothing))
        self.look_for_workers(_nothing)  # who came before anybody was told

    @property
    def slots(self) -> dict[str, int]:
        """Group → slots, as last seen; 0 for a group that has lost its workers."""
        return dict(self._credits.slots)

    def wanted(self) -> dict[str, int]:
        """Group → tasks that have a slot, or would if there were one for each."""
        with self._lock:
            return dict(self._credits.wanted())

    def look_for_workers(self, on_found: Callable[[dict[str, int]], None]) -> None:
        """Look which workers are there now: credits follow them, and `on_found` is called with
        group → slots, unless the scheduler does not answer.
        """

        async def look() -> None:
            with suppress(OSError):
                sight = await self._cluster.look()
                with self._lock:
                    known = self._credits.slots
                    self._credits.slots = dict.fromkeys(known, 0) | sight.capacity
                self._pump()
                on_found(sight.there)

        self._spawn(look())

    def check_storage(self, root: Path, groups: Iterable[str], timeout_s: float) -> None:
        """See that a worker of each group reads and writes what this process does under `root`.

        Raises:
            StorageError: it does not, or it did not answer in time.
        """
        check_storage(self._cluster, root, groups, timeout_s)

    def ask(self, whom: str, inquiry: Inquiry) -> Any:
        """Ask a worker, by its name or as any one of its group, beside whatever it is doing.

        Waits as long as it takes: for a worker of our own until it has started, for one that is
        frozen until it goes on or is given up.

        Raises:
            NotFound: there is no such worker or group, or no such question.
            WorkerDied: it was lost before it answered.
            ConfigError: the scheduler does not answer.
        """
        try:
            return self._cluster.spawn(inquire(self._cluster, whom, inquiry)).result()
        except (OSError, CancelledError) as error:
            raise self._cluster.gone() from error

    def members(self) -> list[Member]:
        """The workers that are there now.

        Raises:
            ConfigError: the scheduler does not answer.
        """
        try:
            return self._cluster.spawn(self._cluster.members()).result()
        except (OSError, CancelledError) as error:
            raise self._cluster.gone() from error

    # -- the three kinds of work

    def discover(
        self,
        spec: InputSpec,
        position: Position,
        env: SourceEnv,
        variables: Mapping[str, Any],
        group: str,
        on_done: Done,
    ) -> None:
        """Ask an outside input, on a worker of `group`, what is new after `position`.

        `variables` are what `${…}` in its parameters stands for.
        """
        args = (spec, position, env, variables, self._storage_root)
        self._send_one(discover_source, args, group, on_done)

    def publish(self, lots: Sequence[Sequence[Publication]], group: str, on_done: Done) -> None:
        """Reveal staged outputs on a worker of `group`: each lot in order, and whatever becomes of
        the others. The result has, for each lot, the texts to show or the error.
        """
        self._send_one(publish, (lots, self._storage_root), group, on_done)

    def discard(self, publications: Sequence[Publication], group: str, on_done: Done) -> None:
        """Remove, on a worker of `group`, what was staged and is never revealed. The result has the
        ids of those for which it was done.
        """
        self._send_one(discard, (publications, self._storage_root), group, on_done)

    def start(self, work: Work, on_unit: Callable[[], None], on_done: Done) -> None:
        """Run a batch. `on_unit` is called as units end; `on_done` once, with the reports of all
        tasks in order of their units, or with the exception. Neither after `cancel`.
        """
        running = Running(work, on_unit, on_done)
        if not work.units:
            on_done(())
            return
        lane = work.batch.rsplit("/", 1)[0]
        groups = work.groups
        limits = tuple(
            (f"{lane}/{program.task.id}", program.task.replicas)
            for program in work.programs
            if program.task.replicas is not None
        )
        parcels = tuple(sealed(program) for program in work.programs)
        for unit in work.units:
            errand = self._errand(running, unit, parcels)
            ticket = Ticket(
                lane, groups, limits, self._bytes_of(work, unit), errand.small is not None
            )
            running.tickets.append(ticket)
            self._errands[ticket] = errand
        with self._lock:
            self._running[work.batch] = running
            self._credits.add(running.tickets)
        self._pump()

    def cancel(self, batch: str) -> None:
        """Give a batch up: what waits is dropped, what runs is left to end unseen. Its credits come
        back only then, so that a step never has more tasks at a time than it may.
        """
        with self._lock:
            running = self._running.get(batch)
            if running is not None:
                self._close(running)

    def interrupt(self) -> None:
        """Stop what still runs of cancelled batches, by starting the workers again that are busy
        (where they are ours): a step that never ends must not keep its slot for ever.
        """
        with self._lock:
            busy = self._credits.busy_groups()
        self._cluster.restart(busy)

    # -- errands

    def _bytes_of(self, work: Work, unit: Unit) -> int:
        """What a unit counts for in a pool: a split is in memory as a whole, a frame spills."""
        if work.programs[0].frame == "batch":
            return unit.bytes
        return min(unit.bytes, self._slot_bytes)

    def _errand(self, running: Running, unit: Unit, programs: tuple[bytes, ...]) -> Errand:
        work = running.work
        first = work.programs[0]
        is_small = len(work.programs) == 1 and unit.bytes <= SMALL_BYTES and first.prompt
        parcel, hops = sealed(unit), self._hops_of(work)

        def submit(submission: int) -> list[Any]:
            parcels = zip(work.programs, programs, strict=True)
            folder = None if hops is None else hops / str(submission)
            if folder is not None:
                lay_out(folder)
            return self._submit_unit(parcels, unit.index, parcel, folder, submission)

        def answer(outcome: Any) -> None:
            self._unit_ended(running, unit, outcome)

        return Errand(
            f"batch {work.batch}, split {unit.index}",
            submit,
            answer,
            max(2, work.max_deaths),
            Small(f"{first.key}~{unit.index}", programs[0], parcel) if is_small else None,
            hops,
        )

    def _hops_of(self, work: Work) -> Path | None:
        """A folder for rows on their way between tasks of a unit; None where there are none, or
        where they travel.
        """
        folder = self._cluster.hops
        if folder is None or not any(program.task.sends for program in work.programs):
            return None
        return folder / secrets.token_hex(8)

    def _submit_unit(
        self,
        programs: Iterable[tuple[Program, bytes]],
        index: int,
        unit: bytes,
        hops: Path | None,
        submission: int,
    ) -> list[Any]:
        """One unit's graph: its tasks in order, hops between groups as edges."""
        futures: dict[str, Any] = {}
        fed: set[str] = set()
        for program, parcel in programs:
            task = program.task
            futures[task.id] = self._cluster.client.submit(
                answering,
                run_task,
                parcel,
                unit,
                hops,
                *(futures[up] for up in task.upstream),
                key=f"{BATCH}~{program.key}~{index}~{submission}~{self._token}",
                resources=resource(task.group),
                pure=False,
                retries=0,
            )
            fed.update(task.upstream)
        return [future for task, future in futures.items() if task not in fed]

    def _submit_together(self, bundle: Bundle) -> Any:
        """The future of one task that runs all of a bundle."""
        work = [small for ticket in bundle if (small := self._errands[ticket].small) is not None]
        return self._cluster.client.submit(
            answering,
            run_together,
            [(small.program, small.unit) for small in work],
            key=f"{BATCH}~{work[0].key}+{len(work)}~{self._token}",
            resources=resource(bundle[0].groups[0]),
            pure=False,
            retries=0,
        )

    def _unit_ended(self, running: Running, unit: Unit, outcome: Any) -> None:
        with self._lock:
            if running.over:
                return
            if not isinstance(outcome, BaseException):
                results: list[TaskResult] = outcome
                running.reports[unit.index] = flat(result.report for result in results)
                running.on_unit()
                if len(running.reports) < len(running.work.units):
                    return
                ordered = (running.reports[unit.index] for unit in running.work.units)
                outcome = tuple(report for reports in ordered for report in reports)
            self._close(running)
        running.on_done(outcome)

    def _close(self, running: Running) -> None:
        running.over = True
        for ticket in running.tickets:
            ticket.dropped = True
            if not ticket.out:
                self._errands.pop(ticket, None)
        if self._running.get(running.work.batch) is running:
            del self._running[running.work.batch]

    def _send_one(
        self, function: Callable[..., Any], args: tuple[Any, ...], group: str, on_done: Done
    ) -> None:
        if group not in self._credits.slots:
            on_done(group_unavailable(group, self.slots))
            return
        with self._lock:
            self._serial += 1
            name = f"{function.__name__}-~{group}~{self._serial}~{self._token}"

        def submit(submission: int) -> list[Any]:
            future = self._cluster.client.submit(
                answering,
                function,
                *args,
                key=f"{name}~{submission}",
                resources=resource(group),
                pure=False,
                retries=0,
            )
            return [future]

        def answer(outcome: Any) -> None:
            on_done(outcome if isinstance(outcome, BaseException) else outcome[0])

        ticket = Ticket(name, (group,))
        self._errands[ticket] = Errand(function.__name__, submit, answer, DEATHS)
        with self._lock:
            self._credits.add_first(ticket)
        self._pump()

    # -- out and back

    def _pump(self) -> None:
        """Have what the credits allow sent soon, by the client's loop: what comes meanwhile goes
        along.
        """
        with self._lock:
            if self._pumping:
                return
            self._pumping = True
        if not self._spawn(self._send()):
            with self._lock:
                self._pumping = False
                left, self._errands = self._errands, {}
            for errand in left.values():
                errand.answer(self._cluster.gone())

    async def _send(self) -> None:
        """Send what the credits allow, and see it through."""
        with self._lock:
            self._pumping = False
            ready = self._credits.take_ready()
        await asyncio.gather(*(self._carry(bundle) for bundle in ready))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> bool:
        """Run a coroutine on the client's loop; False if that has ended."""
        try:
            self._cluster.spawn(coroutine)
        except RuntimeError:
            coroutine.close()
            return False
        return True

    async def _carry(self, bundle: Bundle) -> None:
        """Send a bundle's tasks and see them through."""
        errands = [self._errands[ticket] for ticket in bundle]
        outcomes: list[Any]
        if len(bundle) == 1:
            outcomes = [await self._outcome(lambda: errands[0].submit(bundle[0].deaths))]
        else:
            found = await self._outcome(lambda: [self._submit_together(bundle)])
            outcomes = each(found, len(bundle))
        with self._lock:
            self._credits.give_back(bundle)
        for ticket, errand, outcome in zip(bundle, errands, outcomes, strict=True):
            self._came_back(ticket, errand, outcome)
        self._pump()

    async def _outcome(self, submit: Callable[[], list[Any]]) -> list[Any] | BaseException:
        """The results of the last tasks, in order, or why there are none. Waits for all of them:
        what is still running still needs its credit.
        """
        gather = self._cluster.client.gather
        try:
            futures = submit()
            found = await asyncio.gather(
                *(gather(future, asynchronous=True) for future in futures), return_exceptions=True
            )
        except BaseException as error:
            found = [error]
        failures = [failure_of(f) for f in found if isinstance(f, BaseException)]
        if failures and self._cluster.closed:
            return self._cluster.gone()
        return failures[0] if failures else found

    def _came_back(
        self, ticket: Ticket, errand: Errand, outcome: list[Any] | BaseException
    ) -> None:
        died = isinstance(outcome, BaseException) and is_worker_death(outcome)
        with self._lock:
            if died and not ticket.dropped and ticket.deaths + 1 < errand.max_deaths:
                # Whoever waited there is blamed as well: alone, the guilty one gives itself away.
                ticket.deaths += 1
                self._credits.add_first(ticket)
                return
            if isinstance(outcome, NotTogether) and not ticket.dropped:
                ticket.small = False
                self._credits.add_first(ticket)
                return
            self._errands.pop(ticket, None)
        errand.answer(worker_died(errand) if died else outcome)
        if errand.hops is not None:
            shutil.rmtree(errand.hops, ignore_errors=True)


def _nothing(there: dict[str, int]) -> None:
    """Credits have followed; nobody else asked."""
