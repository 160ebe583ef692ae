"""Asking outside inputs what is new, on workers of their steps' groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lyftnb import connectors
from lyftnb.clock import Clock
from lyftnb.connectors import Discovery, SourceEnv
from lyftnb.engine import Engine
from lyftnb.errors import LyftError
from lyftnb.manager.feeds import SourceFeed
from lyftnb.manager.programs import variables_of_run
from lyftnb.manager.retries import Retries
from lyftnb.manager.stage_run import StageRun
from lyftnb.model import InputSpec, Position
from lyftnb.store import Ledger


@dataclass(slots=True)
class Discoverer:
    """Asks for one stage, and asks again as its `retry` says."""

    run: StageRun
    feed: SourceFeed
    retries: Retries
    engine: Engine
    ledger: Ledger
    clock: Clock
    base_path: str
    deployment: str
    defer: Callable[[Callable[[], None]], None]
    """Runs a function on the loop's thread."""

    def ask_if_due(self, now: float) -> None:
        """Ask, if the feed has run dry, nobody has been asked and no pause is on."""
        waits = self.retries.due_at is not None and not self.retries.is_due(now)
        if waits or not self.feed.wants_discovery:
            return
        self.retries.begin()
        self.feed.asked = True
        env = SourceEnv(
            base_path=Path(self.base_path),
            now=self.clock.now(),
            split_bytes=self.feed.limits.split_bytes,
            deployment=self.deployment,
        )
        spec, items = self.feed.spec, dict(self.feed.place.items)
        variables = variables_of_run(self.run.run) if self.run.run is not None else {}
        if connectors.SOURCES[spec.kind].local:
            self._answered(self._looked(spec, items, variables, replace(env, state=self.ledger)))
            return

        def answered(found: Discovery | BaseException) -> None:
            self.defer(lambda: self._answered(found))

        self.engine.discover(spec, items, env, variables, self.run.stage.root.group, answered)

    def _looked(
        self,
        spec: InputSpec,
        position: Position,
        variables: Mapping[str, Any],
        env: SourceEnv,
    ) -> Discovery | BaseException:
        """Ask an input that looks at nothing but the ledger, here and now."""
        source = connectors.SOURCES[spec.kind]
        try:
            place = ("input", spec.kind)
            params = connectors.parse_filled(source, spec.params, variables, place)
            return source.discover(params, position, env)
        except LyftError as error:
            return error

    def _answered(self, found: Discovery | BaseException) -> None:
        if not isinstance(found, BaseException):
            self.retries.reset()
            self.feed.discovered(found)
            self.run.input_problems = tuple(found.problems)
            self.run.problems += (p for p in found.problems if p not in self.run.problems)
            self.run.note = "; ".join(found.problems)
            return
        if isinstance(found, LyftError):
            found = found.with_where(f"step '{self.run.stage.root.step}'")
        self.feed.asked = False
        note = self.retries.failed(found, time.monotonic())
        if note is None:
            self.run.error = self.run.error or found
        else:
            self.run.note = f"discovery: {note}"
