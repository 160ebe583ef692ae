"""What may be put on a canvas."""

from __future__ import annotations

from typing import Any, Literal

from lyftnb.workspace.studio.protocol.tables import Column
from lyftnb.workspace.studio.protocol.wire import Wire

Family = Literal["action", "input", "output"]


class Kind(Wire):
    """An action, input or output that a step may use."""

    family: Family
    name: str
    summary: str
    """One sentence."""
    doc: str
    """Markdown."""
    params: dict[str, Any]
    """JSON Schema of its parameters. Texts that are SQL expressions have `"format": "expression"`,
    names of columns `"format": "column"`, code `"format": "python"` or `"format": "sql"`."""
    example: Any = None
    """Parameters that work, for what is dropped on the canvas."""
    columns: tuple[Column, ...] = ()
    """Of the rows that an action's example works on."""
    plain: Any = None
    """Parameters that do for rows of any columns; None: columns must be named."""
    icon: str = ""
    """A word for an icon: `filter`, `table`, `file`, …"""


class SqlFunction(Wire):
    """A function of the expression dialect, for completion."""

    name: str
    signature: str
    doc: str
    aggregate: bool = False


class Palette(Wire):
    """What may be put on a canvas."""

    kinds: tuple[Kind, ...]
    functions: tuple[SqlFunction, ...]
    document: dict[str, Any]
    """JSON Schema of a whole workflow document."""
    settings: dict[str, dict[str, Any]]
    """JSON Schemas of what else has a form: `step` (without its body), `channel`, `dispatch`,
    `trigger`, `emit`, `message`, `workflow` (description, context)."""
    groups: tuple[str, ...]
    """Worker groups of the workspace, as `lyftnb.toml` names them."""


class GetPalette(Wire):
    """What may be put on a canvas in this workspace."""
