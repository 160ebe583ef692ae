"""Rows and columns to show."""

from __future__ import annotations

from typing import Any

from lyftnb.workspace.studio.protocol.wire import Wire


class Column(Wire):
    """A column: its name and type, as schemas of spools have them."""

    name: str
    type: str


class ColumnFacts(Wire):
    """A column of a traced frame, in numbers."""

    name: str
    type: str
    nulls: int
    distinct: int | None = None
    """None: of a type that cannot be counted so."""
    min: str | None = None
    max: str | None = None
    mean: str | None = None
    top: tuple[tuple[str, int], ...] = ()
    """The most frequent values, with how often."""


class Table(Wire):
    """Rows to show. Values are JSON: what JSON has no word for is text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    offset: int
    total: int | None
    """None: not counted."""
