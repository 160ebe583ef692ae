"""What all parts of the contract stand on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lyftnb.model import Problem

Path = tuple[str | int, ...]


class Wire(BaseModel):
    """What travels: frozen, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_serialization_defaults_required=True
    )


class Trouble(Wire):
    """An error, as `lyftnb.errors` says it."""

    code: str
    message: str
    where: str | None = None
    hint: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
