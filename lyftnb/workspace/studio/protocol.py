"""The contract between a canvas and what stands behind it.

A question is `{"id": 7, "op": "draft.change", "params": {…}}`; its answer is `{"id": 7, "result":
…}`, or `{"id": 7, "problem": {…}}` with a `Trouble`. News (`TOPICS`) come unasked:
`{"topic": "progress", "data": …}`. Each question is a class here, named in `QUESTIONS` with the
type of its answer. The TypeScript of all of it is generated (`extensions/canvas/src/protocol.ts`).

Paths lead into a workflow's document: `["steps", "clean", "actions", 1, "derive", "speed"]`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lyftnb.manager import Progress
from lyftnb.model import (
    AuditEntry,
    Change,
    Deployment,
    Issue,
    Message,
    Problem,
    Run,
)
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.store import SpoolInfo

Path = tuple[str | int, ...]
Family = Literal["action", "input", "output"]
Mark = Literal["create", "update", "replace", "remove", "keep", "moved"]
"""What happens to a part; `moved`: only its place on the canvas, or its name, is another."""
Sign = Literal["running", "waiting", "retrying", "done", "blocked", "paused", "drifted"]


class Wire(BaseModel):
    """What travels: frozen, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_serialization_defaults_required=True
    )


class Trouble(Wire):
    """An error, as `lyftnb.errors` says it."""

    code: str
    message: str
    where: str | None = None
    hint: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


# -- the palette


class Column(Wire):
    """A column: its name and type, as schemas of spools have them."""

    name: str
    type: str


class Kind(Wire):
    """An action, input or output that a step may use."""

    family: Family
    name: str
    summary: str
    """One sentence."""
    doc: str
    """Markdown."""
    params: dict[str, Any]
    """JSON Schema of its parameters. Texts that are SQL expressions have `"format": "expression"`,
    names of columns `"format": "column"`, code `"format": "python"` or `"format": "sql"`."""
    example: Any = None
    """Parameters that work, for what is dropped on the canvas."""
    columns: tuple[Column, ...] = ()
    """Of the rows that an action's example works on."""
    plain: Any = None
    """Parameters that do for rows of any columns; None: columns must be named."""
    icon: str = ""
    """A word for an icon: `filter`, `table`, `file`, …"""


class SqlFunction(Wire):
    """A function of the expression dialect, for completion."""

    name: str
    signature: str
    doc: str
    aggregate: bool = False


class Palette(Wire):
    """What may be put on a canvas."""

    kinds: tuple[Kind, ...]
    functions: tuple[SqlFunction, ...]
    document: dict[str, Any]
    """JSON Schema of a whole workflow document."""
    settings: dict[str, dict[str, Any]]
    """JSON Schemas of what else has a form: `step` (without its body), `channel`, `dispatch`,
    `trigger`, `emit`, `message`, `workflow` (description, context)."""
    groups: tuple[str, ...]
    """Worker groups of the workspace, as `lyftnb.toml` names them."""


class GetPalette(Wire):
    """What may be put on a canvas in this workspace."""


# -- drafts


class Op(Wire):
    """One change of a document. `put` makes the value at `path` (in a list: replaces the item),
    `insert` puts an item before an index of a list, `remove` takes a key or an item away, `rename`
    gives a key another name in its place, `order` lists a mapping's keys anew.
    """

    op: Literal["put", "insert", "remove", "rename", "order"]
    path: Path
    value: Any = None


class DraftState(Wire):
    """A draft after a question about it. `revision` grows with each change."""

    draft: str
    revision: int
    document: dict[str, Any] | None
    """The document; None where the asker has it already, or the text holds none."""
    problems: tuple[Problem, ...]
    """All of them, worst first, each with its path; with its line where the text was given. After
    a change of the document, `draft.text` tells the lines."""
    readable: bool
    """False: the text is no YAML, or no mapping. Only `draft.replace` helps."""


class OpenDraft(Wire):
    """Begin to edit a text, or go on: `draft` is the asker's own name for it. A draft that is
    open already under that name is begun anew.
    """

    draft: str
    text: str
    file: str | None = None
    """Its file, relative to the workspace or absolute: what problems call it."""


