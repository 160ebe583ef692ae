"""What other processes may ask of the owner's process rather than of its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lyftnb.errors import NotFound
from lyftnb.model import Json, Run


class Desk:
    """Answers nothing: of an owner that only keeps a ledger. Who does more overrides it."""

    def request(self, target: str, payload: Json, timeout_s: float) -> Json:
        """Ask the manager, a worker or a job, and wait for the one reply.

        Raises:
            NotFound: there is no such target or question.
            TimedOut: there was no reply in time.
        """
        raise NotFound(f"nobody answers for {target} here", hint=_HINT)

    def fire_step(self, deployment: str, step: str, payload: Mapping[str, Any] | None) -> Run:
        """Fire a step of a running deployment by hand.

        Raises:
            NotFound: the deployment does not run, or the step is not the first of a stage.
        """
        raise NotFound(f"deployment '{deployment}' does not run here", hint=_HINT)


_HINT = "the process that owns the workspace runs nothing"
