"""Write the generated pages and pictures anew: `make docs`. Tests hold each to what this gives."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from lyftnb import Workflow
from lyftnb.cli.pages import cli_page
from lyftnb.connectors import docs as connector_docs
from lyftnb.manager import questions
from lyftnb.operators.docs import actions_page
from lyftnb.operators.expressions.docs import function_table
from lyftnb.workspace import config
from lyftnb.workspace.svg import draw

HERE = Path(__file__).parent
REFERENCE = "## Reference\n\n"
QUESTIONS = "## Questions\n\n"


def demo_picture() -> str:
    """The plan of the demo's workflow as a graph."""
    file = files("lyftnb.workspace") / "demo_files" / "flights.workflow.yaml"
    return draw(Workflow.from_yaml(file.read_text(encoding="utf-8")).plan(), standalone=True)


def expressions() -> str:
    """The page on expressions: its words stay, the reference below them is made anew."""
    words, _, _ = (HERE / "expressions.md").read_text(encoding="utf-8").partition(REFERENCE)
    return words + REFERENCE + function_table()


def messages() -> str:
    """The page on messages: its words stay, the table of questions is made anew."""
    words, _, _ = (HERE / "messages.md").read_text(encoding="utf-8").partition(QUESTIONS)
    return words + QUESTIONS + questions.reference()


PAGES: dict[str, Callable[[], str]] = {
    "actions.md": actions_page,
    "cli.md": cli_page,
    "config.md": config.reference,
    "connectors.md": connector_docs.reference,
    "expressions.md": expressions,
    "flights.svg": demo_picture,
    "messages.md": messages,
}

if __name__ == "__main__":
    for name, render in PAGES.items():
        (HERE / name).write_text(render(), encoding="utf-8")
        print(f"wrote docs/{name}")