class ChangeDraft(Wire):
    """Change a draft. Refused with `stale_draft` if it is at another revision, and with
    `unknown_draft` after a restart: open it again with the text.
    """

    draft: str
    revision: int
    ops: tuple[Op, ...]


class ReplaceDraft(Wire):
    """Give a draft another text, as the YAML view does."""

    draft: str
    revision: int
    text: str


class DraftText(Wire):
    """The text of a draft: comments, order and layout of what did not change are kept."""

    draft: str


class DraftSource(Wire):
    """A draft as text."""

    revision: int
    text: str
    problems: tuple[Problem, ...] = ()
    """All of its problems, each with its line in this text."""


class MergeDraft(Wire):
    """Its file has changed: bring both together, by step, channel and key."""

    draft: str
    revision: int
    base: str
    """The text that both came of."""
    theirs: str
    """The text that the file holds now."""


class Merged(Wire):
    """Both changes together. Where both changed the same, the draft's own stands."""

    state: DraftState
    conflicts: tuple[Path, ...]


class CloseDraft(Wire):
    """Forget a draft."""

    draft: str


class DraftSchemas(Wire):
    """Which columns are known where, for completion and for what a click on an edge shows."""

    draft: str


class StepSchemas(Wire):
    """The columns before each action of a step and after the last; None: not known."""

    before: tuple[tuple[Column, ...] | None, ...]
    """One more than it has actions."""
    tables: dict[str, tuple[Column, ...] | None] = Field(default_factory=dict)
    """Of the inputs that go by name."""


class Schemas(Wire):
    """What is known of columns; of a channel: those that its producer gives."""

    revision: int
    steps: dict[str, StepSchemas]
    channels: dict[str, tuple[Column, ...] | None]


class DraftPlan(Wire):
    """What a draft compiles to: regions and transports to draw. Refused if it has errors."""

    draft: str
    context: str | None = None


class StageShape(Wire):
    """A stage: steps that run and commit together."""

    id: str
    steps: tuple[str, ...]
    """Relays that the planner put in included."""
    traits: tuple[str, ...]
    """In words: frame, triggers, limits."""


class ChannelShape(Wire):
    """A channel as planned."""

    name: str
    transport: Literal["worker", "spool"]
    reason: str
    producer: str
    port: str
    consumers: tuple[str, ...]
    rejects: bool
    replaced: bool


class Shape(Wire):
    """The plan of a draft, as far as a picture shows it."""

    revision: int
    stages: tuple[StageShape, ...]
    channels: tuple[ChannelShape, ...]
    groups: dict[str, str]
    """Step → worker group."""
    relays: tuple[str, ...]
    text: str
    """The whole plan in words."""


class OpenedDraft(DraftState):
    """A draft that was opened, with its plan, so that it is drawn at once as it will run."""

    shape: Shape | None
    """None: it has errors."""


# -- trace


class RunTrace(Wire):
    """Run a draft on a sample, in memory; replaces the draft's trace before."""

    draft: str
    rows: int = Field(20, ge=1, le=100_000)
    context: str | None = None
    until: str | None = None
    """Only what this step needs, and itself."""


class ColumnFacts(Wire):
    """A column of a traced frame, in numbers."""

    name: str
    type: str
    nulls: int
    distinct: int | None = None
    """None: of a type that cannot be counted so."""
    min: str | None = None
    max: str | None = None
    mean: str | None = None
    top: tuple[tuple[str, int], ...] = ()
    """The most frequent values, with how often."""


class TracePoint(Wire):
    """The events at one place of a step."""

    step: str
    at: str
    """`input`, the name of an action, or `→ PORT`."""
    action: int | None
    """The action's index."""
    channel: str | None
    """The channel that these rows went into, for what a port got."""
    rows: int
    rejects: int
    columns: tuple[ColumnFacts, ...]
    error: str | None
    seconds: float = 0.0


class TraceResult(Wire):
    """What a draft did to a sample."""

    trace: str
    revision: int
    sample: int
    points: tuple[TracePoint, ...]
    """In the order of the graph."""


