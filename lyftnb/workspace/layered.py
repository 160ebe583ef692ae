"""Places for the nodes of a directed graph: a small layered layout, left to right.

After Sugiyama, Tagawa and Toda (1981): ranks by longest path, dummy nodes where an edge passes a
rank, order within ranks by barycentres, then heights that stay as near to the neighbours' as the
gaps allow (pooled adjacent violators). Deterministic; cycles are tolerated (the edge that closes
one is drawn backwards and does not rank).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

Edge = tuple[str, str]
Point = tuple[float, float]
Size = tuple[float, float]
_Node = str | tuple[str, str, int]
"""A node's name, or the dummy of an edge on one rank."""

_SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of the nodes and, for each edge, the points it passes between its ends: across each
    rank on its way, from one side to the other.
    """

    centres: Mapping[str, Point]
    bends: Mapping[Edge, tuple[Point, ...]]
    size: Size


def layout(
    sizes: Mapping[str, Size],
    edges: Iterable[Edge],
    labels: Mapping[Edge, float] | None = None,
    *,
    gap: float = 18,
    rank_gap: float = 52,
    entries: Collection[str] = (),
    exits: Collection[str] = (),
) -> Layout:
    """Place nodes of the given (width, height); nothing overlaps, all coordinates are positive.

    Args:
        sizes: of the nodes, by name.
        edges: between them.
        labels: widths that edges need for themselves before their heads.
        gap: between nodes of one rank.
        rank_gap: between ranks, at least.
        entries: nodes without width that stand at the left border, before all others.
        exits: such nodes at the right border.
    """
    links = [e for e in dict.fromkeys(edges) if e[0] != e[1]]
    forward = _without_cycles(sizes, links)
    gates = {*entries, *exits}
    within = [edge for edge in forward if gates.isdisjoint(edge)]
    ranks = _at_borders(_ranks([n for n in sizes if n not in gates], within), entries, exits)
    layers, segments, chains = _with_dummies(ranks, forward)
    above, below = _neighbours(segments)
    layers = _ordered(layers, above, below)
    heights = {
        node: sizes[node][1] if isinstance(node, str) else 0.0 for row in layers for node in row
    }
    ys = _heights(layers, above, below, heights, gap)
    gaps = [rank_gap] * len(layers)
    if entries and len(gaps) > 1:
        gaps[1] = 0
    if exits:
        gaps[-1] = 0
    for (_, head), room in (labels or {}).items():
        gaps[ranks[head]] = max(gaps[ranks[head]], room)
    columns = _columns(layers, sizes, gaps)
    bends = {
        edge: tuple((x, ys[d]) for d in dummies for x in columns[_rank(d)])
        for edge, dummies in chains.items()
    }
    return Layout(
        {name: (columns[ranks[name]][0] + sizes[name][0] / 2, ys[name]) for name in sizes},
        bends,
        (
            columns[-1][1] if columns else 0.0,
            max((ys[n] + heights[n] / 2 for n in ys), default=0.0),
        ),
    )


def _without_cycles(nodes: Iterable[str], edges: Sequence[Edge]) -> list[Edge]:
    """The edges but those that close a cycle in a depth-first walk."""
    heads: dict[str, list[str]] = {node: [] for node in nodes}
    for tail, head in edges:
        heads[tail].append(head)
    state: dict[str, int] = {}
    closing: set[Edge] = set()
    for root in heads:
        stack = [(root, iter(heads[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            node, rest = stack[-1]
            for head in rest:
                if state.get(head) == 1:
                    closing.add((node, head))
                elif head not in state:
                    state[head] = 1
                    stack.append((head, iter(heads[head])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return [edge for edge in edges if edge not in closing]


def _ranks(nodes: Iterable[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest path from the sources; a source then moves up to its nearest successor."""
    tails: dict[str, set[str]] = {node: set() for node in nodes}
    heads: dict[str, set[str]] = {node: set() for node in tails}
    for tail, head in edges:
        tails[head].add(tail)
        heads[tail].add(head)
    ranks: dict[str, int] = {}
    for node in TopologicalSorter(tails).static_order():
        ranks[node] = max((ranks[tail] + 1 for tail in tails[node]), default=0)
    for node in tails:
        if not tails[node] and heads[node]:
            ranks[node] = min(ranks[head] for head in heads[node]) - 1
    return ranks


def _at_borders(
    ranks: dict[str, int], entries: Collection[str], exits: Collection[str]
) -> dict[str, int]:
    """The ranks with one for all entries before those of others, and one for all exits after."""
    first = 1 if entries else 0
    last = first + max(ranks.values(), default=-1) + 1
    moved = {node: rank + first for node, rank in ranks.items()}
    return {**moved, **dict.fromkeys(entries, 0), **dict.fromkeys(exits, last)}


