"""The picture of a workflow: valid XML, nothing of the user's unescaped, nothing overlapping."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.model import WorkflowSpec
from lyftnb.workspace.arranging import arranged
from lyftnb.workspace.drawing import Drawing, Edge, Node, drawing_of_spec
from lyftnb.workspace.layered import layout
from lyftnb.workspace.svg import draw

SPEC = WorkflowSpec.model_validate(
    {
        "workflow": "flights",
        "channels": {"raw": {"transport": "spool", "partition": "1d", "event_time": "time_hour"}},
        "steps": {
            "ingest": {"input": {"files": {"path": "*.csv"}}, "out": "raw", "group": "edge",
                       "emit": [{"tag": "landed"}], "description": "from <outside> & beyond"},
            "route": {"in": "raw", "out": {"a": "to_a", "b": "to_b"}, "dispatch": "clone"},
            "a": {"in": "to_a", "actions": [{"filter": "x > 1"}], "output": {"discard": {}}},
            "b": {"in": {"rows": "to_b", "all": {"channel": "raw", "as": "table"}}, "out": "c"},
            "report": {"notebook": {"path": "r.ipynb"}, "trigger": {"message": {"tag": "landed"}}},
        },
    }
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def test_the_graph_shows_steps_spools_channels_and_messages() -> None:
    graph = drawing_of_spec(SPEC)
    edges = {(e.tail, e.head, e.kind, e.label) for e in graph.edges}
    assert [n.title for n in graph.nodes if n.kind == "spool"] == ["raw"]
    assert edges == {
        ("step:ingest", "spool:raw", "spool", ""),
        ("spool:raw", "step:route", "spool", ""),
        ("spool:raw", "step:b", "table", ""),
        ("step:route", "step:a", "worker", "to_a"),
        ("step:route", "step:b", "worker", "to_b"),
        ("step:ingest", "step:report", "message", "landed"),
    }


def test_the_svg_is_wellformed_named_and_escaped() -> None:
    root = ElementTree.fromstring(draw(SPEC))
    assert root.findtext(f"{SVG}title") == "flights"
    assert "ingest to raw" in (root.findtext(f"{SVG}desc") or "")
    tips = [title.text or "" for title in root.iterfind(f".//{SVG}g/{SVG}title")]
    assert any("from <outside> & beyond" in tip for tip in tips)
    for outside in ("<script", "http-equiv", "url(", "href"):
        assert outside not in draw(SPEC)


def test_an_empty_draft_and_a_broken_one_are_drawn_too() -> None:
    assert "no steps yet" in draw(WorkflowSpec(workflow="empty"))
    loop = {"a": {"in": "y", "out": "x"}, "b": {"in": ["x", "nowhere"], "out": "y"}}
    drawn = draw(WorkflowSpec.model_validate({"workflow": "loop", "steps": loop}))
    ElementTree.fromstring(drawn)
    assert "nowhere" in drawn


nodes = st.integers(2, 14)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_two_nodes_overlap_and_edges_run_forward(data: st.DataObject) -> None:
    names = [f"n{i}" for i in range(data.draw(nodes))]
    sizes = {n: (data.draw(st.floats(20, 200)), data.draw(st.floats(20, 60))) for n in names}
    pairs = data.draw(st.lists(st.sampled_from([*combinations(names, 2)]), max_size=30))
    placed = layout(sizes, pairs)
    for a, b in combinations(names, 2):
        (ax, ay), (bx, by) = placed.centres[a], placed.centres[b]
        apart_x = abs(ax - bx) >= (sizes[a][0] + sizes[b][0]) / 2
        apart_y = abs(ay - by) >= (sizes[a][1] + sizes[b][1]) / 2 - 1e-6
        assert apart_x or apart_y
    for tail, head in pairs:
        assert placed.centres[tail][0] < placed.centres[head][0]
    for name, (x, y) in placed.centres.items():
        assert x - sizes[name][0] / 2 >= -1e-6
        assert y - sizes[name][1] / 2 >= -1e-6
        assert y + sizes[name][1] / 2 <= placed.size[1] + 1e-6


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_cycles_are_tolerated(pairs: list[tuple[int, int]]) -> None:
    sizes = {str(i): (50.0, 30.0) for i in range(8)}
    assert set(layout(sizes, [(str(a), str(b)) for a, b in pairs]).centres) == set(sizes)


Box = tuple[float, float, float, float]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_frames_of_stages_cover_nothing_else_and_edges_leave_them_beside_their_steps(
    data: st.DataObject,
) -> None:
    names = [f"n{i}" for i in range(data.draw(nodes))]
    sizes = {n: (data.draw(st.floats(40, 200)), data.draw(st.floats(20, 60))) for n in names}
    homes = {n: data.draw(st.sampled_from(["", "a", "b", "c"])) for n in names}
    regions = {s: tuple(n for n in names if homes[n] == s) for s in "abc" if s in homes.values()}
    pairs = data.draw(st.lists(st.sampled_from([*combinations(names, 2)]), max_size=24))
    graph = Drawing(
        "random",
        tuple(Node(n, "step", n) for n in names),
        tuple(Edge(tail, head, "worker") for tail, head in pairs),
        regions,
    )
    placed = arranged(graph, sizes, {}, dict.fromkeys(regions, 0.0), padding=(14, 20), margin=14)

    def box(members: tuple[str, ...], side: float = 0, top: float = 0) -> Box:
        corners = [(*placed.places[n], *sizes[n]) for n in members]
        return (
            min(x - w / 2 for x, _, w, _ in corners) - side,
            min(y - h / 2 for _, y, _, h in corners) - top,
            max(x + w / 2 for x, _, w, _ in corners) + side,
            max(y + h / 2 for _, y, _, h in corners) + top,
        )

    frames = {stage: box(members, 14, 20) for stage, members in regions.items()}
    for stage, frame in frames.items():
        others = [frames[s] for s in frames if s != stage]
        others += [box((n,)) for n in names if homes[n] != stage]
        assert not any(_overlap(frame, other) for other in others)
    for way in placed.bends.values():
        for x, y in way:
            assert not any(_overlap((x, y, x, y), box((n,))) for n in names)


def _overlap(one: Box, other: Box) -> bool:
    return (
        one[0] < other[2] - 1e-6
        and other[0] < one[2] - 1e-6
        and one[1] < other[3] - 1e-6
        and other[1] < one[3] - 1e-6
    )
