"""The pages about actions say what is so."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.operators import registry
from lyftnb.operators.docs import actions_page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_about_actions_is_up_to_date() -> None:
    hint = "run: python -m lyftnb.operators.docs > docs/actions.md"
    assert (DOCS / "actions.md").read_text(encoding="utf-8") == actions_page(), hint


def test_the_page_about_extending_works_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    package, test = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (workflow,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    module = ModuleType("weather_actions")
    exec(package, module.__dict__)
    monkeypatch.setitem(sys.modules, "weather_actions", module)
    offer = EntryPoint("celsius", "weather_actions:Celsius", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [offer])
    registry._installed.cache_clear()
    space: dict[str, Any] = {}
    try:
        exec(test, space)
        space["test_example"]()
        traced = ln.Workflow.from_yaml(workflow).trace()
    finally:
        monkeypatch.undo()
        registry._installed.cache_clear()
    assert [place.rejects.height for place in traced.steps] == [0, 1]
