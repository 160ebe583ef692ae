"""The lab with our extension in it: files open on the canvas, the sidebar and the views show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lyftnb.workspace.scaffold import init_workspace
from tests.browser.canvas_kit import open_new
from tests.browser.conftest import entered
from tests.browser.lab_kit import (
    WORKS_MS,
    Lab,
    arrive,
    command,
    running_lab,
    serious_faults,
    shot,
)

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Browser, Page, WebSocketRoute

HELLO = "workflows/hello.workflow.yaml"
PLUGINS = ("lyftnb:connections", "lyftnb:documents", "lyftnb:widgets", "lyftnb:workspace")
CANVAS = ".lyftnb-Document .lyftnb-Editor"


def test_extension_is_active(page: Page) -> None:
    active = page.evaluate(
        "names => names.filter(name => window.jupyterapp.isPluginActivated(name))", PLUGINS
    )
    assert set(active) == set(PLUGINS)


def test_a_lab_without_ipywidgets_has_all_the_rest(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its package is not ours to bring: where it is missing, only widgets are."""
    root = tmp_path_factory.mktemp("plain")
    init_workspace(root)
    with (
        running_lab(root, tmp_path_factory.mktemp("home"), alone=True) as lab,
        entered(browser, lab) as page,
    ):
        assert not page.evaluate(
            "window.jupyterapp.hasPlugin('@jupyter-widgets/jupyterlab-manager:plugin')"
        )
        test_extension_is_active(page)
        command(page, "docmanager:open", path=HELLO)
        page.locator(f"{CANVAS} .react-flow__node-step", has_text="receive").wait_for()


def test_what_the_lab_says_of_us_comes_from_a_language_pack(page: Page, lab: Lab) -> None:
    """Commands and the sidebar's title, where the lab is set to a language that has such texts."""
    rules = {"domain": "lyftnb", "language": "de", "plural_forms": "nplurals=2; plural=(n != 1);"}
    pack = {
        "": rules,
        "Browse Spools": ["Spulen ansehen"],
        "Workflows: deployments, issues, runs": ["Abläufe"],
    }
    lab.set("@jupyterlab/translation-extension", "plugin", {"locale": "de_DE"})
    try:
        page.route(
            "**/lab/api/translations/de_DE**",
            lambda route: route.fulfill(json={"data": {"lyftnb": pack}, "message": ""}),
        )
        page.reload()
        arrive(page)
        label = "window.jupyterapp.commands.label('lyftnb:open-spools')"
        assert page.evaluate(label) == "Spulen ansehen"
        command(page, "lyftnb:show-sidebar")
        page.get_by_role("tab", name="Abläufe").wait_for()
    finally:
        lab.set("@jupyterlab/translation-extension", "plugin", {})


def test_double_click_opens_the_canvas(page: Page) -> None:
    page.get_by_role("listitem", name="Name: workflows").dblclick()
    page.get_by_role("listitem", name="Name: hello.workflow.yaml").dblclick()
    page.locator(CANVAS).wait_for()
    tab = page.get_by_role("main").get_by_role("tab", name="hello.workflow.yaml")
    assert tab.get_attribute("aria-selected") == "true"
    page.locator(f"{CANVAS} .react-flow__node-step", has_text="receive").wait_for()
    shot(page, "canvas")


def test_a_workflow_that_is_open_is_traced(page: Page) -> None:
    command(page, "docmanager:open", path=HELLO)
    page.locator(f"{CANVAS} .react-flow__node-step", has_text="receive").wait_for()
    command(page, "lyftnb:trace-workflow")
    trace = page.get_by_role("region", name="Trace", exact=True)
    trace.get_by_role("gridcell", name="lamp").wait_for()


def test_text_editor_stays_the_second_choice(page: Page) -> None:
    command(page, "docmanager:open", path=HELLO, factory="Editor")
    page.locator(".jp-FileEditor .cm-content").wait_for()
    assert page.locator(CANVAS).count() == 0


def test_a_change_on_disk_comes_in(page: Page, lab: Lab) -> None:
    command(page, "docmanager:open", path=HELLO)
    page.locator(CANVAS).wait_for()
    file = lab.root / HELLO
    before = file.read_text()
    file.write_text(f"{before}# written elsewhere\n")
    page.wait_for_function(
        "text => window.jupyterapp.shell.currentWidget.context.model.toString() === text",
        arg=file.read_text(),
    )
    assert not page.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty")
    file.write_text(before)


def test_new_workflow_with_the_keyboard(page: Page, lab: Lab) -> None:
    """Its file has its name, or the next that is free: what is there stays. It is never renamed: a
    lab that lists the folder meanwhile would say in a window that it is gone.
    """
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    for name in ("orders", "orders1"):
        open_new(page, "orders")
        made = lab.root / f"{name}.workflow.yaml"
        assert made.read_text() == "workflow: orders\n"
        assert page.evaluate("window.jupyterapp.shell.currentWidget.context.path") == made.name
    assert "PUT" in asked
    assert "PATCH" not in asked


def test_a_server_of_another_release_is_told_of(page: Page) -> None:
    """As after an upgrade without a restart: what fails is no riddle."""

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def answer(frame: str | bytes) -> None:
            told = json.loads(frame)
            if isinstance(result := told.get("result"), dict) and "protocol" in result:
                told["result"] = {"version": "0.0.9", "protocol": "before"}
            client.send(json.dumps(told))

        server.on_message(answer)

    page.route_web_socket("**/lyftnb/studio**", between)
    page.reload()
    arrive(page)
    told = page.locator(".Toastify").get_by_text("the Jupyter server runs lyftnb 0.0.9")
    told.wait_for()
    assert "restart the Jupyter server" in told.inner_text()
    page.get_by_role("listitem", name="Name: workflows").wait_for()
    assert told.count() == 1
    shot(page, "misfit")


def test_a_reload_brings_tabs_back(page: Page) -> None:
    command(page, "docmanager:open", path=HELLO)
    page.locator(CANVAS).wait_for()
    # The lab stores its layout a moment after a change.
    with page.expect_request(lambda asked: "lyftnb-views" in (asked.post_data or "")) as stored:
        command(page, "lyftnb:open-spools")
    assert stored.value.response()
    page.reload()
    arrive(page)
    page.get_by_role("tab", name="Spools").wait_for()
    page.get_by_role("tab", name="hello.workflow.yaml").wait_for()


def test_sidebar_starts_the_manager_and_shows_the_workspace(page: Page) -> None:
    command(page, "lyftnb:show-sidebar")
    sidebar = page.get_by_role("region", name="Workflows")
    sidebar.get_by_role("button", name="Start the manager").click()
    sidebar.get_by_text("Nothing is applied.").wait_for(timeout=WORKS_MS)
    sidebar.get_by_text("All is well.").wait_for()
    page.get_by_role("button", name="0/0 deployments").wait_for()
    assert serious_faults(page, "#lyftnb-sidebar") == []
    shot(page, "sidebar")


def test_views_keep_nobody_out(page: Page) -> None:
    for name, shows in (
        ("lyftnb:open-spools", ".lyftnb-SpoolBrowser"),
        ("lyftnb:open-run-monitor", ".lyftnb-RunMonitor"),
        ("lyftnb:open-state", ".lyftnb-StateBrowser"),
    ):
        command(page, name)
        page.locator(shows).wait_for()
        assert serious_faults(page, shows) == []
