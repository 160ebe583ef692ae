"""Answers questions about drafts and the workspace that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lyftnb import __version__, planning
from lyftnb.errors import InvalidWorkflow
from lyftnb.model import Plan, draft_name
from lyftnb.workspace.studio.deployed import DeployedSteps
from lyftnb.workspace.studio.deployments import Deployments
from lyftnb.workspace.studio.drafts import Draft, Drafts
from lyftnb.workspace.studio.drift import Drift
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.listings import Listings
from lyftnb.workspace.studio.palette import palette
from lyftnb.workspace.studio.protocol.drafts import (
    CloseDraft,
    DraftPlan,
    DraftSchemas,
    OpenDraft,
    OpenedDraft,
    Schemas,
)
from lyftnb.workspace.studio.protocol.palette import GetPalette, Palette
from lyftnb.workspace.studio.protocol.running import BeginRun
from lyftnb.workspace.studio.protocol.shapes import Shape
from lyftnb.workspace.studio.protocol.versions import Compare
from lyftnb.workspace.studio.protocol.workspace import GetWorkspace, Workspace
from lyftnb.workspace.studio.running import Runs
from lyftnb.workspace.studio.schema import release
from lyftnb.workspace.studio.shapes import plan_of, schemas_of, shape_of
from lyftnb.workspace.studio.spools import SpoolBrowser
from lyftnb.workspace.studio.standings import Tell
from lyftnb.workspace.studio.traces import Traces
from lyftnb.workspace.studio.troubles import asked as well_put
from lyftnb.workspace.studio.watching import Watcher

Work = Callable[[], Any]
"""What is left to do of a question; may take long, and may run beside others."""
_IN_ORDER = frozenset({"draft.open", "draft.change", "draft.replace", "draft.merge", "draft.close"})
"""Questions that change a draft: done at once, in the order in which they come."""


class Studio:
    """What stands behind one canvas, document, sidebar or widget. Thread-safe.

    Args:
        root: the workspace's folder.
        tell: takes news (see `TOPICS`), on threads of this package; must return at once.
    """

    def __init__(self, root: Path, tell: Tell) -> None:
        self._home = Home(root)
        self._drafts = Drafts(self._home.surroundings)
        self._traces = Traces(self._home)
        drift = Drift(root)
        self._deployments = Deployments(self._home, drift)
        self._runs = Runs(self._home, tell)
        self._watcher = Watcher(self._home, drift, tell, self._workspace)
        self._answers = {**self._on_drafts(), **self._on_the_workspace()}

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self._home.root

    def draft(self, name: str) -> Draft:
        """A draft that is open, as it stands."""
        return self._drafts.get(name)

    def answer(self, op: str, params: Any) -> Any:
        """The answer to a question: what `QUESTIONS` says.

        Raises:
            LyftError: why there is none.
        """
        return self.begin(op, params)()

    def begin(self, op: str, params: Any) -> Work:
        """Take a question up; call the result for the answer.

        What a question means by a draft is what the draft is now: so questions that are begun in
        order may be answered side by side.

        Raises:
            LyftError: it is not well put, or names a draft that is not open.
        """
        question = well_put(op, params)
        answer = self._answers[op]
        if op in _IN_ORDER:
            done = answer(question)
            return lambda: done
        if op in _WITH_DRAFT:
            name = question.draft  # type: ignore[attr-defined]
            draft = self._drafts.get(name) if name is not None else None
            return lambda: answer(question, draft)
        return lambda: answer(question)

    def close(self) -> None:
        """Let everything go. Runs that were begun go on."""
        self._watcher.unwatch()
        self._traces.close()
        self._home.close()

    # -- inside

    def _on_drafts(self) -> dict[str, Callable[..., Any]]:
        drafts, traces = self._drafts, self._traces
        return {
            "palette": self._palette,
            "draft.open": self._open_draft,
            "draft.change": drafts.change,
            "draft.replace": drafts.replace,
            "draft.text": drafts.text,
            "draft.merge": drafts.merge,
            "draft.close": self._close_draft,
            "draft.schemas": self._schemas,
            "draft.plan": self._shape,
            "trace.run": lambda asked, draft: traces.run(asked, draft, drafts.checker),
            "trace.cancel": traces.cancel,
            "trace.rows": traces.rows,
            "trace.follow": traces.follow,
            "compare": self._compare,
        }

    def _on_the_workspace(self) -> dict[str, Callable[..., Any]]:
        deployments, runs = self._deployments, self._runs
        listings, spools = Listings(self._home), SpoolBrowser(self._home)
        return {
            "workspace": self._get_workspace,
            "release": lambda _: release(),
            "versions": deployments.versions,
            "version": deployments.version,
            "publish": deployments.publish,
            "plan": deployments.plan,
            "apply": deployments.apply,
            "deployments": deployments.statuses,
            "deployment": deployments.deployment,
            "deployed.steps": DeployedSteps(self._home).of,
            "rollback": deployments.rollback,
            "pause": deployments.pause,
            "resume": deployments.resume,
            "destroy": deployments.destroy,
            "retry": runs.retry,
            "skip": runs.skip,
            "fire": runs.fire,
            "run.begin": self._begin_run,
            "run.cancel": runs.cancel,
            "watch": self._watcher.watch,
            "unwatch": lambda _asked: self._watcher.unwatch(),
            "runs": listings.runs,
            "issues": listings.issues,
            "issue.close": listings.close_issue,
            "messages": listings.messages,
            "batches": listings.batches,
            "logs": listings.logs,
            "schedules": listings.schedules,
            "audit": listings.audit,
            "spools": spools.spools,
            "spool": spools.spool,
            "spool.rows": spools.rows,
            "spool.facts": spools.facts,
            "sql": spools.sql,
            "state": spools.state,
        }

    def _palette(self, _asked: GetPalette) -> Palette:
        return palette(self._home.config.groups, self._home.root)

    def _open_draft(self, asked: OpenDraft) -> OpenedDraft:
        state, shape = self._drafts.open(asked), None
        with suppress(InvalidWorkflow):
            shape = self._shape(DraftPlan(draft=asked.draft), self._drafts.get(asked.draft))
        return OpenedDraft(state=state, shape=shape)

    def _close_draft(self, asked: CloseDraft) -> None:
        self._drafts.close(asked)
        self._traces.forget(asked.draft)

    def _schemas(self, _asked: DraftSchemas, draft: Draft) -> Schemas:
        spec = draft.reading.spec
        if spec is None:
            return Schemas(revision=draft.revision, steps={}, channels={})
        around = self._home.surroundings()
        layers = around.layers(spec.workflow)
        flowing = planning.columns(
            spec,
            self._drafts.checker,
            deployment=draft_name(spec.workflow),
            context=layers,
            known=around.known,
            seen=self._traces.seen(planning.filled(spec, self._drafts.checker, layers)),
        )
        return schemas_of(flowing, draft.revision)

    def _shape(self, asked: DraftPlan, draft: Draft) -> Shape:
        if asked.context is not None:
            plan = self._home.workspace().plan(draft.spec, context=asked.context).compiled
        else:
            plan = plan_of(draft, self._home.surroundings(), self._drafts.checker)
        return shape_of(plan, draft.revision)

    def _compare(self, asked: Compare) -> Any:
        return self._deployments.compare(asked, self._drafts.find)

    def _begin_run(self, asked: BeginRun, draft: Draft | None) -> Any:
        plan: Plan | None = None
        if draft is not None:
            plan = plan_of(draft, self._home.surroundings(), self._drafts.checker)
        return self._runs.begin(asked, draft, plan)

    def _get_workspace(self, asked: GetWorkspace) -> Workspace:
        if asked.start:
            self._home.workspace().snapshot  # noqa: B018  asked for, so that somebody must answer
        return self._workspace()

    def _workspace(self) -> Workspace:
        contexts: tuple[str, ...] = ()
        up = self._home.up
        if up:
            named = (context.layer for context in self._home.surroundings().contexts)
            contexts = tuple(name for name in named if ":" not in name)
        return Workspace(
            root=self._home.root.name,
            state="up" if up else "down" if self._home.exists else "gone",
            contexts=contexts,
            version=__version__,
        )


_WITH_DRAFT = frozenset({"draft.schemas", "draft.plan", "trace.run", "publish", "run.begin"})
"""Questions about a draft as it is when they come."""
