"""Write the generated pages anew: `make docs`. Tests hold that each page is what this gives."""

from __future__ import annotations

from pathlib import Path

from lyftnb.cli.pages import cli_page
from lyftnb.workspace import config

HERE = Path(__file__).parent
PAGES = {"cli.md": cli_page, "config.md": config.reference}

if __name__ == "__main__":
    for name, render in PAGES.items():
        (HERE / name).write_text(render(), encoding="utf-8")
        print(f"wrote docs/{name}")
