"""Runs: verbs of the ledger, and their part in the one commit.

A fire is a run row, written in the same transaction that moves its trigger; so it is neither
doubled nor lost. A run that data brought about has no fire to lose: its row comes with the commit
of its first batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from lyftnb.model import Commit, EmitPart, Ending, MessageDraft, Refused, Run
from lyftnb.store.families import Setting
from lyftnb.store.messages import publish
from lyftnb.store.mirror import Mirror
from lyftnb.store.session import Session

RUN_STARTED, RUN_ENDED = "run-started", "run-ended"
"""Types of the system messages about runs. Of those that data alone brings about there is none."""


class Runs(Session):
    """Fires, runs, where triggers stand, and what is kept for a run's end."""

    def begin_run(self, deployment: str, now: datetime) -> Run:
        """Note that a whole workflow starts to run by hand."""
        run = Run("", deployment, status="running", fired_at=now, started_at=now)
        return self.fire([run], {})[0]

    def number_run(self, deployment: str) -> str:
        """The id of a run whose row will come with its first commit."""
        with self.opened():
            return next_run(self.mirror, deployment)

    def return_number(self, run: Run) -> None:
        """Give back the number of a run that came to nothing, for the next one; not if another has
        been numbered since, for numbers grow.
        """
        with self.opened():
            if self.mirror.runs.get(run.deployment) == run.number:
                self.mirror.runs[run.deployment] = run.number - 1

    def fire(
        self, runs: Sequence[Run], states: Mapping[str, Any], begun: Sequence[Run] = ()
    ) -> list[Run]:
        """Note fires, move their triggers and let waiting runs begin, in one transaction.

        Args:
            runs: fires without a number (`Run.run` is ignored).
            states: trigger (`DEPLOYMENT/STEP/INDEX`) → its new state, as JSON.
            begun: runs that waited and begin now. To say so again changes nothing.

        Returns:
            The runs with their ids, in order.
        """
        with self.changing() as setting:
            named = fire(setting, runs)
            move_triggers(setting, states)
            _begin(setting, begun)
            return named

    def end_runs(self, endings: Sequence[Ending], messages: Sequence[MessageDraft] = ()) -> None:
        """Note how runs ended, and all that becomes true with it, in one transaction."""
        with self.changing() as setting:
            publish(setting, messages)
            write_endings(setting, endings)

    def runs(
        self, deployment: str | None = None, limit: int = 100, stage: str | None = None
    ) -> list[Run]:
        """Runs, newest first."""
        with self.opened() as database:
            rows = database.rows("runs", deployment=deployment, stage=stage, limit=limit)
        return [from_row(row) for row in rows]

    def open_runs(self, deployment: str) -> list[Run]:
        """Fires of a deployment's stages that have not come to their end, oldest first."""
        with self.opened() as database:
            rows = database.rows("open_runs", deployment=deployment)
        return [from_row(row) for row in rows]

    def trigger_state(self, key: str) -> Any:
        """Where a trigger (`DEPLOYMENT/STEP/INDEX`) stands; None before its first move."""
        with self.opened():
            found = self.mirror.triggers.get(key)
            return None if found is None else json.loads(found)

    def emit_parts(self, key: str) -> tuple[EmitPart, ...]:
        """What earlier batches of a step (`DEPLOYMENT/STEP`) have left for the end of their run."""
        with self.opened() as database:
            rows = database.rows("emit_parts", key=key)
        step = key.partition("/")[2]
        return tuple(EmitPart(step, row["index"], row["rows"], row["partial"]) for row in rows)


