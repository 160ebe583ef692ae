"""What a person sees, and keeps, when the Jupyter server or the manager is killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import yaml

from tests.browser.canvas_kit import (
    CANVAS,
    EDITOR,
    NODE,
    STEP,
    add,
    on_canvas,
    open_new,
    save,
    text_of,
    wait_for_text,
)
from tests.browser.lab_kit import WORKS_MS, Lab, command, keys, shot
from tests.manager_kit import ended

if TYPE_CHECKING:
    from playwright.sync_api import Page

TICKS = """\
workflow: ticks
channels: {beats: {transport: spool}}
steps:
  tick:
    input: {generate: {rate: 20, columns: {n: sequence}}}
    trigger: {interval: 1s}
    out: beats
  count: {in: beats, actions: [{derive: {odd: n % 2 = 1}}], output: {discard: null}}
"""


def test_the_server_is_killed_and_comes_back(page: Page, lab: Lab) -> None:
    """The canvas says so, keeps what is edited meanwhile, and sends it when it can."""
    # The lab says so, too, in windows of its own.
    lost = page.get_by_role("dialog").filter(has_text="Server Connection Error")
    page.add_locator_handler(lost, lambda: lost.get_by_role("button").last.click())
    open_new(page, "kept")
    add(page, "generate")
    save(page)
    add(page, "limit")

    lab.kill()
    offline = page.get_by_text("No connection. Edits are kept here")
    offline.wait_for()
    page.locator(CANVAS).focus()
    keys(page, "a")
    page.get_by_role("combobox", name="Search steps").fill("discard")
    page.get_by_role("option", name="discard", selected=True).wait_for()
    keys(page, "Enter")
    page.locator(STEP).filter(has_text="discard").wait_for()
    assert page.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty")
    shot(page, "offline")

    lab.start()
    offline.wait_for(state="detached")
    wait_for_text(page, "discard:")
    page.locator(CANVAS).focus()
    save(page)
    saved = yaml.safe_load((lab.root / "kept.workflow.yaml").read_text())
    assert saved == yaml.safe_load(text_of(page))
    assert len(saved["steps"]) == 3


def test_the_manager_is_killed_and_comes_back(page: Page, lab: Lab) -> None:
    """Who watches is told, starts it again, and goes on seeing numbers."""
    (lab.root / "ticks.workflow.yaml").write_text(TICKS)
    for words in (["publish", "ticks.workflow.yaml"], ["apply", "ticks", "--yes"]):
        subprocess.run(
            [sys.executable, "-m", "lyftnb.cli.app", *words],
            cwd=lab.root,
            env=lab.environment,
            check=True,
        )
    command(page, "docmanager:open", path="ticks.workflow.yaml")
    page.locator(STEP).first.wait_for()
    page.locator(CANVAS).focus()
    on_canvas(page)
    keys(page, "w")
    panel = page.get_by_role("region", name="Deployment ticks")
    panel.get_by_text("healthy").first.wait_for(timeout=WORKS_MS)
    flows = page.locator(NODE).filter(has_text=re.compile(r"rows/s")).first
    flows.wait_for(timeout=WORKS_MS)

    ended(lab.root, signal.SIGKILL)
    start = page.locator(f"{EDITOR} .lyftnb-Drawer").get_by_role("button", name="Start the manager")
    start.wait_for()
    flows.wait_for(state="detached")
    shot(page, "manager-killed")
    start.click()
    panel.get_by_text("healthy").first.wait_for(timeout=WORKS_MS)
    flows.wait_for(timeout=WORKS_MS)
    shot(page, "manager-back")
