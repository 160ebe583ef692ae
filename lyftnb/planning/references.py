"""`{{name}}` within values: who refers to what, and how a value stands in a longer text."""

from __future__ import annotations

import json
import re
from typing import Any

from lyftnb.model import is_variable

REFERENCE = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def references(value: Any) -> frozenset[str]:
    """Names that `{{…}}` refers to anywhere in a value; of a dotted path, the first.

    >>> sorted(references({"path": "{{folder}}/{{customer}}.csv"}))
    ['customer', 'folder']
    """
    if isinstance(value, str):
        names = filter(is_variable, REFERENCE.findall(value))
        return frozenset(name.partition(".")[0] for name in names)
    if not isinstance(value, dict | list | tuple):
        return frozenset()
    parts = value.values() if isinstance(value, dict) else value
    return frozenset().union(*map(references, parts))


def as_text(value: Any) -> str:
    """A value within a longer text: text as it is, else its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
