"""Where the nodes of a drawing stand and where its edges bend: each stage is laid out by itself,
and then as one node among others. An edge that leaves a stage runs to the stage's border first, so
that it runs over none of its steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lyftnb.workspace.drawing import Drawing, Edge
from lyftnb.workspace.layered import Layout, Point, Size, layout

Ends = tuple[str, str]


class Arrangement(NamedTuple):
    """Centres of the nodes, the points that edges pass, and the whole size."""

    places: dict[str, Point]
    bends: dict[Ends, tuple[Point, ...]]
    size: Size


def arranged(
    graph: Drawing,
    sizes: Mapping[str, Size],
    rooms: Mapping[Ends, float],
    titles: Mapping[str, float],
    *,
    padding: Size,
    margin: float,
) -> Arrangement:
    """Arrange a drawing.

    Args:
        graph: what is drawn.
        sizes: of the nodes.
        rooms: widths that edges need for their names.
        titles: widths of the stages' names.
        padding: of a stage's frame, at the sides, and above and below.
        margin: around the whole.
    """
    inner = {
        stage: _inside(nodes, graph.edges, sizes, rooms) for stage, nodes in graph.regions.items()
    }
    framed = {
        _unit(stage): (
            max(inside.size[0] + 2 * padding[0], titles[stage]),
            inside.size[1] + 2 * padding[1],
        )
        for stage, inside in inner.items()
    }
    stages = _Stages({n: stage for stage, ns in graph.regions.items() for n in ns}, inner)
    outer = stages.among(graph.edges, sizes, framed, rooms)
    origins = {
        stage: (
            margin + outer.centres[_unit(stage)][0] - inside.size[0] / 2,
            margin + outer.centres[_unit(stage)][1] - inside.size[1] / 2,
        )
        for stage, inside in inner.items()
    }
    whole = _Whole(stages, outer, origins, (margin, margin))
    return Arrangement(
        {node: whole.place(node) for node in sizes},
        {(edge.tail, edge.head): whole.bends(edge) for edge in graph.edges},
        (outer.size[0] + 2 * margin, outer.size[1] + 2 * margin),
    )


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages, each laid out by itself."""

    home: Mapping[str, str]
    """Step → its stage."""
    inner: Mapping[str, Layout]

    def unit(self, node: str) -> str:
        """What stands for a node outside of its stage."""
        return _unit(self.home[node]) if node in self.home else node

    def among(
        self,
        edges: Iterable[Edge],
        sizes: Mapping[str, Size],
        framed: Mapping[str, Size],
        rooms: Mapping[Ends, float],
    ) -> Layout:
        """The layout of the frames and of what is in none. Where nothing else tells, what a stage
        feeds stands in the order in which its edges leave it.
        """
        across = [e for e in edges if self.unit(e.tail) != self.unit(e.head)]
        heights = {
            e.head: self.inner[self.home[e.tail]].centres[_gate((e.tail, e.head))][1]
            for e in across
            if e.tail in self.home
        }
        alone = [node for node in sizes if node not in self.home]
        alone.sort(key=lambda node: heights.get(node, 0.0))
        return layout(
            {node: sizes[node] for node in alone} | dict(framed),
            [(self.unit(e.tail), self.unit(e.head)) for e in across],
            {
                (self.unit(e.tail), self.unit(e.head)): rooms.get((e.tail, e.head), 0.0)
                for e in across
            },
        )


@dataclass(frozen=True, slots=True)
class _Whole:
    """The stages at their places."""

    stages: _Stages
    outer: Layout
    origins: Mapping[str, Point]
    """Where the stages begin."""
    margin: Point

    def place(self, node: str) -> Point:
        stage = self.stages.home.get(node)
        if stage is None:
            return _moved([self.outer.centres[node]], self.margin)[0]
        return _moved([self.stages.inner[stage].centres[node]], self.origins[stage])[0]

    def bends(self, edge: Edge) -> tuple[Point, ...]:
        """Through the tail's stage, between the stages, and through the head's."""
        ends = edge.tail, edge.head
        tail, head = (self.stages.home.get(node) for node in ends)
        if tail is not None and tail == head:
            return self._within(tail, ends)
        way = self.outer.bends.get((self.stages.unit(edge.tail), self.stages.unit(edge.head)), ())
        return (
            *self._within(tail, (edge.tail, _gate(ends))),
            *_moved(way, self.margin),
            *self._within(head, (_gate(ends), edge.head)),
        )

    def _within(self, stage: str | None, link: Ends) -> tuple[Point, ...]:
        if stage is None:
            return ()
        return _moved(self.stages.inner[stage].bends.get(link, ()), self.origins[stage])


def _inside(
    nodes: Iterable[str],
    edges: Iterable[Edge],
    sizes: Mapping[str, Size],
    rooms: Mapping[Ends, float],
) -> Layout:
    """A stage by itself, with gates in its borders for the edges that come and go."""
    own = set(nodes)
    links = [(edge.tail, edge.head) for edge in edges]
    within = [link for link in links if own.issuperset(link)]
    going = {_gate(link): link[0] for link in links if link[0] in own and link[1] not in own}
    coming = {_gate(link): link[1] for link in links if link[1] in own and link[0] not in own}
    return layout(
        {node: sizes[node] for node in nodes} | dict.fromkeys((*coming, *going), (0.0, 0.0)),
        [*within, *((tail, gate) for gate, tail in going.items()), *coming.items()],
        {link: room for link, room in rooms.items() if own.issuperset(link)},
        entries=coming,
        exits=going,
    )


def _unit(stage: str) -> str:
    return f"stage:{stage}"


def _gate(ends: Ends) -> str:
    return f"gate:{ends[0]}>{ends[1]}"


def _moved(points: Iterable[Point], by: Point) -> tuple[Point, ...]:
    return tuple((x + by[0], y + by[1]) for x, y in points)
