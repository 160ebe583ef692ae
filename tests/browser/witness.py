"""What a browser showed when a test failed: for the report, where no picture can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Error

from tests.browser.lab_kit import shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

LINES_AT_MOST = 30
ANSWERS_MS = 10_000
_SHOWN = """() => {
    const name = element => element === null ? 'nothing'
        : element.tagName.toLowerCase() + (element.id && `#${element.id}`)
            + [...element.classList].map(one => `.${one}`).join('');
    const way = element => element === null || element === document.documentElement ? []
        : [...way(element.parentElement), name(element)];
    const texts = selector => [...document.querySelectorAll(selector)]
        .filter(element => element.checkVisibility())
        .map(element => element.innerText.replace(/\\s+/g, ' ').trim().slice(0, 300))
        .filter(text => text !== '');
    const current = window.jupyterapp?.shell.currentWidget;
    const palette = document.querySelector('.lm-CommandPalette-input');
    return {
        focus: `${way(document.activeElement).slice(-5).join(' > ')}`
            + (document.hasFocus() ? '' : ' (in a window without focus)'),
        widget: current ? `${current.title.label}: ${current.title.caption}` : 'none',
        spins: document.querySelector('.jp-Spinner') !== null,
        dialogs: texts('.jp-Dialog, [role=dialog]'),
        fields: [...document.querySelectorAll('.jp-Dialog input')].map(input => input.value),
        palette: palette?.checkVisibility() ? palette.value : 'closed',
        notices: texts('[role=alert], [role=status], .Toastify__toast, .lyftnb-Notices'),
        shows: current ? current.node.innerText.replace(/\\s+/g, ' ').slice(0, 1500) : '',
    };
}"""


def told_of(page: Page, picture: str) -> str:
    """Where the focus is, what is open and what is said, and what went to the console; and a
    picture, if anybody wants one.
    """
    lines = [page.url]
    try:
        # A page that hangs answers nothing, and only waiting ends of itself.
        shown = page.wait_for_function(_SHOWN, timeout=ANSWERS_MS).json_value()
        lines += [f"{name}: {value}" for name, value in shown.items()]
        shot(page, picture)
        said = [f"console {one.type}: {one.text}" for one in page.console_messages()]
        thrown = [f"thrown: {error}" for error in page.page_errors()]
    except Error as error:  # it may be gone, or between two addresses
        return "\n".join((*lines, f"It cannot be asked: {error}"))
    return "\n".join((*lines, *said[-LINES_AT_MOST:], *thrown))
