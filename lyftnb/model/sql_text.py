"""How names and texts stand in SQL."""

from __future__ import annotations


def quoted(name: str) -> str:
    """The name of a column or a table, whatever characters it has.

    >>> print(quoted('a "b"'))
    "a ""b\"""
    """
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A text as a literal.

    >>> print(text_literal("it's"))
    'it''s'
    """
    return "'" + value.replace("'", "''") + "'"
