"""Issues and runs, as people look at them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from lyftnb.errors import NotFound
from lyftnb.model import Issue, Run
from lyftnb.workspace.tabular import State, Table, View

if TYPE_CHECKING:
    from lyftnb.workspace.book import Book
    from lyftnb.workspace.waiting import Verbs

ISSUE_COLUMNS = ("issue", "severity", "code", "place", "cause", "count", "since", "closed")
RUN_COLUMNS = ("run", "stage", "cause", "status", "fired", "seconds", "note")
_ALL = 1_000_000


class Issues:
    """Problems that a person should see; shown as the open ones.

    >>> ws.issues.list(place="flights_draft")  # doctest: +SKIP
    >>> ws.issues.close(12)  # doctest: +SKIP
    """

    def __init__(self, state: Verbs | Book) -> None:
        self._state = state

    def list(
        self, *, closed: bool = False, code: str | None = None, place: str = "", limit: int = 1000
    ) -> IssueLog:
        """Issues, those raised last first.

        Args:
            closed: the closed ones, too.
            code: only of this code.
            place: only at this place and below it: a deployment, `DEPLOYMENT/STAGE`, a spool.
            limit: at most so many.
        """
        return IssueLog(self._state.issues(not closed, code, place, limit))

    def close(self, *issues: int | Issue) -> int:
        """Say that their causes are gone, or of no interest; how many of them were open. One whose
        cause is still there is raised again.

        Raises:
            NotFound: there is no open issue of a number; nothing was closed.
        """
        open_ones = {issue.id: issue for issue in self.list(limit=_ALL)}
        given = [open_ones.get(i) if isinstance(i, int) else i for i in issues]
        if None in given:
            number = issues[given.index(None)]
            raise NotFound(f"there is no open issue {number}", hint="see `lyftnb issues ls`")
        return sum(self._state.close_issue(i.code, i.place) for i in given if i is not None)

    def __len__(self) -> int:
        return len(self.list(limit=_ALL))

    def __bool__(self) -> bool:
        return True  # without issues, too

    def __repr__(self) -> str:
        return repr(self.list())

    def _repr_html_(self) -> str:
        return self.list()._repr_html_()


def headline(issue: Issue) -> str:
    """An issue in a line, with what to do about it in the next."""
    times = "" if issue.count == 1 else f" ({issue.count:,} times)"
    closed = "" if issue.closed_at is None else ", closed"
    hint = f"\n  hint: {issue.hint}" if issue.hint else ""
    return (
        f"{issue.id}  {issue.severity}{closed}  {issue.place}: {issue.cause} [{issue.code}]"
        f"{times}{hint}"
    )


def issue_cells(issue: Issue) -> tuple[str | int, ...]:
    """An issue under `ISSUE_COLUMNS`."""
    return (
        issue.id,
        State(issue.severity),
        issue.code,
        issue.place,
        issue.cause,
        issue.count,
        _moment(issue.first_at),
        _moment(issue.closed_at),
    )


def run_cells(run: Run) -> tuple[str | float | None, ...]:
    """A run under `RUN_COLUMNS`."""
    took = None
    if run.started_at is not None and run.ended_at is not None:
        took = round((run.ended_at - run.started_at).total_seconds(), 3)
    note = (run.note or "").partition("\n")[0]
    status = State(run.status)
    return run.run, run.stage or "all", run.cause, status, _moment(run.fired_at), took, note


ISSUES: Final[View[Issue]] = View(
    "no issues", (*ISSUE_COLUMNS, "hint"), lambda issue: (*issue_cells(issue), issue.hint)
)
RUNS: Final[View[Run]] = View("no runs", RUN_COLUMNS, run_cells)


class IssueLog(Table[Issue]):
    """Issues, those raised last first; shown as a table, and as text with what to do about each."""

    view = ISSUES

    def __repr__(self) -> str:
        return "\n".join(map(headline, self)) or ISSUES.none


class RunLog(Table[Run]):
    """Runs, newest first; shown as a table."""

    view = RUNS


def found_run(runs: Iterable[Run], id: str) -> Run:
    """The run of this id.

    Raises:
        NotFound: it is not among them.
    """
    for run in runs:
        if run.run == id:
            return run
    raise NotFound(f"there is no run {id}", hint="`lyftnb runs ls` lists them")


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
