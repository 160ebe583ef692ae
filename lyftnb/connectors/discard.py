"""`discard`: an output that keeps nothing, to run a workflow for its own sake."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import ClassVar

import polars as pl

from lyftnb.connectors.base import Sink, SinkEnv
from lyftnb.model import Params, Publication


class DiscardParams(Params):
    """Nothing to choose."""

    short = {NoneType: None}


class Discard(Sink[DiscardParams]):
    """Takes rows and keeps none."""

    name: ClassVar[str] = "discard"
    Params: ClassVar[type[DiscardParams]] = DiscardParams
    external: ClassVar[bool] = False
    delivery: ClassVar[str] = "nothing is delivered"

    def stage(
        self, params: DiscardParams, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """Nothing."""
        return ()

    def publish(self, publication: Publication) -> str | None:
        """Nothing."""
        return None
