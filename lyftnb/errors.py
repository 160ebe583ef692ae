"""Every error that lyftnb raises, grouped by what the reader should do about it.

    LyftError
    ├── WorkflowError            fix the workflow
    │   ├── InvalidWorkflow      several problems, each with its place
    │   │   └── InvalidRunbook   the same of a runbook's document
    │   └── ExpressionError      one SQL expression, with the position in its text
    ├── SetupError               fix the workspace, its settings or the command
    │   ├── ConfigError          a key or value of lyftnb.toml
    │   ├── NotFound             a name that does not exist (the message lists near ones)
    │   ├── InvalidParameters    parameters that do not fit their runbook, each with what is wrong
    │   ├── StateError           a change of keys, sets or locks that cannot be
    │   ├── GroupUnavailable     a step asks for a worker group that has no workers
    │   ├── PlanRefused          a plan is stale, has problems, or asks to be accepted
    │   ├── StateChanged         what an action has kept does not fit the action any more
    │   └── BadData              data that was asked to fail rather than to be rejected
    ├── TryAgain                 nothing is wrong; the same call may go through later
    │   ├── CommitRefused        a requirement of a commit did not hold
    │   ├── TaskLost             the cluster forgot a task; the work itself is not to blame
    │   ├── LockLost             a lock is not held any more; what it guarded may have changed
    │   ├── TimedOut             what was waited for did not come in time
    │   ├── OutcomeUnknown       the owner was lost before it answered; look before you repeat
    │   └── Temporary            raised by user code: retry after `delay` seconds
    │       └── LockHeld         a batch asked for a lock that somebody holds; it waits for it
    ├── LedgerError              free the ledger
    │   └── WorkspaceBusy        another process owns the workspace
    ├── StorageError             repair the storage
    │   ├── StorageFull          make room; work waits for it and goes on
    │   ├── SegmentMissing       a committed file is gone
    │   └── SegmentDamaged       a committed file differs from its checksum
    ├── StepFailed               a step's body failed on its data; the message has the cause
    │   └── WorkerDied           it killed its worker, as often as it may be tried
    ├── StageBlocked             a stage used up its attempts; fix the cause and run again
    ├── Permanent                raised by user code: do not retry
    └── InternalError            a defect of lyftnb itself

Codes are stable: programs may match on them. Errors survive pickling, because they cross from
worker processes to the owner. None of them shows a secret that the process knows.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import traceback
from collections.abc import Iterable
from typing import Any, ClassVar

from lyftnb.redaction import redact, redacted


class LyftError(Exception):
    """The base of all errors. Says what happened, where, and what to do.

    Args:
        message: what happened, with what was expected and what was found.
        where: the place: a file with a line, a step, a batch.
        hint: what to do about it.
        facts: values that programs may read (kept as `error.facts`).
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        **facts: Any,
    ) -> None:
        self.message = redact(message)
        self.where = where and redact(where)
        self.hint = hint and redact(hint)
        self.facts = redacted(facts)
        super().__init__(self.message)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.where, self.hint, self.facts)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence, not the way to it through our own code."""
        return [f"{type(self).__name__}: {self}"]

    def with_where(self, where: str) -> LyftError:
        """The same error, placed (an inner place is kept behind the outer one)."""
        place = f"{where}: {self.where}" if self.where else where
        return type(self)(self.message, where=place, hint=self.hint, **self.facts)

    def with_advice(self, advice: str) -> LyftError:
        """The same error, with something more to do about it."""
        hint = f"{self.hint}; {advice}" if self.hint else advice
        return type(self)(self.message, where=self.where, hint=hint, **self.facts)


def _rebuild(
    kind: type[LyftError], message: str, where: str | None, hint: str | None, facts: dict[str, Any]
) -> LyftError:
    return kind(message, where=where, hint=hint, **facts)


class WorkflowError(LyftError):
    """Fix the workflow."""

    code = "workflow"


class InvalidWorkflow(WorkflowError):
    """The workflow has problems; `problems` holds all of them (`model.Problem`)."""

    code = "invalid_workflow"

    @property
    def problems(self) -> tuple[Any, ...]:
        """All problems found, errors first."""
        return tuple(self.facts.get("problems", ()))


class InvalidRunbook(InvalidWorkflow):
    """A runbook's document has problems; `problems` holds all of them."""

    code = "invalid_runbook"


class ExpressionError(WorkflowError):
    """A SQL expression cannot be parsed, bound or typed.

    `facts`: `text`, and where known `offset` (0-based character in the text).
    """

    code = "expression"


class SetupError(LyftError):
    """Fix the workspace, its settings or the command."""

    code = "setup"


class ConfigError(SetupError):
    """A key or a value of `lyftnb.toml` or of a `LYFTNB_*` variable is wrong."""

    code = "config"


class NotFound(SetupError):
    """Something was named that does not exist."""

    code = "not_found"


