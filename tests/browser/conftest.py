"""A browser for the tests: Chromium where it is installed, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lyftnb.workspace.scaffold import init_workspace
from tests.browser.lab_kit import AXE, BUILT, Lab, enter, running_lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file of tests: as long as Playwright is there its event loop runs in this
    thread, and no test elsewhere could run one of its own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    pytest.importorskip("ipywidgets", reason="ipywidgets is not installed")
    named = os.environ.get("LYFTNB_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium was found; LYFTNB_CHROMIUM may name one")
    if not (BUILT / "package.json").is_file():
        pytest.skip("the front end is not built: make extensions")
    if not AXE.is_file():
        pytest.skip("axe-core is not there: make extensions")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab over a new workspace."""
    root = tmp_path_factory.mktemp("workspace")
    init_workspace(root)
    with running_lab(root, tmp_path_factory.mktemp("home")) as lab:
        yield lab


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    """The lab's page, all there; what the page throws fails the test."""
    with entered(browser, lab) as page:
        yield page


@contextmanager
def entered(browser: Browser, lab: Lab) -> Iterator[Page]:
    """A page of a lab, all there, that may throw nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    enter(page, lab)
    yield page
    context.close()
    assert not thrown
