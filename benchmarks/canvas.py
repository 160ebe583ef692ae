"""Benchmark (v): a workflow of 500 steps on the canvas, in a real JupyterLab and a real browser.

    python benchmarks/canvas.py [--steps 500] [--joined] [--repeat 3] [--shots FOLDER]

What our extension adds to the lab's start; how long the workflow takes to open, until its first
nodes are painted and until the page has come to rest; how long frames are while a person drags the
canvas about, zooms, and moves a step; and while each second brings new numbers for all steps and
edges of the same workflow deployed (which is real, and held; the numbers are made up here).

Frames are those that the browser gives (`requestAnimationFrame`); Chromium draws without a graphics
card here, so a desk's own browser does better. On a busy machine read the CPU time of the page's
main thread instead. Needs the front end built (`make extensions`), Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from planning import document

sys.path.insert(0, str(Path(__file__).parents[1]))
import lyftnb as ln
from lyftnb import catalog
from lyftnb.manager import Progress, StageProgress
from lyftnb.model import Plan, WorkflowSpec
from lyftnb.workspace.scaffold import init_workspace
from lyftnb.workspace.studio.protocol.running import ChannelLag, Numbers
from lyftnb.workspace.studio.standings import signs
from lyftnb.workspace.wire import adapter
from tests.browser.conftest import NAMES, QUIET
from tests.browser.lab_kit import Lab, enter, running_lab

FILE = "workflows/large.workflow.yaml"
NODE = ".lyftnb-Document .react-flow__node"
LIVE_NODE = ".lyftnb-DeploymentCanvas .react-flow__node"
SECONDS_OF_NEWS = 6
FRAMES = """() => {
  window.frames_ = []; let last = performance.now();
  const tick = now => {
    window.frames_.push(now - last); last = now;
    if (!window.stop_) requestAnimationFrame(tick);
  };
  window.stop_ = false; requestAnimationFrame(tick); return 1;
}"""
OPEN = """async ([command, args, node]) => {
  const long = []; // the ends of tasks of more than 50 ms
  new PerformanceObserver(list => list.getEntries().forEach(
    each => long.push(each.startTime + each.duration))).observe({type: 'longtask'});
  const began = performance.now();
  void window.jupyterapp.commands.execute(command, args);
  while (document.querySelector(node) === null) await new Promise(requestAnimationFrame);
  // After the frame that painted it.
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const first = performance.now();
  await new Promise(done => setTimeout(done, 3000));
  return {first: first - began, rest: Math.max(first, ...long) - began};
}"""
NEAREST = """([x, y]) => {
  const middles = [...document.querySelectorAll('.lyftnb-Document .react-flow__node-step')].map(
    node => node.getBoundingClientRect()).map(box => [box.x + box.width / 2, box.y + 6]);
  const far = ([a, b]) => Math.hypot(a - x, b - y);
  return middles.sort((one, other) => far(one) - far(other))[0];
}"""
OURS = """() => performance.getEntriesByType('resource')
  .filter(each => each.name.includes('/extensions/lyftnb/'))
  .reduce((sum, each) => sum + each.decodedBodySize, 0) / 1024"""

Figures = dict[str, float]


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--joined", action="store_true", help="chains joined to one graph")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--shots", type=Path)
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root, home = Path(folder) / "workspace", Path(folder) / "home"
        home.mkdir()
        init_workspace(root)
        made = document(args.steps)
        spec = WorkflowSpec.model_validate(joined(made) if args.joined else made)
        (root / FILE).write_text(catalog.write(spec))
        with (root / "lyftnb.toml").open("a") as config:
            config.write("\n[groups.edge]\nworkers = 1\n")
        chromium = os.environ.get("LYFTNB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)))
        with running_lab(root, home) as lab, sync_playwright() as driver:
            plan = deployed(root, spec)
            browser = driver.chromium.launch(executable_path=chromium, args=QUIET.split())
            found = [_round(Page(browser, lab, plan), args.shots) for _ in range(args.repeat)]
            browser.close()
    load = os.getloadavg()[0]
    print(f"\n(v) {args.steps} steps on the canvas, median of {args.repeat}; load {load:.1f}")
    for name in found[0]:
        print(f"  {name:<42} {statistics.median(each[name] for each in found):8,.1f}")


def joined(workflow: dict[str, Any]) -> dict[str, Any]:
    """One graph of it all: each chain's tenth step reads three chains' sums beside its own port."""
    chains = len(workflow["channels"])
    for chain in range(chains):
        others = {f"c{(chain + by) % chains}_sums" for by in (1, 3)}
        reads = {
            "rows": f"c{chain}_b",
            **{name: {"channel": name, "as": "table"} for name in sorted(others)},
        }
        workflow["steps"][f"write_{chain}"]["in"] = reads
    return workflow


def deployed(root: Path, spec: WorkflowSpec) -> Plan:
    """Apply it and hold it: what it reads is not there."""
    with ln.connect(root) as workspace:
        workspace.publish(spec)
        workspace.apply(spec.workflow)
        workspace.pause(spec.workflow)
        return workspace.history(spec.workflow)[0].plan


class Page:
    """The lab's page, what its main thread spends, and news for it."""

    def __init__(self, browser: Any, lab: Lab, plan: Plan) -> None:
        self.page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        self._plan = plan
        self._sockets: list[Any] = []
        self._devtools = self.page.context.new_cdp_session(self.page)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._spent = 0.0
        self.page.route_web_socket(re.compile("lyftnb/studio"), self._listen)
        enter(self.page, lab)

    def spent_ms(self) -> float:
        """CPU time of the main thread since the last call."""
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        now = next(each["value"] for each in metrics if each["name"] == "TaskDuration") * 1000
        before, self._spent = self._spent, now
        return now - before

    def opened(self, command: str, args: dict[str, Any], node: str) -> dict[str, float]:
        """Open something with a graph: until its first node is painted, and until rest."""
        self.spent_ms()
        found = self.page.evaluate(OPEN, [command, args, node])
        return {
            "first nodes, ms": found["first"],
            "at rest, ms": found["rest"],
            "CPU, ms": self.spent_ms(),
        }

    def frames(self, act: Callable[[], None]) -> dict[str, float]:
        """The frames while something is done."""
        self.page.evaluate(FRAMES)
        self.spent_ms()
        act()
        spent = self.spent_ms()
        taken = sorted(
            self.page.evaluate("() => { window.stop_ = true; return window.frames_.slice(2); }")
        )
        return {
            "frame, ms": statistics.median(taken),
            "95th percentile, ms": taken[int(len(taken) * 0.95)],
            "worst, ms": taken[-1],
            "CPU, ms": spent,
        }

    def tell_numbers(self) -> None:
        """New numbers of all stages, as the manager would send them."""
        stages = tuple(
            StageProgress(
                stage.id,
                "running",
                *random.choices(range(10**6), k=2),
                0,
                9,
                0,
                random.random() * 10**5,
                1,
                2,
            )
            for stage in self._plan.stages
        )
        progress = Progress(self._plan.deployment, 1.0, stages)
        lags = tuple(
            ChannelLag(
                channel=each.name, step=step, rows=random.randrange(10**6), bytes=1, age_s=None
            )
            for each in self._plan.channels
            if each.transport == "spool"
            for step in each.consumers
        )
        numbers = Numbers(progress=progress, lags=lags, signs=signs(progress, self._plan))
        frame = json.dumps(
            {
                "topic": "progress",
                "data": adapter(Numbers).dump_python(numbers, mode="json", by_alias=True),
            }
        )
        for socket in self._sockets:
            socket.send(frame)

    def shot(self, folder: Path | None, name: str) -> None:
        """Take a picture, if anybody wants to look at it."""
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png")

    def _listen(self, socket: Any) -> None:
        socket.connect_to_server()
        self._sockets.append(socket)