def _rank(dummy: _Node) -> int:
    return dummy[2] if isinstance(dummy, tuple) else 0


def _with_dummies(
    ranks: Mapping[str, int], edges: Sequence[Edge]
) -> tuple[list[list[_Node]], list[tuple[_Node, _Node]], dict[Edge, list[_Node]]]:
    """The ranks as layers, the edges as segments between neighbours, the dummies by edge."""
    layers: list[list[_Node]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for node, rank in ranks.items():
        layers[rank].append(node)
    segments: list[tuple[_Node, _Node]] = []
    chains: dict[Edge, list[_Node]] = {}
    for tail, head in edges:
        between: list[_Node] = [(tail, head, rank) for rank in range(ranks[tail] + 1, ranks[head])]
        for rank, dummy in enumerate(between, start=ranks[tail] + 1):
            layers[rank].append(dummy)
        chains[tail, head] = between
        segments += zip([tail, *between], [*between, head], strict=True)
    return layers, segments, chains


_Links = dict[_Node, list[_Node]]


def _neighbours(segments: Sequence[tuple[_Node, _Node]]) -> tuple[_Links, _Links]:
    """For each node its neighbours on the rank before and on the rank after."""
    above: _Links = {}
    below: _Links = {}
    for tail, head in segments:
        above.setdefault(head, []).append(tail)
        below.setdefault(tail, []).append(head)
    return above, below


def _ordered(layers: list[list[_Node]], above: _Links, below: _Links) -> list[list[_Node]]:
    """The order within the ranks with the fewest crossings found in a few barycentre sweeps."""
    best = [list(row) for row in layers]
    fewest = _crossings(best, below)
    current = [list(row) for row in best]
    for sweep in range(_SWEEPS):
        links, rows = (above, current) if sweep % 2 == 0 else (below, current[::-1])
        for fixed, row in pairwise(rows):
            at = {node: index for index, node in enumerate(fixed)}
            own = {node: index for index, node in enumerate(row)}
            row.sort(key=lambda n: _mean([at[m] for m in links.get(n, ())], own[n]))
        count = _crossings(current, below)
        if count < fewest:
            best, fewest = [list(row) for row in current], count
    return best


def _crossings(layers: Sequence[Sequence[_Node]], below: _Links) -> int:
    """How many pairs of segments cross: inversions, counted rank by rank."""
    total = 0
    for row, following in pairwise(layers):
        at = {node: index for index, node in enumerate(following)}
        seen: list[int] = []
        for node in row:
            ends = sorted(at[head] for head in below.get(node, ()))
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(
    layers: Sequence[Sequence[_Node]],
    above: _Links,
    below: _Links,
    heights: Mapping[_Node, float],
    gap: float,
) -> dict[_Node, float]:
    """Centres on the vertical axis: each rank drawn towards its neighbours, none overlapping."""
    ys: dict[_Node, float] = {}
    for row in layers:
        ys.update(_spread(row, dict.fromkeys(row, 0.0), heights, gap))
    for sweep in range(_SWEEPS):
        links = above if sweep % 2 == 0 else below
        for row in layers if sweep % 2 == 0 else reversed(layers):
            wish = {n: _mean([ys[m] for m in links.get(n, ())], ys[n]) for n in row}
            ys.update(_spread(row, wish, heights, gap))
    top = min((ys[n] - heights[n] / 2 for n in ys), default=0.0)
    return {node: y - top for node, y in ys.items()}


def _spread(
    row: Sequence[_Node], wish: Mapping[_Node, float], heights: Mapping[_Node, float], gap: float
) -> dict[_Node, float]:
    """The places nearest to the wished ones (least squares) that keep order and gaps."""
    offsets, at = [], 0.0
    for previous, node in zip([None, *row], row, strict=False):
        at += heights[node] / 2 + (heights[previous] / 2 + gap if previous is not None else 0.0)
        offsets.append(at)
    blocks: list[tuple[float, int]] = []
    for node, offset in zip(row, offsets, strict=True):
        total, count = wish[node] - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    shifts = [total / count for total, count in blocks for _ in range(count)]
    return {n: o + s for n, o, s in zip(row, offsets, shifts, strict=True)}


def _columns(
    layers: Sequence[Sequence[_Node]], sizes: Mapping[str, Size], gaps: Sequence[float]
) -> list[tuple[float, float]]:
    """Where the ranks begin and end; their nodes stand flush left."""
    columns: list[tuple[float, float]] = []
    for rank, row in enumerate(layers):
        left = columns[-1][1] + gaps[rank] if columns else 0.0
        widths = (sizes[node][0] if isinstance(node, str) else 0.0 for node in row)
        columns.append((left, left + max(widths)))
    return columns


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
