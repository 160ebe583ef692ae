"""How the canvas shows graphs: large ones from near and from afar, and small screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.browser.lab_kit import Lab, command, serious_faults, shot

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


def test_the_view_stays_fitted_until_it_is_moved(page: Page, lab: Lab) -> None:
    """A drawer that opens leaves the whole graph in sight, at the height that was set last."""
    command(page, "docmanager:open", path="workflows/hello.workflow.yaml")
    page.locator(NODE).first.wait_for()
    page.locator(CANVAS).press("f")
    button = page.get_by_role("button", name="YAML")
    button.click()
    edge = page.get_by_role("separator", name="Height of the panel")
    before = int(edge.get_attribute("aria-valuenow") or 0)
    assert before < 300
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
