"""Traces of drafts: run on a sample, kept for looking at rows, and for following one of them."""

from __future__ import annotations

import itertools
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lyftnb import planning
from lyftnb.dtypes import to_schema
from lyftnb.errors import LyftError, NotFound, SetupError
from lyftnb.model import InputSpec, Plan, Schema, WorkflowSpec, secrets_of_plan
from lyftnb.workspace.studio.drafts import Draft
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.tables import Table
from lyftnb.workspace.studio.protocol.traces import (
    CancelTrace,
    Followed,
    FollowRow,
    RunTrace,
    Sighting,
    TracePoint,
    TraceResult,
    TraceRows,
)
from lyftnb.workspace.studio.shapes import plan_of
from lyftnb.workspace.studio.tables import facts_of, page_of
from lyftnb.workspace.studio.troubles import TraceCancelled, UnknownTrace

if TYPE_CHECKING:
    from lyftnb.engine import Trace, TracedAction
    from lyftnb.planning import Checker

_KEPT = 8
"""Traces of one asker; the oldest goes first."""
_OWNERS = frozenset({"kv", "dedupe", "notify", "messages", "queue"})
"""Actions and inputs that ask the owner of the workspace's state."""


@dataclass(frozen=True)
class KeptTrace:
    """A trace that can be looked into."""

    id: str
    draft: str
    trace: Trace

    def place(self, step: str, at: str) -> TracedAction:
        """One place of it.

        Raises:
            NotFound: there is none.
        """
        found = self._at(step, at)
        if not found:
            raise NotFound(f"the trace has no place '{at}' of step '{step}'", hint="trace again")
        return found[-1]

    def rejects(self, step: str, at: str) -> TracedAction:
        """The place that has the rejects: bad rows of an input stand beside its good ones."""
        with_rejects = [place for place in self._at(step, at) if place.rejects.height]
        return with_rejects[0] if with_rejects else self.place(step, at)

    def _at(self, step: str, at: str) -> list[TracedAction]:
        return [place for place in self.trace.step(step) if place.action == at]


