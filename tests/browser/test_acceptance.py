"""A workflow from nothing to what runs, in the lab: with the keyboard alone, and with the mouse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.browser.lab_kit import (
    PATIENCE_MS,
    Lab,
    arrive,
    command,
    enter,
    keys,
    serious_faults,
    shot,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

EDITOR = ".lyftnb-Document .lyftnb-Editor"
CANVAS = f"{EDITOR} .lyftnb-Canvas"
NODE = f"{CANVAS} .react-flow__node"
STEP = f"{NODE}[data-id^='step']"
CHAIN = ("generate", "filter", "derive", "limit", "limit", "limit", "limit", "discard")
TABS_AT_MOST = 80
WORKS_MS = 90_000
"""A manager and workers start, and stages run."""


def text_of(page: Page) -> str:
    """What the document holds, as it would be saved."""
    return str(page.evaluate("window.jupyterapp.shell.currentWidget.context.model.toString()"))


def steps_of(page: Page) -> dict[str, Any]:
    """The steps as the document has them."""
    found: dict[str, Any] = yaml.safe_load(text_of(page)).get("steps", {})
    return found


def wait_for_text(page: Page, part: str) -> None:
    page.wait_for_function(
        "part => window.jupyterapp.shell.currentWidget.context.model.toString().includes(part)",
        arg=part,
        timeout=PATIENCE_MS,
    )


def open_new(page: Page, name: str) -> None:
    """Make a new workflow, by keyboard."""
    keys(page, "Control+Shift+c", "New Workflow", "Enter")
    page.get_by_role("dialog").get_by_role("textbox").wait_for()
    keys(page, "Control+a", name, "Enter")
    # The palette comes from the server: without it there is nothing to add.
    page.locator(f"{EDITOR} .lyftnb-Palette [role=option]").first.wait_for()
    page.get_by_role("button", name="Add the first step").wait_for()
    page.locator(f"{CANVAS}:focus, {CANVAS} :focus").first.wait_for()


def add(page: Page, kind: str) -> None:
    """Add a step behind the one that is selected, by keyboard."""
    steps = len(steps_of(page))
    page.locator(f"{CANVAS}:focus, {CANVAS} :focus").first.wait_for(state="attached")
    keys(page, "a")
    search = page.get_by_role("combobox", name="Search steps")
    search.wait_for()
    page.keyboard.type(kind)
    page.get_by_role("option", selected=True).filter(has_text=kind).first.wait_for()
    keys(page, "Enter")
    search.wait_for(state="detached")
    page.wait_for_function(
        "n => (window.jupyterapp.shell.currentWidget.context.model.toString()"
        ".match(/^  \\w+:$/gm) ?? []).length === n",
        arg=steps + 1,
    )


def tab_to(page: Page, selector: str, nth: int = 0) -> None:
    """Press Tab until the focus is on the element."""
    for _ in range(TABS_AT_MOST):
        page.keyboard.press("Tab")
        if page.evaluate(
            "([s, n]) => document.querySelectorAll(s)[n] === document.activeElement",
            [selector, nth],
        ):
            return
    raise AssertionError(f"Tab does not lead to {selector} [{nth}]")


def retype(page: Page, step: str, texts: tuple[str, ...]) -> None:
    """Give the expressions of a step other texts: find it, go to its form, type, leave."""
    keys(page, "/")
    page.get_by_role("combobox", name="Step or spool").wait_for()
    page.keyboard.type(step)
    keys(page, "Enter", "Enter")
    for index, text in enumerate(texts):
        tab_to(page, ".lyftnb-Inspector .cm-content", index)
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(text)
    keys(page, "Escape", "Escape")
    page.locator(f"{CANVAS}:focus, {CANVAS} :focus").first.wait_for()


def test_eight_steps_with_the_keyboard_alone(page: Page, lab: Lab) -> None:
    """Author, trace, publish, plan, apply and watch; reload mid-way."""
    open_new(page, "orders")

    for kind in CHAIN:
        add(page, kind)
    retype(page, "filter", ("n % 2 = 0",))
    retype(page, "derive", ("n / 60.0", "n > 10"))
    wait_for_text(page, "n > 10")
    keys(page, "Control+s")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = yaml.safe_load((lab.root / "orders.workflow.yaml").read_text())
    assert len(saved["steps"]) == len(CHAIN)
    assert saved["steps"]["filter"]["actions"] == [{"filter": "n % 2 = 0"}]
    shot(page, "eight-steps")

    page.reload()
    arrive(page)
    page.locator(STEP).first.wait_for()
    assert page.locator(f"{EDITOR} [role=treeitem], {STEP}").count() > 0
    assert yaml.safe_load(text_of(page)) == saved

    page.locator(CANVAS).focus()
    keys(page, "t")
    trace = page.get_by_role("region", name="Trace", exact=True)
    trace.get_by_text(re.compile(r"\d+ rows?")).first.wait_for(timeout=PATIENCE_MS)
    shot(page, "trace")
    keys(page, "Escape")
    page.locator(CANVAS).focus()

    keys(page, "g")
    page.get_by_role("button", name="Start the manager").wait_for()
    page.get_by_role("button", name="Start the manager").focus()
    keys(page, "Enter")
    way = page.get_by_role("region", name="Publish, plan and apply")
    way.wait_for(timeout=WORKS_MS)
    way.get_by_role("button", name="Publish").focus()
    keys(page, "Control+Enter")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.lyftnb-PlanPanel-bar button')].some("
        "b => b.textContent === 'Apply' && b.getAttribute('aria-disabled') !== 'true')",
        timeout=WORKS_MS,
    )
    shot(page, "plan")
    way.get_by_role("button", name="Apply").focus()
    keys(page, "Control+Enter")
    way.get_by_text("revision 1").first.wait_for(timeout=WORKS_MS)
    page.locator(CANVAS).focus()
    keys(page, "w")
    page.get_by_role("region", name="Deployment orders").get_by_text("healthy").first.wait_for(
        timeout=WORKS_MS
    )
    shot(page, "live")
    assert serious_faults(page, EDITOR) == []


def drag(page: Page, source: Locator, target: Locator) -> None:
    """Draw a line from the middle of one thing to the middle of another, as a hand does."""
    for found, press in ((source, page.mouse.down), (target, page.mouse.up)):
        box = found.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=12)
        press()


def test_with_the_mouse(page: Page, lab: Lab) -> None:
    """Drag steps from the palette, join them port to port, trace, undo."""
    open_new(page, "clicks")
    palette = page.locator(f"{EDITOR} .lyftnb-Palette")
    canvas = page.locator(CANVAS)
    for kind, place in (("generate", {"x": 90, "y": 160}), ("limit", {"x": 320, "y": 420})):
        palette.get_by_role("option", name=kind, exact=True).drag_to(canvas, target_position=place)
        wait_for_text(page, f"{kind}:")
    made, limit = (page.locator(f"{STEP}").filter(has_text=name) for name in ("generate", "limit"))
    made.hover()
    drag(
        page,
        made.locator(".react-flow__handle.source").last,
        limit.locator(".react-flow__handle.target").first,
    )
    page.wait_for_function(
        "() => / in: /.test(window.jupyterapp.shell.currentWidget.context.model.toString())"
    )
    reads = [step.get("in") for step in steps_of(page).values()]
    assert sum(one is not None for one in reads) == 1
    page.get_by_role("button", name="Trace").first.click()
    page.get_by_role("region", name="Trace", exact=True).get_by_text("limit").first.wait_for()
    shot(page, "mouse")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(
        "() => !/ in: /.test(window.jupyterapp.shell.currentWidget.context.model.toString())"
    )


def test_two_windows_on_one_file(page: Page, lab: Lab) -> None:
    """What is saved in one window comes into the other, whose own edits stay."""
    open_new(page, "shared")
    add(page, "generate")
    keys(page, "Control+s")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    other = page.context.new_page()
    enter(other, lab)
    command(other, "docmanager:open", path="shared.workflow.yaml")
    other.locator(STEP).first.wait_for()
    other.locator(f"{CANVAS}").focus()
    add(other, "print")
    add(page, "limit")
    keys(page, "Control+s")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    # Theirs is read first, then ours is brought together with it.
    other.wait_for_function(
        "() => { const text = window.jupyterapp.shell.currentWidget.context.model.toString();"
        " return text.includes('limit:') && text.includes('print:'); }"
    )
    assert len(steps_of(other)) == 3
    assert other.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty")
    other.close()
