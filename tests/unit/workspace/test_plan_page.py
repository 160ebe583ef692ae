"""Plans of deployments as HTML: golden pages, and marks that do not go by colour alone."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lyftnb.workspace.painting import drawing_of_changes
from lyftnb.workspace.plan_page import plan_page
from lyftnb.workspace.svg import Picture, draw
from tests.unit.planning.deployment_kit import golden_plan

GOLDEN = Path(__file__).parents[2] / "golden" / "deployments"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", sorted(p.stem for p in GOLDEN.glob("*.yaml")))
def test_golden(name: str) -> None:
    """Each `NAME.yaml` is shown as in `NAME.html`; `UPDATE_GOLDEN=1` writes the pages anew."""
    shown = plan_page(golden_plan(GOLDEN / f"{name}.yaml"))
    golden = GOLDEN / f"{name}.html"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown)
    assert shown == golden.read_text()


def test_what_goes_is_drawn_as_it_is_now() -> None:
    """`kept` turns from a spool into a channel in memory, which is a change of it."""
    graph = drawing_of_changes(golden_plan(GOLDEN / "lost.yaml"))
    assert {node.id: node.mark for node in graph.nodes} == {
        "step:read": None,
        "step:clean": "changed",
        "step:other": "changed",
        "spool:raw": None,
        "step:load": "removed",
    }
    assert {(edge.tail, edge.head): edge.mark for edge in graph.edges} == {
        ("step:read", "spool:raw"): None,
        ("spool:raw", "step:clean"): None,
        ("step:clean", "step:other"): "changed",
        ("spool:raw", "step:load"): "removed",
    }


def test_a_renamed_step_is_one_step() -> None:
    graph = drawing_of_changes(golden_plan(GOLDEN / "renamed.yaml"))
    assert {node.id: node.mark for node in graph.nodes} == {
        "step:read": None,
        "step:tidy": "changed",
        "spool:raw": None,
        "spool:kept": None,
    }
    assert not any(edge.mark for edge in graph.edges)


def test_all_of_a_new_deployment_is_added() -> None:
    graph = drawing_of_changes(golden_plan(GOLDEN / "new.yaml"))
    assert {part.mark for part in (*graph.nodes, *graph.edges)} == {"added"}


def test_marks_are_signs_strokes_and_words(tmp_path: Path) -> None:
    plan = golden_plan(GOLDEN / "changed_action.yaml")
    root = ElementTree.fromstring(draw(plan))
    (clean,) = (g for g in root.iterfind(f"{SVG}g") if g.findtext(f"{SVG}text") == "clean")
    assert clean.get("class") == "changed"
    assert clean.findtext(f"{SVG}text[@class='sign']") == "~"
    assert (clean.findtext(f"{SVG}title") or "").endswith("\nchanged")
    assert "clean (" in (root.findtext(f"{SVG}desc") or "")
    assert "; changed)" in (root.findtext(f"{SVG}desc") or "")
    saved = Picture(plan).save(tmp_path / "plan.svg")
    assert "prefers-color-scheme" in saved.read_text()


def test_a_plan_that_changes_nothing_has_no_marks() -> None:
    drawn = draw(golden_plan(GOLDEN / "unchanged.yaml"))
    assert "badge" not in drawn and "legend" not in drawn
