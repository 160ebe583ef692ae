"""Workflow and runbook files: text to the model and back, with every problem placed by line.

`read` takes what it can and reports the rest; `write` gives a fresh file in the house's key order;
`edit` changes an existing text as little as possible. Knows no engine, no store and no connector:
what actions, inputs and outputs take is told to `document_schema` by its caller.
Importing it loads nothing: each name comes with its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.catalog.editing import edit, same
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
    "same",
    "write",
    "write_json",
]

_HOMES = {
    "Reading": "lyftnb.catalog.reading",
    "RunbookReading": "lyftnb.catalog.runbooks",
    "document_schema": "lyftnb.catalog.schema",
    "edit": "lyftnb.catalog.editing",
    "from_document": "lyftnb.catalog.reading",
    "read": "lyftnb.catalog.reading",
    "read_runbook": "lyftnb.catalog.runbooks",
    "runbook_from_document": "lyftnb.catalog.runbooks",
    "runbook_schema": "lyftnb.catalog.runbooks",
    "same": "lyftnb.catalog.editing",
    "write": "lyftnb.catalog.writing",
    "write_json": "lyftnb.catalog.writing",
}

__getattr__ = lazy(__name__, _HOMES)
