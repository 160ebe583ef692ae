"""Plans, as far as pictures show them."""

from __future__ import annotations

from typing import Literal

from lyftnb.workspace.studio.protocol.wire import Wire


class StageShape(Wire):
    """A stage: steps that run and commit together."""

    id: str
    steps: tuple[str, ...]
    """Relays that the planner put in included."""
    traits: tuple[str, ...]
    """In words: frame, triggers, limits."""


class ChannelShape(Wire):
    """A channel as planned."""

    name: str
    transport: Literal["worker", "spool"]
    reason: str
    producer: str
    port: str
    consumers: tuple[str, ...]
    rejects: bool
    replaced: bool


class Shape(Wire):
    """The plan of a draft, as far as a picture shows it."""

    revision: int
    stages: tuple[StageShape, ...]
    channels: tuple[ChannelShape, ...]
    groups: dict[str, str]
    """Step → worker group."""
    relays: tuple[str, ...]
    text: str
    """The whole plan in words."""