def _round(page: Page, shots: Path | None) -> Figures:
    playwright = page.page
    figures = {
        "the lab's start: ours, KiB": playwright.evaluate(OURS),
        "the lab's start: CPU, ms": page.spent_ms(),
    }
    figures |= _named("open", page.opened("docmanager:open", {"path": FILE}, NODE))
    figures["open: ours, KiB"] = playwright.evaluate(OURS)
    figures["open: heap, MiB"] = playwright.evaluate("performance.memory.usedJSHeapSize / 2 ** 20")
    page.shot(shots, "large")
    middle = _middle(playwright, ".lyftnb-Document .react-flow")
    figures |= _named("drag the canvas", page.frames(lambda: _drag(playwright, middle, 400)))
    playwright.mouse.move(*middle)
    figures |= _named("zoom", page.frames(lambda: _zoom(playwright)))
    step = playwright.evaluate(NEAREST, list(middle))
    figures |= _named("move a step", page.frames(lambda: _drag(playwright, step, 120)))
    target = {"view": "deployment", "deployment": "large"}
    figures |= _named("deployment", page.opened("lyftnb:open-view", {"target": target}, LIVE_NODE))
    for how, key in {"near": "Escape", "all in view": "f"}.items():
        playwright.locator(".lyftnb-DeploymentCanvas .lyftnb-Canvas").press(key)
        playwright.wait_for_timeout(1000)  # the camera has come to rest
        figures |= _named(f"live, {how}", page.frames(lambda: _watch(page)))
        page.shot(shots, f"live {how}")
    middle = _middle(playwright, ".lyftnb-DeploymentCanvas .react-flow")
    figures |= _named("drag, all in view", page.frames(lambda: _drag(playwright, middle, 200)))
    playwright.context.close()
    return figures


def _watch(page: Page) -> None:
    for _ in range(SECONDS_OF_NEWS):
        page.tell_numbers()
        page.page.wait_for_timeout(1000)


def _named(what: str, figures: Figures) -> Figures:
    return {f"{what}: {name}": value for name, value in figures.items()}


def _middle(page: Any, selector: str) -> tuple[float, float]:
    box = page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _drag(page: Any, start: tuple[float, float], far: float) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + far, start[1] + far / 3, steps=60)
    page.mouse.move(*start, steps=60)
    page.mouse.up()


def _zoom(page: Any) -> None:
    for turn in (-120, 120):
        for _ in range(15):
            page.keyboard.down("Control")
            page.mouse.wheel(0, turn)
            page.keyboard.up("Control")


if __name__ == "__main__":
    main()
