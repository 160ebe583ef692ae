"""What a person should see of a flow, as it is now. Level-triggered: an issue stands as long as its
cause does, and closes by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lyftnb.errors import LyftError
from lyftnb.manager.flow import Flow
from lyftnb.manager.stage_run import StageRun
from lyftnb.model import IssueDraft
from lyftnb.store import Ledger

STAGE_BLOCKED = "stage_blocked"
GROUP_WITHOUT_WORKERS = "group_without_workers"
INPUT_PROBLEM = "input_problem"
ROWS_REJECTED = "rows_rejected"
STORAGE_FULL = "storage_full"
_ALL = 1_000_000
_OURS = (STAGE_BLOCKED, GROUP_WITHOUT_WORKERS, INPUT_PROBLEM, ROWS_REJECTED, STORAGE_FULL)


def issues_of(flow: Flow) -> Iterator[IssueDraft]:
    """Everything that is wrong with a flow at this moment."""
    for run in flow.stages.values():
        yield from _of_stage(flow, run)


def _of_stage(flow: Flow, run: StageRun) -> Iterator[IssueDraft]:
    deployment = flow.plan.deployment
    place = f"{deployment}/{run.stage.id}"
    if run.error is not None:
        hint = run.error.hint if isinstance(run.error, LyftError) else None
        then = f"lyftnb jobs retry {place} (or skip, to leave out what fails)"
        then = "run it again" if flow.bounded else then
        hint = f"{hint}; then: {then}" if hint else f"when it is mended: {then}"
        yield IssueDraft(STAGE_BLOCKED, place, sentence(run.error), hint=hint)
    if run.lacks and not run.over:
        yield IssueDraft(
            GROUP_WITHOUT_WORKERS,
            place,
            run.lacks,
            hint="start workers for the group, or give the step another one",
        )
    if run.error is None and (full := flow.full(run)) is not None:
        hint = (
            f"{full.hint}; it goes on by itself" if full.hint else "make room; it goes on by itself"
        )
        yield IssueDraft(STORAGE_FULL, place, f"it waits for room: {sentence(full)}", hint=hint)
    for problem in run.input_problems:
        yield IssueDraft(INPUT_PROBLEM, place, problem, "warning")
    if run.rejects:
        yield IssueDraft(
            ROWS_REJECTED,
            place,
            f"{run.rejects:,} {'row' if run.rejects == 1 else 'rows'} of its last run "
            f"{'was' if run.rejects == 1 else 'were'} rejected",
            "warning",
            hint=f"look at them: lyftnb spool show {deployment}.{run.stage.id}_rejects",
            facts={"rows": run.rejects},
        )


def sentence(error: BaseException) -> str:
    """What an error says, without its hint."""
    if isinstance(error, LyftError):
        return f"{error.where}: {error.message}" if error.where else error.message
    return f"{type(error).__name__}: {error}"


@dataclass(slots=True)
class IssueBook:
    """Keeps the ledger's issues in step with what flows show."""

    ledger: Ledger
    _open: dict[str, dict[tuple[str, str], IssueDraft]] = field(default_factory=dict)
    """Deployment → its open issues, as they were told last."""
    _closings: int = 0
    """The ledger's count of issues closed, when its open ones were looked at last."""

    def begin(self, deployment: str, runs: Iterable[StageRun] = ()) -> None:
        """Take over what an earlier owner has left open; its stages know again of the rows that
        their last run has rejected.
        """
        left = self.ledger.issues(place_prefix=deployment, limit=_ALL)
        self._open[deployment] = {
            (issue.code, issue.place): IssueDraft(issue.code, issue.place, "")
            for issue in left
            if issue.code in _OURS
        }
        rejected = {issue.place: issue.facts for issue in left if issue.code == ROWS_REJECTED}
        for run in runs:
            run.rejects = rejected.get(f"{deployment}/{run.stage.id}", {}).get("rows", 0)

    def follow(self, deployment: str, now: Iterable[IssueDraft]) -> None:
        """Raise what is new, has changed or was closed by somebody else; close what is gone."""
        self._look_again()
        found = {(draft.code, draft.place): draft for draft in now}
        before = self._open.get(deployment, {})
        fresh = [draft for key, draft in found.items() if before.get(key) != draft]
        if fresh:
            self.ledger.raise_issues(fresh)
        for code, place in before.keys() - found.keys():
            self.ledger.close_issue(code, place)
        self._open[deployment] = found

    def _look_again(self) -> None:
        """Forget what was told and is not open any more. Rejected rows are of the past: whoever
        closes that has seen them, and hears of it again when there are more.
        """
        closings = self.ledger.issues_closed
        if closings == self._closings:
            return
        self._closings = closings
        standing = {(issue.code, issue.place) for issue in self.ledger.issues(limit=_ALL)}
        for deployment, told in self._open.items():
            self._open[deployment] = {
                key: draft
                for key, draft in told.items()
                if key in standing or key[0] == ROWS_REJECTED
            }
