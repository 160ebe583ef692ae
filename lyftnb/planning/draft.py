"""What the passes hand on from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lyftnb.model import ContextValue, Job, PlannedChannel, Problem, Schema, Task, WorkflowSpec
from lyftnb.planning.checker import Checker
from lyftnb.planning.contexts import ContextLayers
from lyftnb.planning.graph import Graph


@dataclass(frozen=True, slots=True)
class Setting:
    """What planning is told beside the document."""

    checker: Checker
    deployment: str | None = None
    """What it runs as; None: not known, so that none of its spools are there."""
    runs: bool = False
    """It is to run: what it needs must be there by now."""
    context: ContextLayers = field(default_factory=ContextLayers)
    """What is stronger than the workflow's own values."""
    groups: Mapping[str, int] | None = None
    """Worker group → slots; None: not known, every group is taken to be there."""
    secrets: frozenset[str] | None = None
    """The secrets that there are; None: not known, all are taken to be there."""
    known: Mapping[str, Schema] = field(default_factory=dict)
    """`DEPLOYMENT.CHANNEL` → the schema that the spool has now."""

    def present(self, channel: str, deployment: str | None = None) -> Schema | None:
        """The schema that a spool of this deployment, or of another, has now; None: it has none."""
        return self.known.get(f"{deployment or self.deployment}.{channel}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan in the making. Each pass fills in what it decides and leaves the rest."""

    spec: WorkflowSpec
    """As written, until `expand` fills in the context."""
    graph: Graph
    context: tuple[ContextValue, ...] = ()
    """What `expand` has used."""
    relays: frozenset[str] = frozenset()
    """Steps that the planner put in."""
    jobs: dict[str, Job] = field(default_factory=dict)
    """By step, producers first."""
    channels: dict[str, PlannedChannel] = field(default_factory=dict)
    root_of: dict[str, str] = field(default_factory=dict)
    """Step → the root step of its stage."""
    stages: dict[str, tuple[Job, ...]] = field(default_factory=dict)
    """Root step → the stage's jobs, root first; in topological order over spools."""
    upstream: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Stage → stages whose spools it reads."""
    tasks: dict[str, tuple[Task, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def with_problems(self, problems: tuple[Problem, ...]) -> Draft:
        """The same draft, with more problems found."""
        return replace(self, problems=(*self.problems, *problems))
