"""What a person does with the canvas in the lab, by keyboard and by mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.browser.lab_kit import WORKS_MS, choose, keys, shot

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

EDITOR = ".lyftnb-Document .lyftnb-Editor"
CANVAS = f"{EDITOR} .lyftnb-Canvas"
NODE = f"{CANVAS} .react-flow__node"
STEP = f"{NODE}[data-id^='step']"
TEXT = "window.jupyterapp.shell.currentWidget.context.model.toString()"
"""What the document holds, as it would be saved."""
TABS_AT_MOST = 80


def text_of(page: Page) -> str:
    """What the document of the tab that is shown holds."""
    return str(page.evaluate(TEXT))


def steps_of(page: Page) -> dict[str, Any]:
    """The steps as the document has them."""
    found: dict[str, Any] = yaml.safe_load(text_of(page)).get("steps", {})
    return found


def wait_for_text(page: Page, part: str) -> None:
    page.wait_for_function(f"part => {TEXT}.includes(part)", arg=part)


def open_new(page: Page, name: str) -> None:
    """Make a new workflow, by keyboard."""
    choose(page, "New Workflow")
    field = page.get_by_role("dialog").locator("input:focus")
    field.wait_for()
    keys(page, "Control+a", name, "Enter")
    field.wait_for(state="detached")
    on_canvas(page)


def add(page: Page, kind: str, into: bool = False) -> None:
    """Add a step behind the one that is selected, or an action into it, by keyboard."""
    before = text_of(page)
    on_canvas(page)
    # What a new action begins with depends on the columns that reach it.
    page.locator(f"{EDITOR}[data-known=true]").wait_for()
    keys(page, "a")
    search = page.get_by_role("combobox", name="Search steps")
    search.wait_for()
    page.keyboard.type(kind)
    page.get_by_role("option", selected=True).filter(has_text=kind).first.wait_for()
    page.keyboard.press("Shift+Enter" if into else "Enter")
    search.wait_for(state="detached")
    page.wait_for_function(f"before => {TEXT} !== before", arg=before)


def on_canvas(page: Page) -> None:
    """Wait until keys go to the canvas."""
    page.locator(f"{CANVAS}:focus, {CANVAS} :focus").first.wait_for(state="attached")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the focus is on the element."""
    target.wait_for()
    for _ in range(TABS_AT_MOST):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def find(page: Page, step: str) -> None:
    """Select a step by its name, by keyboard."""
    on_canvas(page)
    keys(page, "/")
    page.get_by_role("combobox", name="Step or spool").wait_for()
    page.keyboard.type(step)
    keys(page, "Enter")
    page.locator(".lyftnb-Inspector").get_by_role("heading", name=step).wait_for()


def retype(page: Page, step: str, texts: tuple[str, ...]) -> None:
    """Give the code of a step other texts: find it, go to its form, type, leave."""
    find(page, step)
    keys(page, "Enter")
    for index, text in enumerate(texts):
        tab_to(page, page.locator(".lyftnb-Inspector .cm-content").nth(index))
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(text)
    keys(page, "Escape", "Escape")
    on_canvas(page)


def save(page: Page) -> None:
    """Save, and wait until it is."""
    keys(page, "Control+s")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")


def deploy(page: Page, revision: int) -> None:
    """Publish, plan, apply and watch, by keyboard."""
    way = page.get_by_role("region", name="Publish, plan and apply")
    if way.locator(":focus").count() == 0:
        keys(page, "g")
        tab_to(page, way.get_by_role("combobox", name="Version"))
    keys(page, "Control+Enter")
    apply = way.locator("[data-step=apply][aria-disabled=false]")
    apply.wait_for(timeout=WORKS_MS)
    shot(page, f"plan-{revision}")
    keys(page, "Control+Enter")
    way.get_by_text(f"revision {revision}").first.wait_for(timeout=WORKS_MS)
    keys(page, "Control+Enter")
    page.get_by_role("region", name="Deployment").wait_for()


def drag(page: Page, source: Locator, target: Locator) -> None:
    """Draw a line from the middle of one thing to the middle of another, as a hand does."""
    for found, press in ((source, page.mouse.down), (target, page.mouse.up)):
        box = found.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=12)
        press()