class CancelTrace(Wire):
    """Stop a trace that is under way; its question is answered with `cancelled`."""

    draft: str


class TraceRows(Wire):
    """Rows at one place of a trace."""

    trace: str
    step: str
    at: str
    offset: int = Field(0, ge=0)
    limit: int = Field(50, ge=1, le=1000)
    rejects: bool = False


class Table(Wire):
    """Rows to show. Values are JSON: what JSON has no word for is text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    offset: int
    total: int | None
    """None: not counted."""


class FollowRow(Wire):
    """Follow one row of a trace through the graph, both ways."""

    trace: str
    step: str
    at: str
    row: int


class Sighting(Wire):
    """Where the followed row is: rows at one place that came of it, or that it came of."""

    step: str
    at: str
    rows: tuple[int, ...]
    rejected: tuple[int, ...] = ()


class Followed(Wire):
    """A row's way. `exact` is false behind an action that mixes rows (an aggregate, a sort)."""

    sightings: tuple[Sighting, ...]
    exact: bool
    note: str = ""


# -- versions, plans, deployments


class ListVersions(Wire):
    """Published versions, newest first; of one workflow or of all."""

    workflow: str | None = None


class VersionInfo(Wire):
    """A published version."""

    ref: str
    workflow: str
    number: int
    digest: str
    published_at: datetime


class GetVersion(Wire):
    """A published version's document: `NAME@3`, or `NAME`, the newest."""

    ref: str


class VersionDocument(Wire):
    """A published version, whole."""

    info: VersionInfo
    document: dict[str, Any]


class Compare(Wire):
    """Hold two documents against each other. Each is a draft's name, or a published reference."""

    before: str
    after: str


class FieldChange(Wire):
    """One field that differs; None: it is not there."""

    path: Path
    before: Any
    after: Any


class PartChange(Wire):
    """What happened to a step, channel or message edge."""

    part: Literal["step", "channel", "message", "workflow"]
    name: str
    mark: Mark
    was: str | None = None
    """Its name before, if it was renamed."""
    fields: tuple[FieldChange, ...] = ()


class Difference(Wire):
    """Two documents against each other; parts that are the same are not listed."""

    before: dict[str, Any]
    after: dict[str, Any]
    parts: tuple[PartChange, ...]


class Publish(Wire):
    """Freeze a draft as its next version; unchanged, the same version comes back."""

    draft: str
    context: str | None = None


class MakePlan(Wire):
    """Say what applying a published version would change."""

    ref: str
    context: str | None = None
    name: str | None = None
    """The deployment's; null: what it comes to by itself."""
    groups: dict[str, str] = Field(default_factory=dict)
    replicas: dict[str, int] = Field(default_factory=dict)


class PlanView(Wire):
    """A plan as a screen shows it."""

    id: str
    deployment: str
    ref: str
    context: str | None
    based_on: int
    """The revision that is deployed; 0: none."""
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    accept: tuple[str, ...]
    """What must be accepted by name, or it is refused."""
    empty: bool
    text: str
    parts: tuple[PartChange, ...]
    """The changes as marks on the graph."""
    shape: Shape
    document: dict[str, Any]


class Apply(Wire):
    """Carry a plan out."""

    plan: str
    accept: tuple[str, ...] = ()
    gate: int | None = None


class GetDeployment(Wire):
    """One deployment."""

    deployment: str


class GetDeployedSteps(Wire):
    """The steps of all deployments of a workflow, with no manager started; null where it cannot be
    told.
    """

    workflow: str


class Rollback(Wire):
    """Apply an older revision again; without one, the one before."""

    deployment: str
    revision: int | None = None
    accept: tuple[str, ...] = ()


class Hold(Wire):
    """Pause or resume a deployment, or one stage of it."""

    deployment: str
    step: str | None = None


class Destroy(Wire):
    """Let a deployment run no more; with `data`, its spools are emptied, too."""

    deployment: str
    data: bool = False


