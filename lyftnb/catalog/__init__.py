"""Workflow and runbook files: text to the model and back, with every problem placed by line.

`read` takes what it can and reports the rest; `write` gives a fresh file in the house's key order;
`edit` changes an existing text as little as possible. Knows no engine, no store and no connector:
what actions, inputs and outputs take is told to `document_schema` by its caller.
"""

from lyftnb.catalog.editing import edit
from lyftnb.catalog.reading import Reading, from_document, read
from lyftnb.catalog.runbooks import (
    RunbookReading,
    read_runbook,
    runbook_from_document,
    runbook_schema,
)
from lyftnb.catalog.schema import document_schema
from lyftnb.catalog.writing import write, write_json

__all__ = [
    "Reading",
    "RunbookReading",
    "document_schema",
    "edit",
    "from_document",
    "read",
    "read_runbook",
    "runbook_from_document",
    "runbook_schema",
    "write",
    "write_json",
]
