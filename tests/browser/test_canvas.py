"""How the canvas shows graphs: large ones from near and from afar, and small screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.browser.lab_kit import CLONE, Lab, command, serious_faults, shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

EDITOR = ".lyftnb-Document .lyftnb-Editor"
CANVAS = f"{EDITOR} .lyftnb-Canvas"
NODE = f"{CANVAS} .react-flow__node"
HANDLE = f"{NODE} .react-flow__handle"
EDGE = f"{CANVAS} .react-flow__edge"
CHAINS, LENGTH = 20, 6
GENERATE = {"generate": {"rate": 1, "columns": {"n": {"sequence": {}}}}}


@pytest.fixture
def chains(page: Page, lab: Lab) -> Page:
    """A workflow of many chains, open on a large screen."""
    steps = {
        f"s{chain}_{i}": (
            ({"in": f"c{chain}_{i - 1}"} if i else {"input": GENERATE}) | {"out": f"c{chain}_{i}"}
        )
        for chain in range(CHAINS)
        for i in range(LENGTH)
    }
    text = yaml.safe_dump({"workflow": "chains", "steps": steps}, sort_keys=False)
    (lab.root / "chains.workflow.yaml").write_text(text)
    page.set_viewport_size({"width": 1600, "height": 1000})
    command(page, "docmanager:open", path="chains.workflow.yaml")
    page.locator(NODE).first.wait_for()
    return page


@pytest.fixture
def flights(page: Page, lab: Lab) -> Page:
    """The demo's workflow, with room to draw it."""
    demo = CLONE / "lyftnb" / "workspace" / "demo_files" / "flights.workflow.yaml"
    (lab.root / "flights.workflow.yaml").write_text(demo.read_text())
    page.set_viewport_size({"width": 1920, "height": 1080})
    command(page, "docmanager:open", path="flights.workflow.yaml")
    page.locator(NODE).first.wait_for()
    return page


def view(page: Page) -> str:
    """Where the view stands."""
    return str(page.locator(f"{CANVAS} .react-flow__viewport").get_attribute("style"))


def wait_for_other_view(page: Page, before: str) -> None:
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).getAttribute('style') !== before",
        arg=[f"{CANVAS} .react-flow__viewport", before],
    )


def test_a_large_graph_from_near_and_afar(chains: Page) -> None:
    """From afar all of it is there, with less to draw; from near what one works with is back."""
    page, nodes, edges = chains, CHAINS * LENGTH, CHAINS * (LENGTH - 1)
    page.locator(CANVAS).press("f")
    page.wait_for_function(
        "([node, count]) => document.querySelectorAll(node).length >= count", arg=[NODE, nodes]
    )
    page.locator(HANDLE).first.wait_for(state="detached")
    page.wait_for_function(
        "([edge, count]) => document.querySelectorAll(edge).length >= count", arg=[EDGE, edges]
    )
    assert page.locator(NODE).get_by_text("s0_0", exact=True).is_visible()
    assert serious_faults(page, EDITOR) == []
    shot(page, "afar")

    before = view(page)
    page.get_by_role("img", name="Overview of the graph").click(position={"x": 20, "y": 20})
    wait_for_other_view(page, before)
    while page.locator(HANDLE).count() == 0:
        before = view(page)
        page.locator(CANVAS).press("+")
        wait_for_other_view(page, before)
    # A line that was drawn from afar ends at the handles that are there now.
    page.locator(f"{EDGE} text").first.wait_for(state="attached")
    assert page.locator(NODE).count() < nodes  # what is out of sight is not drawn
    shot(page, "near")


def test_what_is_seen_first_is_what_stays(chains: Page) -> None:
    """The plan comes with the draft: nothing is laid out anew, or seen from elsewhere, after it."""
    page = chains
    first = view(page)
    page.locator(f"{EDITOR}[data-known=true]").wait_for()
    assert view(page) == first
    before = page.locator(f"{NODE}[data-id='step:s0_1']").get_attribute("style")
    page.locator(CANVAS).press("ArrowRight")
    assert page.locator(f"{NODE}[data-id='step:s0_1']").get_attribute("style") == before
    command(page, "application:close")
    command(page, "docmanager:open", path="chains.workflow.yaml")
    page.locator(NODE).first.wait_for()
    assert view(page) == first


def test_frames_of_stages_stand_apart(flights: Page) -> None:
    """Each stage has its frame, which covers no other and no node that is not in it."""
    page = flights
    frames = page.locator(f"{NODE}[data-id^='stage']")
    assert frames.count() == 4
    for name in ("ingest", "clean", "sum_up", "route"):
        assert frames.get_by_text(f"{name} · ", exact=False).first.is_visible()
    boxes = [box for each in frames.all() if (box := each.bounding_box())]
    spools = [
        box
        for each in page.locator(f"{NODE}[data-id^='spool']").all()
        if (box := each.bounding_box())
    ]
    for index, box in enumerate(boxes):
        for other in (*boxes[index + 1 :], *spools):
            assert not (
                box["x"] < other["x"] + other["width"]
                and other["x"] < box["x"] + box["width"]
                and box["y"] < other["y"] + other["height"]
                and other["y"] < box["y"] + box["height"]
            )
    shot(page, "flights")


def test_the_view_stays_fitted_until_it_is_moved(page: Page, lab: Lab) -> None:
    """A drawer that opens leaves the whole graph in sight, at the height that was set last."""
    command(page, "docmanager:open", path="workflows/hello.workflow.yaml")
    page.locator(NODE).first.wait_for()
    page.locator(CANVAS).press("f")
    button = page.get_by_role("button", name="YAML")
    button.click()
    edge = page.get_by_role("separator", name="Height of the panel")
    before = int(edge.get_attribute("aria-valuenow") or 0)
    assert before < 400, "half of the window"
    edge.press("ArrowUp")
    page.wait_for_function(
        """([canvas, node]) => {
            const {top, bottom} = document.querySelector(canvas).getBoundingClientRect();
            return [...document.querySelectorAll(node)].every(each => {
                const box = each.getBoundingClientRect();
                return box.top >= top && box.bottom <= bottom;
            });
        }""",
        arg=[CANVAS, NODE],
    )
    shot(page, "drawer")
    button.click()
    edge.wait_for(state="detached")
    button.click()
    assert edge.get_attribute("aria-valuenow") == str(before + 24)
