"""The views in a notebook: they show, they follow Python and Python follows them, and they last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.browser.lab_kit import (
    WORKS_MS,
    Lab,
    arrive,
    command,
    keys,
    run_code,
    run_notebook,
    serious_faults,
    shot,
    wait_for_kernel,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

HELLO = "workflows/hello.workflow.yaml"
EDIT = f"import lyftnb as ln\nwf = ln.Workflow.load({HELLO!r})\nwf.edit()"
OF_DRAFTS = (EDIT, "wf.show()", "import lyftnb.widgets as views\nviews.trace(wf)")
OF_THE_WORKSPACE = (
    f"import lyftnb as ln\nws = ln.connect('.')\nws.publish(ln.Workflow.load({HELLO!r}))",
    "import lyftnb.widgets as views\nviews.plan(ws, 'hello')",
    "ws.apply(ws.plan('hello'))\nws.monitor('hello')",
    "ws.browse()",
)


def output(page: Page, cell: int) -> Locator:
    """What a cell shows, brought into view."""
    found = page.locator(".jp-Cell").nth(cell)
    found.scroll_into_view_if_needed()
    return found.locator(".lyftnb-Widget")


def node(widget: Locator, name: str) -> Locator:
    return widget.locator(".react-flow__node-step", has_text=name).first


def add_generate(page: Page, edit: Locator) -> None:
    """Add a step that makes rows, by keys."""
    edit.locator(".lyftnb-Canvas").focus()
    keys(page, "a")
    page.get_by_role("combobox", name="Search steps").fill("generate")
    page.get_by_role("option", name="generate", selected=True).wait_for()
    keys(page, "Enter")
    node(edit, "read_generate").wait_for()


def wait_for_python(page: Page, condition: str) -> None:
    """Wait until something is so in the kernel."""
    page.wait_for_function(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            return (await kernel.requestExecute({code}).done).content.status === 'ok';
        }""",
        arg=f"assert {condition}",
    )


def test_drafts(page: Page, lab: Lab) -> None:
    """The canvas shows the workflow that Python holds, and follows it."""
    run_notebook(page, lab, "drafts.ipynb", OF_DRAFTS)
    edit = page.locator(".lyftnb-Widget").first
    node(edit, "receive").wait_for()
    height = edit.bounding_box()
    assert height is not None and height["height"] > 200
    shot(page, "widget")

    # A letter typed in the widget is no command of the notebook: "b" would insert a cell below.
    edit.locator(".lyftnb-Widget-inner").click()
    keys(page, "b", "b")
    assert page.locator(".jp-Notebook").evaluate("n => n.querySelectorAll('.jp-Cell').length") == 3

    add_generate(page, edit)
    edit.get_by_role("button", name="Undo").click()
    # Before the one has heard of the other: neither is lost.
    run_code(page, "wf.step('tail', in_='big_orders').output('discard')")
    edit.get_by_role("button", name="Outline").click()
    edit.get_by_role("treeitem", name="tail").wait_for()
    edit.get_by_role("treeitem", name="read_generate").wait_for(state="detached")
    wait_for_python(page, "list(wf.steps) == ['receive', 'pick', 'tail']")
    assert serious_faults(page, ".lyftnb-Widget") == []


def test_the_workspace(page: Page, lab: Lab) -> None:
    """A plan, a deployment at work, and a spool, each in its cell."""
    run_notebook(page, lab, "workspace.ipynb", OF_THE_WORKSPACE)
    plan = output(page, 1)
    plan.get_by_text("hello@1 as deployment hello").first.wait_for(timeout=WORKS_MS)
    monitor = output(page, 2)
    monitor.get_by_text("done").first.wait_for(timeout=WORKS_MS)
    shot(page, "widget-monitor")
    spool = output(page, 3)
    spool.get_by_text("hello.orders").first.click(timeout=WORKS_MS)
    spool.get_by_role("heading", name="hello.orders").wait_for()
    spool.get_by_role("gridcell", name="desk").first.wait_for(timeout=WORKS_MS)
    shot(page, "widget-spool")


@pytest.mark.parametrize(
    ("name", "end"), [("restarted", "session.kernel.restart()"), ("shut-down", "shutdown()")]
)
def test_a_kernel_that_ends_is_told_of_and_the_draft_can_be_carried_off(
    page: Page, lab: Lab, name: str, end: str
) -> None:
    """Nothing that is edited then would reach Python."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    run_notebook(page, lab, f"{name}.ipynb", (EDIT,))
    edit = output(page, 0)
    node(edit, "receive").wait_for()
    add_generate(page, edit)
    end_kernel(page, end)
    edit.get_by_role("alert").get_by_text(name.replace("-", " ")).wait_for()
    shot(page, f"widget-{name}")
    assert edit.get_by_role("button", name="Undo").count() == 0
    edit.get_by_role("button", name="Copy the draft").click()
    copied = yaml.safe_load(page.evaluate("navigator.clipboard.readText()"))
    assert list(copied["steps"]) == ["receive", "pick", "read_generate"]


def test_other_views_tell_of_the_kernels_end_too(page: Page, lab: Lab) -> None:
    run_notebook(page, lab, "spools.ipynb", ("import lyftnb as ln\nln.connect('.').browse()",))
    view = output(page, 0)
    view.get_by_role("navigation", name="Spools").wait_for(timeout=WORKS_MS)
    end_kernel(page, "shutdown()")
    view.get_by_role("alert").get_by_text("Run its cell again").wait_for()
    shot(page, "widget-spools-ended")


def end_kernel(page: Page, how: str) -> None:
    page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext."
        f"{how}; return 1; }}"
    )


def test_a_notebook_that_is_opened_again_has_pictures(page: Page, lab: Lab) -> None:
    """The kernel is gone, and with it the views: what was saved stands in their place."""
    run_notebook(page, lab, "again.ipynb", (EDIT, "wf.show()"))
    node(output(page, 0), "receive").wait_for()
    command(page, "docmanager:save")
    page.evaluate(
        "async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); return 1; }"
    )
    page.reload()
    arrive(page)
    wait_for_kernel(page)
    for cell in range(2):
        picture = page.locator(".jp-Cell").nth(cell).locator("svg text").get_by_text("receive")
        picture.first.wait_for()
    assert page.get_by_text("Error displaying widget").filter(visible=True).count() == 0
