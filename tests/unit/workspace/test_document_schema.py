"""The JSON Schema of workflow files accepts what validation accepts, short forms and all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lyftnb.catalog import runbook_schema
from lyftnb.catalog.tree import parse
from lyftnb.operators.registry import ACTIONS
from lyftnb.workspace.checker import checker

ROOT = Path(__file__).parents[3]
FILES = [
    *(ROOT / "lyftnb").rglob("*.workflow.yaml"),
    ROOT / "tests/golden/plans/flights.yaml",
]
SCHEMA = Draft202012Validator(checker().document_schema())
RUNBOOK = Draft202012Validator(runbook_schema())


def value_of(text: str) -> Any:
    """What the text means to lyftnb (to others, `on` in YAML is a boolean)."""
    root = parse(text).root
    return root.value if root else None


def objections(document: Any) -> list[str]:
    schema = RUNBOOK if "runbook" in document else SCHEMA
    return [f"{error.json_path}: {error.message[:200]}" for error in schema.iter_errors(document)]


def step(**body: Any) -> dict[str, Any]:
    return {"workflow": "w", "steps": {"s": body}}


def documented() -> list[Any]:
    """The YAML in the hand-written pages and in the README: documents, and actions of a step."""
    pages = {*(ROOT / "docs").glob("*.md"), ROOT / "README.md"}
    # The one is made from models; the other has an action of its own, and a test of its own.
    pages -= {ROOT / "docs/actions.md", ROOT / "docs/extending.md"}
    blocks = [
        value_of(block)
        for page in sorted(pages)
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)
    ]
    found = [block for block in blocks if isinstance(block, dict)]
    steps = [step(actions=block["actions"]) for block in found if "actions" in block]
    return [*(block for block in found if "workflow" in block), *steps]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_workflow_files(file: Path) -> None:
    assert objections(value_of(file.read_text())) == []


@pytest.mark.parametrize("document", documented(), ids=str)
def test_examples_in_the_docs(document: Any) -> None:
    assert objections(document) == []


@pytest.mark.parametrize("kind", ACTIONS)
def test_examples_of_actions(kind: str) -> None:
    assert objections(step(actions=[{kind: ACTIONS[kind].example.params}])) == []


SHORT: list[Any] = [
    {"limit": 10}, {"limit": "{{n}}"}, {"limit": {"rows": "{{n}}"}}, {"sample": 5}, {"sample": 0.5},
    {"filter": "x"}, {"filter": True}, {"time": "at"}, {"distinct": None}, {"distinct": True},
    {"distinct": ["a"]}, {"flatten": "a"}, {"sort": "-a"}, {"hash": ["a", "b"]}, {"remove": "a"},
    {"select": "a"}, {"select": ["a"]}, {"select": {"b": "a + 1", "c": 1, "d": None}},
    {"assert": "a > 0"}, {"assert": [{"that": "a > 0"}, True]}, {"fill": {"a": 0}},
    {"fill": {"forward": "a"}}, {"aggregate": {"by": "a"}}, {"sql": "SELECT 1"},
    {"lookup": {"file": "f.csv", "on": "a", "add": "b", "missing": None}},
    {"csv": {"field": "t", "columns": ["a"]}}, {"regex": "(?<a>.*)"}, {"python": "def f(x): ..."},
]  # fmt: skip
WRONG: list[Any] = [
    {"limit": "ten"}, {"limit": -1}, {"limit": True}, {"fliter": "x"}, {"sort": {"bye": "a"}},
    {"sample": 2.5}, {"distinct": False}, {"lookup": {"file": "f.csv"}}, {"hash": 5},
]  # fmt: skip


@pytest.mark.parametrize("action", SHORT, ids=str)
def test_short_forms_of_actions(action: Any) -> None:
    assert objections(step(actions=[action])) == []


@pytest.mark.parametrize("action", WRONG, ids=str)
def test_what_is_wrong_with_actions_shows(action: Any) -> None:
    assert objections(step(actions=[action])) != []


def test_short_forms_of_inputs_and_outputs() -> None:
    columns = {"n": "sequence", "x": "normal", "c": {"choice": [1, 2]}, "p": {"pattern": "##"}}
    for body in (
        step(input={"files": {"path": "a.csv"}}),
        step(input={"files": {"path": ["a.csv"], "schema": {"a": "int"}, "settle": 2}}),
        step(input={"inline": [{"a": 1}]}),
        step(input={"generate": {"rows": 5, "columns": columns}}),
        step(output={"discard": None}),
        step(output={"print": {"limit": 5}}),
    ):
        assert objections(body) == []
    assert objections(step(input={"generate": {"rows": 5, "columns": {"n": "choice"}}})) != []
    assert objections(step(input={"files": {"pth": "a.csv"}})) != []
