"""A workflow from nothing to what runs, in the lab: with the keyboard alone, and with the mouse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from tests.browser.canvas_kit import (
    CANVAS,
    EDITOR,
    STEP,
    TEXT,
    add,
    deploy,
    drag,
    find,
    on_canvas,
    open_new,
    retype,
    save,
    steps_of,
    tab_to,
    text_of,
    wait_for_text,
)
from tests.browser.lab_kit import WORKS_MS, Lab, arrive, command, enter, keys, serious_faults, shot

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, WebSocketRoute

CHAIN = ("generate", "filter", "derive", "fill", "rename", "limit", "limit", "discard")
JAMS = """\
from lyftnb.errors import Permanent

def transform(lf):
    if lf.collect().height:
        raise Permanent("the till is jammed")
    return lf
"""
WORKS = """\
def transform(lf):
    return lf
"""


def live_tab(page: Page, name: str) -> Locator:
    """A tab of the panel that watches, chosen by keyboard from the canvas."""
    panel = page.get_by_role("region", name="Deployment orders")
    chosen = panel.get_by_role("tab", selected=True)
    tab_to(page, chosen)
    tab = panel.get_by_role("tab", name=name, selected=True)
    while tab.count() == 0:
        keys(page, "ArrowRight")
    return panel


def leave(page: Page) -> None:
    """Step by step out of the panel, the selection, and what is painted, to the draft."""
    keys(page, "Escape", "Escape", "Escape")
    page.locator(".lyftnb-LivePanel").wait_for(state="detached")
    on_canvas(page)


def test_eight_steps_with_the_keyboard_alone(page: Page, lab: Lab) -> None:
    """Author, trace, publish, plan, apply and watch; reload mid-way; break it, and mend it."""
    open_new(page, "orders")
    for kind in CHAIN:
        add(page, kind)
    # What was added fits the columns that reach it.
    page.get_by_role("button", name="No problems").wait_for()
    retype(page, "filter", ("n % 2 = 0",))
    retype(page, "derive", ("n / 60.0", "n > 10"))
    wait_for_text(page, "n > 10")
    save(page)
    saved = yaml.safe_load((lab.root / "orders.workflow.yaml").read_text())
    assert len(saved["steps"]) == len(CHAIN)
    assert saved["steps"]["filter"]["actions"] == [{"filter": "n % 2 = 0"}]
    shot(page, "eight-steps")

    page.reload()
    arrive(page)
    page.locator(STEP).first.wait_for()
    assert yaml.safe_load(text_of(page)) == saved

    on_canvas(page)
    keys(page, "t")
    trace = page.get_by_role("region", name="Trace", exact=True)
    trace.get_by_text(re.compile(r"\d+ rows?")).first.wait_for()
    shot(page, "trace")

    keys(page, "g")
    tab_to(page, page.get_by_role("button", name="Start the manager"))
    keys(page, "Enter")
    page.locator("[aria-label='Publish, plan and apply'] :focus").wait_for(timeout=WORKS_MS)
    deploy(page, 1)
    watched = page.get_by_role("region", name="Deployment orders")
    watched.get_by_text("healthy").first.wait_for(timeout=WORKS_MS)
    shot(page, "live")
    assert serious_faults(page, EDITOR) == []
    leave(page)
    break_it(page)
    mend_it(page)
    leave(page)
    rename_it(page)


def break_it(page: Page) -> None:
    """A step that raises: the stage is blocked, and an issue says why, wherever one looks."""
    find(page, "derive")
    add(page, "python", into=True)
    retype(page, "derive", ("n / 60.0", "n > 10", JAMS))
    wait_for_text(page, "the till is jammed")
    retype_rows(page, 2000)
    deploy(page, 2)
    why = "the till is jammed"
    page.locator(".Toastify").get_by_text(why).first.wait_for(timeout=WORKS_MS)
    panel = live_tab(page, "Issues")
    panel.get_by_text("degraded").first.wait_for(timeout=WORKS_MS)
    panel.get_by_role("tabpanel").get_by_text(why).first.wait_for(timeout=WORKS_MS)
    page.get_by_role("button", name=re.compile("1 issue")).wait_for()
    shot(page, "broken")
    leave(page)


def mend_it(page: Page) -> None:
    """Another version goes on where the broken one stood, and closes its issue."""
    retype(page, "derive", ("n / 60.0", "n > 10", WORKS))
    wait_for_text(page, "return lf")
    deploy(page, 3)
    panel = live_tab(page, "Issues")
    panel.get_by_text("healthy").first.wait_for(timeout=WORKS_MS)
    panel.get_by_text("All is well.").wait_for(timeout=WORKS_MS)
    page.get_by_role("button", name="1/1 deployment", exact=True).wait_for()
    page.locator(".Toastify").get_by_text("the till is jammed").first.wait_for(state="hidden")
    shot(page, "mended")


def rename_it(page: Page) -> None:
    """A step that runs gets another name, and says what it was called."""
    find(page, "fill")
    keys(page, "F2")
    page.get_by_role("textbox", name="New name").wait_for()
    keys(page, "Control+a", "filled", "Enter")
    wait_for_text(page, "renamed_from: fill")
    assert "fill" not in steps_of(page)


def retype_rows(page: Page, rows: int) -> None:
    """Make the source give more rows, by keyboard."""
    find(page, "read_generate")
    keys(page, "Enter")
    tab_to(page, page.get_by_role("textbox", name="Rows"))
    keys(page, "Control+a", str(rows), "Escape")
    wait_for_text(page, f"rows: {rows}")


def test_keys_before_the_workflow_is_there(page: Page, lab: Lab) -> None:
    """What is begun while a draft is opened waits for it."""
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    holds = True

    def hold(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def arrived(frame: str | bytes) -> None:
            if holds:
                held.append((route, frame))
            else:
                route.send(frame)

        server.on_message(arrived)

    page.route_web_socket(re.compile("lyftnb/studio"), hold)
    enter(page, lab)
    open_new(page, "blink")
    keys(page, "a")
    page.get_by_text("Opening the workflow…").wait_for()
    page.keyboard.type("generate")
    holds = False
    for route, frame in held:
        route.send(frame)
    page.get_by_role("option", name="generate", selected=True).wait_for()
    keys(page, "Enter")
    wait_for_text(page, "generate:")


def test_with_the_mouse(page: Page, lab: Lab) -> None:
    """Drag steps from the palette, join them port to port, undo and redo; trace, publish, plan,
    apply and watch.
    """
    open_new(page, "clicks")
    palette = page.locator(f"{EDITOR} .lyftnb-Palette")
    canvas = page.locator(CANVAS)
    for kind, place in (("generate", {"x": 90, "y": 160}), ("limit", {"x": 320, "y": 420})):
        palette.get_by_role("option", name=kind, exact=True).drag_to(canvas, target_position=place)
        wait_for_text(page, f"{kind}:")
    made, limit = (page.locator(STEP).filter(has_text=name) for name in ("generate", "limit"))
    made.hover()
    drag(
        page,
        made.locator(".react-flow__handle.source").last,
        limit.locator(".react-flow__handle.target").first,
    )
    wait_for_text(page, " in: ")
    reads = [step.get("in") for step in steps_of(page).values()]
    assert sum(one is not None for one in reads) == 1
    page.get_by_role("button", name="Undo").click()
    wait_until_gone(page, " in: ")
    page.get_by_role("button", name="Redo").click()
    wait_for_text(page, " in: ")
    page.get_by_role("button", name="Run & trace on a sample").click()
    trace = page.get_by_role("region", name="Trace", exact=True)
    trace.get_by_text("limit").first.wait_for()
    shot(page, "mouse")

    page.get_by_role("tab", name="Publish, plan, apply").click()
    start = page.get_by_role("button", name="Start the manager")
    way = page.get_by_role("region", name="Publish, plan and apply")
    start.or_(way).first.wait_for()
    if start.count():
        start.click()
    way.get_by_role("button", name="Publish").click(timeout=WORKS_MS)
    way.get_by_role("option", name="clicks@1", exact=True).wait_for(state="attached")
    way.get_by_role("button", name="Plan", exact=True).click()
    way.locator("[data-step=apply][aria-disabled=false]").click(timeout=WORKS_MS)
    way.get_by_role("button", name="Watch it").click(timeout=WORKS_MS)
    panel = page.get_by_role("region", name="Deployment clicks")
    panel.get_by_text("healthy").first.wait_for(timeout=WORKS_MS)
    panel.get_by_role("tab", name="Runs").click()
    panel.get_by_text("done").first.wait_for(timeout=WORKS_MS)
    shot(page, "mouse-live")
    page.get_by_role("button", name="Close the panel").click()
    page.get_by_role("button", name="Add a step or spool").click()
    page.get_by_role("combobox", name="Search steps").wait_for()


def wait_until_gone(page: Page, part: str) -> None:
    page.wait_for_function(f"part => !{TEXT}.includes(part)", arg=part)


def test_two_windows_on_one_file(page: Page, lab: Lab) -> None:
    """What is saved in one window comes into the other, whose own edits stay."""
    open_new(page, "shared")
    add(page, "generate")
    save(page)
    other = page.context.new_page()
    enter(other, lab)
    command(other, "docmanager:open", path="shared.workflow.yaml")
    other.locator(STEP).first.wait_for()
    other.locator(CANVAS).focus()
    add(other, "print")
    add(page, "limit")
    save(page)
    # Theirs is read first, then ours is brought together with it.
    for part in ("limit:", "print:"):
        wait_for_text(other, part)
    assert len(steps_of(other)) == 3
    assert other.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty")
    other.close()
