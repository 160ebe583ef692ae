"""A deployment's plan on the graph: what applying it adds, changes and takes away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from lyftnb.model import (
    ChannelChange,
    CheckpointChange,
    DeploymentPlan,
    JobChange,
    ScheduleChange,
    StateChange,
)
from lyftnb.workspace.drawing import Drawing, Edge, Mark, Node, drawing_of_plan


def drawing_of_changes(plan: DeploymentPlan) -> Drawing:
    """The graph that is to run, and beside it what runs now and will not any more.

    A channel that turns from a spool into one in memory, or back, is drawn once, as it will be.
    """
    after = drawing_of_plan(plan.compiled)
    turned = {
        c.channel for c in plan.changes if isinstance(c, ChannelChange) and c.verb == "replace"
    }
    before = _without(turned, _renamed(drawing_of_plan(plan.before), plan) if plan.before else None)
    was, now = {n.id for n in before.nodes}, {n.id for n in after.nodes}
    changed = set(_changed(plan))
    nodes = [replace(n, mark=_mark(n.id in was, n.id in changed)) for n in after.nodes]
    nodes = [replace(n, mark="changed") if _channel(n.id) in turned else n for n in nodes]
    nodes += [replace(n, mark="removed") for n in before.nodes if n.id not in now]
    joined, joins = set(map(_ends, before.edges)), set(map(_ends, after.edges))
    edges = [
        replace(e, mark="changed")
        if _is_of(e, turned)
        else replace(e, mark=_mark(_ends(e) in joined, f"channel:{e.label}" in changed))
        for e in after.edges
    ]
    edges += [replace(e, mark="removed") for e in before.edges if _ends(e) not in joins]
    return Drawing(after.title, tuple(nodes), tuple(edges), after.regions)


def _mark(was_there: bool, changes: bool) -> Mark | None:
    return "added" if not was_there else "changed" if changes else None


def _without(channels: Set[str], drawing: Drawing | None) -> Drawing:
    if drawing is None:
        return Drawing("", (), ())
    nodes = tuple(n for n in drawing.nodes if _channel(n.id) not in channels)
    edges = tuple(e for e in drawing.edges if not _is_of(e, channels))
    return Drawing(drawing.title, nodes, edges)


def _channel(node: str) -> str | None:
    """The channel of a spool's node."""
    return node.removeprefix("spool:") if node.startswith("spool:") else None


def _is_of(edge: Edge, channels: Set[str]) -> bool:
    """Whether an edge is one of these channels, or a side of one of these spools."""
    own = edge.label if edge.kind == "worker" else None
    return not channels.isdisjoint((own, _channel(edge.tail), _channel(edge.head)))


def _changed(plan: DeploymentPlan) -> Iterator[str]:
    """The ids of nodes of which anything becomes different; channels in memory as `channel:…`."""
    for change in plan.changes:
        if not change.changes:
            continue
        if isinstance(change, JobChange | ScheduleChange | CheckpointChange | StateChange):
            yield f"step:{change.step}"
        elif isinstance(change, ChannelChange):
            yield f"{'spool' if change.transport == 'spool' else 'channel'}:{change.channel}"


def _renamed(drawing: Drawing, plan: DeploymentPlan) -> Drawing:
    """What runs now, its steps under the names that they are to have."""
    names = {f"step:{old}": f"step:{new}" for new, old in plan.renames.items()}

    def nodes(found: Iterable[Node]) -> tuple[Node, ...]:
        return tuple(replace(node, id=names.get(node.id, node.id)) for node in found)

    def edges(found: Iterable[Edge]) -> tuple[Edge, ...]:
        return tuple(
            replace(e, tail=names.get(e.tail, e.tail), head=names.get(e.head, e.head))
            for e in found
        )

    return Drawing(drawing.title, nodes(drawing.nodes), edges(drawing.edges))


def _ends(edge: Edge) -> tuple[str, str, bool]:
    """What an edge joins, and whether by a message; a step reads a channel once."""
    return edge.tail, edge.head, edge.kind == "message"
