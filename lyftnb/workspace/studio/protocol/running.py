"""Runs begun from a canvas, and news of what is at work."""

from __future__ import annotations

from typing import Literal

from lyftnb.manager import Progress
from lyftnb.workspace.studio.protocol.wire import Wire

Sign = Literal["running", "waiting", "retrying", "done", "blocked", "paused", "drifted"]


class BeginRun(Wire):
    """Run a draft or a published version to the end of its inputs. It goes on without the asker;
    its numbers are news of the topic `progress`, its end one of `run`.
    """

    draft: str | None = None
    ref: str | None = None
    context: str | None = None
    fresh: bool = False


class Began(Wire):
    """A run that was begun."""

    run: str
    deployment: str


class CancelRun(Wire):
    """End a run as Ctrl-C would: what is committed stays."""

    run: str


class Watch(Wire):
    """Send news of the workspace from now on; of one deployment, or of all."""

    deployments: tuple[str, ...] | None = None


class ChannelLag(Wire):
    """How far a consumer is behind on a channel."""

    channel: str
    step: str
    rows: int | None
    bytes: int | None
    age_s: float | None


class Numbers(Wire):
    """News of a deployment at work: a few times a second at most, all stages together."""

    progress: Progress
    lags: tuple[ChannelLag, ...]
    signs: dict[str, Sign]
    """Step → how it stands."""
