"""A browser for the tests: Chromium where it is installed, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import pytest

from lyftnb.workspace.scaffold import init_workspace
from tests.browser.lab_kit import AXE, BUILT, PATIENCE_MS, Lab, enter, running_lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
_labs: WeakKeyDictionary[BrowserContext, Lab] = WeakKeyDictionary()
"""Whose pages are open, or were when their test failed."""


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the pages showed and the lab said belongs to the report of a failure."""
    report = yield
    if report.failed and (browser := getattr(item, "funcargs", {}).get("browser")) is not None:
        report.sections += _evidence(browser, item.name)
    return report


def _evidence(browser: Browser, test: str) -> Iterator[tuple[str, str]]:
    from tests.browser.witness import told_of  # needs Playwright

    for context in browser.contexts:
        for index, page in enumerate(context.pages):
            yield "the page", told_of(page, f"failed-{test}-{index}")
        if (lab := _labs.get(context)) is not None:
            yield "the lab", lab.said()


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


@pytest.fixture(autouse=True)
def _pages_end(browser: Browser) -> Iterator[None]:
    """A test that fails leaves its pages open, for the report; no other test shall see them."""
    yield
    for context in browser.contexts:
        context.close()


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    """The lab's page, all there; what the page throws fails the test."""
    with entered(browser, lab) as page:
        yield page


@contextmanager
def entered(browser: Browser, lab: Lab) -> Iterator[Page]:
    """A page of a lab, all there, that may throw nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    _labs[context] = lab
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    enter(page, lab)
    yield page
    context.close()
    assert not thrown