class InvalidParameters(SetupError):
    """Parameters do not fit their runbook; `problems` holds all that is wrong with them."""

    code = "invalid_parameters"

    @property
    def problems(self) -> tuple[Any, ...]:
        """All problems found (`model.Problem`); their paths begin with the parameter."""
        return tuple(self.facts.get("problems", ()))


class StateError(SetupError):
    """A change of keys, sets or locks that cannot be: a wrong name, size or type."""

    code = "state"


class GroupUnavailable(SetupError):
    """A step asks for a worker group that has no workers."""

    code = "group_unavailable"


class StateChanged(SetupError):
    """What an action has kept from earlier batches does not fit the action any more."""

    code = "state_changed"


class PlanRefused(SetupError):
    """A plan cannot be applied: it is stale, a problem forbids it, or it would lose something that
    nobody has accepted. What was deployed goes on as it was.
    """

    code = "plan_refused"


class BadData(SetupError):
    """Data broke a rule under `on_error: fail`."""

    code = "bad_data"


class TryAgain(LyftError):
    """Nothing is broken; the same call may succeed later."""

    code = "try_again"


class CommitRefused(TryAgain):
    """A requirement of a commit did not hold; `facts["requirement"]` names it."""

    code = "commit_refused"


class TaskLost(TryAgain):
    """The cluster forgot a task (its scheduler went away, say); the work itself is not to blame."""

    code = "task_lost"


class LockLost(TryAgain):
    """A lock ran out, or somebody else has it: what it guarded may have changed meanwhile."""

    code = "lock_lost"


class TimedOut(TryAgain):
    """What was waited for did not come in time; it may still come."""

    code = "timed_out"


class OutcomeUnknown(TryAgain):
    """The owner was lost while it carried out a change that must not happen twice: look whether it
    was made before you ask for it again.
    """

    code = "outcome_unknown"


class Temporary(TryAgain):
    """Raised by user code: the batch is retried after `delay` seconds, no row is blamed."""

    code = "temporary"

    def __init__(
        self, message: str = "temporary failure", *, delay: float = 1.0, **kw: Any
    ) -> None:
        super().__init__(message, delay=delay, **kw)

    @property
    def delay(self) -> float:
        """Seconds to wait before the next attempt."""
        return float(self.facts["delay"])


class LockHeld(Temporary):
    """Somebody else holds a lock that a batch asks for. No failure of the batch: it waits."""

    code = "lock_held"


class LedgerError(LyftError):
    """Free the ledger."""

    code = "ledger"


class WorkspaceBusy(LedgerError):
    """Another process owns the workspace; the message names it."""

    code = "workspace_busy"


class StorageError(LyftError):
    """Repair the storage."""

    code = "storage"


class StorageFull(StorageError):
    """A disk or a quota is full. Nothing is wrong with the work that met it: it waits for room."""

    code = "storage_full"


class SegmentMissing(StorageError):
    """A committed segment's file is gone."""

    code = "segment_missing"


class SegmentDamaged(StorageError):
    """A committed segment's file differs from what was committed."""

    code = "segment_damaged"


class StepFailed(LyftError):
    """A step's body failed; the message has the cause."""

    code = "step_failed"


class WorkerDied(StepFailed):
    """A piece of work killed its worker as often as it may be tried, each time running alone."""

    code = "worker_died"


class StageBlocked(LyftError):
    """A stage used up its attempts; fix the cause and run again."""

    code = "stage_blocked"


class Permanent(LyftError):
    """Raised by user code: the failure will not go away, do not retry."""

    code = "permanent"


class InternalError(LyftError):
    """A defect of lyftnb itself; please report it with the text."""

    code = "internal"

    def _render_traceback_(self) -> list[str]:
        """All of it: a report needs the way to the defect."""
        return traceback.format_exception(self)


_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")


def is_full(error: BaseException) -> bool:
    """Whether an error of the system, or of an engine that met one, says that there is no room."""
    number = error.errno if isinstance(error, OSError) else None
    if number is not None:
        return number in _FULL
    text = str(error)
    found = _OS_ERROR.search(text)
    return int(found[1]) in _FULL if found else any(said in text for said in _FULL_TEXTS)


def unwritten(what: str, error: BaseException, *, where: str, hint: str) -> StorageError:
    """The error for what could not be written: `StorageFull` if there is no room for it."""
    why = (error.strerror if isinstance(error, OSError) else None) or error
    kind = StorageFull if is_full(error) else StorageError
    return kind(f"{what} cannot be written: {why}", where=where, hint=hint)


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, if there is one.

    >>> near("fliter", ["filter", "derive"])
    'filter'
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def unknown(kind: str, name: str, known: Iterable[str], *, where: str | None = None) -> NotFound:
    """The error for a name that does not exist: suggests the nearest, else lists what there is."""
    names = sorted(known)
    guess = near(name, names)
    if guess:
        hint = f"did you mean '{guess}'?"
    elif names:
        shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        hint = f"there is: {shown}"
    else:
        hint = f"there is no {kind} yet"
    return NotFound(f"unknown {kind} '{name}'", where=where, hint=hint, name=name)
