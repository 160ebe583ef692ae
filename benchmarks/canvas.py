"""Benchmark (v): a workflow of 500 steps on the canvas, in a real JupyterLab and a real browser.

    python benchmarks/canvas.py [--steps 500] [--repeat 3] [--shots FOLDER]

How long it takes to open, and how long frames are while a person drags the canvas about, zooms, and
moves a step. Frames are those that the browser gives (`requestAnimationFrame`); Chromium draws
without a graphics card here, so a desk's own browser does better. Needs the front end built
(`make extensions`), Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from planning import document

sys.path.insert(0, str(Path(__file__).parents[1]))
from lyftnb import catalog
from lyftnb.model import WorkflowSpec
from lyftnb.workspace.scaffold import init_workspace
from tests.browser.conftest import NAMES, QUIET
from tests.browser.lab_kit import enter, running_lab

FILE = "workflows/large.workflow.yaml"
NODE = ".lyftnb-Document .react-flow__node"
FRAMES = """() => {
  window.frames_ = []; let last = performance.now();
  const tick = now => {
    window.frames_.push(now - last); last = now;
    if (!window.stop_) requestAnimationFrame(tick);
  };
  window.stop_ = false; requestAnimationFrame(tick); return 1;
}"""


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--shots", type=Path)
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root, home = Path(folder) / "workspace", Path(folder) / "home"
        home.mkdir()
        init_workspace(root)
        text = catalog.write(WorkflowSpec.model_validate(document(args.steps)))
        (root / FILE).write_text(text)
        chromium = os.environ.get("LYFTNB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)))
        with running_lab(root, home) as lab, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=QUIET.split())
            found = [_round(browser, lab, args.shots, i) for i in range(args.repeat)]
            browser.close()
    print(f"\n(v) {args.steps} steps on the canvas, median of {args.repeat}")
    for name in found[0]:
        print(f"  {name:<34} {statistics.median(each[name] for each in found):8,.1f}")


def _round(browser: Any, lab: Any, shots: Path | None, number: int) -> dict[str, float]:
    page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    enter(page, lab)
    began = time.perf_counter()
    page.evaluate(
        "path => { window.jupyterapp.commands.execute('docmanager:open', {path}); return 1; }", FILE
    )
    page.locator(NODE).first.wait_for(timeout=60_000)
    opened = time.perf_counter() - began
    page.wait_for_timeout(3000)  # validation, schemas and the plan come in
    box = page.locator(".lyftnb-Document .react-flow").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    heap = page.evaluate("performance.memory.usedJSHeapSize / 2 ** 20")
    figures = {"first node, ms": opened * 1000, "heap, MiB": heap}
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shots / f"large-{number}.png")
    figures |= _frames(page, "drag the canvas", lambda: _drag(page, middle, 400))
    page.mouse.move(*middle)
    figures |= _frames(page, "zoom", lambda: _zoom(page))
    node = page.locator(NODE).nth(3).bounding_box()
    if node is not None:
        at = node["x"] + node["width"] / 2, node["y"] + 8
        figures |= _frames(page, "move a step", lambda: _drag(page, at, 120))
    page.context.close()
    return figures


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


def _frames(page: Any, name: str, act: Any) -> dict[str, float]:
    page.evaluate(FRAMES)
    act()
    taken = page.evaluate("() => { window.stop_ = true; return window.frames_.slice(2); }")
    ordered = sorted(taken)
    return {
        f"{name}: frame, ms": statistics.median(ordered),
        f"{name}: 95th percentile, ms": ordered[int(len(ordered) * 0.95)],
    }


if __name__ == "__main__":
    main()
