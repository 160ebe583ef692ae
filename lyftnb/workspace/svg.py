"""The picture of a workflow or a plan: one inline SVG, no binary, no network, no script. What a
deployment's plan changes has marks in it.

Colours follow the page: text and lines are `currentColor`, groups are hues at low opacity, so it
reads on light and on dark.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from lyftnb.model import DeploymentPlan, Plan, WorkflowSpec
from lyftnb.workspace.arranging import Arrangement, arranged
from lyftnb.workspace.drawing import Drawing, Edge, Mark, Node, drawing_of_plan, drawing_of_spec
from lyftnb.workspace.layered import Point, Size
from lyftnb.workspace.painting import drawing_of_changes
from lyftnb.workspace.viewing import live

_CHAR = 6.7  # width of an average character at 12 px, a little generous
_MAX_CHARS = 30
_MARGIN = 14.0
_REGION = (14.0, 20.0)  # padding of a stage's region: at the sides, above and below (its name)
_PALETTE = (
    "#3b82c4", "#d9822b", "#2f9e6e", "#b1529b", "#8a6fd1", "#c2504a", "#7d8f2b", "#2a9fb0",
)  # fmt: skip
_STYLE = (
    ".lyftnb-graph text{font:12px system-ui,sans-serif;fill:currentColor}"
    ".lyftnb-graph .title{font-weight:600}"
    ".lyftnb-graph .note{font-size:10.5px;opacity:.75}"
    ".lyftnb-graph .edge{fill:none;stroke:currentColor;stroke-opacity:.55}"
    ".lyftnb-graph .head{fill:currentColor;fill-opacity:.55}"
    ".lyftnb-graph .spool{fill:currentColor;fill-opacity:.07;stroke:currentColor}"
    ".lyftnb-graph .region{fill:currentColor;fill-opacity:.03;stroke:currentColor;"
    "stroke-opacity:.35;stroke-dasharray:5 4}"
)
_STANDALONE = (
    ".lyftnb-graph{color:#1f2328}@media (prefers-color-scheme:dark){.lyftnb-graph{color:#e6edf3}}"
)
_SIGNS: dict[Mark, str] = {"added": "+", "changed": "~", "removed": "\u2212"}
MARK_COLOURS: dict[Mark, str] = {"added": "#2e8b57", "changed": "#b7721d", "removed": "#c2504a"}
_MARK_STYLE = "".join(
    f".lyftnb-graph .{mark}>.body{{stroke:{colour};stroke-width:2.4}}"
    f".lyftnb-graph .edge.{mark}{{stroke:{colour};stroke-opacity:1}}"
    f".lyftnb-graph .head.{mark},.lyftnb-graph .badge.{mark}{{fill:{colour};fill-opacity:1}}"
    for mark, colour in MARK_COLOURS.items()
) + (
    ".lyftnb-graph .removed>.body,.lyftnb-graph .edge.removed{stroke-dasharray:3 3}"
    ".lyftnb-graph .removed>.title{text-decoration:line-through}"
    ".lyftnb-graph .removed>.body,.lyftnb-graph .removed>text{opacity:.7}"
    ".lyftnb-graph .sign{fill:#fff;font-weight:700;text-anchor:middle}"
)
_LEGEND_HEIGHT = 26.0

Drawable = WorkflowSpec | Plan | DeploymentPlan


@dataclass(frozen=True)
class Picture:
    """A drawn workflow or plan: shows itself in a notebook, and can be saved as a file."""

    subject: Drawable
    view: Callable[[], Any] | None = field(default=None, compare=False, repr=False)
    """Makes the live view that a notebook shows in its place."""

    def save(self, path: str | Path) -> Path:
        """Write the picture as an SVG file that stands on its own."""
        target = Path(path)
        target.write_text(draw(self.subject, standalone=True), encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        return draw(self.subject)

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        """Text and picture always, and the live view where there can be one."""
        still = {"text/plain": repr(self), "text/html": self._repr_html_()}
        if self.view is None or not live():
            return still
        return {**self.view()._repr_mimebundle_(), **still}

    def __repr__(self) -> str:
        name = self.subject.workflow
        return f'Picture of {name}; a notebook shows it, .save("{name}.svg") writes it'


def draw(subject: Drawable, *, standalone: bool = False) -> str:
    """The SVG of a workflow or of a plan.

    Args:
        subject: what to draw; the plan of a deployment with what it adds, changes and removes
            marked, by signs and strokes beside colours.
        standalone: for a file of its own, which has no page to take its text colour from.
    """
    graph = _drawing(subject)
    if not graph.nodes:
        return _document(graph, ['<text x="14" y="26">no steps yet</text>'], (160, 40), standalone)
    places, bends, size = _arranged(graph)
    nodes = {node.id: node for node in graph.nodes}
    colours = _colours(graph.nodes)
    drawn = [_region(name, [nodes[i] for i in ids], places) for name, ids in graph.regions.items()]
    drawn += [
        _edge(edge, nodes, places, bends.get((edge.tail, edge.head), ())) for edge in graph.edges
    ]
    drawn += _labels(graph.edges, nodes, places)
    drawn += [_node(node, places[node.id], colours.get(node.group, "")) for node in graph.nodes]
    if _marks(graph):
        drawn.append(_legend(size[1]))
        size = (max(size[0], 240.0), size[1] + _LEGEND_HEIGHT)
    return _document(graph, drawn, size, standalone)


def _drawing(subject: Drawable) -> Drawing:
    if isinstance(subject, DeploymentPlan):
        return drawing_of_changes(subject)
    return drawing_of_plan(subject) if isinstance(subject, Plan) else drawing_of_spec(subject)


def _marks(graph: Drawing) -> bool:
    return any(node.mark for node in graph.nodes) or any(edge.mark for edge in graph.edges)


def _document(graph: Drawing, drawn: Iterable[str], size: Size, standalone: bool) -> str:
    width, height = size[0], size[1]
    style = _STYLE + (_MARK_STYLE if _marks(graph) else "") + (_STANDALONE if standalone else "")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lyftnb-graph" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'style="max-width:100%;height:auto">'
        f"<title>{escape(graph.title)}</title><desc>{escape(_described(graph))}</desc>"
        f"<style>{style}</style>{''.join(drawn)}</svg>"
    )


def _described(graph: Drawing) -> str:
    """The picture in words, for those who cannot see it."""
    steps = ", ".join(
        f"{n.title} ({_said(n.note, n.mark)})" for n in graph.nodes if n.kind == "step"
    )
    links = ", ".join(
        f"{_name(e.tail)} to {_name(e.head)}" + (f" ({e.mark})" if e.mark else "")
        for e in graph.edges
    )
    spools = ", ".join(f"{n.title} ({n.mark})" for n in graph.nodes if n.kind == "spool" and n.mark)
    kept = f" Spools: {spools}." if spools else ""
    return f"Steps: {steps}.{kept} Edges: {links or 'none'}."


def _said(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)


def _name(node: str) -> str:
    return node.partition(":")[2]


def _arranged(graph: Drawing) -> Arrangement:
    rooms = {
        (e.tail, e.head): len(_cut(e.label)) * 0.9 * _CHAR + 44 for e in graph.edges if e.label
    }
    titles = {name: len(name) * _CHAR for name in graph.regions}
    sizes = {node.id: _size(node) for node in graph.nodes}
    return arranged(graph, sizes, rooms, titles, padding=_REGION, margin=_MARGIN)


def _moved(point: Point, dx: float, dy: float) -> Point:
    return point[0] + dx, point[1] + dy


def _size(node: Node) -> Size:
    top = len(_cut(node.title)) + (len(node.group) + 3 if node.group else 0)
    chars = max(top, len(_cut(node.note)) * 0.9, 6)
    return chars * _CHAR + (34 if node.kind == "spool" else 24), 44.0 if node.note else 34.0


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"


def _colours(nodes: Sequence[Node]) -> dict[str, str]:
    """A hue for each group, by its name, so that it keeps it from picture to picture.

    A clash within one picture moves on to the next hue that is free.
    """
    taken: dict[str, str] = {}
    for group in sorted({node.group for node in nodes if node.group}):
        first = zlib.crc32(group.encode()) % len(_PALETTE)
        order = [*_PALETTE[first:], *_PALETTE[:first]]
        taken[group] = next((c for c in order if c not in taken.values()), order[0])
    return taken


def _node(node: Node, centre: Point, colour: str) -> str:
    width, height = _size(node)
    x, y = centre[0] - width / 2, centre[1] - height / 2
    shape = (
        _cylinder(x, y, width, height)
        if node.kind == "spool"
        else _box(x, y, width, height, colour)
    )
    baseline = centre[1] + (-3 if node.note else 4)
    texts = (
        f'<text class="title" x="{x + 12:.1f}" y="{baseline:.1f}">{escape(_cut(node.title))}</text>'
    )
    if node.group:
        texts += (
            f'<text class="note" x="{x + width - 8:.1f}" y="{baseline:.1f}" text-anchor="end" '
            f'style="fill:{colour};opacity:1">{escape(node.group)}</text>'
        )
    if node.note:
        texts += (
            f'<text class="note" x="{x + 12:.1f}" y="{baseline + 16:.1f}">'
            f"{escape(_cut(node.note))}</text>"
        )
    tip = "\n".join(part for part in (node.title, node.note, node.tip, node.mark) if part)
    group = f'<g class="{node.mark}">' if node.mark else "<g>"
    badge = _badge(node.mark, x + width - 2, y) if node.mark else ""
    return f"{group}<title>{escape(tip)}</title>{shape}{texts}{badge}</g>"


def _badge(mark: Mark, x: float, y: float) -> str:
    return (
        f'<circle class="badge {mark}" cx="{x:.1f}" cy="{y:.1f}" r="7.5"/>'
        f'<text class="sign" x="{x:.1f}" y="{y + 4:.1f}">{_SIGNS[mark]}</text>'
    )


def _legend(top: float) -> str:
    """What the signs mean."""
    drawn, x = "", _MARGIN + 8
    for mark in _SIGNS:
        drawn += _badge(mark, x, top + 8) + (
            f'<text class="note" x="{x + 13:.1f}" y="{top + 12:.1f}">{mark}</text>'
        )
        x += len(mark) * _CHAR + 34
    return f'<g class="legend">{drawn}</g>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" height="{height:.1f}"'
    return (
        f'<rect class="body" {place} width="{width:.1f}" rx="6" fill="{colour}" fill-opacity=".13" '
        f'stroke="{colour}"/><rect {place} width="4" rx="2" fill="{colour}"/>'
    )


def _cylinder(x: float, y: float, width: float, height: float) -> str:
    """A drum on its side: what lies in it stays."""
    bend, right, bottom = 6.0, x + width, y + height
    arc = f"{bend} {height / 2:.1f} 0 0"
    return (
        f'<path class="spool body" d="M{x + bend:.1f} {y:.1f}H{right - bend:.1f}'
        f"A{arc} 1 {right - bend:.1f} {bottom:.1f}H{x + bend:.1f}"
        f'A{arc} 1 {x + bend:.1f} {y:.1f}Z"/>'
        f'<path class="edge" d="M{right - bend:.1f} {y:.1f}'
        f'A{arc} 0 {right - bend:.1f} {bottom:.1f}"/>'
    )


def _region(name: str, nodes: Sequence[Node], places: dict[str, Point]) -> str:
    side, top = _REGION
    boxes = [(places[n.id], _size(n)) for n in nodes]
    left = min(p[0] - s[0] / 2 for p, s in boxes) - side
    right = max(p[0] + s[0] / 2 for p, s in boxes) + side
    upper = min(p[1] - s[1] / 2 for p, s in boxes) - top
    lower = max(p[1] + s[1] / 2 for p, s in boxes) + top
    return (
        f'<rect class="region" x="{left:.1f}" y="{upper:.1f}" width="{right - left:.1f}" '
        f'height="{lower - upper:.1f}" rx="10"/>'
        f'<text class="note" x="{left + 12:.1f}" y="{upper + 14:.1f}">stage {escape(name)}</text>'
    )


_STROKES = {
    "worker": 'stroke-width="1"',
    "spool": 'stroke-width="2.2"',
    "table": 'stroke-width="2.2" stroke-dasharray="7 4"',
    "message": 'stroke-width="1.2" stroke-dasharray="2 4"',
}


def _edge(
    edge: Edge, nodes: dict[str, Node], places: dict[str, Point], bends: Sequence[Point]
) -> str:
    """A curve from the right side of the tail to the left side of the head."""
    start, end = _ends(edge, nodes, places)
    points = [start, *bends, _moved(end, -6, 0)]
    path = f"M{start[0]:.1f} {start[1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(points):
        reach = max((bx - ax) / 2, 24.0)
        path += f"C{ax + reach:.1f} {ay:.1f} {bx - reach:.1f} {by:.1f} {bx:.1f} {by:.1f}"
    marked = f" {edge.mark}" if edge.mark else ""
    return (
        f'<path class="edge{marked}" {_STROKES[edge.kind]} d="{path}"/>'
        f'<path class="head{marked}" d="M{end[0]:.1f} {end[1]:.1f}l-8 -4v8z"/>'
    ) + (_badge(edge.mark, *_middle(points)) if edge.mark else "")


def _middle(points: Sequence[Point]) -> Point:
    """A point on a curve through such points: half-way between the two in its middle."""
    second = len(points) // 2
    (ax, ay), (bx, by) = points[second - 1], points[second]
    return (ax + bx) / 2, (ay + by) / 2


def _ends(edge: Edge, nodes: dict[str, Node], places: dict[str, Point]) -> tuple[Point, Point]:
    tail, head = nodes[edge.tail], nodes[edge.head]
    return (
        _moved(places[tail.id], _size(tail)[0] / 2, 0),
        _moved(places[head.id], -_size(head)[0] / 2, 0),
    )


def _labels(
    edges: Sequence[Edge], nodes: dict[str, Node], places: dict[str, Point]
) -> Iterator[str]:
    """The names of edges: at the head, or at the tail where several names meet in one head."""
    named = [edge for edge in edges if edge.label]
    meeting = Counter(edge.head for edge in named)
    for edge in named:
        start, end = _ends(edge, nodes, places)
        (x, y), anchor = (end, "end") if meeting[edge.head] == 1 else (start, "start")
        x += -12 if anchor == "end" else 6
        y += (
            14 if (start[1] < end[1]) == (anchor == "end") else -6
        )  # the side the curve leaves free
        yield (
            f'<text class="note" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">'
            f"{escape(_cut(edge.label))}</text>"
        )
