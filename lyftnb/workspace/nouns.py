"""How the nouns of the model and of the ledger are listed: the columns of each, and its cells.

The nouns themselves know nothing of this. Long texts come last, what a noun is called comes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from lyftnb.model import (
    AuditEntry,
    Context,
    ContextChange,
    Deployment,
    Item,
    Problem,
    QueueDepth,
    Revision,
    StepCount,
    canonical_json,
    flattened,
)
from lyftnb.workspace.tabular import Age, Size, State, View, listed

if TYPE_CHECKING:
    from lyftnb.manager.progress import StageProgress
    from lyftnb.planning import Explanation
    from lyftnb.planning.reconciling import DeploymentStatus
    from lyftnb.store import (
        Damage,
        Listing,
        Lock,
        RunbookVersion,
        SecretInfo,
        SpoolInfo,
        SweepReport,
        Version,
    )
    from lyftnb.workspace.contexts import Difference
    from lyftnb.workspace.lags import Lag


def _why(status: DeploymentStatus) -> str:
    return f"{status.sync_reason}; {status.health_reason}"


STATUSES: Final[View[DeploymentStatus]] = View(
    "nothing is applied",
    ("deployment", "version", "context", "revision", "sync", "health", "lag", "why"),
    lambda s: (
        *(s.name, s.ref, s.context, s.revision),
        *(State(s.sync), State(s.health), s.lag_rows, _why(s)),
    ),
)
DEPLOYMENTS: Final[View[Deployment]] = View(
    "nothing is applied",
    ("deployment", "version", "context", "revision", "paused", "applied", "by"),
    lambda d: (d.name, d.ref, d.context, d.revision, d.paused, d.applied_at, d.applied_by),
)
REVISIONS: Final[View[Revision]] = View(
    "it was never applied",
    ("revision", "version", "context", "cause", "applied", "by", "changes"),
    lambda r: (
        *(r.number, r.ref, r.context, r.cause),
        *(r.applied_at, r.applied_by, "; ".join(r.changes)),
    ),
)
LAGS: Final[View[Lag]] = View(
    "no stage reads a spool",
    ("deployment", "step", "channel", "rows", "bytes", "age"),
    lambda g: (g.deployment, g.step, g.channel, g.rows, Size(g.bytes), Age(g.age_s)),
)
VERSIONS: Final[View[Version]] = View(
    "nothing is published",
    ("version", "steps", "published", "digest"),
    lambda v: (v.ref, len(v.document.get("steps", ())), v.published_at, v.digest),
)
AUDIT: Final[View[AuditEntry]] = View(
    "nothing has been changed",
    ("when", "who", "what", "of", "detail"),
    lambda e: (e.changed_at, e.who, e.what, e.ref, canonical_json(e.detail) if e.detail else ""),
)
PROBLEMS: Final[View[Problem]] = View(
    "no problems",
    ("severity", "place", "problem", "hint"),
    lambda p: (State(p.severity), p.place, p.message, p.hint),
)
SPOOLS: Final[View[SpoolInfo]] = View(
    "no spools",
    ("spool", "rows", "size", "segments", "partition", "columns"),
    lambda s: (
        *(s.spool, s.rows, Size(s.bytes), s.segments),
        *(s.partition, ", ".join(s.schema.names) if s.schema else ""),
    ),
)
DAMAGES: Final[View[Damage]] = View(
    "nothing is missing or damaged",
    ("spool", "segment", "batch", "damage", "expected", "found", "hint"),
    lambda d: (d.spool, d.path, d.batch, d.kind, d.expected, d.found, d.hint),
)
QUEUES: Final[View[QueueDepth]] = View(
    "no queues",
    ("queue", "ready", "delayed", "leased", "dead", "oldest"),
    lambda q: (q.queue, q.ready, q.delayed, q.leased, q.dead, q.oldest_at),
)
ITEMS: Final[View[Item]] = View(
    "no items",
    ("item", "payload", "failures", "enqueued", "id"),
    lambda i: (i.lease.item, canonical_json(i.payload), i.attempts, i.enqueued_at, i.id),
)
LOCKS: Final[View[Lock]] = View(
    "no lock is held",
    ("lock", "holder", "token", "since", "until"),
    lambda k: (k.name, k.holder, k.token, k.acquired_at, k.expires_at),
)
CONTEXTS: Final[View[Context]] = View(
    "no contexts",
    ("context", "parent", "variables", "changed", "by"),
    lambda c: (c.layer, c.parent, _assigned(c), c.changed_at, c.changed_by),
)
CONTEXT_CHANGES: Final[View[ContextChange]] = View(
    "no context was changed",
    ("when", "who", "context", "what", "variable", "before", "after"),
    lambda c: (
        *(c.changed_at, c.changed_by, c.layer, c.edit, c.path),
        *(_json(c.before), _json(c.after)),
    ),
)
DIFFERENCES: Final[View[Difference]] = View(
    "both give the same",
    ("variable", "left", "right"),
    lambda d: (
        d.name,
        "" if d.missing == "left" else canonical_json(d.left),
        "" if d.missing == "right" else canonical_json(d.right),
    ),
)
EXPLANATIONS: Final[View[Explanation]] = View(
    "it uses no variables",
    ("variable", "group", "value", "from", "otherwise"),
    lambda e: (
        *(e.name, e.group, canonical_json(e.value), e.layer),
        ", ".join(f"{canonical_json(w.value)} ({w.layer})" for w in e.weaker),
    ),
)
SECRETS: Final[View[SecretInfo]] = View(
    "no secrets",
    ("secret", "value", "version", "created", "rotated"),
    lambda s: (s.name, "••••••", s.version, s.created_at, s.rotated_at),
)
RUNBOOKS: Final[View[RunbookVersion]] = View(
    "no runbooks",
    ("runbook", "title", "workflow", "published"),
    lambda r: (r.ref, r.document.get("title"), r.document["workflow"], r.published_at),
)
COUNTS: Final[View[StepCount]] = View(
    "no step has done anything",
    ("step", "rows in", "rows out", "rejects", "dropped"),
    lambda c: (c.step, c.rows_in, c.rows_out, c.rejects, c.dropped),
)
LISTINGS: Final[View[Listing]] = View(
    "no listings",
    ("spool", "snapshot", "segments", "rows", "size", "columns"),
    lambda g: (
        *(g.spool, g.snapshot, len(g.segments), sum(part.rows for part in g.segments)),
        *(Size(sum(part.bytes for part in g.segments)), ", ".join(g.schema.names)),
    ),
)
SWEEPS: Final[View[SweepReport]] = View(
    "no sweeps",
    ("files", "size", "folders", "waiting", "foreign", "outputs"),
    lambda s: (s.files, Size(s.bytes), s.folders, s.waiting, s.foreign, s.outputs),
)
STAGES: Final[View[StageProgress]] = View(
    "no stages",
    ("stage", "state", "rows in", "rows out", "rows/s", "batches", "rejects", "note"),
    lambda s: (
        *(s.stage, State(s.state), s.rows_in, s.rows_out),
        *(round(s.rows_per_s), s.batches, s.rejects, s.note.partition("\n")[0]),
    ),
)


class Problems(tuple[Problem, ...]):
    """What is wrong with a workflow or a runbook, worst first; shown as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or PROBLEMS.none

    def _repr_html_(self) -> str:
        return listed(PROBLEMS, self)


def _assigned(context: Context) -> str:
    values: Iterable[tuple[str, Any]] = flattened(context.values).items()
    return ", ".join(f"{name}={canonical_json(value)}" for name, value in values)


def _json(value: Any) -> str:
    return "" if value is None else canonical_json(value)
