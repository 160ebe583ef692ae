"""The workspace with its owner in another process: the manager, which is found or started.

The same interface as `local.Workspace`. People's verbs go over HTTP; keys, queues, locks, messages,
issues and runs over the state protocol; rows of spools are read from the files.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lyftnb import planning
from lyftnb.errors import ConfigError
from lyftnb.model import (
    Issue,
    Message,
    Plan,
    Problem,
    Run,
    RunSummary,
    has_errors,
    secrets_of_plan,
)
from lyftnb.planning import Explanation
from lyftnb.workspace.book import Book, part
from lyftnb.workspace.client import Client
from lyftnb.workspace.config import Config
from lyftnb.workspace.contexts import Contexts
from lyftnb.workspace.finding import find, find_or_start, present
from lyftnb.workspace.given import Given, WorkflowLike, published
from lyftnb.workspace.happenings import Kind
from lyftnb.workspace.nouns import DAMAGES, SPOOLS, VERSIONS, Problems
from lyftnb.workspace.progress import watching
from lyftnb.workspace.remote_deployments import RemoteDeployments
from lyftnb.workspace.remote_runbooks import RemoteRunbooks
from lyftnb.workspace.remote_runs import follow_run
from lyftnb.workspace.secrets import Secrets
from lyftnb.workspace.spool import Spool
from lyftnb.workspace.state_access import Connection
from lyftnb.workspace.state_history import Issues
from lyftnb.workspace.tabular import Table
from lyftnb.workspace.viewing import LiveViews
from lyftnb.workspace.wire import Begun, adapter, workflow_fields

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.engine import Trace
    from lyftnb.manager import Progress, Watcher
    from lyftnb.store import Damage, SpoolInfo, SweepReport, Version
    from lyftnb.store.remote import StateClient
    from lyftnb.workspace.next_fires import NextFires

_log = logging.getLogger(__name__)


class RemoteWorkspace(RemoteDeployments, LiveViews, Connection):
    """A workspace whose owner is the manager: `local.Workspace`, from any process.

    A manager that has ended meanwhile is started again by the next call; not by an onlooker, whose
    calls then fail.
    """

    def __init__(self, path: Path, *, onlooker: bool = False) -> None:
        self.config = _settings(path)
        self.path = path
        self._onlooker = onlooker
        self._connecting = threading.Lock()
        self._speaker: StateClient | None = None
        self._hung_up = False
        self._http = Client(
            lambda: present(path) if onlooker else find_or_start(path), quiet=onlooker
        )
        self._book = Book(self._http)
        default = self.config.context.default
        self.secrets = Secrets(self._book)
        self.contexts = Contexts(self._book, default, self._explained)

    # -- workflows

    def validate(self, workflow: WorkflowLike, *, context: str | None = None) -> Problems:
        """All problems of a workflow; see `Workspace.validate`."""
        body = self._body(workflow, context)
        return Problems(self._http.ask("/workflows/validate", tuple[Problem, ...], body))

    def publish(self, workflow: WorkflowLike, *, context: str | None = None) -> Version:
        """Freeze a workflow as its next version; see `Workspace.publish`."""
        from lyftnb.store import Version

        body = self._body(workflow, context)
        found: Version = self._http.post("/workflows/publish", Version, body)
        return found

    def versions(self, workflow: str | None = None) -> Table[Version]:
        """Published versions, oldest first."""
        return Table(self._book.versions(workflow), VERSIONS)

    def version(self, ref: str) -> Version:
        """A published version: `NAME` (its newest) or `NAME@3`."""
        return self._book.version(ref)

    def run(
        self,
        workflow: WorkflowLike,
        *,
        context: str | None = None,
        fresh: bool = False,
        on_progress: Watcher | None = None,
    ) -> RunSummary:
        """Run a workflow to the end of its inputs, in the manager; see `Workspace.run`. It goes on
        should this process end; Ctrl-C ends it.

        Raises:
            OutcomeUnknown: the manager was lost meanwhile. Run again: it goes on from there.
        """
        begun = self.begin(workflow, context=context, fresh=fresh)
        if on_progress is not None:
            return self.follow(begun, on_progress)
        with watching() as watcher:
            return self.follow(begun, watcher)

    def start(self, workflow: WorkflowLike, *, context: str | None = None) -> str:
        """Run a workflow from now on, in the manager, until `stop` or the manager's end; see
        `Workspace.start`.
        """
        found: str = self._http.post("/running", str, self._body(workflow, context))
        return found

    def stop(self, deployment: str, drain: float = 30.0) -> None:
        """Stop a deployment at a batch boundary, after `drain` seconds at the latest."""
        self._http.delete(f"/running/{part(deployment)}", drain=drain)

    @property
    def running(self) -> tuple[str, ...]:
        """The deployments at work in the manager."""
        return tuple(self._http.pages("/running", str))

    def fire(self, deployment: str, step: str, payload: Mapping[str, Any] | None = None) -> Run:
        """Fire a step of a running deployment by hand; see `Workspace.fire`."""
        body = {"step": step, "payload": None if payload is None else dict(payload)}
        found: Run = self._http.post(f"/running/{part(deployment)}/fire", Run, body)
        return found

    def retry(self, deployment: str, step: str) -> None:
        """Let a blocked stage try again; see `Workspace.retry`."""
        self._http.post(f"/running/{part(deployment)}/retry", None, {"step": step})

    def skip(self, deployment: str, step: str) -> None:
        """Let a blocked stage pass its batch by; see `Workspace.skip`."""
        self._http.post(f"/running/{part(deployment)}/skip", None, {"step": step})

    def progress(self, deployment: str) -> Progress:
        """The numbers of a running deployment, as of now; see `Workspace.progress`."""
        from lyftnb.manager import Progress

        found: Progress = self._http.get(f"/running/{part(deployment)}/progress", Progress)
        return found

    def numbers(self, deployment: str) -> Progress:
        """As `progress`, but what outputs want shown is left for those who follow it."""
        from lyftnb.manager import Progress

        path = f"/running/{part(deployment)}/progress"
        found: Progress = self._http.get(path, Progress, texts=False)
        return found

    def events(
        self, over: threading.Event, last: str | None = None
    ) -> Iterator[tuple[str, Kind, Any]]:
        """What happens from now on, or behind the event of that id: (id, kind, what), until `over`
        is set or the stream breaks.

        Raises:
            Temporary: it broke; go on behind the last event.
        """
        for id, kind, data in self._http.stream("/events", last, quiet=True):
            if over.is_set():
                return
            if kind:
                yield id, cast(Kind, kind), adapter(_event_type(kind)).validate_python(data)

    def begin(
        self, workflow: WorkflowLike, *, context: str | None = None, fresh: bool = False
    ) -> Begun:
        """Begin a run to the end of the inputs, which goes on by itself; see `follow`."""
        body = {**self._body(workflow, context), "fresh": fresh}
        begun: Begun = self._http.post("/runs", Begun, body)
        return begun

    def follow(self, begun: Begun, watcher: Watcher) -> RunSummary:
        """Hand the numbers of a run that was begun to a watcher, until it ends.

        Raises:
            LyftError: as the run did.
        """
        return follow_run(self._http, begun, watcher)

    def cancel(self, run: str) -> None:
        """End a run that was begun as Ctrl-C would: what is committed stays."""
        self._http.post(f"/runs/{part(run)}/cancel")

    def trace(
        self,
        workflow: WorkflowLike,
        rows: int = 20,
        *,
        context: str | None = None,
        until: str | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Trace:
        """Run a workflow on a sample, here and now, in this process; see `Workspace.trace`."""
        from lyftnb.engine import trace

        plan: Plan = self._http.ask("/workflows/trace", Plan, self._body(workflow, context))
        names = sorted(secrets_of_plan(plan))
        return trace(
            plan,
            rows=rows,
            base_path=self.path,
            now=datetime.now(UTC),
            read_spool=lambda name: self.spool(name).scan(),
            state=self._client,
            secrets=self._client.lent_secrets(names) if names else {},
            until=until,
            stopped=stopped,
        )

    # -- asking and invoking

    @property
    def issues(self) -> Issues:
        """Problems that a person should see: list and close them."""
        return Issues(self._book)

    @cached_property
    def runbooks(self) -> RemoteRunbooks:
        """Published workflows with parameters, to be run now: publish, invoke, look back."""
        return RemoteRunbooks(self._http, self._book, self.path)

    def next_fires(self, workflow: WorkflowLike, n: int = 5) -> NextFires:
        """When the clock will fire the steps of a workflow: `n` times for each time trigger."""
        from lyftnb.workspace.next_fires import next_fires

        given = Given.of(workflow, self.path, partial(published, self.version))
        problems = self.validate(workflow)
        if given.spec is None or has_errors(problems):
            raise planning.invalid(given.spec.workflow if given.spec else "?", problems)
        return next_fires(given.spec, datetime.now(UTC), n)

    # -- data

    @property
    def snapshot(self) -> int:
        """The newest snapshot; 0 before the first commit."""
        return self._client.snapshot()

    def spools(self) -> Table[SpoolInfo]:
        """All spools, with rows, bytes and segments."""
        return Table(self._book.spools(), SPOOLS)

    def spool(self, name: str) -> Spool:
        """A spool by its full name, or by its channel's while that is unique."""
        return Spool(self._book, self._book.spool(name), self)

    def sql(self, text: str, *, limit: int | None = None) -> pl.DataFrame:
        """Query the spools by name, and the state tables under `lyftnb.`; see `Workspace.sql`."""
        return self._http.frame("POST", "/sql", {"text": text, "limit": limit})

    def verify(self) -> Table[Damage]:
        """Check every live segment's file; what is missing or damaged."""
        return Table(self._book.verify(), DAMAGES)

    def sweep(self) -> SweepReport:
        """Remove staged files that no commit names, and what is staged for outputs that were passed
        by; see `Workspace.sweep`.
        """
        from lyftnb.store import SweepReport

        found: SweepReport = self._http.post("/spools/sweep", SweepReport)
        return found

    # -- life

    def close(self) -> None:
        """Hang up. The manager goes on."""
        self._http.close()
        with self._connecting:
            self._hung_up = True
        if self._speaker is not None:
            self._speaker.close()

    def __repr__(self) -> str:
        return f"RemoteWorkspace({str(self.path)!r}, {self._where})"

    def _repr_html_(self) -> str:
        from lyftnb.workspace.reprs import workspace_html

        if find(self.path) is None:  # to be looked at starts none
            return f"<p>{escape(repr(self))}</p>"
        return workspace_html(self, self._where)

    # -- inside

    @property
    def _where(self) -> str:
        address = find(self.path)
        return f"manager {address.pid} at {address.url}" if address else "no manager yet"

    @property
    def _client(self) -> StateClient:
        """The state protocol. It loads the ledger's verbs: a command that needs none of them is
        quicker without.

        Raises:
            Temporary: no manager is up, and an onlooker starts none.
        """
        from lyftnb.workspace.remote_state import ManagersState

        if self._onlooker:
            present(self.path)
        with self._connecting:
            if self._speaker is None:
                self._speaker = ManagersState(self.path, wakes=not self._onlooker)
                if self._hung_up:
                    self._speaker.close()
            return self._speaker

    def _body(self, workflow: WorkflowLike, context: str | None) -> dict[str, Any]:
        return {**workflow_fields(workflow, self.path), "context": context}

    def _explained(
        self, workflow: WorkflowLike, context: str | None, name: str | None
    ) -> tuple[Explanation, ...]:
        """See `Contexts.explain`."""
        found: tuple[Explanation, ...] = self._http.ask(
            "/workflows/explain",
            tuple[Explanation, ...],
            {**self._body(workflow, context), "name": name},
        )
        return found


def _event_type(kind: str) -> Any:
    from lyftnb.manager import Progress

    return {"message": Message, "issue": Issue, "run": Run, "progress": Progress}[kind]


def _settings(path: Path) -> Config:
    """The workspace's settings. While the file is wrong a manager that is up goes on with those
    that it has, and must be reachable: nothing of ours hangs on them. The log says so.

    Raises:
        ConfigError: the file is wrong, and no manager is up.
    """
    try:
        return Config.load(path)
    except ConfigError as error:
        if find(path) is None:
            raise
        _log.warning("the manager goes on with the settings that it has: %s", error)
        return Config()
