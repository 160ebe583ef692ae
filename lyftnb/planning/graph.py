"""The graph of a workflow: who produces a channel, who reads it, and in which order steps follow.

Built from a document that may still be wrong: unknown channels have no producer, the first of two
producers counts, and steps on a cycle come last in the order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lyftnb.model import StreamIn, WorkflowSpec

REJECTS = "rejects"
"""The port that every step has beside its own: rows that could not be taken."""


def rejects_channel(step: str) -> str:
    """The channel behind a step's port `rejects`."""
    return f"{step}_{REJECTS}"


def state_channel(step: str, action: str) -> str:
    """The channel behind the frames that an action of a step keeps."""
    return f"{step}__{action}_state"


@dataclass(frozen=True, slots=True)
class Producer:
    """The end that a channel comes from."""

    step: str
    port: str


@dataclass(frozen=True, slots=True)
class Reader:
    """An end that a channel goes to, and how it is read there."""

    step: str
    input: str
    table: bool


@dataclass(frozen=True)
class Graph:
    """Steps and channels, with every surface form resolved."""

    inputs: Mapping[str, Mapping[str, StreamIn]]
    """Step → input name → channel reference."""
    ports: Mapping[str, Mapping[str, str]]
    """Step → port → channel."""
    producers: Mapping[str, Producer]
    """Channel → its producer; rejects channels among them."""
    readers: Mapping[str, tuple[Reader, ...]]
    """Channel → its readers in document order; channels without one are absent."""

    @classmethod
    def of(cls, spec: WorkflowSpec) -> Graph:
        """The graph of a document."""
        inputs = {name: step.inputs for name, step in spec.steps.items()}
        ports = {name: step.ports for name, step in spec.steps.items()}
        producers: dict[str, Producer] = {}
        readers: dict[str, list[Reader]] = {}
        for step, own in ports.items():
            for port, channel in own.items():
                producers.setdefault(channel, Producer(step, port))
        for step in spec.steps:
            producers.setdefault(rejects_channel(step), Producer(step, REJECTS))
        for step, refs in inputs.items():
            for name, ref in refs.items():
                reader = Reader(step, name, ref.as_ == "table")
                readers.setdefault(ref.channel, []).append(reader)
        return cls(inputs, ports, producers, {c: tuple(rs) for c, rs in readers.items()})

    @cached_property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """Step → the steps that produce what it reads, tables too."""
        return {
            step: tuple(
                dict.fromkeys(
                    self.producers[ref.channel].step
                    for ref in refs.values()
                    if ref.channel in self.producers
                )
            )
            for step, refs in self.inputs.items()
        }

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Steps, producers first; among free ones in document order; those on cycles last."""
        return topological(tuple(self.inputs), self.upstream)

    @cached_property
    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Groups of steps that wait for each other, each in document order."""
        return cycles(tuple(self.inputs), self.upstream)


def topological(nodes: Sequence[str], upstream: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """`nodes`, each after its upstream; else in the given order; nodes on cycles last (Kahn)."""
    index = {node: i for i, node in enumerate(nodes)}
    waiting = {node: len(set(upstream.get(node, ()))) for node in nodes}
    downstream: dict[str, list[str]] = {}
    for node in nodes:
        for before in set(upstream.get(node, ())):
            downstream.setdefault(before, []).append(node)
    ready = [index[node] for node in nodes if not waiting[node]]
    out: list[str] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        out.append(node)
        for after in downstream.get(node, ()):
            waiting[after] -= 1
            if not waiting[after]:
                heapq.heappush(ready, index[after])
    done = set(out)
    return (*out, *(node for node in nodes if node not in done))


def cycles(
    nodes: Sequence[str], upstream: Mapping[str, Iterable[str]]
) -> tuple[tuple[str, ...], ...]:
    """The strongly connected parts that hold a cycle (Tarjan, without recursion)."""
    index = {node: i for i, node in enumerate(nodes)}
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[tuple[str, ...]] = []
    for start in nodes:
        work = [] if start in number else [(start, iter(tuple(upstream.get(start, ()))))]
        while work:
            node, rest = work[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                path.append(node)
                on_path.add(node)
            for before in rest:
                if before not in number:
                    work.append((before, iter(tuple(upstream.get(before, ())))))
                    break
                if before in on_path:
                    low[node] = min(low[node], number[before])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    part: list[str] = []
                    while not part or part[-1] != node:
                        part.append(path.pop())
                    on_path.difference_update(part)
                    if len(part) > 1 or node in tuple(upstream.get(node, ())):
                        found.append(tuple(sorted(part, key=index.__getitem__)))
    return tuple(sorted(found, key=lambda part: index[part[0]]))