@dataclass(slots=True)
class RunRows:
    """What commits do to runs: begin and end them, and leave parts of messages for their end."""

    setting: Setting
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _parts: list[dict[str, Any]] = field(default_factory=list)
    _endings: list[Ending] = field(default_factory=list)

    def refused(self, commit: Commit) -> Refused | None:
        """Nothing of it can be refused."""
        return None

    def take(self, commit: Commit, snapshot: int) -> None:
        """Take a commit's changes."""
        deployment = commit.claim.deployment
        begun = commit.begins_run
        # Several batches of a run may come in one group, each as if it were the first.
        if begun is not None and all(row["run"] != begun.run for row in self._rows):
            number_taken(self.setting.state, begun)
            self._rows.append(to_row(begun))
        if commit.ends_run is not None:
            self._endings.append(commit.ends_run)
        for part in commit.emits:
            self._parts.append(
                {
                    "key": f"{deployment}/{part.step}",
                    "batch": commit.claim.batch,
                    "index": part.index,
                    "rows": part.rows,
                    "partial": part.partial,
                }
            )

    def write(self) -> None:
        """Write it all."""
        database = self.setting.database
        database.append("runs", self._rows)
        database.append("emit_parts", self._parts)
        write_endings(self.setting, self._endings)


def fire(setting: Setting, runs: Sequence[Run]) -> list[Run]:
    """Note fires within a transaction; the runs with their ids, in order."""
    named = [replace(run, run=next_run(setting.state, run.deployment)) for run in runs]
    setting.database.append("runs", [to_row(run) for run in named])
    publish(setting, [_told(run, RUN_STARTED) for run in named if run.status == "running"])
    return named


def _begin(setting: Setting, runs: Sequence[Run]) -> None:
    if not runs:
        return
    ids = [run.run for run in runs]
    rows = setting.database.rows("start_runs", runs=ids, instant=setting.now)
    fresh = {row["run"] for row in rows}
    publish(setting, [_told(run, RUN_STARTED) for run in runs if run.run in fresh])


def next_run(state: Mirror, deployment: str) -> str:
    """The id of a deployment's next run; the number is taken."""
    number = state.runs.get(deployment, 0) + 1
    state.runs[deployment] = number
    return f"{deployment}-{number}"


def number_taken(state: Mirror, run: Run) -> None:
    """Take note of a run that was numbered before its row is written."""
    state.runs[run.deployment] = max(run.number, state.runs.get(run.deployment, 0))


def move_triggers(setting: Setting, moved: Mapping[str, Any]) -> None:
    """Write where triggers stand now."""
    rows = []
    for key, value in moved.items():
        text = json.dumps(value)
        if setting.state.triggers.get(key) != text:
            setting.state.triggers[key] = text
            rows.append({"key": key, "state": value, "changed_at": setting.now})
    if rows:
        setting.database.run("forget_triggers", keys=[row["key"] for row in rows])
        setting.database.append("trigger_states", rows)


def write_endings(setting: Setting, endings: Sequence[Ending]) -> None:
    """Write how runs ended."""
    database, now = setting.database, setting.now
    runs = [ending.run for ending in endings if ending.run is not None]
    if runs:
        database.run(
            "end_runs",
            runs=[run.run for run in runs],
            statuses=[run.status for run in runs],
            notes=[run.note for run in runs],
            instant=now,
        )
    moved = {key: value for ending in endings for key, value in ending.states.items()}
    move_triggers(setting, moved)
    emitted = [step for ending in endings for step in ending.emitted]
    if emitted:
        database.run("forget_emit_parts", keys=emitted)
    told = [run for run in runs if run.cause not in ("data", "watch")]
    publish(setting, [_told(run, RUN_ENDED) for run in told])


def _told(run: Run, type: str) -> MessageDraft:
    """The system message about a run. What data brought about is too much to tell of each."""
    payload = {"run": run.run, "stage": run.stage, "cause": run.cause, "status": run.status}
    return MessageDraft(
        payload=payload,
        kind="system",
        source="manager",
        type=type,
        job=f"{run.deployment}/{run.stage}" if run.stage else None,
        run=run.run,
        correlation=run.correlation or run.run,
        depth=run.depth,
    )


def to_row(run: Run) -> dict[str, Any]:
    """A run as its row."""
    return {**asdict(run), "number": run.number, "messages": list(run.messages)}


def from_row(row: Mapping[str, Any]) -> Run:
    """The run of a row."""
    return Run(**{**row, "messages": tuple(json.loads(row["messages"] or "[]"))})
