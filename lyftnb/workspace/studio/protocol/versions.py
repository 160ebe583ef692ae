"""Published versions, and documents held against each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from lyftnb.workspace.studio.protocol.wire import Path, Wire

Mark = Literal["create", "update", "replace", "remove", "keep", "moved"]
"""What happens to a part; `moved`: only its place on the canvas, or its name, is another."""


class ListVersions(Wire):
    """Published versions, newest first; of one workflow or of all."""

    workflow: str | None = None


class VersionInfo(Wire):
    """A published version."""

    ref: str
    workflow: str
    number: int
    digest: str
    published_at: datetime


class GetVersion(Wire):
    """A published version's document: `NAME@3`, or `NAME`, the newest."""

    ref: str


class VersionDocument(Wire):
    """A published version, whole."""

    info: VersionInfo
    document: dict[str, Any]


class Compare(Wire):
    """Hold two documents against each other. Each is a draft's name, or a published reference."""

    before: str
    after: str


class FieldChange(Wire):
    """One field that differs; None: it is not there."""

    path: Path
    before: Any
    after: Any


class PartChange(Wire):
    """What happened to a step, channel or message edge."""

    part: Literal["step", "channel", "message", "workflow"]
    name: str
    mark: Mark
    was: str | None = None
    """Its name before, if it was renamed."""
    fields: tuple[FieldChange, ...] = ()


class Difference(Wire):
    """Two documents against each other; parts that are the same are not listed."""

    before: dict[str, Any]
    after: dict[str, Any]
    parts: tuple[PartChange, ...]


class Publish(Wire):
    """Freeze a draft as its next version; unchanged, the same version comes back."""

    draft: str
    context: str | None = None