class StageOf(Wire):
    """A stage of a deployment, by its first step: to retry, to skip, to fire."""

    deployment: str
    step: str
    payload: dict[str, Any] | None = None
    """Of a fire by hand."""


class RevisionInfo(Wire):
    """One apply of a deployment."""

    number: int
    ref: str
    context: str | None
    cause: str
    changes: tuple[str, ...]
    applied_at: datetime
    applied_by: str


class DeploymentView(Wire):
    """A deployment as the sidebar and the canvas show it."""

    deployment: Deployment
    status: DeploymentStatus
    drifted: tuple[str, ...]
    """Steps whose compiled form would differ now."""
    history: tuple[RevisionInfo, ...]
    shape: Shape
    document: dict[str, Any]


# -- running and watching


class BeginRun(Wire):
    """Run a draft or a published version to the end of its inputs. It goes on without the asker;
    its numbers are news of the topic `progress`, its end one of `run`.
    """

    draft: str | None = None
    ref: str | None = None
    context: str | None = None
    fresh: bool = False


class Began(Wire):
    """A run that was begun."""

    run: str
    deployment: str


class CancelRun(Wire):
    """End a run as Ctrl-C would: what is committed stays."""

    run: str


class Watch(Wire):
    """Send news of the workspace from now on; of one deployment, or of all."""

    deployments: tuple[str, ...] | None = None


class Listing(Wire):
    """A page of a listing."""

    deployment: str | None = None
    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0)
    closed: bool = False
    """Of issues: closed ones, too."""


class BatchInfo(Wire):
    """A committed batch."""

    batch: str
    stage: str
    snapshot: int
    committed_at: datetime
    rows_in: int
    rows_out: int
    rejects: int
    attempt: int


class LogLines(Wire):
    """The manager's newest log lines."""

    lines: tuple[str, ...]


class CloseIssue(Wire):
    """Close an issue; one whose cause is still there comes back."""

    issue: int


class Schedule(Wire):
    """A trigger that the clock fires."""

    deployment: str
    step: str
    trigger: str
    """In words."""
    next: tuple[datetime, ...]
    paused: bool


class ChannelLag(Wire):
    """How far a consumer is behind on a channel."""

    channel: str
    step: str
    rows: int | None
    bytes: int | None
    age_s: float | None


class Numbers(Wire):
    """News of a deployment at work: a few times a second at most, all stages together."""

    progress: Progress
    lags: tuple[ChannelLag, ...]
    signs: dict[str, Sign]
    """Step → how it stands."""


# -- the spool browser


class ListSpools(Wire):
    """All spools by name; with `deployment`, its own."""

    deployment: str | None = None


class SpoolName(Wire):
    """A spool, `DEPLOYMENT.CHANNEL`, as it stood at a snapshot (None: now)."""

    spool: str
    at: int | None = None


class SegmentInfo(Wire):
    """One file of a spool."""

    segment: str
    kind: str
    rows: int
    bytes: int
    first_seq: int
    partition: str | None
    batch: str | None
    added: int
    removed: int | None
    event_min: str | None = None
    event_max: str | None = None


class SnapshotInfo(Wire):
    """A commit that changed a spool."""

    snapshot: int
    committed_at: datetime
    batch: str | None
    kind: str
    rows: int
    """That it added; negative: took away."""
    total: int
    """That the spool held after it."""


class SchemaVersion(Wire):
    """The columns of a spool from a snapshot on."""

    snapshot: int
    committed_at: datetime | None
    columns: tuple[Column, ...]


class SpoolView(Wire):
    """A spool, with all that a browser shows of it beside rows."""

    info: SpoolInfo
    columns: tuple[Column, ...]
    snapshots: tuple[SnapshotInfo, ...]
    """Oldest first, the newest 1,000."""
    schemas: tuple[SchemaVersion, ...]
    segments: tuple[SegmentInfo, ...]
    """In sequence order, the first 1,000."""


class SpoolRows(Wire):
    """Rows of a spool at a snapshot."""

    spool: str
    at: int | None = None
    offset: int = Field(0, ge=0)
    limit: int = Field(50, ge=1, le=1000)