class Traces:
    """The traces of one asker. Thread-safe."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, KeptTrace] = OrderedDict()
        self._stops: dict[str, threading.Event] = {}
        self._numbers = itertools.count(1)
        self._seen: dict[str, Schema | None] = {}
        """What an outside input is → the columns that it was seen to have."""

    def run(self, asked: RunTrace, draft: Draft, checker: Checker) -> TraceResult:
        """Trace a draft."""
        stop = threading.Event()
        with self._lock:
            before = self._stops.pop(asked.draft, None)
            self._stops[asked.draft] = stop
        if before is not None:
            before.set()
        try:
            trace = self._traced(asked, draft, checker, stop)
        except LyftError:
            if stop.is_set():
                raise TraceCancelled("the trace was stopped", hint="trace again") from None
            raise
        kept = KeptTrace(f"{asked.draft}#{next(self._numbers)}", asked.draft, trace)
        with self._lock:
            for id in [id for id, old in self._kept.items() if old.draft == asked.draft]:
                del self._kept[id]
            self._kept[kept.id] = kept
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            if asked.context is None:
                self._note_inputs(self._filled(draft.spec, checker), trace)
        return TraceResult(
            trace=kept.id,
            revision=draft.revision,
            sample=asked.rows,
            points=tuple(_point(place) for place in trace.steps),
        )

    def cancel(self, asked: CancelTrace) -> None:
        """Stop the trace of a draft that is under way."""
        with self._lock:
            stop = self._stops.pop(asked.draft, None)
        if stop is not None:
            stop.set()

    def rows(self, asked: TraceRows) -> Table:
        """Rows at one place."""
        kept = self._get(asked.trace)
        if asked.rejects:
            rejects = kept.rejects(asked.step, asked.at).rejects
            return page_of(rejects.drop("batch", "split", "time"), asked.offset, asked.limit)
        return page_of(kept.place(asked.step, asked.at).rows, asked.offset, asked.limit)

    def follow(self, asked: FollowRow) -> Followed:
        """Where one row came from, and what became of it."""
        kept = self._get(asked.trace)
        place = kept.place(asked.step, asked.at)
        if not 0 <= asked.row < place.rows.height:
            raise NotFound(f"there is no row {asked.row} here", hint="trace again")
        places = kept.trace.steps
        seen = kept.trace.follow(place, asked.row)
        sightings = tuple(
            Sighting(
                step=places[one.place].step,
                at=places[one.place].action,
                rows=one.rows,
                rejected=one.rejected,
            )
            for one in seen
        )
        mixing = _mixing_around(places, {one.place for one in seen})
        note = ""
        if mixing:
            names = ", ".join(f"{one.step} {one.action}" for one in mixing)
            note = f"not followed through {names}: rows are made of several there"
        return Followed(sightings=sightings, exact=not mixing, note=note)

    def seen(self, spec: WorkflowSpec) -> dict[str, Schema]:
        """Step → the columns that its outside input has, by its first rows: looked at once. The
        document's variables are filled in.
        """
        from lyftnb.engine import look

        found: dict[str, Schema] = {}
        for name, step in spec.steps.items():
            if step.input is None or step.input.kind in _OWNERS:
                continue
            key = _key(step.input)
            if key not in self._seen:
                self._seen[key] = look(step.input, base_path=self._home.root, now=datetime.now(UTC))
            schema = self._seen[key]
            if schema is not None:
                found[name] = schema
        return found

    def forget(self, draft: str) -> None:
        """Let go of what belongs to a draft."""
        self.cancel(CancelTrace(draft=draft))
        with self._lock:
            for id in [id for id, kept in self._kept.items() if kept.draft == draft]:
                del self._kept[id]

    def close(self) -> None:
        """Stop all that is under way, and keep none."""
        with self._lock:
            for stop in self._stops.values():
                stop.set()
            self._stops.clear()
            self._kept.clear()

    # -- inside

    def _get(self, id: str) -> KeptTrace:
        with self._lock:
            found = self._kept.get(id)
        if found is None:
            raise UnknownTrace("this trace is not kept any more", hint="trace again")
        return found

    def _traced(
        self, asked: RunTrace, draft: Draft, checker: Checker, stop: threading.Event
    ) -> Trace:
        plan = plan_of(draft, self._home.surroundings(), checker) if asked.context is None else None
        if plan is None or self._home.up or _asks_owner(plan):
            return self._home.workspace().trace(
                draft.spec,
                asked.rows,
                context=asked.context,
                until=asked.until,
                stopped=stop.is_set,
            )
        return _alone(plan, asked, self._home.root, stop)

    def _filled(self, spec: WorkflowSpec, checker: Checker) -> WorkflowSpec:
        return planning.filled(spec, checker, self._home.surroundings().layers(spec.workflow))

    def _note_inputs(self, spec: WorkflowSpec, trace: Trace) -> None:
        for place in trace.steps:
            step = spec.steps.get(place.step)
            if place.action == "input" and step is not None and step.input is not None:
                self._note_input(step.input, place)

    def _note_input(self, spec: InputSpec, place: TracedAction) -> None:
        if place.error is None and place.rows.width:
            try:
                self._seen[_key(spec)] = to_schema(place.schema)
            except LyftError:
                return  # a column that cannot be stored: what the trace itself shows


def _alone(plan: Plan, asked: RunTrace, root: Path, stop: threading.Event) -> Trace:
    """Trace without an owner: nothing of the plan asks one."""
    from lyftnb.engine import trace

    def no_spool(name: str) -> Any:
        raise SetupError(f"no manager is up to say where spool {name} lies", hint="lyftnb up")

    return trace(
        plan,
        rows=asked.rows,
        base_path=root,
        now=datetime.now(UTC),
        read_spool=no_spool,
        until=asked.until,
        stopped=stop.is_set,
    )


def _asks_owner(plan: Plan) -> bool:
    """Whether a trace of it needs what only the workspace's owner knows."""
    jobs = [job for stage in plan.stages for job in stage.jobs]
    kinds = {action.kind for job in jobs for action in job.actions}
    kinds |= {job.input.kind for job in jobs if job.input is not None}
    foreign = any(ref.deployment for job in jobs for ref in job.inputs)
    return foreign or bool(kinds & _OWNERS) or bool(secrets_of_plan(plan))


def _key(spec: InputSpec) -> str:
    """What an input reads, as a text."""
    document: Mapping[str, Any] = {spec.kind: spec.params}
    return json.dumps(document, sort_keys=True, default=repr)


def _point(place: TracedAction) -> TracePoint:
    return TracePoint(
        step=place.step,
        at=place.action,
        action=place.index,
        channel=place.channel,
        rows=place.rows.height,
        rejects=place.rejects.height,
        columns=facts_of(place.rows),
        error=place.error,
        seconds=place.seconds,
    )


def _mixing_around(places: tuple[TracedAction, ...], seen: set[int]) -> list[TracedAction]:
    """The mixing actions right behind places where the row is, or that made it."""
    found: list[TracedAction] = []
    for index, place in enumerate(places):
        behind = index - 1 in seen and places[index - 1].step == place.step if index else False
        if place.mixes and (behind or index in seen):
            found.append(place)
    return found
