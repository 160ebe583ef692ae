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
from lyftnb.server.app import routed
from lyftnb.workspace import config_page
from lyftnb.workspace.svg import draw
from lyftnb.workspace.wire import API

HERE = Path(__file__).parent
REFERENCE = "## Reference\n\n"
QUESTIONS = "## Questions\n\n"
ROUTES = "## Routes\n\n"


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


def manager() -> str:
    """The page on the manager: its words stay, the table of routes is made anew."""
    words, _, _ = (HERE / "manager.md").read_text(encoding="utf-8").partition(ROUTES)
    lines = [
        f"| `{method.upper()} {path.removeprefix(API)}` | {_sentence(operation['description'])} |"
        for path, methods in routed().openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    return words + ROUTES + "| below `/api/v1` | |\n|---|---|\n" + "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    """The first one, on a line."""
    return " ".join(text.split()).split(". ")[0].removesuffix(".")


PAGES: dict[str, Callable[[], str]] = {
    "actions.md": actions_page,
    "cli.md": cli_page,
    "config.md": config_page.reference,
    "connectors.md": connector_docs.reference,
    "expressions.md": expressions,
    "flights.svg": demo_picture,
    "manager.md": manager,
    "messages.md": messages,
}

if __name__ == "__main__":
    for name, render in PAGES.items():
        (HERE / name).write_text(render(), encoding="utf-8")
        print(f"wrote docs/{name}")
