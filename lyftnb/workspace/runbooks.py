"""Runbooks of a workspace: publish them, invoke them, look at what became of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lyftnb import catalog, planning
from lyftnb.errors import NotFound, SetupError, unknown
from lyftnb.model import (
    InvocationRecord,
    InvocationStatus,
    Json,
    Plan,
    Problem,
    RunbookSpec,
    WorkflowSpec,
    has_errors,
    runbook_digest,
)
from lyftnb.planning import Layer
from lyftnb.workspace.contexts import user
from lyftnb.workspace.given import Published, Text, World
from lyftnb.workspace.invocation import Invocation, Invocations
from lyftnb.workspace.nouns import RUNBOOKS, Problems
from lyftnb.workspace.tabular import Table, table
from lyftnb.workspace.text_file import text_of

if TYPE_CHECKING:
    from lyftnb.manager import AtWork, Invoker, RunEnv
    from lyftnb.store import Ledger, RunbookVersion

RunbookLike = RunbookSpec | Mapping[str, Any] | str | Path | Text
"""A runbook as a document, or a file's path."""


@dataclass(frozen=True, slots=True)
class Home:
    """What runbooks need of their workspace."""

    ledger: Ledger
    folder: Path
    published: Published
    """Published workflows."""
    world: Callable[[str], World]
    """What a deployment of that name is held against."""
    groups: Callable[[], Mapping[str, int] | None]
    """Worker groups with their sizes."""
    env: Callable[[Plan], RunEnv]
    started: Callable[[], Sequence[str]]
    """Deployments that run until they are stopped."""


