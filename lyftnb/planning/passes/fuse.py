"""Fuse neighbouring jobs of one group into tasks, each to run as one query on one worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lyftnb.model import Job, Task
from lyftnb.planning.draft import Draft, Setting


def fuse(draft: Draft, setting: Setting) -> Draft:
    """Make tasks of each stage's jobs.

    Neighbours by a worker channel fuse where group and replicas agree. A task must be convex: no
    path may leave it and come back, or it would wait for itself. To that end every job has a
    *level*, the largest number of hops on a path from the root; only equals of one level fuse. A
    path that leaves a task hops, so it can only come to a higher level.

    *Siblings* fuse as well: tasks of one level that read from the same tasks. Their rows are then
    fetched once, and a task costs about 10 ms. Other frames than `batch` have one unit, or few:
    there siblings stay apart, so that they can run at the same time.
    """
    worker = {name for name, channel in draft.channels.items() if channel.transport == "worker"}
    producers = {name: draft.channels[name].producer for name in worker}
    tasks = {root: _tasks(jobs, producers) for root, jobs in draft.stages.items()}
    return replace(draft, tasks=tasks)


def _tasks(jobs: tuple[Job, ...], producers: Mapping[str, str]) -> tuple[Task, ...]:
    level, task_of = _levels(jobs, producers)
    if jobs[0].frame == "batch":
        task_of = _with_siblings(jobs, level, task_of, producers)
    members: dict[str, list[Job]] = {}
    for job in jobs:
        members.setdefault(task_of[job.step], []).append(job)
    ordered = sorted(members, key=lambda head: level[head])
    arrivals = {
        head: tuple(
            dict.fromkeys(
                ref.channel
                for job in members[head]
                for ref in job.inputs
                if ref.channel in producers and task_of[producers[ref.channel]] != head
            )
        )
        for head in ordered
    }
    leaving = {channel for channels in arrivals.values() for channel in channels}
    return tuple(
        Task(
            id=head,
            group=members[head][0].group,
            replicas=members[head][0].replicas,
            jobs=tuple(members[head]),
            upstream=tuple(dict.fromkeys(task_of[producers[c]] for c in arrivals[head])),
            receives=arrivals[head],
            sends=tuple(c for job in members[head] for _, c in job.ports if c in leaving),
        )
        for head in ordered
    )


def _levels(
    jobs: tuple[Job, ...], producers: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, str]]:
    """Each job's level, and the first job of the task it belongs to. Jobs: producers first."""
    by_step = {job.step: job for job in jobs}
    place = {job.step: i for i, job in enumerate(jobs)}
    level: dict[str, int] = {}
    head: dict[str, str] = {}

    def first(step: str) -> str:
        while head[step] != step:
            head[step] = head[head[step]]
            step = head[step]
        return step

    for job in jobs:
        before = [by_step[producers[ref.channel]] for ref in job.inputs if ref.channel in producers]
        alike = [b for b in before if (b.group, b.replicas) == (job.group, job.replicas)]
        level[job.step] = max((level[b.step] + (b not in alike) for b in before), default=0)
        head[job.step] = job.step
        for b in alike:
            if level[b.step] == level[job.step]:
                one, other = sorted((first(b.step), first(job.step)), key=place.__getitem__)
                head[other] = one
    return level, {job.step: first(job.step) for job in jobs}


def _with_siblings(
    jobs: tuple[Job, ...],
    level: Mapping[str, int],
    task_of: Mapping[str, str],
    producers: Mapping[str, str],
) -> dict[str, str]:
    """Each job's task once siblings are one. Tasks are gone through by level, so that those which
    they read from have been fused before.
    """
    members: dict[str, list[Job]] = {}
    for job in jobs:
        members.setdefault(task_of[job.step], []).append(job)
    out = dict(task_of)
    firsts: dict[tuple[int, str, int | None, frozenset[str]], str] = {}
    for head in sorted(members, key=lambda head: level[head]):
        mine = members[head]
        channels = {ref.channel for job in mine for ref in job.inputs if ref.channel in producers}
        read = frozenset(out[producers[channel]] for channel in channels) - {head}
        kind = (level[head], mine[0].group, mine[0].replicas, read)
        out.update(dict.fromkeys((job.step for job in mine), firsts.setdefault(kind, head)))
    return out
