"""Runbook files: read with the line of each problem; the JSON Schema that editors use agrees."""

from __future__ import annotations

import pytest
import yaml
from jsonschema import Draft202012Validator

from lyftnb.catalog import read_runbook, runbook_from_document, runbook_schema

FILE = """\
runbook: backfill_customer
title: Backfill a customer
workflow: sales@3
parameters:
  type: object
  properties:
    customer: {type: string}
  required: [customer]
context:
  folder: "data/{{customer}}"
"""


def test_a_file_says_what_its_document_says() -> None:
    reading = read_runbook(FILE, "a.runbook.yaml")
    assert reading.complete and reading.spec is not None
    assert reading.spec.to_document() == yaml.safe_load(FILE)
    assert runbook_from_document(yaml.safe_load(FILE)).spec == reading.spec
    assert reading.line_of(("parameters", "properties", "customer")) == 7
    Draft202012Validator(runbook_schema()).validate(yaml.safe_load(FILE))


WRONG = [
    ("title:", "titel:", 2, "did you mean 'title'?"),
    ("workflow: sales@3", "workflow: [sales]", 3, "expected text, found a list"),
    ("runbook: backfill_customer", "runbook: Backfill", 1, "is not a name"),
    ("workflow: sales@3\n", "", 1, "`workflow` is missing"),
    ("  folder:", "  Folder:", 9, "is not a name"),
    ("parameters:\n", "parameters: 3\nx:\n", 4, "expected a mapping, found 3"),
    ("customer: {type", "customer: {{type", 7, "not YAML"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), WRONG, ids=lambda v: str(v)[:20])
def test_problems_have_their_line(old: str, new: str, line: int, says: str) -> None:
    reading = read_runbook(FILE.replace(old, new), "a.runbook.yaml")
    assert not reading.complete
    told = [str(p) for p in reading.problems if p.line in (line, line + 1)]
    assert any(says in text and "a.runbook.yaml:" in text for text in told), reading.problems


def test_what_is_no_runbook_at_all_is_told() -> None:
    for text in ("", "- a\n- b\n", "just text"):
        reading = read_runbook(text)
        assert reading.spec is None
        assert "runbook: NAME" in reading.problems[0].hint
