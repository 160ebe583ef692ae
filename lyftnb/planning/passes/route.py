"""Choose a transport for every channel, and with it the stage of every step.

A stage has one input side. So a step may stay in memory with its producer only if all its streams
come from one stage, and only if no table it reads waits, however indirectly, for that same stage:
the graph of stages must stay free of rings, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lyftnb.model import ChannelSpec, Job, JobInput, PlannedChannel, Problem, StepSpec
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import REJECTS
from lyftnb.planning.report import Report
from lyftnb.planning.rules.frames import REPLACING


def route(draft: Draft, setting: Setting) -> Draft:
    """Make spools of the channels that cannot stay in memory, each with its reason in words."""
    spools = _spools(draft, setting)
    if draft.graph.cycles:
        return draft.with_problems(_conflicts(draft, spools))
    stages = _settled(draft, spools)
    while stages.cuts:
        # A channel that became a spool for one reader parts its other readers' stages as well.
        spools |= stages.cuts
        stages = _settled(draft, spools)
    channels = {
        channel: _planned(draft, channel, spools, stages.root_of)
        for channel, producer in draft.graph.producers.items()
        if producer.step in draft.jobs
    }
    done = replace(draft, channels=channels, root_of=stages.root_of, upstream=stages.upstream)
    return done.with_problems(_conflicts(draft, spools))


def _settled(draft: Draft, spools: Mapping[str, str]) -> _Stages:
    stages = _Stages(draft, spools)
    for job in draft.jobs.values():
        stages.settle(job)
    return stages


def _conflicts(draft: Draft, spools: Mapping[str, str]) -> tuple[Problem, ...]:
    """Channels that are declared `worker` and must be spools."""
    report = Report()
    for channel, spec in draft.spec.channels.items():
        producer = draft.graph.producers.get(channel)
        if spec.transport != "worker" or channel not in spools or producer is None:
            continue
        if producer.port != REJECTS:
            report.error(
                ("channels", channel, "transport"),
                "transport_conflict",
                f"channel '{channel}' is declared `worker` and must be a spool: {spools[channel]}",
                "declare `transport: spool`, or leave the transport to the planner",
            )
    return report.problems


def _spools(draft: Draft, setting: Setting) -> dict[str, str]:
    """Channels that must be spools for what is said of them or their ends alone, and why."""
    out: dict[str, str] = {}
    for channel, producer in draft.graph.producers.items():
        job = draft.jobs.get(producer.step)
        if job is None:
            continue
        reason = _by_producer(channel, producer.port, job) or _by_readers(channel, draft)
        declared = draft.spec.channels.get(channel, ChannelSpec()).transport
        unread = channel not in draft.graph.readers
        if declared == "spool":
            out[channel] = "declared"
        elif reason:
            out[channel] = reason
        elif declared is None and unread:
            out[channel] = "no step reads it, so it is kept for queries"
        elif declared is None and setting.present(channel) is not None:
            # It was one before the draft was edited, and may hold rows that nobody has read yet.
            out[channel] = "it holds rows of earlier runs"
    return out


def _by_producer(channel: str, port: str, job: Job) -> str | None:
    if port == REJECTS:
        return f"rows that step '{job.step}' could not take"
    if job.frame in REPLACING:
        return f"step '{job.step}' replaces its content (frame: {job.frame})"
    return None


def _by_readers(channel: str, draft: Draft) -> str | None:
    for reader in draft.graph.readers.get(channel, ()):
        if reader.table:
            return f"step '{reader.step}' reads it as a table"
        if reader.step not in draft.jobs:
            return f"step '{reader.step}' runs a notebook"
        why = _own_stage(draft.spec.steps[reader.step], draft.jobs[reader.step])
        if why:
            return f"step '{reader.step}' {why}"
    return None


def _own_stage(step: StepSpec, job: Job) -> str | None:
    """Why a step must be the root of a stage, if it must."""
    if step.trigger is not None:
        return "has its own trigger"
    if job.frame != "batch":
        return f"runs over frame '{job.frame}'"
    if job.stateful:
        return "keeps state, so its batches follow one another"
    if step.paused:
        return "can be paused on its own"
    if step.retry is not None or "on_fail" in step.model_fields_set:
        return "has its own retry"
    return None


@dataclass
class _Stages:
    """One attempt to give each job a stage, given the channels that are spools."""

    draft: Draft
    spools: Mapping[str, str]
    cuts: dict[str, str] = field(default_factory=dict)
    """Channels that turned out to need a spool as well."""
    root_of: dict[str, str] = field(default_factory=dict)
    upstream: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _feeds: dict[str, set[str]] = field(default_factory=dict)

    def settle(self, job: Job) -> None:
        """Join the job to its producer's stage, or make it a root. Producers come first."""
        streams = [ref for ref in job.inputs if not ref.table and ref.deployment is None]
        sources = self._sources(streams)
        waits_for = self._sources([ref for ref in job.inputs if ref.table])
        why = self._obstacle(streams, sources, waits_for)
        root = sources[0] if sources and why is None else job.step
        if why is not None:
            waits_for = [*sources, *waits_for]
            for ref in streams:
                if ref.channel not in self.spools:
                    self.cuts.setdefault(ref.channel, f"step '{job.step}' {why}")
        self.root_of[job.step] = root
        self.upstream[root] = tuple(dict.fromkeys((*self.upstream.get(root, ()), *waits_for)))
        for stage in waits_for:
            self._feeds.setdefault(stage, set()).add(root)

    def _sources(self, refs: list[JobInput]) -> list[str]:
        """The stages that write these channels."""
        producers = self.draft.graph.producers
        steps = [producers[ref.channel].step for ref in refs if ref.channel in producers]
        return list(dict.fromkeys(self.root_of[step] for step in steps if step in self.root_of))

    def _obstacle(
        self, streams: list[JobInput], sources: list[str], waits_for: list[str]
    ) -> str | None:
        """Why a job cannot join the stage of its producer."""
        spooled = [ref.channel for ref in streams if ref.channel in self.spools]
        if spooled:
            return f"also reads '{spooled[0]}' from a spool, and a stage has one input side"
        if len(sources) > 1:
            return f"brings the stages of '{sources[0]}' and '{sources[1]}' together"
        if sources and any(self._reaches(sources[0], table) for table in waits_for):
            return f"reads a table that waits for the stage of '{sources[0]}'"
        return None

    def _reaches(self, start: str, goal: str) -> bool:
        seen, todo = {start}, [start]
        while todo:
            stage = todo.pop()
            if stage == goal:
                return True
            fresh = self._feeds.get(stage, set()) - seen
            seen |= fresh
            todo.extend(fresh)
        return False


def _planned(
    draft: Draft, channel: str, spools: Mapping[str, str], root_of: Mapping[str, str]
) -> PlannedChannel:
    producer = draft.graph.producers[channel]
    reason = spools.get(channel)
    readers = (reader.step for reader in draft.graph.readers.get(channel, ()))
    replaced = draft.jobs[producer.step].frame in REPLACING
    return PlannedChannel(
        name=channel,
        transport="worker" if reason is None else "spool",
        reason=reason or f"joined in memory in stage '{root_of[producer.step]}'",
        spec=draft.spec.channels.get(channel, ChannelSpec()),
        producer=producer.step,
        port=producer.port,
        consumers=tuple(dict.fromkeys(step for step in readers if step in draft.jobs)),
        replaced=replaced and producer.port != REJECTS,
        rejects=producer.port == REJECTS,
    )
