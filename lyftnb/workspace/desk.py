"""What other processes may ask of an open workspace beside its state: replies and fires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lyftnb.model import Json, Run
from lyftnb.store.remote import Desk

if TYPE_CHECKING:
    from lyftnb.manager import Requests


class OwnersDesk(Desk):
    """Passes on what the workspace itself does for its own process."""

    def __init__(self, requests: Callable[[], Requests], fire: Callable[..., Run]) -> None:
        self._requests = requests
        self._fire = fire

    def request(self, target: str, payload: Json, timeout_s: float) -> Json:
        """Ask the manager, a worker or a job, and wait for the one reply."""
        return self._requests().ask(target, payload, timeout_s)

    def fire_step(self, deployment: str, step: str, payload: Mapping[str, Any] | None) -> Run:
        """Fire a step of a running deployment by hand."""
        return self._fire(deployment, step, payload)
