"""The workspace with its owner in this process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lyftnb import planning
from lyftnb.clock import Clock, SystemClock
from lyftnb.errors import NotFound, SetupError, unknown
from lyftnb.model import (
    NO_CONTEXT,
    Schema,
    deployment_name,
    draft_name,
    seconds,
    workflow_digest,
)
from lyftnb.planning import Explanation, explain, parse_ref
from lyftnb.workspace.bus import Bus
from lyftnb.workspace.compute import Compute
from lyftnb.workspace.config import Config
from lyftnb.workspace.contexts import Contexts, user
from lyftnb.workspace.folders import STATE_DIR, root_of
from lyftnb.workspace.given import Given, WorkflowLike, World, published
from lyftnb.workspace.happenings import Kind, happenings
from lyftnb.workspace.held import hold, let_go
from lyftnb.workspace.next_fires import NextFires, next_fires
from lyftnb.workspace.nouns import DAMAGES, SPOOLS, VERSIONS, Problems
from lyftnb.workspace.runbooks import Home, Runbooks
from lyftnb.workspace.running import Running
from lyftnb.workspace.secrets import Secrets
from lyftnb.workspace.serving import Serving
from lyftnb.workspace.spool import Spool
from lyftnb.workspace.state_access import State
from lyftnb.workspace.tabular import Table
from lyftnb.workspace.viewing import LiveViews

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.manager import (
        Manager,
        Requests,
    )
    from lyftnb.store import Damage, Ledger, SpoolInfo, SweepReport, Version
    from lyftnb.store.remote import Desk


class Workspace(Running, Serving, LiveViews, State):
    """A folder with `lyftnb.toml`, workflows, and the state directory `.lyftnb/`.

    Holds the ledger while it is open: one process at a time. Use it as a context manager, or
    `close` it. The cluster starts with the first run and stays up until then.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        clock: Clock | None = None,
        *,
        serve: bool = True,
        command: str | None = None,
    ) -> None:
        from lyftnb.store import Ledger, MasterKeys

        self.path = path
        self.config = config
        self._clock = clock or SystemClock()
        self._storage = (path / config.storage.root).resolve()
        folder = config.secrets.key_folder
        key_folder = path / Path(folder).expanduser() if folder else None
        self._ledger: Ledger = Ledger.open(
            path / STATE_DIR,
            self._clock,
            command=command or " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            storage_root=self._storage,
            keys=MasterKeys(key_folder),
        )
        self._compute = Compute(path, config, self._ledger, self._desk)
        self._manager: Manager | None = None
        self._serves = False
        self._begun: set[str] = set()
        self._deploys = threading.RLock()
        self.secrets = Secrets(self._ledger)
        self.contexts = Contexts(self._ledger, config.context.default, self._explained)
        if serve:
            self._compute.serve_soon()
        hold(self)

    # -- workflows

    def validate(self, workflow: WorkflowLike, *, context: str | None = None) -> Problems:
        """All problems of a workflow (a `Workflow`, a file, or a published reference).

        Args:
            workflow: what to look at.
            context: as for `run`.
        """
        given = self._given(workflow)
        return Problems(given.problems(self._world(given, context)))

    def publish(self, workflow: WorkflowLike, *, context: str | None = None) -> Version:
        """Freeze a workflow as its next version; unchanged, the same version comes back.

        Args:
            workflow: what to publish.
            context: the one that it is checked in. The version knows none, and runs in any.

        Raises:
            InvalidWorkflow: it has errors; nothing is stored.
        """
        given = self._given(workflow)
        spec = given.checked(self._world(given, context))
        return self._ledger.publish_version(
            spec.workflow, spec.to_document(), workflow_digest(spec), self._clock.now(), user()
        )

    def versions(self, workflow: str | None = None) -> Table[Version]:
        """Published versions, oldest first."""
        return Table(self._ledger.versions(workflow), VERSIONS)

    def version(self, ref: str) -> Version:
        """A published version: `NAME` (its newest) or `NAME@3`.

        Raises:
            NotFound: there is none.
        """
        parsed = parse_ref(ref)
        found = self._ledger.version(*parsed) if parsed else None
        if found is None:
            known = {v.workflow for v in self.versions()} | {v.ref for v in self.versions()}
            error = unknown("workflow version", ref, known)
            if not known:
                error.hint = "nothing is published yet: lyftnb publish FILE"
            raise error
        return found

    # -- asking and invoking

    @property
    def bus(self) -> Bus:
        """The message bus: publish, subscribe, look back, and ask workers, jobs or the manager."""
        return Bus(self._ledger, self._requests)

    @cached_property
    def runbooks(self) -> Runbooks:
        """Published workflows with parameters, to be run now: publish, invoke, look back."""
        home = Home(
            ledger=self._ledger,
            folder=self.path,
            published=partial(published, self.version),
            world=self._world_of,
            groups=lambda: self._compute.group_sizes,
            env=self._run_env,
            started=self._started,
        )
        return Runbooks(home)

    def next_fires(self, workflow: WorkflowLike, n: int = 5) -> NextFires:
        """When the clock will fire the steps of a workflow: `n` times for each time trigger.

        Raises:
            InvalidWorkflow: it has errors.
        """
        given = self._given(workflow)
        spec = given.checked(self._world(given, None))
        return next_fires(spec, self._clock.now(), n)

    def events(
        self, over: threading.Event, last: str | None = None
    ) -> Iterator[tuple[str, Kind, Any]]:
        """What happens from now on, or behind the event of that id: (id, kind, what), until `over`
        is set. Kinds are `message`, `issue`, `run` and `progress`.
        """
        return happenings(self, over, last)

    # -- data

    @property
    def snapshot(self) -> int:
        """The newest snapshot; 0 before the first commit."""
        return self._ledger.snapshot()

    def spools(self) -> Table[SpoolInfo]:
        """All spools, with rows, bytes and segments."""
        return Table(self._ledger.spools(), SPOOLS)

    def spool(self, name: str) -> Spool:
        """A spool by its full name, or by its channel's while that is unique.

        Raises:
            NotFound: there is none, or the bare name is ambiguous (the candidates are listed).
        """
        return Spool(self._ledger, self._ledger.spool(name), self)

    def sql(self, text: str, *, limit: int | None = None) -> pl.DataFrame:
        """Query the spools by name, and the state tables under `lyftnb.`: read-only SQL; at most
        `limit` rows of the answer.

        >>> ws.sql("SELECT origin, count(*) FROM flights_draft.clean GROUP BY 1")  # doctest: +SKIP
        """
        from lyftnb.store import query

        return query(self._ledger, text, limit=limit, memory_bytes=self.config.limits.memory)

    def verify(self) -> Table[Damage]:
        """Check every live segment's file; what is missing or damaged."""
        return Table(self._ledger.verify(), DAMAGES)

    def sweep(self) -> SweepReport:
        """Remove staged files that no commit names; and what is staged for outputs that were passed
        by, after its retention, whether their deployment still is there or not.
        """
        from lyftnb.workspace.sweeping import sweep_outputs

        report = self._ledger.sweep()
        before = self._clock.now() - timedelta(seconds=seconds(self.config.retention.skipped))
        sizes, engine = self._compute.group_sizes, self._compute.engine
        outputs, unreached = sweep_outputs(self._ledger, before, sizes, engine)
        return replace(report, outputs=outputs, unreached=unreached)

    # -- life

    @property
    def asked_at(self) -> float:
        """When another process has wanted something of our state last (`time.monotonic`)."""
        return self._compute.asked_at

    def close(self) -> None:
        """Stop what runs and the cluster, and let the ledger go."""
        self._serve_no_more()
        self.background.close()
        self.runbooks.close()
        if self._manager is not None:
            self._manager.close(self.config.manager.drain)
            self._manager = None
        self._compute.close()
        self._ledger.close()
        let_go(self)

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r}, {len(self.spools())} spools)"

    def _repr_html_(self) -> str:
        from lyftnb.workspace.reprs import workspace_html

        return workspace_html(self, "in this process")

    # -- inside

    @property
    def _state(self) -> Ledger:
        return self._ledger

    def _desk(self) -> Desk:
        from lyftnb.workspace.desk import OwnersDesk

        return OwnersDesk(self._requests, self.fire)

    def _requests(self) -> Requests:
        from lyftnb.manager import Requests

        return Requests(
            ledger=self._ledger,
            engine=lambda: self._compute.engine(frozenset()),
            at_work=self._at_work,
            base_path=str(self.path),
        )

    def _world(
        self, given: Given, context: str | None, *, name: str | None = None, fresh: bool = False
    ) -> World:
        """What to hold a workflow against.

        Args:
            given: the workflow.
            context: as people gave it.
            name: the deployment's, in place of what it comes to by itself.
            fresh: without what its deployment has made.
        """
        chosen = self.contexts.chosen(context)
        other = chosen if chosen != self.contexts.default else None
        deployment = self._deployment(given, other, name)
        if context is None:
            chosen = self._kept_context(given, deployment, chosen)
        layers = self.contexts.layers(deployment, chosen)
        known = self._known(but=deployment if fresh else None)
        return World(deployment, known, layers, self._secret_names(), chosen)

    def _kept_context(
        self, given: Given, deployment: str | None, default: str | None
    ) -> str | None:
        """The context of what is deployed already, which stays there until somebody says otherwise;
        the default one of what is not. So no apply moves a deployment unsaid, and neither does
        another default.
        """
        applied = self._ledger.deployment(deployment) if deployment is not None else None
        if applied is None or given.spec is None or applied.workflow != given.spec.workflow:
            return default
        try:
            return self.contexts.chosen(applied.context or NO_CONTEXT, f"deployment {deployment}")
        except NotFound as error:
            raise error.with_advice("or name another one, or none: --context none") from None

    def _deployment(self, given: Given, context: str | None, name: str | None) -> str | None:
        """What a workflow runs as in a context (None: the default one); None where its document
        cannot be read.

        Raises:
            SetupError: the name cannot be its.
        """
        if given.spec is None:
            return None
        workflow = given.spec.workflow
        if given.version is None:
            if name is not None:
                raise SetupError(
                    f"'{workflow}' is a draft, and drafts run as '{draft_name(workflow)}'",
                    hint="publish it, and give the name with what you get: lyftnb publish FILE",
                )
            return draft_name(workflow)
        own = deployment_name(workflow, context)
        if name is not None and name != own:
            planning.check_name(name)
        deployment = name or own
        claims = planning.Claims(
            workflows={version.workflow for version in self.versions()},
            contexts={c.layer for c in self.contexts.list() if c.layer != self.contexts.default},
            owner=self._ledger.owner(deployment),
            used=name is not None
            and (deployment in self.running or self._ledger.has_data(deployment)),
        )
        planning.require_free(deployment, workflow, context, claims)
        return deployment

    def _world_of(self, deployment: str) -> World:
        """What a deployment of a name of its own is held against, in the default context."""
        chosen = self.contexts.chosen(None)
        layers = self.contexts.layers(deployment, chosen)
        return World(deployment, self._known(), layers, self._secret_names(), chosen)

    def _secret_names(self) -> frozenset[str]:
        return frozenset(secret.name for secret in self._ledger.secrets())

    def _explained(
        self, workflow: WorkflowLike, context: str | None, name: str | None
    ) -> tuple[Explanation, ...]:
        """See `Contexts.explain`."""
        given = self._given(workflow)
        world = self._world(given, context, name=name)
        plan = given.plan(world, groups=None)
        assert given.spec is not None
        return explain(plan.context, world.context, given.spec.context)

    def _given(self, workflow: WorkflowLike) -> Given:
        return Given.of(workflow, self.path, partial(published, self.version))

    def _known(self, but: str | None = None) -> dict[str, Schema]:
        """Schemas of spools that exist, by full name; without those of the deployment `but`."""
        return {
            spool: schema
            for spool, schema in self._ledger.schemas().items()
            if spool.partition(".")[0] != but
        }


def open(path: str | Path = ".", *, clock: Clock | None = None, serve: bool = True) -> Workspace:
    """Open the workspace that `path` lies in (the nearest folder above with a `lyftnb.toml` or a
    state directory), or make one of the folder itself.

    While it is open, other processes of this user reach its state through this one (`state`). What
    opens it for a moment only may do without (`serve=False`).

    Raises:
        WorkspaceBusy: another process holds it.
        ConfigError: `lyftnb.toml` has errors.
    """
    root = root_of(path)
    return Workspace(root, Config.load(root), clock, serve=serve)
