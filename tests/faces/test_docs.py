"""Generated pages are what their generators give now, and the design names what is there."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
import typer

import lyftnb as ln
from lyftnb.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SALES = '{inline: {rows: [{receipt: 1, item: desk, sold_at: "2026-05-01", customer: x}]}}'
PAGES = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def _blocks(language: str, name: str = "state.md") -> list[str]:
    page = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_the_workflows_of_the_page_on_state_are_right() -> None:
    found = [block for block in _blocks("yaml") if block.startswith("steps:")]
    assert len(found) >= 3
    channels = ("sales", "customers")
    given = ", ".join(f"{name}: {{transport: spool}}" for name in channels)
    sources = "".join(f"  give_{name}: {{input: {SALES}, out: {name}}}\n" for name in channels)
    for block in found:
        workflow = ln.Workflow.from_yaml(f"workflow: page\nchannels: {{{given}}}\n{block}{sources}")
        assert [str(p) for p in workflow.validate() if p.severity == "error"] == []


@pytest.mark.parametrize(("name", "least"), [("state.md", 20), ("manager.md", 4)])
def test_the_code_of_a_page_parses(name: str, least: int) -> None:
    root = typer.main.get_command(app)
    for block in _blocks("python", name):
        compile(block, name, "exec")
    shell = [line for block in _blocks("sh", name) for line in block.splitlines()]
    lines = [line for line in shell if line.startswith("lyftnb ")]
    assert len(lines) > least
    for line in lines:
        command, words = root, shlex.split(line, comments=True)[1:]
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        with command.make_context(line, words):
            pass


def test_the_design_names_what_is_there() -> None:
    page = (DOCS / "design.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    source = "".join(f.read_text(encoding="utf-8") for f in (ROOT / "lyftnb").rglob("*.py"))
    defined = set(re.findall(r"(?:def|class) (\w+)", source))
    assert set(re.findall(r"(\w+)\(", re.sub(r"#.*", "", blocks))) <= defined
    modules = re.findall(r"`((?:engine|planning|store|model)/[\w/.]+)`", page)
    assert all((ROOT / "lyftnb" / module).exists() for module in modules)
