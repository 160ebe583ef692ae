"""Fires by message: which messages wake which stage, each exactly once.

A trigger's state is the id of the last message that it has looked at. Its fires and its next state
are one transaction, so a restart neither doubles nor loses a fire.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lyftnb.manager.flow import Flow
from lyftnb.model import Message, MessageFilter, Run, Stage
from lyftnb.operators import Env, matches


@dataclass(frozen=True, slots=True)
class _Trigger:
    key: str
    stage: str
    filter: MessageFilter
    overlap: str


@dataclass(slots=True)
class MessageFiring:
    """The message triggers of a flow, and the runs that wait for their turn."""

    flow: Flow
    waiting: dict[str, deque[Run]] = field(default_factory=dict)
    """Stage → its runs that have fired and not begun, oldest first."""
    _triggers: list[_Trigger] = field(init=False)
    _seen: dict[str, int] = field(default_factory=dict)
    """Trigger → the id of the last message that it has looked at."""

    def __post_init__(self) -> None:
        self._triggers = [
            _Trigger(
                f"{self.flow.plan.deployment}/{stage.id}/{index}",
                stage.id,
                trigger.message,
                trigger.overlap or "queue",
            )
            for stage in self.flow.plan.stages
            for index, trigger in enumerate(stage.triggers)
            if trigger.message is not None
        ]

    def awaited(self, stage: Stage) -> bool:
        """Whether a stage waits for messages, and for nothing else."""
        return bool(stage.triggers) and all(t.message is not None for t in stage.triggers)

    def begin(self) -> None:
        """Take up fires that were cut off; triggers that are new begin with the next message."""
        if not self._triggers:
            return
        ledger = self.flow.env.ledger
        newest = ledger.newest_message()
        states: dict[str, Any] = {}
        for trigger in self._triggers:
            state = ledger.trigger_state(trigger.key)
            self._seen[trigger.key] = newest if state is None else state["after"]
            if state is None:
                states[trigger.key] = {"after": newest}
        if states:
            ledger.fire([], states)
        for run in ledger.open_runs(self.flow.plan.deployment):
            if run.cause == "message" and run.stage in self.flow.stages:
                self._queue(run)

    def fire(self) -> bool:
        """Look at new messages, and open runs whose turn has come; whether one was opened."""
        if not self._triggers:
            return False
        self._look()
        opened = False
        for stage, runs in self.waiting.items():
            stage_run = self.flow.stages[stage]
            if runs and stage_run.run is None and stage_run.error is None:
                self.flow.open(stage, runs.popleft())
                opened = True
        return opened

    def _look(self) -> None:
        ledger = self.flow.env.ledger
        newest = ledger.newest_message()
        behind = min(self._seen.values())
        if newest <= behind:
            return
        found = ledger.messages(after=behind, until=newest)
        newest = found[-1].id if found else newest
        fires: list[Run] = []
        for trigger in self._triggers:
            fires += self._fires(trigger, found)
        states = {trigger.key: {"after": newest} for trigger in self._triggers}
        # What stands still need not be written for each message that concerns nobody here.
        for run in ledger.fire(fires, states if fires else {}):
            self._queue(run)
        self._seen = dict.fromkeys(self._seen, newest)

    def _fires(self, trigger: _Trigger, found: Iterable[Message]) -> list[Run]:
        after = self._seen[trigger.key]
        hits = [m for m in found if m.id > after and _matches(trigger.filter, m)]
        groups = [[hit] for hit in hits]
        if trigger.overlap == "coalesce" and hits:
            groups = [hits]
        if trigger.overlap == "skip" and hits:
            idle = self.flow.stages[trigger.stage].run is None and not self.waiting.get(
                trigger.stage
            )
            groups = [hits[:1]] if idle else []
        return [self._run(trigger, group) for group in groups]

    def _run(self, trigger: _Trigger, group: list[Message]) -> Run:
        ledger = self.flow.env.ledger
        last = group[-1]
        return Run(
            "",
            self.flow.plan.deployment,
            trigger.stage,
            "message",
            fired_at=last.at,
            snapshot=ledger.snapshot(),
            messages=tuple(message.payload for message in group),
            correlation=last.correlation,
            depth=max(message.depth for message in group),
        )

    def _queue(self, run: Run) -> None:
        self.waiting.setdefault(run.stage or "", deque()).append(run)


def _matches(wanted: MessageFilter, message: Message) -> bool:
    pairs = (
        (wanted.tag, message.tag),
        (wanted.type, message.type),
        (wanted.source, message.source),
        (wanted.job, message.job),
    )
    if any(expected is not None and expected != found for expected, found in pairs):
        return False
    return wanted.when is None or matches(wanted.when, message.payload, Env())