class Runbooks:
    """Published definitions of what can be run now, with parameters."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._work: Invoker | None = None

    # -- definitions

    def validate(self, runbook: RunbookLike) -> Problems:
        """All problems of a runbook (a file, or a document), worst first."""
        return Problems(self._checked(self._read(runbook))[1])

    def publish(self, runbook: RunbookLike) -> RunbookVersion:
        """Freeze a runbook as its next version, with the exact version of its workflow; unchanged,
        the same version comes back.

        Raises:
            InvalidRunbook: it has errors; nothing is stored.
        """
        spec, problems = self._checked(self._read(runbook))
        if spec is None or has_errors(problems):
            raise planning.invalid_runbook(spec.runbook if spec else "?", problems)
        ledger = self._home.ledger
        return ledger.publish_runbook(
            spec.runbook, spec.to_document(), runbook_digest(spec), ledger.clock.now(), user()
        )

    def get(self, ref: str) -> RunbookVersion:
        """A published runbook by `NAME` (its newest version) or `NAME@NUMBER`.

        Raises:
            NotFound: there is none.
        """
        parsed = planning.parse_ref(ref)
        found = self._home.ledger.runbook(*parsed) if parsed else None
        if found is None:
            versions = self.versions()
            raise unknown("runbook", ref, {v.runbook for v in versions} | {v.ref for v in versions})
        return found

    def versions(self, runbook: str | None = None) -> Table[RunbookVersion]:
        """Published versions, oldest first."""
        return Table(self._home.ledger.runbooks(runbook), RUNBOOKS)

    def newest(self) -> Table[RunbookVersion]:
        """The newest version of each, by name."""
        newest = {version.runbook: version for version in self.versions()}
        return Table(newest.values(), RUNBOOKS)

    # -- invocations

    def invoke(
        self,
        runbook: str,
        parameters: Mapping[str, Json] | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        **values: Json,
    ) -> Invocation:
        """Run a runbook now: `ws.runbooks.invoke("backfill_customer", customer="x")`. Returns at
        once; it runs in the background, recorded, until its workspace is closed.

        Args:
            runbook: `NAME`, or `NAME@NUMBER` for a version that is not the newest.
            parameters: parameters by name; or as keywords.
            idempotency_key: however often it is invoked with this key, it is one invocation: the
                same comes back. One that was cut off (`lost`) is taken up again.
            values: parameters.

        Raises:
            NotFound: there is no such runbook.
            InvalidParameters: parameters do not fit; nothing is recorded.
            InvalidWorkflow: they do not fit the workflow; nothing is recorded.
            SetupError: its deployment is running already.
        """
        version, spec, filled = self._asked(runbook, {**(parameters or {}), **values})
        self._planned(spec, filled, planning.deployment_of(spec, filled, 0))

        def deployment(number: int) -> str:
            name = planning.deployment_of(spec, filled, number)
            if name in self._home.started():
                raise SetupError(
                    f"deployment '{name}' is running already",
                    where=f"runbook {version.ref}",
                    hint="stop it first, or let the runbook have a deployment of its own",
                )
            owner, workflow = self._home.ledger.owner(name), spec.workflow.partition("@")[0]
            if owner not in (None, workflow):
                message, _ = planning.taken(name, owner)
                raise SetupError(
                    message,
                    where=f"runbook {version.ref}",
                    hint="let the runbook have a deployment of its own",
                )
            return name

        record, fresh = self._home.ledger.invoke(version, filled, deployment, idempotency_key)
        if fresh:
            self._invoker().submit(record)
        return self._handle(record)

    def plan(
        self, runbook: str, parameters: Mapping[str, Json] | None = None, /, **values: Json
    ) -> Plan:
        """What an invocation would run, without running it.

        Raises:
            NotFound, InvalidParameters, InvalidWorkflow: as for `invoke`.
        """
        _, spec, filled = self._asked(runbook, {**(parameters or {}), **values})
        return self._planned(spec, filled, planning.deployment_of(spec, filled, 0))

    def from_text(self, runbook: str, given: Mapping[str, Sequence[str]]) -> dict[str, Json]:
        """Parameters as a command line has them, in the types of the runbook: name → its texts."""
        spec = RunbookSpec.model_validate(self.get(runbook).document)
        return planning.parameters_from_text(spec, given)

    def invocation(self, id: str) -> Invocation:
        """An invocation by its id, `RUNBOOK-NUMBER`.

        Raises:
            NotFound: there is none.
        """
        return self._handle(self._home.ledger.invocation(id))

    def invocations(
        self,
        runbook: str | None = None,
        status: str | None = None,
        limit: int = 100,
    ) -> Invocations:
        """Invocations, newest first; only of a runbook, or in a status.

        Raises:
            NotFound: there is no such runbook, or status.
        """
        if runbook is not None:
            self.get(runbook)
        if status is not None and status not in get_args(InvocationStatus):
            raise unknown("status of invocations", status, get_args(InvocationStatus))
        found = self._home.ledger.invocations(runbook, status, limit)
        return Invocations(map(self._handle, found))

    @property
    def deployments(self) -> tuple[str, ...]:
        """Deployments that invocations run as just now."""
        return self._work.deployments if self._work is not None else ()

    @property
    def at_work(self) -> dict[str, AtWork]:
        """The same, with their plans and numbers."""
        return self._work.at_work if self._work is not None else {}

    def close(self) -> None:
        """Cut off what still runs."""
        if self._work is not None:
            self._work.close()
            self._work = None

    def __repr__(self) -> str:
        return "\n".join(map(_line, self.newest())) or "no runbooks"

    def _repr_html_(self) -> str:
        rows = [(v.ref, *summary(v)) for v in self.newest()]
        return table(("runbook", "title", "workflow", "parameters"), rows)

    # -- inside

    def _read(self, runbook: RunbookLike) -> catalog.RunbookReading:
        """Read what was given; a text is a file's path."""
        if isinstance(runbook, RunbookSpec):
            return catalog.RunbookReading(runbook)
        if isinstance(runbook, Mapping):
            return catalog.runbook_from_document(dict(runbook))
        if not isinstance(runbook, Text):
            runbook = runbook_text(runbook, self._home.folder)
        return catalog.read_runbook(runbook.text, file=runbook.file)

    def _checked(
        self, reading: catalog.RunbookReading
    ) -> tuple[RunbookSpec | None, tuple[Problem, ...]]:
        """The document with the exact version of its workflow, and all that is wrong with it."""
        spec = reading.spec
        if spec is None:
            return None, reading.problems
        found: list[Problem] = []
        workflow = None
        if "workflow" not in reading.left_out:
            spec, workflow = self._pinned(spec, found)
        found += planning.check_runbook(spec, workflow)
        if "parameters" in reading.left_out:
            found = [p for p in found if p.code != "unknown_parameter"]
        return spec, reading.with_problems(found)

    def _pinned(
        self, spec: RunbookSpec, found: list[Problem]
    ) -> tuple[RunbookSpec, WorkflowSpec | None]:
        parsed = planning.parse_ref(spec.workflow)
        if parsed is None:
            message = f"'{spec.workflow}' is no reference to a published workflow"
            hint = "write NAME, or NAME@3"
            found.append(Problem("bad_reference", "error", ("workflow",), message, hint))
            return spec, None
        try:
            workflow, number = self._home.published(*parsed)
        except NotFound as error:
            hint = f"{error.hint}; or publish it first"
            place = ("workflow",)
            found.append(Problem("unknown_workflow", "error", place, error.message, hint))
            return spec, None
        return spec.model_copy(update={"workflow": f"{parsed[0]}@{number}"}), workflow

    def _asked(
        self, ref: str, given: Mapping[str, Json]
    ) -> tuple[RunbookVersion, RunbookSpec, dict[str, Json]]:
        version = self.get(ref)
        spec = RunbookSpec.model_validate(version.document)
        return version, spec, planning.parameters_of(spec, given)

    def _planned(self, spec: RunbookSpec, filled: Mapping[str, Json], deployment: str) -> Plan:
        from lyftnb.workspace.checker import checker

        parsed = planning.parse_ref(spec.workflow)
        assert parsed is not None  # it was pinned
        workflow, number = self._home.published(*parsed)
        world = self._home.world(deployment)
        return planning.plan(
            workflow,
            deployment=deployment,
            version=number,
            checker=checker(),
            context=world.context.with_given(
                Layer(f"runbook:{spec.runbook}", planning.context_of(spec, filled))
            ),
            groups=self._home.groups(),
            known=world.known,
            secrets=world.secrets,
        )

    def _plan_of(self, record: InvocationRecord) -> Plan:
        spec = RunbookSpec.model_validate(self.get(record.ref).document)
        return self._planned(spec, record.parameters, record.deployment)

    def _handle(self, record: InvocationRecord) -> Invocation:
        return Invocation(record.invocation, self._home.ledger, self._invoker)

    def _invoker(self) -> Invoker:
        if self._work is None:
            from lyftnb.manager import Invoker

            self._work = Invoker(self._home.ledger, self._plan_of, self._home.env)
        return self._work


def runbook_text(runbook: str | Path, folder: Path) -> Text:
    """The text of a runbook's file, from here or from the workspace's folder.

    Raises:
        NotFound: there is no such file.
    """
    for path in (Path(runbook), folder / runbook):
        if path.is_file():
            return Text(text_of(path), str(runbook))
    raise NotFound(f"there is no file {runbook}", hint="name a *.runbook.yaml file")


def summary(version: RunbookVersion) -> tuple[str, str, str]:
    """A runbook's title, its workflow, and its parameters with a star at those that it requires."""
    spec = RunbookSpec.model_validate(version.document)
    required = spec.parameters.get("required", ())
    names = [f"{name}*" if name in required else name for name in spec.properties]
    return spec.title or spec.description or "", spec.workflow, ", ".join(names)


def _line(version: RunbookVersion) -> str:
    title, workflow, parameters = summary(version)
    return f"{version.ref}({parameters}) on {workflow}" + (f": {title}" if title else "")
