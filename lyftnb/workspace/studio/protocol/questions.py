"""Every question with its answer, and all news."""

from __future__ import annotations

from typing import Any

from lyftnb.model import AuditEntry, Deployment, Issue, Message, Run
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.store import SpoolInfo
from lyftnb.workspace.studio.protocol.deployments import (
    Apply,
    DeploymentView,
    Destroy,
    GetDeployedSteps,
    GetDeployment,
    Hold,
    MakePlan,
    PlanView,
    Rollback,
    StageOf,
)
from lyftnb.workspace.studio.protocol.drafts import (
    ChangeDraft,
    CloseDraft,
    DraftPlan,
    DraftSchemas,
    DraftSource,
    DraftState,
    DraftText,
    Merged,
    MergeDraft,
    OpenDraft,
    OpenedDraft,
    ReplaceDraft,
    Schemas,
)
from lyftnb.workspace.studio.protocol.listings import (
    BatchInfo,
    CloseIssue,
    Listing,
    LogLines,
    Schedule,
)
from lyftnb.workspace.studio.protocol.palette import GetPalette, Palette
from lyftnb.workspace.studio.protocol.running import Began, BeginRun, CancelRun, Numbers, Watch
from lyftnb.workspace.studio.protocol.shapes import Shape
from lyftnb.workspace.studio.protocol.spools import (
    ListSpools,
    RunSql,
    SpoolName,
    SpoolRows,
    SpoolView,
    StateQuery,
)
from lyftnb.workspace.studio.protocol.tables import ColumnFacts, Table
from lyftnb.workspace.studio.protocol.traces import (
    CancelTrace,
    Followed,
    FollowRow,
    RunTrace,
    TraceResult,
    TraceRows,
)
from lyftnb.workspace.studio.protocol.versions import (
    Compare,
    Difference,
    GetVersion,
    ListVersions,
    Publish,
    VersionDocument,
    VersionInfo,
)
from lyftnb.workspace.studio.protocol.wire import Wire
from lyftnb.workspace.studio.protocol.workspace import GetRelease, GetWorkspace, Release, Workspace

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