class RunSql(Wire):
    """One statement that reads, over spools and the state tables under `lyftnb.`."""

    text: str
    limit: int = Field(200, ge=1, le=10_000)


class StateQuery(Wire):
    """What the ledger keeps beside spools. Secrets come without values."""

    what: Literal["namespaces", "keys", "queues", "items", "locks", "contexts", "secrets"]
    name: str | None = None
    """Of `keys`: the namespace; of `items`: the queue; of `contexts`: one of them, with values."""
    prefix: str = ""
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=1, le=1000)


class Workspace(Wire):
    """The workspace that a canvas belongs to."""

    root: str
    """Its folder's name, for people."""
    state: Literal["up", "down", "gone"]
    """Whether its manager is up; `gone`: there is no such folder any more."""
    contexts: tuple[str, ...]
    version: str


class GetWorkspace(Wire):
    """Which workspace this is; with `start`, its manager is found or started."""

    start: bool = False


class Release(Wire):
    """What answers: of which version of lyftnb it is, and what it understands."""

    version: str
    protocol: str
    """Alike wherever questions, answers and news have the same parts."""


class GetRelease(Wire):
    """Which release answers: a page may have been loaded from another one."""


QUESTIONS: dict[str, tuple[type[Wire], Any]] = {
    "workspace": (GetWorkspace, Workspace),
    "release": (GetRelease, Release),
    "palette": (GetPalette, Palette),
    "draft.open": (OpenDraft, OpenedDraft),
    "draft.change": (ChangeDraft, DraftState),
    "draft.replace": (ReplaceDraft, DraftState),
    "draft.text": (DraftText, DraftSource),
    "draft.merge": (MergeDraft, Merged),
    "draft.close": (CloseDraft, None),
    "draft.schemas": (DraftSchemas, Schemas),
    "draft.plan": (DraftPlan, Shape),
    "trace.run": (RunTrace, TraceResult),
    "trace.cancel": (CancelTrace, None),
    "trace.rows": (TraceRows, Table),
    "trace.follow": (FollowRow, Followed),
    "versions": (ListVersions, tuple[VersionInfo, ...]),
    "version": (GetVersion, VersionDocument),
    "compare": (Compare, Difference),
    "publish": (Publish, VersionInfo),
    "plan": (MakePlan, PlanView),
    "apply": (Apply, Deployment),
    "deployments": (Listing, tuple[DeploymentStatus, ...]),
    "deployment": (GetDeployment, DeploymentView),
    "deployed.steps": (GetDeployedSteps, tuple[str, ...] | None),
    "rollback": (Rollback, Deployment),
    "pause": (Hold, Deployment),
    "resume": (Hold, Deployment),
    "destroy": (Destroy, None),
    "retry": (StageOf, None),
    "skip": (StageOf, None),
    "fire": (StageOf, Run),
    "run.begin": (BeginRun, Began),
    "run.cancel": (CancelRun, None),
    "watch": (Watch, None),
    "unwatch": (GetWorkspace, None),
    "runs": (Listing, tuple[Run, ...]),
    "issues": (Listing, tuple[Issue, ...]),
    "issue.close": (CloseIssue, None),
    "messages": (Listing, tuple[Message, ...]),
    "batches": (Listing, tuple[BatchInfo, ...]),
    "logs": (Listing, LogLines),
    "schedules": (Listing, tuple[Schedule, ...]),
    "audit": (Listing, tuple[AuditEntry, ...]),
    "spools": (ListSpools, tuple[SpoolInfo, ...]),
    "spool": (SpoolName, SpoolView),
    "spool.rows": (SpoolRows, Table),
    "spool.facts": (SpoolName, tuple[ColumnFacts, ...]),
    "sql": (RunSql, Table),
    "state": (StateQuery, Table),
}
"""Name → what is asked, and the type of the answer (None: nothing but that it is done)."""

TOPICS: dict[str, Any] = {
    "progress": Numbers,
    "run": Run,
    "issue": Issue,
    "message": Message,
    "status": tuple[DeploymentStatus, ...],
    "workspace": Workspace,
}
"""News that come unasked while somebody watches."""
