"""How fast rows come in right now: what a progress itself tells is the mean since its beginning,
behind which a deployment of last week hides all that happens today.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lyftnb.manager import Progress
    from lyftnb.manager.progress import StageProgress

_RECENT_S = 10.0
_Sample = tuple[float, int]
"""When, and how many rows had come by then."""


class Speeds:
    """The speeds of stages: over ten seconds, or with slower news from one to the next."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], deque[_Sample]] = {}

    def note(self, progress: Progress, now: float) -> None:
        """Take in numbers that came at this time."""
        for stage in progress.stages:
            samples = self._samples.setdefault((progress.deployment, stage.stage), deque())
            if samples and stage.rows_in < samples[-1][1]:
                samples.clear()  # it has begun anew, and counts from nothing
            if not samples or samples[-1][1] != stage.rows_in:
                samples.append((now, stage.rows_in))
            # The last one from before is where the rows since then are counted from.
            while len(samples) > 2 and samples[1][0] < now - _RECENT_S:
                samples.popleft()

    def told(self, progress: Progress, now: float) -> Progress:
        """The progress with the speeds of this time."""
        stages = tuple(self._told(progress.deployment, stage, now) for stage in progress.stages)
        return replace(progress, stages=stages)

    def keep(self, deployments: Collection[str]) -> None:
        """Forget all others."""
        self._samples = {k: kept for k, kept in self._samples.items() if k[0] in deployments}

    def _told(self, deployment: str, stage: StageProgress, now: float) -> StageProgress:
        samples = self._samples.get((deployment, stage.stage))
        if samples is None or len(samples) < 2:
            # Nothing to compare it with yet: the mean, if it is at work.
            mean = stage.rows_per_s if stage.state == "running" else 0.0
            return replace(stage, rows_per_s=mean)
        (first_at, first), (last_at, last) = samples[0], samples[-1]
        if last_at < now - _RECENT_S:
            return replace(stage, rows_per_s=0.0)
        return replace(stage, rows_per_s=(last - first) / (last_at - first_at))
