"""Write the generated pages and pictures anew: `make docs`. Tests hold each to what this gives."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from lyftnb import Workflow
from lyftnb.cli.pages import cli_page
from lyftnb.workspace import config
from lyftnb.workspace.svg import draw


def demo_picture() -> str:
    """The graph of the demo's workflow."""
    file = files("lyftnb.workspace") / "demo_files" / "flights.workflow.yaml"
    return draw(Workflow.from_yaml(file.read_text(encoding="utf-8")).spec, standalone=True)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "config.md": config.reference,
    "flights.svg": demo_picture,
}

if __name__ == "__main__":
    for name, render in PAGES.items():
        (Path(__file__).parent / name).write_text(render(), encoding="utf-8")
        print(f"wrote docs/{name}")
