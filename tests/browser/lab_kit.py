"""A real JupyterLab over a workspace, and what a person does and sees in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import nbformat

from tests.manager_kit import ended

if TYPE_CHECKING:
    from playwright.sync_api import Page

CLONE = Path(__file__).parents[2]
BUILT = CLONE / "lyftnb" / "labextension"
AXE = CLONE / "extensions" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = os.environ.get("LYFTNB_SHOTS")
"""A folder for pictures to look at; none are taken without it."""
STARTS_S = 60.0
ENDS_S = 30.0
PATIENCE_MS = 60_000
"""For one thing that a page or the server does, on a slow machine with other tests beside it."""
WORKS_MS = 120_000
"""A manager, workers or a kernel start, and stages or cells run."""
SAID_AT_MOST = 4000
"""Letters of a log, in a report."""
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
_COMMAND = (
    *(sys.executable, "-m", "jupyter", "lab", "--no-browser"),
    "--ServerApp.allow_root=True",
    "--ServerApp.jpserver_extensions=lyftnb.jupyter=True",
    "--LabApp.expose_app_in_browser=True",
)


class Lab:
    """JupyterLab over a folder, with this clone's front end. It can be killed, and started again
    where it was.
    """

    def __init__(self, root: Path, home: Path, *, alone: bool = False, base: str = "/") -> None:
        """Prepare; `home` is an empty folder for what Jupyter keeps. `alone`: with no other
        prebuilt extension than ours. `base`: where it answers, as behind a hub.
        """
        self.root = root
        self.base = base
        self.token = uuid4().hex
        self.environment = _environment(home)
        self._home = home
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        extensions = home / "share" / "labextensions"
        extensions.mkdir(parents=True)
        (extensions / "lyftnb").symlink_to(BUILT, target_is_directory=True)
        self._paths = (f"--LabApp.labextensions_path={extensions}",) if alone else ()
        self.set("@jupyterlab/apputils-extension", "notification", NO_NEWS)

    def set(self, extension: str, plugin: str, values: dict[str, Any]) -> None:
        """Write settings of one of the lab's plugins, as its user would."""
        file = self._home / "settings" / extension / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._home / "lab.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *_COMMAND,
                    *self._paths,
                    f"--ServerApp.port={self._port}",
                    f"--ServerApp.base_url={self.base}",
                    f"--IdentityProvider.token={self.token}",
                ],
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._port = self._once_up(self._process)

    def kill(self) -> None:
        """End it at once, as a machine that fails does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def address(self, layout: str) -> str:
        """Of the lab's page; a layout that nobody had before has no tabs."""
        return f"http://localhost:{self._port}{self.base}lab/workspaces/{layout}?token={self.token}"

    def said(self) -> str:
        """The end of its log."""
        return (self._home / "lab.log").read_text(errors="replace")[-SAID_AT_MOST:]

    def _end(self, how: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _once_up(self, process: subprocess.Popen[bytes]) -> int:
        """Its port, once it has written it down and answers there."""
        written = self._home / "runtime" / f"jpserver-{process.pid}.json"
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until and process.poll() is None:
            text = written.read_text() if written.is_file() else ""
            if text.endswith("}") and _answers(where := json.loads(text)):
                return int(where["port"])
            time.sleep(0.1)
        raise AssertionError(f"the lab did not start:\n{self.said()}")


@contextmanager
def running_lab(root: Path, home: Path, *, alone: bool = False, base: str = "/") -> Iterator[Lab]:
    """A lab that is up; it and the workspace's manager end with the block."""
    lab = Lab(root, home, alone=alone, base=base)
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
        ended(root)


def _environment(home: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_PATH": "share",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {
        **os.environ,
        **{name: str(home / folder) for name, folder in folders.items()},
        "PYTHONPATH": str(CLONE),
    }


def _answers(where: dict[str, Any]) -> bool:
    try:
        urllib.request.urlopen(f"{where['url']}api?token={where['token']}", timeout=5).close()
    except (urllib.error.URLError, TimeoutError):
        return False
    return True


def enter(page: Page, lab: Lab) -> None:
    """Open the lab with a layout of its own."""
    page.goto(lab.address(f"layout-{uuid4().hex}"))
    arrive(page)
    # The launcher takes the focus when it opens, and would take it from whatever has it then.
    page.locator(".jp-Launcher:focus-within").wait_for()


def arrive(page: Page) -> None:
    """Wait until the lab is all there."""
    # Asked anew each time, for the page may load once more while it finds its layout.
    page.wait_for_function(
        """() => {
            const app = window.jupyterapp;
            app?.restored.then(() => { app.lyftnbArrived = true; });
            return app?.lyftnbArrived && app.commands.hasCommand('docmanager:open');
        }""",
    )
    # Shortcuts, and the palette's place, come with the settings, which come later.
    page.wait_for_function(
        "window.jupyterapp.commands.keyBindings.some("
        "binding => binding.command === 'apputils:activate-command-palette')",
    )
    page.locator("#modal-command-palette").wait_for(state="attached")


def command(page: Page, name: str, **args: Any) -> None:
    """Run one of the lab's commands, to its end."""
    page.evaluate(
        "async ([name, args]) => {"
        " await window.jupyterapp.commands.execute(name, args); return 1; }",
        [name, args],
    )


def choose(page: Page, name: str) -> None:
    """Run a command from the lab's palette, by keyboard."""
    keys(page, "Control+Shift+c")
    page.locator(".lm-CommandPalette-input:focus").wait_for()
    page.keyboard.type(name)
    page.locator(".lm-CommandPalette-item.lm-mod-active").get_by_text(name).wait_for()
    keys(page, "Enter")


def run_notebook(page: Page, lab: Lab, name: str, cells: tuple[str, ...]) -> None:
    """Write a notebook of cells of code, open it, and run them to their end."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, lab.root / name)
    command(page, "docmanager:open", path=name)
    # Before its kernel is there the lab would ask which one it is to have.
    wait_for_kernel(page)
    command(page, "notebook:run-all-cells")


def wait_for_kernel(page: Page) -> None:
    """Wait until the notebook that is shown has a kernel with nothing to do."""
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=WORKS_MS,
    )


def run_code(page: Page, code: str) -> None:
    """Run code in the kernel of the notebook that is shown, beside its cells, to its end."""
    status = page.evaluate(
        "async code => (await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code}).done).content.status",
        code,
    )
    assert status == "ok", code


def keys(page: Page, *pressed: str) -> None:
    """Press keys one after the other; a text of several letters is typed."""
    named = {"Enter", "Escape", "Tab", "Delete", "Space", "Home", "End", "F2"}
    for key in pressed:
        if len(key) == 1 or "+" in key or key in named or key.startswith("Arrow"):
            page.keyboard.press(key)
        else:
            page.keyboard.type(key)


def serious_faults(page: Page, selector: str) -> list[str]:
    """What axe finds wrong below an element, of those things that keep people out."""
    page.evaluate(AXE.read_text() + "; 1")
    found = page.evaluate(
        "async selector => (await axe.run(selector, {resultTypes: ['violations']})).violations",
        selector,
    )
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def shot(page: Page, name: str) -> None:
    """Take a picture, if anybody wants to look at it."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS) / f"{name}.png")
