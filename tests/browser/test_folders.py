"""A lab over a folder of several workspaces, at an address below another, as hubs have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lyftnb as ln
from lyftnb.workspace.scaffold import init_workspace
from tests.browser.canvas_kit import STEP
from tests.browser.conftest import entered
from tests.browser.lab_kit import WORKS_MS, command, running_lab, shot
from tests.manager_kit import managed

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Browser, Page

HELLO = "workflows/hello.workflow.yaml"
_SETTLES_MS = 700
"""More than the sidebar waits before it follows."""


def _stays(page: Page, name: str) -> None:
    """The sidebar's title, once all that follows has settled."""
    command(page, "lyftnb:show-sidebar")
    sidebar = page.get_by_role("region", name="Workflows")
    sidebar.get_by_role("heading", name=name).wait_for()
    page.wait_for_timeout(_SETTLES_MS)
    assert sidebar.get_by_role("heading", name=name).is_visible()


def test_each_folder_is_its_own_workspace(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The sidebar shows the one that the file browser is in, however deep; what is told of one
    leads into that one.
    """
    root = tmp_path_factory.mktemp("both")
    for name in ("alpha", "beta"):
        init_workspace(root / name)
    with (
        managed(root / "alpha") as alpha,
        running_lab(root, tmp_path_factory.mktemp("home"), base="/user/x/") as lab,
        entered(browser, lab) as page,
    ):
        command(page, "filebrowser:open-path", path="alpha/workflows")
        command(page, "lyftnb:show-sidebar")
        sidebar = page.get_by_role("region", name="Workflows")
        sidebar.get_by_role("heading", name="alpha").wait_for()
        sidebar.get_by_text("Nothing is applied.").wait_for()
        command(page, "docmanager:open", path=f"alpha/{HELLO}")
        page.locator(STEP, has_text="receive").wait_for()
        # At the top, where there is no workspace, the document in front tells which one is meant.
        command(page, "filebrowser:open-path", path="/")
        _stays(page, "alpha")
        command(page, "launcher:create")
        _stays(page, "alpha")
        command(page, "docmanager:open", path=f"beta/{HELLO}")
        _stays(page, "beta")
        command(page, "filebrowser:open-path", path="alpha/workflows")
        _stays(page, "alpha")

        alpha.run(ln.Workflow.load(root / "alpha" / HELLO))
        told = page.locator(".Toastify")
        told.get_by_text("1 row of its last run was rejected").first.wait_for(timeout=WORKS_MS)
        command(page, "filebrowser:open-path", path="beta/workflows")
        command(page, "lyftnb:show-sidebar")
        sidebar.get_by_role("heading", name="beta").wait_for()
        sidebar.get_by_text("The manager of beta is not running.").wait_for()
        told.get_by_role("button", name="Show").first.click()
        page.locator(".lm-TabBar-tab[title='hello_draft.receive_rejects in alpha']").wait_for()
        page.locator(".lyftnb-SpoolBrowser").get_by_role("gridcell").first.wait_for()
        shot(page, "folders")
