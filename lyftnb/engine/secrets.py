"""Secrets on a worker: asked of the owner when a task needs them, kept for a moment, shown nowhere.

They come over the state protocol (TLS, a token), never with a task. A task asks at its start for
what its steps name, so a rotation takes effect with the next batch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from lyftnb import redaction
from lyftnb.connectors import Discovery
from lyftnb.engine.owner_state import state_of_owner
from lyftnb.engine.program import TaskResult
from lyftnb.errors import SetupError
from lyftnb.model import SECRET, TaskReport

FRESH_S = 1.0
"""So long a value serves the tasks of this worker before it is asked for again."""

_lock = threading.Lock()
_kept: dict[tuple[str, str], tuple[float, str]] = {}
"""(storage root of the owner, name) → when it came, by the monotonic clock, and the value."""


def secrets_of_owner(storage_root: str, names: Collection[str]) -> dict[str, str]:
    """The present values of these secrets. From here on this process redacts them.

    Raises:
        SetupError: the owner lends no such secret, or there is no owner to ask.
        NotFound: there is no such secret.
    """
    if not names:
        return {}
    oldest = time.monotonic() - FRESH_S
    with _lock:
        kept = {name: _kept[storage_root, name] for name in names if (storage_root, name) in _kept}
    if len(kept) == len(names) and all(at > oldest for at, _ in kept.values()):
        return {name: value for name, (_, value) in kept.items()}
    owner = state_of_owner(storage_root)
    if owner is None:
        raise SetupError(
            "no owner of the workspace is known here, so that no secret can be had",
            hint="run the step with workers that the workspace has started or joined",
        )
    came_at = time.monotonic()
    values = owner.lent_secrets(sorted(names))
    for name, value in values.items():
        redaction.guard(name, value)
    with _lock:
        _kept.update({(storage_root, name): (came_at, v) for name, v in values.items()})
    return values


def as_variables(secrets: Mapping[str, str]) -> dict[str, str]:
    """What `${secret.SCOPE/NAME}` stands for."""
    return {SECRET + name: value for name, value in secrets.items()}


def put_back(value: Any, storage_root: str) -> Any:
    """What a worker let go of in redacted form (a publication's payload, a split's), as it was.

    Raises:
        SetupError: it held a part of a secret only.
    """
    names = redaction.marked(value)
    if not names:
        return value
    try:
        return redaction.restored(value, secrets_of_owner(storage_root, names))
    except ValueError as error:
        raise SetupError(
            f"what was left for later cannot be read again: {error}",
            hint="the connector should keep a secret whole, or not at all, in what it leaves",
        ) from None


def redacted_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with secrets replaced in all its texts."""
    known = redaction.references()
    if not known:
        return frame
    found = [_redacted_column(column, known) for column in frame.get_columns()]
    return frame.with_columns(column for column in found if column is not None)


def _redacted_column(column: pl.Series, known: Mapping[str, str]) -> pl.Series | None:
    if column.dtype == pl.String:
        return column.str.replace_many([*known], [*known.values()], leftmost=True)
    if column.dtype.is_nested():
        values = column.to_list()
        clean = redaction.redacted(values)
        return None if clean == values else pl.Series(column.name, clean, dtype=column.dtype)
    return None


def redacted_discovery(found: Discovery) -> Discovery:
    """What was discovered, with references in place of secrets: it becomes rows of the ledger."""
    return replace(
        found,
        splits=tuple(replace(s, payload=redaction.redacted(s.payload)) for s in found.splits),
        problems=redaction.redacted(found.problems),
    )


def redacted_result(result: TaskResult) -> TaskResult:
    """What a task reports, with references in place of secrets; rows are the user's own."""
    return replace(result, report=_redacted_report(result.report))


def _redacted_report(report: TaskReport) -> TaskReport:
    return replace(
        report,
        publications=tuple(
            replace(p, payload=redaction.redacted(p.payload)) for p in report.publications
        ),
        emits=tuple(replace(e, partial=redaction.redacted(e.partial)) for e in report.emits),
    )
