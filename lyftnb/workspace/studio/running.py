"""Runs to the end of the inputs, begun for somebody who need not wait for them."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from lyftnb.errors import LyftError, SetupError
from lyftnb.model import Plan, Run
from lyftnb.workspace.given import Ref
from lyftnb.workspace.studio.drafts import Draft
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.deployments import StageOf
from lyftnb.workspace.studio.protocol.running import Began, BeginRun, CancelRun, Numbers
from lyftnb.workspace.studio.standings import Tell, signs

if TYPE_CHECKING:
    from lyftnb.manager import Progress
    from lyftnb.workspace.wire import Begun


class Runs:
    """Begins, follows and cancels runs; fires, retries and skips stages."""

    def __init__(self, home: Home, tell: Tell) -> None:
        self._home = home
        self._tell = tell

    def begin(self, asked: BeginRun, draft: Draft | None, plan: Plan | None) -> Began:
        """Begin a run; what becomes of it is told.

        Raises:
            SetupError: neither a draft nor a reference is named, or both.
        """
        if (draft is None) == (asked.ref is None):
            raise SetupError("what is to run?", hint="name a draft, or a published reference")
        workflow = draft.spec if draft is not None else Ref(asked.ref or "")
        workspace = self._home.workspace()
        begun = workspace.begin(workflow, context=asked.context, fresh=asked.fresh)
        threading.Thread(
            target=self._follow, args=(begun, plan), name=f"lyftnb-{begun.run}", daemon=True
        ).start()
        return Began(run=begun.run, deployment=begun.deployment)

    def cancel(self, asked: CancelRun) -> None:
        """End a run as Ctrl-C would."""
        self._home.workspace().cancel(asked.run)

    def fire(self, asked: StageOf) -> Run:
        """Fire a stage by hand."""
        return self._home.workspace().fire(asked.deployment, asked.step, asked.payload)

    def retry(self, asked: StageOf) -> None:
        """Let a blocked stage try again."""
        self._home.workspace().retry(asked.deployment, asked.step)

    def skip(self, asked: StageOf) -> None:
        """Let a blocked stage pass its batch by."""
        self._home.workspace().skip(asked.deployment, asked.step)

    def _follow(self, begun: Begun, plan: Plan | None) -> None:
        def told(progress: Progress) -> None:
            self._tell("progress", Numbers(progress=progress, lags=(), signs=signs(progress, plan)))

        workspace = self._home.workspace()
        with suppress(LyftError):  # the run's own row says how it ended
            workspace.follow(begun, told)
        with suppress(LyftError):
            self._tell("run", workspace.run_of(begun.run))
