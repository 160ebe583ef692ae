"""Which steps of a deployment have drifted: would run otherwise if it were applied as things are.

Three causes: variables of its context have changed, something else of it runs than what is applied,
and the workflow's file in the workspace is newer than the version that is deployed.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lyftnb import catalog
from lyftnb.errors import LyftError
from lyftnb.model import JobChange, Plan, WorkflowSpec, workflow_digest
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.workspace.given import Ref
from lyftnb.workspace.studio.differences import difference
from lyftnb.workspace.text_file import text_of

if TYPE_CHECKING:
    from lyftnb.store import Version
    from lyftnb.workspace.entering import AnyWorkspace

_FILES = ("*.workflow.yaml", "workflows/**/*.workflow.yaml")
_LOOK_S = 0.5
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _File:
    """A workflow's file as it was read."""

    stamp: tuple[int, int]
    """Time of its last change, and its size: another one is another file."""
    spec: WorkflowSpec | None
    """None: it cannot be read just now."""

    @property
    def changed_at(self) -> datetime:
        return datetime.fromtimestamp(self.stamp[0] / 1e9, UTC)


class Drift:
    """Remembers what it has found out, so that it may be asked often."""

    def __init__(self, root: Path) -> None:
        """`root` is the workspace's folder."""
        self._root = root
        self._files: dict[Path, _File] = {}
        self._looked_at = -math.inf
        self._replanned: dict[str, tuple[object, frozenset[str]]] = {}
        self._edited: dict[str, tuple[object, frozenset[str]]] = {}
        """Deployment → what the answer hangs on, and the answer."""
        self._versions: dict[str, Version] = {}

    def steps(
        self, workspace: AnyWorkspace, status: DeploymentStatus, plan: Plan
    ) -> frozenset[str]:
        """The steps of a deployment that have drifted.

        Args:
            workspace: who is asked.
            status: how it stands.
            plan: what it was compiled to.
        """
        own = frozenset(job.step for stage in plan.stages for job in stage.jobs)
        return self._planned_anew(workspace, status, own) | self._of_file(workspace, status, own)

    # -- inside

    def _planned_anew(
        self, workspace: AnyWorkspace, status: DeploymentStatus, own: frozenset[str]
    ) -> frozenset[str]:
        """What its context as it is now would change. Where the deployment has drifted otherwise,
        that is true of all that runs.
        """
        if status.sync == "synced":
            return _NOTHING
        key = (status.revision, status.sync_reason)
        known = self._replanned.get(status.name)
        if known is None or known[0] != key:
            known = key, _replanned(workspace, status) or own
            self._replanned[status.name] = known
        return known[1]

    def _of_file(
        self, workspace: AnyWorkspace, status: DeploymentStatus, own: frozenset[str]
    ) -> frozenset[str]:
        """What the workflow's file says otherwise than the version does, if it is newer."""
        file = self._file(status.ref.partition("@")[0])
        if file is None:
            return _NOTHING
        key = (status.ref, file.stamp)
        known = self._edited.get(status.name)
        if known is None or known[0] != key:
            known = key, _edited(file, self._version(workspace, status.ref), own)
            self._edited[status.name] = known
        return known[1]

    def _file(self, workflow: str) -> _File | None:
        """The file of a workflow; the newest where there are several."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            found = (path for pattern in _FILES for path in self._root.glob(pattern))
            self._files = {path: self._read(path) for path in found}
        named = [f for f in self._files.values() if f.spec and f.spec.workflow == workflow]
        return max(named, key=lambda file: file.stamp, default=None)

    def _read(self, path: Path) -> _File:
        stamp = (0, 0)
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            known = self._files.get(path)
            if known is not None and known.stamp == stamp:
                return known
            reading = catalog.read(text_of(path))
        except (LyftError, OSError):
            return _File(stamp, None)
        return _File(stamp, reading.spec if reading.complete else None)

    def _version(self, workspace: AnyWorkspace, ref: str) -> Version:
        if ref not in self._versions:
            self._versions[ref] = workspace.version(ref)
        return self._versions[ref]


def _replanned(workspace: AnyWorkspace, status: DeploymentStatus) -> frozenset[str]:
    """The steps that planning the same version again would change."""
    try:
        plan = workspace.plan(Ref(status.ref), context=status.context, name=status.name)
    except LyftError:
        return _NOTHING  # it cannot be planned now: its status says why
    jobs = (change for change in plan.changes if isinstance(change, JobChange))
    return frozenset(job.step for job in jobs if job.changes)


def _edited(file: _File, version: Version, own: frozenset[str]) -> frozenset[str]:
    spec = file.spec
    if spec is None or file.changed_at <= version.published_at:
        return _NOTHING
    if workflow_digest(spec) == version.digest:
        return _NOTHING
    parts = difference(version.document, spec.to_document()).parts
    changed = {part.name for part in parts if part.part == "step" and part.mark != "moved"}
    # What is said for all steps at once is true of all of them.
    return frozenset(changed) or own
