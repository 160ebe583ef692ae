"""The plan: what a workflow compiles to. Channels with their transports, jobs, tasks, stages.

A *job* is what one step compiles to. A *task* is a chain of neighbouring jobs of one group and one
replica count: they run as one lazy query on one worker. A *stage* is the tasks joined by worker
channels: the unit of scheduling and of commit. All of it is frozen and pickles small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lyftnb.model.context import ContextValue
from lyftnb.model.problem import Problem
from lyftnb.model.trigger import EmitSpec, TriggerSpec
from lyftnb.model.workflow import (
    ActionSpec,
    ChannelSpec,
    DispatchSpec,
    Frame,
    InputSpec,
    OnError,
    OutputSpec,
    RetrySpec,
)

DEFAULT_GROUP = "default"


@dataclass(frozen=True, slots=True)
class PlannedChannel:
    """A channel with its transport and the reason for it."""

    name: str
    transport: Literal["worker", "spool"]
    reason: str
    spec: ChannelSpec
    producer: str
    port: str
    consumers: tuple[str, ...] = ()
    replaced: bool = False
    """The producer replaces its content (`frame: partition|all`): the channel is a table."""
    rejects: bool = False
    """The channel holds a step's rejects."""


@dataclass(frozen=True, slots=True)
class JobInput:
    """One channel input of a job, under the name its body uses."""

    name: str
    channel: str
    table: bool = False
    key: tuple[str, ...] = ()
    deployment: str | None = None
    """The deployment that owns the channel, when it is another's (`input: {spool: …}`)."""

    def spool(self, deployment: str) -> str:
        """The full name of the spool that it reads, seen from `deployment`."""
        return f"{self.deployment or deployment}.{self.channel}"


@dataclass(frozen=True, slots=True)
class StateSpec:
    """The frames that an action keeps from batch to batch."""

    digest: str
    """Of the parameters that they depend on: with another one they mean nothing."""
    at_end: bool = False
    """Whether the action is to let go of what it holds back when a run is at its end."""


@dataclass(frozen=True, slots=True)
class JobState:
    """An action of a job that keeps frames, and the channel behind it: a spool of the
    deployment's, read whole and changed by each batch.
    """

    index: int
    """Of the action."""
    channel: str
    spec: StateSpec


@dataclass(frozen=True, slots=True)
class Job:
    """A step, expanded and normalised."""

    step: str
    input: InputSpec | None
    inputs: tuple[JobInput, ...]
    named_inputs: bool
    actions: tuple[ActionSpec, ...]
    output: OutputSpec | None
    ports: tuple[tuple[str, str], ...]
    """(port, channel), in order."""
    dispatch: DispatchSpec | None
    frame: Frame
    rowwise: bool
    stateful: bool
    """Whether an action of it remembers something from batch to batch."""
    states: tuple[JobState, ...]
    """Those of its actions that remember frames."""
    group: str
    replicas: int | None
    """At most so many splits at a time; None: as many as the group has slots."""
    on_error: OnError
    emits: tuple[EmitSpec, ...] = ()
    triggers: tuple[TriggerSpec, ...] = ()
    """What wakes it up; without one it runs as data arrives."""
    relay: bool = False
    """Inserted by the planner: it turns rows on a channel into messages."""

    @property
    def rejects_channel(self) -> str:
        """The spool that takes this step's rejects."""
        return f"{self.step}_rejects"

    def action_name(self, index: int) -> str:
        """What an action is called in rejects and traces: its id, else kind and position."""
        action = self.actions[index]
        return action.id or f"{action.kind}[{index}]"


@dataclass(frozen=True, slots=True)
class Task:
    """Neighbouring jobs that run as one: same group, same replicas, joined in memory."""

    id: str
    group: str
    replicas: int | None
    jobs: tuple[Job, ...]
    """In topological order."""
    upstream: tuple[str, ...] = ()
    """Tasks of the same stage whose worker channels this one reads."""
    receives: tuple[str, ...] = ()
    """Channels that arrive from other tasks of the stage."""
    sends: tuple[str, ...] = ()
    """Channels that leave to other tasks of the stage (as Arrow tables)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The unit of scheduling and commit. Its id is the id of its root step."""

    id: str
    tasks: tuple[Task, ...]
    """In topological order; the first holds the root job."""
    frame: Frame
    source: InputSpec | None
    """The outside input, if the root job has one."""
    streams: tuple[JobInput, ...]
    """Spools that make the stage due."""
    tables: tuple[JobInput, ...]
    """Spools read whole at the claim's snapshot (of any job in the stage)."""
    spools: tuple[str, ...]
    """Spool channels that the stage writes (rejects spools not counted)."""
    upstream: tuple[str, ...]
    """Stages of the same plan that must be exhausted before a frame other than batch may fire."""
    retry: RetrySpec
    on_fail: Literal["block", "skip"] = "block"
    paused: bool = False
    """The root step is paused: the stage is never due."""
    external: bool = False
    """Whether a batch has effects outside the ledger (then its claim is a row before it starts)."""

    @property
    def root(self) -> Job:
        """The job that owns the stage's input side."""
        return self.tasks[0].jobs[0]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in topological order of their tasks."""
        return tuple(job for task in self.tasks for job in task.jobs)

    @property
    def triggers(self) -> tuple[TriggerSpec, ...]:
        """What fires it; none: the arrival of data, or the start where it reads from outside."""
        return self.root.triggers

    @property
    def stateful(self) -> bool:
        """Whether a batch must see what the one before it left: then there is one in flight at a
        time, and it runs as one unit, in sequence order.
        """
        return any(job.stateful for job in self.jobs)

    @property
    def states(self) -> tuple[JobState, ...]:
        """The frames that its actions keep from batch to batch."""
        return tuple(state for job in self.jobs for state in job.states)

    @property
    def groups(self) -> frozenset[str]:
        """Every worker group that the stage needs."""
        return frozenset(task.group for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a workflow compiles to, with what was found on the way."""

    deployment: str
    workflow: str
    version: int | None
    digest: str
    channels: tuple[PlannedChannel, ...]
    stages: tuple[Stage, ...]
    """In topological order over spools."""
    problems: tuple[Problem, ...] = ()
    context: tuple[ContextValue, ...] = ()
    """The context values that were used, for each worker group whose steps used them."""

    def __repr__(self) -> str:
        ref = self.workflow if self.version is None else f"{self.workflow}@{self.version}"
        stages = ", ".join(stage.id for stage in self.stages)
        return f"Plan({ref} as {self.deployment}: stages {stages or 'none'})"

    def channel(self, name: str) -> PlannedChannel:
        """The channel of that name."""
        return next(c for c in self.channels if c.name == name)

    def stage_of(self, step: str) -> Stage:
        """The stage that a step's job belongs to."""
        return next(s for s in self.stages if any(j.step == step for j in s.jobs))
