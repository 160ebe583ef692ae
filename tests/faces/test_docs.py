"""Generated pages are what their generators give now, and the design names what is there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_the_design_names_what_is_there() -> None:
    page = (DOCS / "design.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    source = "".join(f.read_text(encoding="utf-8") for f in (ROOT / "lyftnb").rglob("*.py"))
    defined = set(re.findall(r"(?:def|class) (\w+)", source))
    assert set(re.findall(r"(\w+)\(", re.sub(r"#.*", "", blocks))) <= defined
    modules = re.findall(r"`((?:engine|planning|store|model)/[\w/.]+)`", page)
    assert all((ROOT / "lyftnb" / module).exists() for module in modules)
